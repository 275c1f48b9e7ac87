#include "syntax/stdlib.hpp"

#include "base/base64.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

namespace collector::syntax {
namespace {

constexpr int kDeepest = 200;
constexpr std::string_view kCoreTag = "tag:yaml.org,2002:";

Value fail(Value::CallError* error, std::string what) {
  *error = {std::move(what), 0};
  return {};
}

/// Go's ParseInt and ParseUint with base 0: the prefix says the base.
std::optional<Value> integer_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char kind = static_cast<char>(text[1] | 32);
    base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
    text.remove_prefix(kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1);
  }
  std::uint64_t n = 0;
  const char* end = text.data() + text.size();
  const auto r = std::from_chars(text.data(), end, n, base);
  if (r.ec != std::errc() || r.ptr != end) return std::nullopt;
  if (negative && n > 1ULL << 63) return std::nullopt;
  if (negative) return Value(static_cast<std::int64_t>(0 - n));
  return n <= INT64_MAX ? Value(static_cast<std::int64_t>(n)) : Value(n);
}

std::optional<Value> float_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  // No infinities and no hexadecimal ones.
  if (text.empty() || text.find_first_not_of("0123456789.eE+-") != std::string_view::npos)
    return std::nullopt;
  double d = 0;
  const char* end = text.data() + text.size();
  const auto r = std::from_chars(text.data(), end, d);
  if (r.ec != std::errc() || r.ptr != end) return std::nullopt;
  return Value(d);
}

/// Plain scalars as Go's yaml.v3 resolves them, but for timestamps, which stay text.
Value plain(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return {};
  if (text == "true" || text == "True" || text == "TRUE") return Value(true);
  if (text == "false" || text == "False" || text == "FALSE") return Value(false);
  const std::string_view unsigned_text =
      std::string_view(text).substr(text[0] == '-' || text[0] == '+' ? 1 : 0);
  if (unsigned_text == ".inf" || unsigned_text == ".Inf" || unsigned_text == ".INF")
    return Value(text[0] == '-' ? -HUGE_VAL : HUGE_VAL);
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return Value(std::nan(""));
  if (std::isdigit(static_cast<unsigned char>(text[0])) || text[0] == '-' || text[0] == '+') {
    std::string digits;
    for (const char c : text)
      if (c != '_') digits += c;
    if (const auto i = integer_of(digits)) return *i;
    if (const auto d = float_of(digits)) return *d;
  } else if (text[0] == '.') {
    if (const auto d = float_of(text)) return *d;
  }
  return Value(text);
}

Value scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  const std::string& tag = node.Tag();
  const std::string kind = tag.substr(std::min(tag.size(), kCoreTag.size()));
  if (!tag.starts_with(kCoreTag)) return tag == "!" ? Value(text) : plain(text);  // "!": quoted
  if (kind == "str") return Value(text);
  if (kind == "binary") {
    auto bytes = base::base64_decode(text);
    if (!bytes) throw YAML::Exception(node.Mark(), "this is no base64");
    return Value(std::move(*bytes));
  }
  const Value value = plain(text);
  if (kind == "float" && value.type() == Value::Type::number) return Value(value.as_float());
  return value;
}

Value from(const YAML::Node& node, int depth);

/// The fields of a map or of the maps in a list; those that are there already stay.
void merge(const YAML::Node& node, Object& into, int depth) {
  if (node.IsSequence()) {
    for (const auto& one : node) merge(one, into, depth + 1);
    return;
  }
  if (!node.IsMap()) throw YAML::Exception(node.Mark(), "what << merges should be a map");
  const Value value = from(node, depth + 1);
  for (const auto& [key, v] : value.object()) into.emplace(key, v);
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
      for (const auto& entry : node) {
        const std::string& key = entry.first.Scalar();
        if (key == "<<" && entry.first.Tag() != "!") continue;
        if (!out.emplace(key, from(entry.second, depth + 1)).second)
          throw YAML::Exception(entry.first.Mark(), "this key is there twice");
      }
      for (const auto& entry : node)
        if (entry.first.Scalar() == "<<" && entry.first.Tag() != "!")
          merge(entry.second, out, depth + 1);
      return Value(std::move(out));
    }
    default:
      return {};
  }
}

}  // namespace

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
