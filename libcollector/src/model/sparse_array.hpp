// Numbers by index, of which whole stretches may be missing: 0 there. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace collector::model {

class SparseArray {
 public:
  std::uint32_t get(std::size_t i) const {
    const std::size_t chunk = i / kChunk;
    return chunk < chunks_.size() && chunks_[chunk] ? (*chunks_[chunk])[i % kChunk] : 0;
  }
  void set(std::size_t i, std::uint32_t value) {
    const std::size_t chunk = i / kChunk;
    if (chunk >= chunks_.size()) chunks_.resize(chunk + 1);
    if (!chunks_[chunk]) chunks_[chunk] = std::make_unique<Chunk>();
    (*chunks_[chunk])[i % kChunk] = value;
  }
  /// Indexes from here on are 0.
  std::size_t bound() const { return chunks_.size() * kChunk; }

 private:
  static constexpr std::size_t kChunk = 512;
  using Chunk = std::array<std::uint32_t, kChunk>;
  std::vector<std::unique_ptr<Chunk>> chunks_;
};

}  // namespace collector::model
