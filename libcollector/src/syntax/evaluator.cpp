#include "syntax/evaluator.hpp"

#include "syntax/literal.hpp"
#include "syntax/operators.hpp"

#include <fmt/format.h>

namespace collector::syntax {
namespace {

using Type = Value::Type;

class Evaluation {
 public:
  Evaluation(const Scope& scope, const std::string& file, Diagnostics& diagnostics)
      : scope_(scope), file_(file), diagnostics_(diagnostics) {}

  std::optional<Value> of(const Expression& e) {
    return std::visit([&](const auto& node) { return this->eval(e, node); }, e.node);
  }

 private:
  std::nullopt_t error(Span span, std::string message, std::string hint = {}) {
    diagnostics_.error(file_, span, std::move(message), std::move(hint));
    return std::nullopt;
  }

  std::nullopt_t no_field(const Identifier& name, const Object& object) {
    std::vector<std::string> names;
    for (const auto& [key, v] : object) names.push_back(key);
    const auto near = nearest(name.name, names);
    return error(name.span, fmt::format("there is no field \"{}\"", name.name),
                 near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
  }

  std::optional<Value> eval(const Expression& e, const Literal& literal) {
    std::string what;
    auto value = value_of(literal, what);
    if (!value) return error(e.span, std::move(what));
    return value;
  }

  std::optional<Value> eval(const Expression&, const ArrayLiteral& array) {
    Array out;
    out.reserve(array.elements.size());
    for (const auto& element : array.elements) {
      auto value = of(*element);
      if (!value) return std::nullopt;
      out.push_back(std::move(*value));
    }
    return Value(std::move(out));
  }

  std::optional<Value> eval(const Expression&, const ObjectLiteral& object) {
    Object out;
    for (const auto& field : object.fields) {
      auto value = of(*field.value);
      if (!value) return std::nullopt;
      out[field.name.name] = std::move(*value);
    }
    return Value(std::move(out));
  }

  std::optional<Value> eval(const Expression& e, const Reference& reference) {
    if (const Value* v = scope_.find(reference.name)) return *v;
    return error(e.span, fmt::format("identifier \"{}\" does not exist", reference.name));
  }

  std::optional<Value> eval(const Expression&, const Access& access) {
    auto value = of(*access.value);
    if (!value) return std::nullopt;
    if (value->type() != Type::object)
      return error(access.value->span, fmt::format("{} has no fields, so no \"{}\"",
                                                   to_string(value->type()), access.name.name));
    const auto it = value->object().find(access.name.name);
    if (it == value->object().end()) return no_field(access.name, value->object());
    return it->second;
  }

  std::optional<Value> eval(const Expression&, const Index& index) {
    auto value = of(*index.value);
    if (!value) return std::nullopt;
    auto key = of(*index.index);
    if (!key) return std::nullopt;
    if (value->type() == Type::array) {
      if (key->type() != Type::number)
        return error(index.index->span, fmt::format("an array's index should be number, is {}",
                                                    to_string(key->type())));
      const std::int64_t i = key->as_int();
      const auto size = static_cast<std::int64_t>(value->array().size());
      if (i < 0 || i >= size)
        return error(index.index->span,
                     fmt::format("index {} is outside of an array of {}", i, size));
      return value->array()[static_cast<std::size_t>(i)];
    }
    if (value->type() != Type::object)
      return error(index.value->span,
                   fmt::format("should be object or array, is {}", to_string(value->type())));
    if (key->type() != Type::string)
      return error(index.index->span,
                   fmt::format("an object's key should be string, is {}", to_string(key->type())));
    const auto it = value->object().find(key->string());
    return it == value->object().end() ? Value() : it->second;
  }

  std::optional<Value> eval(const Expression&, const CallExpression& call) {
    auto callee = of(*call.callee);
    if (!callee) return std::nullopt;
    if (callee->type() != Type::function)
      return error(call.callee->span,
                   fmt::format("should be function, is {}", to_string(callee->type())));
    std::vector<Value> arguments;
    for (const auto& argument : call.arguments) {
      auto value = of(*argument);
      if (!value) return std::nullopt;
      arguments.push_back(std::move(*value));
    }
    Value::CallError failure;
    Value result = callee->call()(arguments, &failure);
    if (failure.what.empty()) return result;
    const auto bad = static_cast<std::size_t>(failure.bad_argument);
    return error(failure.bad_argument >= 0 && bad < call.arguments.size()
                     ? call.arguments[bad]->span
                     : call.callee->span,
                 failure.what);
  }

  std::optional<Value> eval(const Expression&, const Unary& unary) {
    auto value = of(*unary.value);
    if (!value) return std::nullopt;
    Value result;
    OperandError failure;
    if (apply_unary(unary.op, *value, result, failure)) return result;
    return error(unary.value->span, failure.what);
  }

  std::optional<Value> eval(const Expression&, const Binary& binary) {
    auto left = of(*binary.left);
    if (!left) return std::nullopt;
    auto right = of(*binary.right);
    if (!right) return std::nullopt;
    Value result;
    OperandError failure;
    if (apply(binary.op, *left, *right, result, failure)) return result;
    return error(failure.right ? binary.right->span : binary.left->span, failure.what);
  }

  std::optional<Value> eval(const Expression&, const Parenthesized& p) { return of(*p.inner); }

  const Scope& scope_;
  const std::string& file_;
  Diagnostics& diagnostics_;
};

/// The dotted path that `e` spells, or nothing when it is more than names and dots.
std::optional<ReferencePath> path_of(const Expression& e) {
  if (auto* reference = std::get_if<Reference>(&e.node))
    return ReferencePath{{reference->name}, e.span};
  auto* access = std::get_if<Access>(&e.node);
  if (!access) return std::nullopt;
  auto path = path_of(*access->value);
  if (path) {
    path->parts.push_back(access->name.name);
    path->span = e.span;
  }
  return path;
}

void collect(const Expression& e, std::vector<ReferencePath>& out) {
  if (auto path = path_of(e)) {
    out.push_back(std::move(*path));
    return;
  }
  std::visit(
      [&](const auto& node) {
        using N = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<N, ArrayLiteral>) {
          for (const auto& v : node.elements) collect(*v, out);
        } else if constexpr (std::is_same_v<N, ObjectLiteral>) {
          for (const auto& f : node.fields) collect(*f.value, out);
        } else if constexpr (std::is_same_v<N, Access> || std::is_same_v<N, Unary>) {
          collect(*node.value, out);
        } else if constexpr (std::is_same_v<N, Index>) {
          collect(*node.value, out);
          collect(*node.index, out);
        } else if constexpr (std::is_same_v<N, CallExpression>) {
          collect(*node.callee, out);
          for (const auto& a : node.arguments) collect(*a, out);
        } else if constexpr (std::is_same_v<N, Binary>) {
          collect(*node.left, out);
          collect(*node.right, out);
        } else if constexpr (std::is_same_v<N, Parenthesized>) {
          collect(*node.inner, out);
        }
      },
      e.node);
}

}  // namespace

const Value* Scope::find(std::string_view name) const {
  for (const Scope* scope = this; scope; scope = scope->parent_)
    if (auto it = scope->names_.find(name); it != scope->names_.end()) return &it->second;
  return nullptr;
}

std::optional<Value> evaluate(const Expression& expression, const Scope& scope,
                              const std::string& file, Diagnostics& diagnostics) {
  return Evaluation(scope, file, diagnostics).of(expression);
}

std::vector<ReferencePath> references(const Expression& expression) {
  std::vector<ReferencePath> out;
  collect(expression, out);
  return out;
}

}  // namespace collector::syntax
