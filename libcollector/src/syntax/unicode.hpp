// What the language asks of characters beyond ASCII: Unicode 15.0, as Go's package unicode has it.
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace collector::syntax {

struct Character {
  char32_t code = 0;     ///< U+FFFD where the bytes are no UTF-8
  std::size_t size = 1;  ///< bytes; 1 where they are no UTF-8
  bool valid = true;
};
/// The first character of `text`, which is not empty (RFC 3629).
Character first_character(std::string_view text);

bool is_letter(char32_t c);  ///< category L
bool is_digit(char32_t c);   ///< category Nd
bool is_space(char32_t c);   ///< White_Space
/// Letters, marks, numbers, punctuation, symbols and the ASCII space.
bool is_printable(char32_t c);

/// One character for one; bytes that are no UTF-8 become U+FFFD.
std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);

}  // namespace collector::syntax
