// Expressions of tests: their value in the language's own words, or what is wrong with them.
#pragma once

#include "syntax/evaluator.hpp"
#include "syntax/parser.hpp"

#include <memory>
#include <string>

namespace collector::syntax {

/// The standard library and, besides, a secret, an optional secret that is open and one that is
/// not.
inline const Scope& scope_of_tests() {
  static const Scope scope = [] {
    using Shared = std::shared_ptr<const Capsule>;
    Scope s(&standard_library());
    s.set("secret", Shared(std::make_shared<Secret>("s3")));
    s.set("open", Shared(std::make_shared<OptionalSecret>("o1", false)));
    s.set("closed", Shared(std::make_shared<OptionalSecret>("c2", true)));
    return s;
  }();
  return scope;
}

/// The value of `text` as it prints, or the first complaint as `line:column: message`.
inline std::string value_of(const std::string& text) {
  Diagnostics found;
  const ExpressionPtr expression = parse_expression("", text, found);
  if (expression)
    if (const auto value = evaluate(*expression, scope_of_tests(), "", found))
      return to_text(*value);
  const std::string line = to_line(found.list().at(0));
  return line.substr(line[0] == ':' ? 1 : 0);
}

/// Where the first complaint about `text` stands, `1:2`, or `fine`.
inline std::string place_of(const std::string& text) {
  const std::string said = value_of(text);
  const std::size_t column = said.find(':', said.find(':') + 1);
  const bool complaint = said.find_first_not_of("0123456789:") == column + 1;
  return complaint && column != std::string::npos ? said.substr(0, column) : "fine";
}

}  // namespace collector::syntax
