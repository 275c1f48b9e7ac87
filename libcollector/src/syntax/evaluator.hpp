// Tree -> values. Pure but for what the scope's functions do (env, file reads do not exist).
#pragma once

#include "syntax/diagnostics.hpp"
#include "syntax/tree.hpp"
#include "syntax/value.hpp"

#include <optional>
#include <string>
#include <vector>

namespace collector::syntax {

/// Names that expressions may use. Lookups go outwards; the outermost scope is the standard
/// library.
class Scope {
 public:
  explicit Scope(const Scope* parent = nullptr) : parent_(parent) {}
  void set(std::string name, Value value) {
    names_.insert_or_assign(std::move(name), std::move(value));
  }
  const Value* find(std::string_view name) const;

 private:
  const Scope* parent_;
  Object names_;
};

/// The standard library of the current reference with its deprecated aliases. `env` reads the
/// process environment.
const Scope& standard_library();

/// The value, or nothing after at least one error was added to `diagnostics` (with `file` as name).
std::optional<Value> evaluate(const Expression& expression, const Scope& scope,
                              const std::string& file, Diagnostics& diagnostics);

/// Every dotted path that the expression may read from the scope, longest form, without indexes and
/// calls: `prometheus.remote_write.default.receiver`. Order of appearance, with its place.
struct ReferencePath {
  std::vector<std::string> parts;
  Span span;
};
std::vector<ReferencePath> references(const Expression& expression);

}  // namespace collector::syntax
