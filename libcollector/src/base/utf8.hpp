// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace collector::base {

/// Bytes of the character that a text begins with; 0 when it begins with none.
std::size_t utf8_character(std::string_view text);

}  // namespace collector::base
