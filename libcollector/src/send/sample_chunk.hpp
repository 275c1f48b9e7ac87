// A run of samples of one series, compressed: timestamps as the change of their difference, values
// as the bytes in which they differ from the one before (after Facebook's Gorilla, byte-aligned).
// Regular integer gauges take about 4 bytes a sample. One thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace collector::send {

class SampleChunk {
 public:
  /// Any order of timestamps; NaNs keep their bits.
  void append(std::int64_t timestamp_ms, double value);
  /// Appends the samples to `points` in the order they were given.
  void decode(std::vector<std::pair<std::int64_t, double>>& points) const;
  std::size_t size() const { return count_; }
  std::size_t bytes() const { return bytes_.capacity(); }
  std::int64_t newest() const { return newest_; }
  std::int64_t first() const { return first_; }  ///< that was given
  /// Gives back what was reserved for more.
  void seal() { bytes_.shrink_to_fit(); }

 private:
  std::string bytes_;
  std::uint32_t count_ = 0;
  std::int64_t newest_ = 0, first_ = 0;
  std::int64_t last_timestamp_ = 0;
  std::int64_t last_step_ = 0;
  std::uint64_t last_bits_ = 0;
};

}  // namespace collector::send
