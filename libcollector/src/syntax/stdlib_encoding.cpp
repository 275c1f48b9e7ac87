#include "syntax/stdlib.hpp"

#include "base/base64.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

#include <cctype>
#include <charconv>
#include <cmath>

namespace collector::syntax {
namespace {

constexpr int kDeepest = 200;

Value fail(Value::CallError* error, std::string what) {
  *error = {std::move(what), 0};
  return {};
}

/// Numbers of JSON come out as Go's do: as floating point, whole ones included.
Value from(const nlohmann::json& j) {
  switch (j.type()) {
    case nlohmann::json::value_t::boolean:
      return Value(j.get<bool>());
    case nlohmann::json::value_t::string:
      return Value(j.get<std::string>());
    case nlohmann::json::value_t::number_integer:
    case nlohmann::json::value_t::number_unsigned:
    case nlohmann::json::value_t::number_float:
      return Value(j.get<double>());
    case nlohmann::json::value_t::array: {
      Array out;
      for (const auto& element : j) out.push_back(from(element));
      return Value(std::move(out));
    }
    case nlohmann::json::value_t::object: {
      Object out;
      for (const auto& [key, element] : j.items()) out[key] = from(element);
      return Value(std::move(out));
    }
    default:
      return {};
  }
}

bool to(const Value& v, nlohmann::json& out, std::string& what) {
  switch (v.type()) {
    case Value::Type::null:
      return true;
    case Value::Type::number:
      if (v.is_int())
        out = v.as_int();
      else if (v.is_uint())
        out = v.as_uint();
      else if (std::floor(v.as_float()) == v.as_float() && std::abs(v.as_float()) < 1e15)
        out = static_cast<std::int64_t>(v.as_float());
      else
        out = v.as_float();
      return true;
    case Value::Type::string:
      out = v.string();
      return true;
    case Value::Type::boolean:
      out = v.boolean();
      return true;
    case Value::Type::array:
      out = nlohmann::json::array();
      for (const Value& element : v.array()) {
        nlohmann::json j;
        if (!to(element, j, what)) return false;
        out.push_back(std::move(j));
      }
      return true;
    case Value::Type::object:
      out = nlohmann::json::object();
      for (const auto& [key, element] : v.object())
        if (!to(element, out[key], what)) return false;
      return true;
    default:
      what = fmt::format("{} has no form in JSON", to_string(v.type()));
      return false;
  }
}

/// YAML 1.2 core schema for plain scalars.
Value scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return Value(text);  // quoted
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return {};
  if (text == "true" || text == "True" || text == "TRUE") return Value(true);
  if (text == "false" || text == "False" || text == "FALSE") return Value(false);
  const bool starts = std::isdigit(static_cast<unsigned char>(text[0])) || text[0] == '-' ||
                      text[0] == '+' || text[0] == '.';
  if (starts) {
    std::int64_t i = 0;
    double d = 0;
    if (YAML::convert<std::int64_t>::decode(node, i)) return Value(i);
    if (YAML::convert<double>::decode(node, d)) return Value(d);
  }
  return Value(text);
}

Value from(const YAML::Node& node, int depth) {
  if (depth > kDeepest) throw YAML::Exception(node.Mark(), "nested too deep");
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return scalar(node);
    case YAML::NodeType::Sequence: {
      Array out;
      for (const auto& element : node) out.push_back(from(element, depth + 1));
      return Value(std::move(out));
    }
    case YAML::NodeType::Map: {
      Object out;
      for (const auto& entry : node) out[entry.first.Scalar()] = from(entry.second, depth + 1);
      return Value(std::move(out));
    }
    default:
      return {};
  }
}

}  // namespace

Value from_json(const std::string& text, Value::CallError* error) {
  int depth = 0;
  bool too_deep = false;
  const auto j = nlohmann::json::parse(
      text,
      [&](int d, nlohmann::json::parse_event_t, nlohmann::json&) {
        depth = d;
        too_deep = too_deep || d > kDeepest;
        return !too_deep;
      },
      false);
  if (j.is_discarded() || too_deep) return fail(error, "this is no JSON");
  return from(j);
}

Value to_json(const Value& value, Value::CallError* error) {
  nlohmann::json j;
  std::string what;
  if (!to(value, j, what)) return fail(error, what);
  return Value(j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

Value from_yaml(const std::string& text, Value::CallError* error) {
  try {
    return from(YAML::Load(text), 0);
  } catch (const YAML::Exception& e) {
    return fail(error, fmt::format("this is no YAML: {}", e.what()));
  }
}

Value from_base64(const std::string& text, bool url, Value::CallError* error) {
  auto plain = base::base64_decode(text, url);
  if (!plain) return fail(error, "this is no base64");
  return Value(std::move(*plain));
}
Value to_base64(const std::string& text, bool url) { return Value(base::base64(text, url)); }

Value query_escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' || c == '~')
      out += c;
    else if (c == ' ')
      out += '+';
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return Value(std::move(out));
}

Value query_unescape(const std::string& text, Value::CallError* error) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size() || !std::isxdigit(static_cast<unsigned char>(text[i + 1])) ||
        !std::isxdigit(static_cast<unsigned char>(text[i + 2])))
      return fail(error, fmt::format("\"{}\" is no escape", text.substr(i, 3)));
    unsigned byte = 0;
    std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    out += static_cast<char>(byte);
    i += 2;
  }
  return Value(std::move(out));
}

}  // namespace collector::syntax
