// Text -> tree. Pure.
#pragma once

#include "syntax/diagnostics.hpp"
#include "syntax/tree.hpp"

#include <string>

namespace collector::syntax {

/// Never null. Errors go to `diagnostics`, all that recovery can find; then the tree holds the
/// statements that parsed. Nesting beyond 256 levels is an error.
FilePtr parse_file(std::string name, std::string source, Diagnostics& diagnostics);

/// One expression and nothing after it; null on error.
ExpressionPtr parse_expression(std::string name, std::string source, Diagnostics& diagnostics);

}  // namespace collector::syntax
