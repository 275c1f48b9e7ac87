// encoding.from_json and to_json, as Go's encoding/json reads and writes.
#include "syntax/literal.hpp"
#include "syntax/stdlib.hpp"
#include "syntax/unicode.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>

namespace collector::syntax {
namespace {

constexpr int kDeepest = 200;

Value fail(Value::CallError* error, std::string what) {
  *error = {std::move(what), 0};
  return {};
}

Value from(const nlohmann::json& j, bool integers) {
  switch (j.type()) {
    case nlohmann::json::value_t::boolean:
      return Value(j.get<bool>());
    case nlohmann::json::value_t::string:
      return Value(j.get<std::string>());
    case nlohmann::json::value_t::number_integer:
      if (integers) return Value(j.get<std::int64_t>());
      return Value(j.get<double>());
    case nlohmann::json::value_t::number_unsigned:
      if (integers && j.get<std::uint64_t>() <= INT64_MAX) return Value(j.get<std::int64_t>());
      return Value(j.get<double>());
    case nlohmann::json::value_t::number_float:
      return Value(j.get<double>());
    case nlohmann::json::value_t::array: {
      Array out;
      for (const auto& element : j) out.push_back(from(element, integers));
      return Value(std::move(out));
    }
    case nlohmann::json::value_t::object: {
      Object out;
      for (const auto& [key, element] : j.items()) out[key] = from(element, integers);
      return Value(std::move(out));
    }
    default:
      return {};
  }
}

/// The code unit of a `\uXXXX` at `at`; -1 when there is none.
int code_unit(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) != "\\u" || text.size() < at + 6) return -1;
  int unit = 0;
  const char* end = text.data() + at + 6;
  const auto r = std::from_chars(text.data() + at + 2, end, unit, 16);
  return r.ec == std::errc() && r.ptr == end ? unit : -1;
}

/// What is no character becomes U+FFFD: bytes that are no UTF-8, halves of surrogate pairs.
std::string repaired(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const Character c = first_character(text.substr(i));
    const int unit = code_unit(text, i);
    if (unit >= 0xd800 && unit < 0xe000) {
      const int low = code_unit(text, i + 6);
      const bool pair = unit < 0xdc00 && low >= 0xdc00 && low < 0xe000;
      out.append(pair ? text.substr(i, 12) : "\\ufffd");
      i += pair ? 12 : 6;
    } else if (c.code == '\\') {
      out.append(text.substr(i, 2));
      i += 2;
    } else {
      append_utf8(out, static_cast<std::uint32_t>(c.code));
      i += c.size;
    }
  }
  return out;
}

void write(const std::string& text, std::string& out) {
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const Character c = first_character(std::string_view(text).substr(i));
    constexpr std::string_view kFrom = "\b\f\n\r\t\"\\";
    constexpr std::string_view kTo = "bfnrt\"\\";
    const auto known = c.code < 0x80 ? kFrom.find(text[i]) : std::string_view::npos;
    if (known != std::string_view::npos)
      out.append("\\").append(1, kTo[known]);
    else if (!c.valid || c.code < ' ' || c.code == '<' || c.code == '>' || c.code == '&' ||
             c.code == 0x2028 || c.code == 0x2029)
      out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c.code));
    else
      out.append(text, i, c.size);
    i += c.size;
  }
  out += '"';
}

void write(double d, std::string& out) {
  const double magnitude = std::abs(d);
  if (magnitude == 0 || (magnitude >= 1e-6 && magnitude < 1e21)) {
    out += plain_decimal(d);
    return;
  }
  char buffer[64];
  char* end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::scientific).ptr;
  std::string text(buffer, end);
  // 1e-07 is written 1e-7.
  if (const std::size_t e = text.find("e-0"); e != std::string::npos) text.erase(e + 2, 1);
  out += text;
}

bool write(const Value& v, std::string& out, std::string& what) {
  switch (v.type()) {
    case Value::Type::null:
      out += "null";
      return true;
    case Value::Type::number:
      if (!v.is_float()) {
        out += v.is_int() ? std::to_string(v.as_int()) : std::to_string(v.as_uint());
        return true;
      }
      if (std::isfinite(v.as_float())) {
        write(v.as_float(), out);
        return true;
      }
      what = "an infinite number has no form in JSON";
      return false;
    case Value::Type::string:
      write(v.string(), out);
      return true;
    case Value::Type::boolean:
      out += v.boolean() ? "true" : "false";
      return true;
    case Value::Type::array: {
      char before = '[';
      for (const Value& element : v.array()) {
        out += std::exchange(before, ',');
        if (!write(element, out, what)) return false;
      }
      out += v.array().empty() ? "[]" : "]";
      return true;
    }
    case Value::Type::object: {
      char before = '{';
      for (const auto& [key, element] : v.object()) {
        out += std::exchange(before, ',');
        write(key, out);
        out += ':';
        if (!write(element, out, what)) return false;
      }
      out += v.object().empty() ? "{}" : "}";
      return true;
    }
    default:
      what = fmt::format("{} has no form in JSON", to_string(v.type()));
      return false;
  }
}

}  // namespace

Value from_json(const std::string& text, Value::CallError* error, bool integers) {
  bool too_deep = false;
  const std::string whole = repaired(text);
  const auto j = whole.starts_with("\xef\xbb\xbf")
                     ? nlohmann::json(nlohmann::json::value_t::discarded)
                     : nlohmann::json::parse(
                           whole,
                           [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
                             too_deep = too_deep || depth > kDeepest;
                             return !too_deep;
                           },
                           false);
  if (j.is_discarded() || too_deep) return fail(error, "this is no JSON");
  return from(j, integers);
}

Value to_json(const Value& value, Value::CallError* error) {
  std::string out;
  std::string what;
  if (!write(value, out, what)) return fail(error, what);
  return Value(std::move(out));
}

}  // namespace collector::syntax
