#include "wire/utf8.hpp"

namespace collector::wire {

bool is_utf8_slow(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto at = [&](std::size_t k) { return static_cast<unsigned char>(text[i + k]); };
    const unsigned char first = at(0);
    if (first < 0x80) {
      ++i;
      continue;
    }
    // Well-formed sequences (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
    const std::size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || i + n > text.size()) return false;
    const unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at(1) < low || at(1) > high) return false;
    for (std::size_t k = 2; k < n; ++k)
      if ((at(k) & 0xc0) != 0x80) return false;
    i += n;
  }
  return true;
}

}  // namespace collector::wire
