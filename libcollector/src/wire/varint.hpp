// Base-128 varints of protocol buffers (protobuf.dev, encoding).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace collector::wire {

inline std::size_t varint_size(std::uint64_t v) {
  return (static_cast<std::size_t>(std::bit_width(v | 1)) + 6) / 7;
}

/// Writes to `p`, which has room for 10 bytes, and returns the end.
inline char* put_varint(char* p, std::uint64_t v) {
  while (v >= 0x80) {
    *p++ = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  *p++ = static_cast<char>(v);
  return p;
}

/// Reads one; null when it is cut or longer than 10 bytes.
inline const char* get_varint(const char* p, const char* end, std::uint64_t& v) {
  v = 0;
  for (int shift = 0; p < end && shift < 70; shift += 7) {
    const auto byte = static_cast<unsigned char>(*p++);
    v |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return p;
  }
  return nullptr;
}

}  // namespace collector::wire
