// What a literal's text stands for. Pure.
#pragma once

#include "syntax/tree.hpp"
#include "syntax/value.hpp"

#include <optional>
#include <string>

namespace collector::syntax {

/// Nothing and a sentence in `what` when the text stands for no value.
std::optional<Value> value_of(const Literal& literal, std::string& what);

/// Appends the UTF-8 encoding of a code point.
void append_utf8(std::string& out, std::uint32_t code_point);

}  // namespace collector::syntax
