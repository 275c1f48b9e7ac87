// What the language's operators do with values (facts: Alloy's syntax/internal/transform). Pure.
#pragma once

#include "syntax/tree.hpp"
#include "syntax/value.hpp"

#include <string>

namespace collector::syntax {

/// Why an operation failed and which operand is to blame.
struct OperandError {
  std::string what;
  bool right = false;
};

bool apply(Operator op, const Value& left, const Value& right, Value& result, OperandError& error);
bool apply_unary(Operator op, const Value& operand, Value& result, OperandError& error);

std::string_view to_string(Operator op);

}  // namespace collector::syntax
