#include "syntax/value.hpp"

#include "syntax/literal.hpp"
#include "syntax/scanner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace collector::syntax {
bool Secret::equals(const Capsule& other) const {
  auto* o = dynamic_cast<const Secret*>(&other);
  return o && o->text_ == text_;
}
bool OptionalSecret::equals(const Capsule& other) const {
  auto* o = dynamic_cast<const OptionalSecret*>(&other);
  return o && o->text_ == text_ && o->sensitive_ == sensitive_;
}

Value::Type Value::type() const {
  switch (v_.index()) {
    case 1:
    case 2:
    case 3:
      return Type::number;
    case 4:
      return Type::boolean;
    case 5:
      return Type::string;
    case 6:
      return Type::array;
    case 7:
      return Type::object;
    case 8:
      return Type::function;
    case 9:
      return Type::capsule;
    default:
      return Type::null;
  }
}

namespace {
/// Go converts out of range floats to whatever the machine does; here they stop at the ends.
std::int64_t truncate(double d) {
  if (std::isnan(d)) return 0;
  if (d >= 9223372036854775807.0) return std::numeric_limits<std::int64_t>::max();
  if (d <= -9223372036854775808.0) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(d);
}
}  // namespace

std::int64_t Value::as_int() const {
  if (is_int()) return std::get<std::int64_t>(v_);
  if (is_uint()) return static_cast<std::int64_t>(std::get<std::uint64_t>(v_));
  return truncate(std::get<double>(v_));
}
std::uint64_t Value::as_uint() const {
  if (is_int()) return static_cast<std::uint64_t>(std::get<std::int64_t>(v_));
  if (is_uint()) return std::get<std::uint64_t>(v_);
  const double d = std::get<double>(v_);
  return d >= 18446744073709551615.0 ? std::numeric_limits<std::uint64_t>::max()
         : d > 0                     ? static_cast<std::uint64_t>(d)
                                     : static_cast<std::uint64_t>(truncate(d));
}
double Value::as_float() const {
  if (is_int()) return static_cast<double>(std::get<std::int64_t>(v_));
  if (is_uint()) return static_cast<double>(std::get<std::uint64_t>(v_));
  return std::get<double>(v_);
}

bool operator==(const Value& a, const Value& b) {
  if (a.type() != b.type()) return false;
  switch (a.type()) {
    case Value::Type::null:
      return true;
    case Value::Type::number:
      if (a.is_float() || b.is_float()) return a.as_float() == b.as_float();
      if (a.is_int() || b.is_int()) return a.as_int() == b.as_int();
      return a.as_uint() == b.as_uint();
    case Value::Type::string:
      return a.string() == b.string();
    case Value::Type::boolean:
      return a.boolean() == b.boolean();
    case Value::Type::array:
      return &a.array() == &b.array() || a.array() == b.array();
    case Value::Type::object:
      return &a.object() == &b.object() || a.object() == b.object();
    case Value::Type::function:
      return false;
    case Value::Type::capsule:
      return a.capsule().equals(b.capsule());
  }
  return false;
}

std::string_view to_string(Value::Type type) {
  switch (type) {
    case Value::Type::null:
      return "null";
    case Value::Type::number:
      return "number";
    case Value::Type::string:
      return "string";
    case Value::Type::boolean:
      return "bool";
    case Value::Type::array:
      return "array";
    case Value::Type::object:
      return "object";
    case Value::Type::function:
      return "function";
    case Value::Type::capsule:
      break;
  }
  return "capsule";
}

std::string to_text(const Value& value) {
  switch (value.type()) {
    case Value::Type::null:
      return "null";
    case Value::Type::number:
      if (value.is_int()) return std::to_string(value.as_int());
      if (value.is_uint()) return std::to_string(value.as_uint());
      return fmt::format("{}", value.as_float());
    case Value::Type::string:
      return quote(value.string());
    case Value::Type::boolean:
      return value.boolean() ? "true" : "false";
    case Value::Type::array: {
      std::string out = "[";
      for (const Value& v : value.array())
        out.append(out.size() > 1 ? ", " : "").append(to_text(v));
      return out + "]";
    }
    case Value::Type::object: {
      std::string out = "{";
      for (const auto& [key, v] : value.object()) {
        if (out.size() > 1) out += ", ";
        out.append(is_identifier(key) ? key : quote(key)).append(" = ").append(to_text(v));
      }
      return out + "}";
    }
    case Value::Type::function:
      return "function";
    case Value::Type::capsule:
      break;
  }
  if (value.capsule_as<Secret>()) return "(secret)";
  if (auto open = value.capsule_as<OptionalSecret>())
    return open->sensitive() ? "(secret)" : to_text(Value(open->reveal()));
  return fmt::format("capsule(\"{}\")", value.capsule().type_name());
}

}  // namespace collector::syntax
