// Memory of bodies that are done with, for the next ones: large blocks that come and go make the
// heap grow and shrink, and every page of it be cleared again. One loop.
#pragma once

#include <collector/engine/budget.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace collector::net {

class BodyPool {
 public:
  explicit BodyPool(Budget budget) : budget_(std::move(budget)) {}

  /// A string of any size and content, whose memory is not on the budget any more.
  std::string take() {
    if (spare_.empty()) return {};
    std::string body = std::move(spare_.back().body);
    spare_.pop_back();
    spare_bytes_ -= body.capacity();
    return body;
  }
  /// Keeps it while it is worth it, and while the budget has room in plenty.
  void give(std::string body) {
    if (budget_.left() / kShare < kLargest) {
      spare_.clear();
      spare_bytes_ = 0;
      return;
    }
    const std::size_t size = body.capacity();
    if (size < kLeast || spare_.size() >= kMost || spare_bytes_ + size > kLargest) return;
    spare_bytes_ += size;
    spare_.push_back({std::move(body), budget_.charge(size, "spare_body")});
  }

 private:
  static constexpr std::size_t kMost = 64, kShare = 8;
  static constexpr std::size_t kLeast = 4U << 10, kLargest = 2U << 20;  // bytes, all together
  struct Spare {
    std::string body;
    Reservation charge;
  };
  Budget budget_;
  std::vector<Spare> spare_;
  std::size_t spare_bytes_ = 0;
};

}  // namespace collector::net
