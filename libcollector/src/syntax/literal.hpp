// What a literal's text stands for. Pure.
#pragma once

#include "syntax/tree.hpp"
#include "syntax/value.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace collector::syntax {

/// Nothing and a sentence in `what` when the text stands for no value.
std::optional<Value> value_of(const Literal& literal, std::string& what);

/// Between quotes of this kind, what is not printable (or, with `ascii`, not ASCII) escaped: Go's
/// strconv.Quote.
std::string quote(std::string_view text, char mark = '"', bool ascii = false);

/// The fewest digits that are this number again, without an exponent: Go's FormatFloat(d, 'f', -1).
std::string plain_decimal(double d);

/// Appends the UTF-8 encoding of a code point, of U+FFFD where it has none.
void append_utf8(std::string& out, std::uint32_t code_point);

}  // namespace collector::syntax
