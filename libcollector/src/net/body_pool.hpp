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
    return body;
  }
  /// Keeps it while it is worth it, and while the budget has room in plenty.
  void give(std::string body) {
    if (budget_.left() / kShare < kLargest) return spare_.clear();
    if (spare_.size() >= kMost || body.capacity() > kLargest || body.capacity() < kLeast) return;
    Reservation charge = budget_.charge(body.capacity(), "spare_body");
    spare_.push_back({std::move(body), std::move(charge)});
  }

 private:
  static constexpr std::size_t kMost = 2, kShare = 8;
  static constexpr std::size_t kLeast = 4U << 10, kLargest = 2U << 20;  // bytes
  struct Spare {
    std::string body;
    Reservation charge;
  };
  Budget budget_;
  std::vector<Spare> spare_;
};

}  // namespace collector::net
