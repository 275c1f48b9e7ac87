// Many small blocks of bytes from large chunks, with reuse by size. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace collector::model {

class ByteArena {
 public:
  char* take(std::size_t size) {
    const std::size_t slot = (size + 7) / 8;
    if (slot < free_.size() && !free_[slot].empty()) {
      char* p = free_[slot].back();
      free_[slot].pop_back();
      return p;
    }
    if (slot * 8 > kChunk / 4) {
      chunks_.emplace_back(new char[slot * 8]);
      bytes_ += slot * 8;
      char* large = chunks_.back().get();
      // Keep filling the chunk that was open.
      if (chunks_.size() > 1) std::swap(chunks_.back(), chunks_[chunks_.size() - 2]);
      return large;
    }
    if (left_ < slot * 8) {
      chunks_.emplace_back(new char[kChunk]);
      bytes_ += kChunk;
      left_ = kChunk;
      at_ = chunks_.back().get();
    }
    char* p = at_;
    at_ += slot * 8;
    left_ -= slot * 8;
    return p;
  }
  /// `size` is what was asked for.
  void give(char* p, std::size_t size) {
    const std::size_t slot = (size + 7) / 8;
    if (slot >= free_.size()) free_.resize(slot + 1);
    free_[slot].push_back(p);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kChunk = 64U << 10;
  std::vector<std::unique_ptr<char[]>> chunks_;
  std::vector<std::vector<char*>> free_;
  char* at_ = nullptr;
  std::size_t left_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace collector::model
