// string.format: Go's fmt.Sprintf for the values that the language has.
#include "syntax/stdlib.hpp"

#include "syntax/literal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace collector::syntax {
namespace {

using Type = Value::Type;

struct Directive {
  bool minus = false, plus = false, sharp = false, space = false, zero = false;
  int width = -1, precision = -1;
  char verb = 0;
};

std::string pad(std::string text, const Directive& d, bool number) {
  std::size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  const auto wanted = static_cast<std::size_t>(std::max(d.width, 0));
  if (width >= wanted) return text;
  const std::size_t missing = wanted - width;
  if (d.minus) return text + std::string(missing, ' ');
  if (!d.zero || !number) return std::string(missing, d.zero ? '0' : ' ') + text;
  const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ');
  return text.insert(sign, missing, '0');
}

std::string integer(const Value& v, const Directive& d) {
  const bool negative = v.is_int() && v.as_int() < 0;
  const std::uint64_t magnitude = negative ? 0 - v.as_uint() : v.as_uint();
  std::string digits;
  switch (d.verb) {
    case 'b':
      digits = fmt::format("{:b}", magnitude);
      break;
    case 'o':
      digits = (d.sharp ? "0" : "") + fmt::format("{:o}", magnitude);
      break;
    case 'O':
      digits = fmt::format("0o{:o}", magnitude);
      break;
    case 'x':
      digits = (d.sharp ? "0x" : "") + fmt::format("{:x}", magnitude);
      break;
    case 'X':
      digits = (d.sharp ? "0X" : "") + fmt::format("{:X}", magnitude);
      break;
    case 'c': {
      std::string text;
      append_utf8(text, static_cast<std::uint32_t>(magnitude));
      return pad(text, d, false);
    }
    case 'U':
      return pad(fmt::format("U+{:04X}", magnitude), d, false);
    case 'q': {
      std::string text = "'";
      append_utf8(text, static_cast<std::uint32_t>(magnitude));
      return pad(text + "'", d, false);
    }
    default:
      digits = std::to_string(magnitude);
  }
  if (d.precision > static_cast<int>(digits.size()))
    digits.insert(0, static_cast<std::size_t>(d.precision) - digits.size(), '0');
  Directive plain = d;
  if (d.precision >= 0) plain.zero = false;
  return pad((negative ? "-" : d.plus ? "+" : d.space ? " " : "") + digits, plain, true);
}

std::string floating(double v, const Directive& d) {
  if (std::isnan(v) || std::isinf(v)) {
    Directive plain = d;
    plain.zero = false;
    return pad(std::isnan(v) ? "NaN" : v < 0 ? "-Inf" : "+Inf", plain, false);
  }
  std::string text;
  const char verb = d.verb == 'F' ? 'f' : d.verb;
  if (verb == 'v' || (d.precision < 0 && (verb == 'g' || verb == 'G'))) {
    // Go's shortest form: exponents below -4 and from 21 on (%v) are written with e.
    const double magnitude = std::abs(v);
    const bool exponent = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e21);
    text = exponent ? fmt::format("{:e}", v) : fmt::format("{}", v);
    if (exponent) {
      // fmt's {:e} has six digits; the shortest ones come from {}.
      std::string shortest = fmt::format("{}", v);
      text = shortest.find('e') != std::string::npos ? shortest : text;
    }
    if (text.size() > 2 && text.compare(text.size() - 2, 2, ".0") == 0)
      text.resize(text.size() - 2);
  } else {
    const int precision = d.precision < 0 ? 6 : d.precision;
    if (verb == 'e') text = fmt::format("{:.{}e}", v, precision);
    if (verb == 'E') text = fmt::format("{:.{}E}", v, precision);
    if (verb == 'f') text = fmt::format("{:.{}f}", v, precision);
    if (verb == 'g') text = fmt::format("{:.{}g}", v, std::max(precision, 1));
    if (verb == 'G') text = fmt::format("{:.{}G}", v, std::max(precision, 1));
  }
  if (v >= 0 && d.plus) text.insert(0, 1, '+');
  if (v >= 0 && d.space) text.insert(0, 1, ' ');
  return pad(text, d, true);
}

std::string text_of(const std::string& s, const Directive& d) {
  switch (d.verb) {
    case 'q':
      return pad(to_text(Value(s)), d, false);
    case 'x':
    case 'X': {
      std::string out;
      for (const char c : s)
        out += d.verb == 'x' ? fmt::format("{:02x}", static_cast<unsigned char>(c))
                             : fmt::format("{:02X}", static_cast<unsigned char>(c));
      return pad(out, d, false);
    }
    default:
      break;
  }
  if (d.precision < 0) return pad(s, d, false);
  std::size_t end = 0;
  for (int n = 0; end < s.size(); ++end)
    if ((static_cast<unsigned char>(s[end]) & 0xc0) != 0x80 && n++ == d.precision) break;
  return pad(s.substr(0, end), d, false);
}

/// %v of arrays and objects, as Go prints slices and maps.
std::string plain(const Value& v);

std::string go_type(const Value& v) {
  switch (v.type()) {
    case Type::number:
      return v.is_float() ? "float64" : v.is_int() ? "int" : "uint";
    case Type::string:
      return "string";
    case Type::boolean:
      return "bool";
    case Type::array:
      return "[]interface {}";
    case Type::object:
      return "map[string]interface {}";
    default:
      return "<nil>";
  }
}

std::string mismatch(const Value& v, char verb) {
  if (v.is_null()) return fmt::format("%!{}(<nil>)", verb);
  return fmt::format("%!{}({}={})", verb, go_type(v), plain(v));
}

std::string one(const Value& v, const Directive& d) {
  constexpr std::string_view kIntegerVerbs = "vdboOxXcUq";
  constexpr std::string_view kFloatVerbs = "veEfFgG";
  constexpr std::string_view kStringVerbs = "vsqxX";
  const auto has = [&](std::string_view verbs) {
    return verbs.find(d.verb) != std::string_view::npos;
  };
  switch (v.type()) {
    case Type::number:
      if (!v.is_float() && has(kIntegerVerbs)) return integer(v, d);
      if (v.is_float() && has(kFloatVerbs)) return floating(v.as_float(), d);
      break;
    case Type::string:
      if (has(kStringVerbs)) return text_of(v.string(), d);
      break;
    case Type::boolean:
      if (d.verb == 'v' || d.verb == 't') return pad(v.boolean() ? "true" : "false", d, false);
      break;
    case Type::null:
      if (d.verb == 'v') return pad("<nil>", d, false);
      break;
    case Type::array: {
      std::string out = "[";
      for (const Value& element : v.array())
        out.append(out.size() > 1 ? " " : "").append(one(element, d));
      return out + "]";
    }
    case Type::object: {
      std::string out = "map[";
      Directive key = d;
      if (std::string_view("sqxXv").find(d.verb) == std::string_view::npos) key.verb = 'v';
      for (const auto& [k, element] : v.object())
        out.append(out.size() > 4 ? " " : "")
            .append(text_of(k, key))
            .append(":")
            .append(one(element, d));
      return out + "]";
    }
    default:
      break;
  }
  return mismatch(v, d.verb);
}

std::string plain(const Value& v) {
  Directive d;
  d.verb = 'v';
  return one(v, d);
}

}  // namespace

Value format_text(std::span<const Value> args, Value::CallError* error) {
  if (args.empty() || args[0].type() != Type::string) {
    *error = {"the first argument should be string", 0};
    return {};
  }
  for (std::size_t i = 1; i < args.size(); ++i)
    if (args[i].type() == Type::capsule || args[i].type() == Type::function) {
      *error = {fmt::format("{} has no text", to_string(args[i].type())), static_cast<int>(i)};
      return {};
    }
  constexpr int kWidest = 1'000'000;
  const std::string& format = args[0].string();
  std::string out;
  std::size_t next = 1;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    Directive d;
    for (++i; i < format.size(); ++i) {
      if (format[i] == '-') {
        d.minus = true;
        d.zero = false;
      } else if (format[i] == '+') {
        d.plus = true;
      } else if (format[i] == '#') {
        d.sharp = true;
      } else if (format[i] == ' ') {
        d.space = true;
      } else if (format[i] == '0') {
        d.zero = !d.minus;
      } else {
        break;
      }
    }
    const auto number = [&](int& into) {
      if (i < format.size() && format[i] == '*') {
        ++i;
        if (next < args.size() && args[next].type() == Type::number)
          into = static_cast<int>(std::clamp<std::int64_t>(args[next].as_int(), 0, kWidest));
        ++next;
        return;
      }
      for (; i < format.size() && format[i] >= '0' && format[i] <= '9'; ++i)
        into = std::min(std::max(into, 0) * 10 + (format[i] - '0'), kWidest);
    };
    number(d.width);
    if (i < format.size() && format[i] == '.') {
      ++i;
      d.precision = 0;
      number(d.precision);
    }
    if (i >= format.size()) {
      out += "%!(NOVERB)";
      break;
    }
    d.verb = format[i];
    if (d.verb == '%') {
      out += '%';
    } else if (next >= args.size()) {
      out += fmt::format("%!{}(MISSING)", d.verb);
    } else {
      out += one(args[next++], d);
    }
  }
  if (next < args.size()) {
    out += "%!(EXTRA ";
    for (std::size_t i = next; i < args.size(); ++i) {
      if (i > next) out += ", ";
      out += args[i].is_null() ? "<nil>" : go_type(args[i]) + "=" + plain(args[i]);
    }
    out += ")";
  }
  return Value(std::move(out));
}

}  // namespace collector::syntax
