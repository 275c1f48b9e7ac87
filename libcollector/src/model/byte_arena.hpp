// Many small blocks of bytes from large chunks, with reuse by size. A block is named by a number of
// 32 bits, half of what a pointer takes. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace collector::model {

class ByteArena {
 public:
  /// This many bytes can be read from any block on, whatever they are.
  static constexpr std::size_t kSlack = 32;
  /// Names a block of at least `size` bytes, aligned to 8.
  std::uint32_t take(std::size_t size) {
    const std::size_t units = (size + kUnit - 1) / kUnit;
    if (units < free_.size() && !free_[units].empty()) {
      const std::uint32_t block = free_[units].back();
      free_[units].pop_back();
      return block;
    }
    if (units > kChunk / 4) {  // chunks of its own, one behind the other
      const std::size_t first = chunks_.size();
      add_chunks((units + kChunk - 1) / kChunk);
      return static_cast<std::uint32_t>(first * kChunk);
    }
    if (kChunk - used_ < units) {
      open_ = chunks_.size();
      add_chunks(1);
      used_ = 0;
    }
    const std::size_t block = open_ * kChunk + used_;
    used_ += units;
    return static_cast<std::uint32_t>(block);
  }
  /// `size` is what was asked for.
  void give(std::uint32_t block, std::size_t size) {
    const std::size_t units = (size + kUnit - 1) / kUnit;
    if (units >= free_.size()) free_.resize(units + 1);
    free_[units].push_back(block);
  }
  char* at(std::uint32_t block) const { return chunks_[block / kChunk] + block % kChunk * kUnit; }
  std::size_t bytes() const { return chunks_.size() * kChunk * kUnit; }

 private:
  static constexpr std::size_t kUnit = 8;      // bytes
  static constexpr std::size_t kChunk = 8192;  // units: 64 KiB

  void add_chunks(std::size_t n) {
    memory_.emplace_back(new char[n * kChunk * kUnit + kSlack]);
    for (std::size_t i = 0; i < n; ++i)
      chunks_.push_back(memory_.back().get() + i * kChunk * kUnit);
  }

  std::vector<std::unique_ptr<char[]>> memory_;
  std::vector<char*> chunks_;
  std::vector<std::vector<std::uint32_t>> free_;
  std::size_t open_ = 0;       ///< the chunk that is being filled
  std::size_t used_ = kChunk;  ///< units of it
};

}  // namespace collector::model
