#include "syntax/literal.hpp"

#include "syntax/unicode.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>

namespace collector::syntax {
namespace {

/// Go's ParseInt and ParseUint with base 0: a leading zero means octal.
std::optional<Value> integer_of(const std::string& text) {
  const int base = text.size() > 1 && text[0] == '0' ? 8 : 10;
  const char* begin = text.data() + (base == 8 ? 1 : 0);
  const char* end = text.data() + text.size();
  std::int64_t i = 0;
  if (auto r = std::from_chars(begin, end, i, base); r.ec == std::errc() && r.ptr == end)
    return Value(i);
  std::uint64_t u = 0;
  if (auto r = std::from_chars(begin, end, u, base); r.ec == std::errc() && r.ptr == end)
    return Value(u);
  return std::nullopt;
}

std::optional<Value> float_of(const std::string& text) {
  double d = 0;
  const char* end = text.data() + text.size();
  const auto r = std::from_chars(text.data(), end, d);
  if (r.ptr != end) return std::nullopt;
  if (r.ec == std::errc()) return Value(d);
  // Too near to zero is zero; too far from it is an error.
  const std::size_t e = text.find_first_of("eE");
  const bool small = e != std::string::npos ? text[e + 1] == '-'
                                            : text.find_first_of("123456789") > text.find('.');
  return small ? std::optional(Value(0.0)) : std::nullopt;
}

unsigned digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 32) - 'a' + 10);
}

/// The scanner checked the escapes; what it complained about is not evaluated.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    constexpr std::string_view kFrom = "abfnrtv\\\"";
    constexpr std::string_view kTo = "\a\b\f\n\r\t\v\\\"";
    if (const std::size_t known = kFrom.find(c); known != std::string_view::npos) {
      out += kTo[known];
      continue;
    }
    const bool octal = c >= '0' && c <= '7';
    std::size_t digits = octal ? 3 : c == 'x' ? 2 : c == 'u' ? 4 : 8;
    if (!octal) ++i;
    std::uint32_t value = 0;
    for (; digits > 0 && i < text.size(); --digits, ++i)
      value = value * (octal ? 8 : 16) + digit(text[i]);
    --i;
    if (octal || c == 'x')
      out += static_cast<char>(value);
    else
      append_utf8(out, value);
  }
  return out;
}

}  // namespace

std::string quote(std::string_view text, char mark, bool ascii) {
  std::string out(1, mark);
  for (std::size_t i = 0; i < text.size();) {
    const Character c = first_character(text.substr(i));
    const std::string_view bytes = text.substr(i, c.size);
    i += c.size;
    constexpr std::string_view kFrom = "\a\b\f\n\r\t\v\\";
    constexpr std::string_view kTo = "abfnrtv\\";
    const auto code = static_cast<std::uint32_t>(c.code);
    if (!c.valid)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes[0]));
    else if (bytes[0] == mark)
      out.append("\\").append(bytes);
    else if (const auto known = kFrom.find(bytes[0]); known != std::string_view::npos)
      out.append("\\").append(1, kTo[known]);
    else if (is_printable(c.code) && (!ascii || code < 0x80))
      out += bytes;
    else if (code < ' ' || code == 0x7f)
      out += fmt::format("\\x{:02x}", code);
    else
      out += code < 0x10000 ? fmt::format("\\u{:04x}", code) : fmt::format("\\U{:08x}", code);
  }
  return out + mark;
}

std::string plain_decimal(double d) {
  if (std::isnan(d)) return "NaN";
  if (std::isinf(d)) return d < 0 ? "-Inf" : "+Inf";
  char buffer[400];
  const auto write = [&](std::chars_format format) {
    char* end = std::to_chars(buffer, buffer + sizeof buffer, d, format).ptr;
    return std::string(buffer, end);
  };
  const std::string brief = write(std::chars_format::scientific);
  std::string out = write(std::chars_format::fixed);
  if (out.find('.') != std::string::npos) return out;
  // Whole: the fewest digits, then zeros.
  std::string digits;
  for (const char c : brief.substr(0, brief.find('e')))
    if (c != '.') digits += c;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = i < digits.size() ? digits[i] : '0';
  return out;
}

void append_utf8(std::string& out, std::uint32_t c) {
  if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) c = 0xfffd;
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 63));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 63));
    put(0x80 | (c & 63));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 63));
    put(0x80 | (c >> 6 & 63));
    put(0x80 | (c & 63));
  }
}

std::optional<Value> value_of(const Literal& literal, std::string& what) {
  switch (literal.kind) {
    case Literal::Kind::null:
      return Value();
    case Literal::Kind::boolean:
      return Value(literal.text == "true");
    case Literal::Kind::number:
      if (auto v = integer_of(literal.text)) return v;
      [[fallthrough]];
    case Literal::Kind::floating:
      if (auto v = float_of(literal.text)) return v;
      what = fmt::format("{} is out of the range of numbers", literal.text);
      return std::nullopt;
    case Literal::Kind::string:
      break;
  }
  if (literal.text.size() < 2) {
    what = "this string is not closed";
    return std::nullopt;
  }
  const std::string_view inside = std::string_view(literal.text).substr(1, literal.text.size() - 2);
  if (literal.text[0] != '`') return Value(unescape(inside));
  // Raw strings lose carriage returns, as Go's do.
  std::string raw;
  for (const char c : inside)
    if (c != '\r') raw += c;
  return Value(std::move(raw));
}

}  // namespace collector::syntax
