#include "syntax/operators.hpp"

#include <fmt/format.h>

#include <cmath>

namespace collector::syntax {
namespace {

using Type = Value::Type;

enum class Kind { text, secret, optional_secret, other };

Kind kind_of(const Value& v) {
  if (v.type() == Type::string) return Kind::text;
  if (v.capsule_as<Secret>()) return Kind::secret;
  if (v.capsule_as<OptionalSecret>()) return Kind::optional_secret;
  return Kind::other;
}

std::string reveal(const Value& v) {
  switch (kind_of(v)) {
    case Kind::text:
      return v.string();
    case Kind::secret:
      return v.capsule_as<Secret>()->reveal();
    default:
      return v.capsule_as<OptionalSecret>()->reveal();
  }
}

Value secret(std::string text) {
  return Value(std::shared_ptr<const Capsule>(std::make_shared<Secret>(std::move(text))));
}
Value optional_secret(std::string text, bool sensitive) {
  return Value(
      std::shared_ptr<const Capsule>(std::make_shared<OptionalSecret>(std::move(text), sensitive)));
}

bool sensitive(const Value& v) {
  auto o = v.capsule_as<OptionalSecret>();
  return o && o->sensitive();
}

/// Text beside a secret is one too: nothing sensitive leaks by comparing or joining.
void unify(Value& left, Value& right) {
  const Kind l = kind_of(left);
  const Kind r = kind_of(right);
  if (l == Kind::other || r == Kind::other || l == r) return;
  if (l == Kind::secret || r == Kind::secret) {
    left = secret(reveal(left));
    right = secret(reveal(right));
  } else if (sensitive(left) || sensitive(right)) {
    left = optional_secret(reveal(left), true);
    right = optional_secret(reveal(right), true);
  } else {
    left = Value(reveal(left));
    right = Value(reveal(right));
  }
}

bool joins_text(const Value& v) { return kind_of(v) != Kind::other; }

bool accepts(Operator op, const Value& v) {
  switch (op) {
    case Operator::logical_or:
    case Operator::logical_and:
      return v.type() == Type::boolean;
    case Operator::add:
      return v.type() == Type::number || joins_text(v);
    case Operator::less:
    case Operator::less_equal:
    case Operator::greater:
    case Operator::greater_equal:
      return v.type() == Type::number || v.type() == Type::string;
    default:
      return v.type() == Type::number;
  }
}

std::string accepted(Operator op) {
  switch (op) {
    case Operator::logical_or:
    case Operator::logical_and:
      return "bool";
    case Operator::add:
      return "number, string or secret";
    case Operator::less:
    case Operator::less_equal:
    case Operator::greater:
    case Operator::greater_equal:
      return "number or string";
    default:
      return "number";
  }
}

/// Repeated squaring; wraps on overflow. A negative exponent gives the base, as the peer's loop
/// does.
template <class N>
N power(N base, N exponent) {
  std::uint64_t result = 1;
  auto b = static_cast<std::uint64_t>(base);
  if (exponent < N{0}) return base;
  for (auto e = static_cast<std::uint64_t>(exponent); e > 0; e >>= 1) {
    if (e & 1) result *= b;
    b *= b;
  }
  return static_cast<N>(result);
}

template <class N>
Value arithmetic(Operator op, N a, N b) {
  constexpr bool kFloat = std::is_floating_point_v<N>;
  const auto wrap = [](auto x) { return static_cast<N>(x); };
  switch (op) {
    case Operator::add:
      if constexpr (kFloat)
        return Value(a + b);
      else
        return Value(wrap(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b)));
    case Operator::subtract:
      if constexpr (kFloat)
        return Value(a - b);
      else
        return Value(wrap(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b)));
    case Operator::multiply:
      if constexpr (kFloat)
        return Value(a * b);
      else
        return Value(wrap(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b)));
    case Operator::divide:
      if constexpr (std::is_signed_v<N> && !kFloat)
        if (b == -1) return Value(wrap(0 - static_cast<std::uint64_t>(a)));
      return Value(wrap(a / b));
    case Operator::modulo:
      if constexpr (kFloat)
        return Value(std::fmod(a, b));
      else if constexpr (std::is_signed_v<N>)
        return Value(b == -1 ? N{0} : wrap(a % b));
      else
        return Value(wrap(a % b));
    case Operator::power:
      if constexpr (kFloat)
        return Value(std::pow(a, b));
      else
        return Value(power(a, b));
    case Operator::less:
      return Value(a < b);
    case Operator::less_equal:
      return Value(a <= b);
    case Operator::greater:
      return Value(a > b);
    default:
      return Value(a >= b);
  }
}

}  // namespace

std::string_view to_string(Operator op) {
  constexpr std::string_view kNames[] = {
      "||", "&&", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "^", "-", "!"};
  return kNames[static_cast<std::size_t>(op)];
}

bool apply(Operator op, const Value& left_operand, const Value& right_operand, Value& result,
           OperandError& error) {
  Value left = left_operand;
  Value right = right_operand;
  unify(left, right);
  if (op == Operator::equal || op == Operator::not_equal) {
    result = Value((left == right) == (op == Operator::equal));
    return true;
  }
  for (const Value* v : {&left, &right}) {
    if (accepts(op, *v)) continue;
    error = {fmt::format("{} takes {}, not {}", to_string(op), accepted(op), to_string(v->type())),
             v == &right};
    return false;
  }
  if (left.type() != right.type()) {
    error = {fmt::format("should be {}, is {}", to_string(left.type()), to_string(right.type())),
             true};
    return false;
  }
  if (left.type() == Type::boolean) {
    result = Value(op == Operator::logical_or ? left.boolean() || right.boolean()
                                              : left.boolean() && right.boolean());
    return true;
  }
  if (left.type() == Type::capsule) {
    const std::string text = reveal(left) + reveal(right);
    result = kind_of(left) == Kind::secret
                 ? secret(text)
                 : optional_secret(text, sensitive(left) || sensitive(right));
    return true;
  }
  if (left.type() == Type::string) {
    const int order = left.string().compare(right.string());
    result = op == Operator::add          ? Value(left.string() + right.string())
             : op == Operator::less       ? Value(order < 0)
             : op == Operator::less_equal ? Value(order <= 0)
             : op == Operator::greater    ? Value(order > 0)
                                          : Value(order >= 0);
    return true;
  }
  if ((op == Operator::divide || op == Operator::modulo) && right.as_float() == 0) {
    error = {"division by zero", true};
    return false;
  }
  if (left.is_float() || right.is_float())
    result = arithmetic(op, left.as_float(), right.as_float());
  else if (left.is_int() || right.is_int())
    result = arithmetic(op, left.as_int(), right.as_int());
  else
    result = arithmetic(op, left.as_uint(), right.as_uint());
  return true;
}

bool apply_unary(Operator op, const Value& operand, Value& result, OperandError& error) {
  const Type wanted = op == Operator::negate ? Type::number : Type::boolean;
  if (operand.type() != wanted) {
    error = {fmt::format("{} takes {}, not {}", to_string(op), to_string(wanted),
                         to_string(operand.type())),
             false};
    return false;
  }
  if (op == Operator::logical_not)
    result = Value(!operand.boolean());
  else if (operand.is_float())
    result = Value(-operand.as_float());
  else
    result = Value(static_cast<std::int64_t>(0 - operand.as_uint()));
  return true;
}

}  // namespace collector::syntax
