// Memory of one decoded message: taken piece by piece, given back all at once. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace collector::wire {

class Arena {
 public:
  /// `limit` is the most that take() hands out between two resets, in bytes.
  explicit Arena(std::size_t limit = SIZE_MAX) : limit_(limit) {}

  /// Uninitialised, aligned to 8 bytes, valid until reset. Null when it would pass the limit.
  void* take(std::size_t size) {
    size = (size + 7) & ~std::size_t{7};
    if (size > static_cast<std::size_t>(end_ - at_)) return take_elsewhere(size);
    if (size > limit_ - used_) return nullptr;
    used_ += size;
    char* const taken = at_;
    at_ += size;
    return taken;
  }
  /// Everything taken becomes invalid; the blocks stay for the next message.
  void reset() {
    block_ = 0;
    used_ = 0;
    at_ = blocks_.empty() ? nullptr : blocks_[0].bytes.get();
    end_ = blocks_.empty() ? nullptr : at_ + blocks_[0].size;
  }
  /// Handed out since the last reset.
  std::size_t used() const { return used_; }
  /// Held, used or not.
  std::size_t held() const { return held_; }

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };
  void* take_elsewhere(std::size_t size);

  char* at_ = nullptr;
  char* end_ = nullptr;
  std::size_t used_ = 0;
  std::size_t limit_;
  std::size_t held_ = 0;
  std::size_t block_ = 0;  ///< the block that at_ is in
  std::vector<Block> blocks_;
};

}  // namespace collector::wire
