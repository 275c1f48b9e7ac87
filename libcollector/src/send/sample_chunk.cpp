#include "send/sample_chunk.hpp"

#include <algorithm>

namespace collector::send {
namespace {

// Differences wrap around in unsigned arithmetic, so that any two timestamps have one.
std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

void put_signed(std::string& out, std::int64_t v) {
  auto z = (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
  while (z >= 0x80) {
    out += static_cast<char>(z | 0x80);
    z >>= 7;
  }
  out += static_cast<char>(z);
}
std::int64_t take_signed(const char*& at) {
  std::uint64_t z = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    z |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return static_cast<std::int64_t>(z >> 1) ^ -static_cast<std::int64_t>(z & 1);
}

/// 0 for no difference, else 1 + 8 * (zero bytes above) + (zero bytes below), then the rest.
void put_difference(std::string& out, std::uint64_t difference) {
  if (difference == 0) {
    out += '\0';
    return;
  }
  const int above = std::countl_zero(difference) / 8;
  const int below = std::countr_zero(difference) / 8;
  out += static_cast<char>(1 + 8 * above + below);
  difference >>= 8 * below;
  for (int i = 8 - above - below; i > 0; --i) {
    out += static_cast<char>(difference);
    difference >>= 8;
  }
}
std::uint64_t take_difference(const char*& at) {
  const int head = static_cast<unsigned char>(*at++);
  if (head == 0) return 0;
  const int above = (head - 1) / 8;
  const int below = (head - 1) % 8;
  std::uint64_t difference = 0;
  for (int i = below; i < 8 - above; ++i)
    difference |= static_cast<std::uint64_t>(static_cast<unsigned char>(*at++)) << (8 * i);
  return difference;
}

}  // namespace

void SampleChunk::append(std::int64_t timestamp_ms, double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::int64_t step = minus(timestamp_ms, last_timestamp_);
  put_signed(bytes_, minus(step, last_step_));
  put_difference(bytes_, bits ^ last_bits_);
  // The first sample's step is its distance from 1970, which says nothing of the next.
  last_step_ = count_ == 0 ? 0 : step;
  last_timestamp_ = timestamp_ms;
  last_bits_ = bits;
  if (count_ == 0) first_ = timestamp_ms;
  newest_ = count_ == 0 ? timestamp_ms : std::max(newest_, timestamp_ms);
  ++count_;
}

void SampleChunk::decode(std::vector<std::pair<std::int64_t, double>>& points) const {
  const char* at = bytes_.data();
  std::int64_t timestamp = 0, step = 0;
  std::uint64_t bits = 0;
  for (std::uint32_t i = 0; i < count_; ++i) {
    const std::int64_t now = plus(step, take_signed(at));
    timestamp = plus(timestamp, now);
    step = i == 0 ? 0 : now;
    bits ^= take_difference(at);
    points.emplace_back(timestamp, std::bit_cast<double>(bits));
  }
}

}  // namespace collector::send
