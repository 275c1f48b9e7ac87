// UTF-8 as RFC 3629 has it.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace collector::wire {

/// is_utf8 from the first byte that is not ASCII on.
bool is_utf8_slow(std::string_view text);

/// Well-formed: no overlong forms, no surrogates, nothing above U+10FFFF.
inline bool is_utf8(std::string_view text) {
  constexpr std::uint64_t kHigh = 0x8080808080808080;
  const char* p = text.data();
  std::size_t left = text.size();
  for (; left >= 8; p += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    if (word & kHigh) return is_utf8_slow({p, left});
  }
  for (; left > 0; ++p, --left)
    if (static_cast<signed char>(*p) < 0) return is_utf8_slow({p, left});
  return true;
}

}  // namespace collector::wire
