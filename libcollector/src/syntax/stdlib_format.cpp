// string.format: Go's fmt.Sprintf for the values that the language has.
#include "syntax/stdlib.hpp"

#include "syntax/literal.hpp"
#include "syntax/unicode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

namespace collector::syntax {
namespace {

using Type = Value::Type;

constexpr int kWidest = 1'000'000;

struct Flags {
  bool minus = false, plus = false, sharp = false, space = false, zero = false;
  bool go_syntax = false;  ///< %#v
  bool has_width = false, has_precision = false;
  int width = 0, precision = 0;
};

std::size_t count(std::string_view text) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < text.size(); ++n) i += first_character(text.substr(i)).size;
  return n;
}

/// Of 1.5: mantissa and exponent of the significand as an integer.
std::string binary_float(double v) {
  const auto bits = std::bit_cast<std::uint64_t>(v);
  const auto biased = static_cast<int>(bits >> 52 & 0x7ff);
  const std::uint64_t fraction = bits & ((1ULL << 52) - 1);
  const std::uint64_t mantissa = biased == 0 ? fraction : fraction | 1ULL << 52;
  return fmt::format("{}{}p{:+}", std::signbit(v) ? "-" : "", mantissa, std::max(biased, 1) - 1075);
}

std::string hexadecimal_float(double v, int precision, bool upper) {
  int exponent = 0;
  std::uint64_t mantissa = 0;
  if (v != 0) {
    const double fraction = std::frexp(std::abs(v), &exponent);
    mantissa = static_cast<std::uint64_t>(std::ldexp(fraction, 61));
    --exponent;
  }
  constexpr std::uint64_t kOne = 1ULL << 60;
  if (precision >= 0 && precision < 15) {
    const int shift = precision * 4;
    const std::uint64_t extra = (mantissa << shift) & (kOne - 1);
    mantissa >>= 60 - shift;
    if ((extra | (mantissa & 1)) > kOne / 2) ++mantissa;
    mantissa <<= 60 - shift;
    if (mantissa & kOne << 1) {
      mantissa >>= 1;
      ++exponent;
    }
  }
  std::string digits;
  for (std::uint64_t rest = mantissa << 4; precision < 0 ? rest != 0 : precision > 0; rest <<= 4) {
    digits += "0123456789abcdef"[rest >> 60];
    if (precision > 0 && static_cast<int>(digits.size()) == precision) break;
  }
  std::string out =
      fmt::format("{}0x{}{}{}p{}{:02}", std::signbit(v) ? "-" : "", mantissa >> 60,
                  digits.empty() ? "" : ".", digits, exponent < 0 ? '-' : '+', std::abs(exponent));
  return upper ? to_upper(out) : out;
}

/// The fewest digits that are this number again; %e below 1e-4 and from 1e6 on.
std::string shortest(double v, bool upper) {
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific).ptr;
  std::string text(buffer, end);
  int exponent = 0;
  const std::size_t e = text.find('e');
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), text.data() + text.size(),
                  exponent);
  if (exponent >= -4 && exponent < 6) {
    const auto fixed =
        std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::fixed).ptr;
    return {buffer, fixed};
  }
  return upper ? to_upper(text) : text;
}

/// Go's strconv.FormatFloat; precision -1 is as many digits as it takes.
std::string number(double v, char verb, int precision) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v < 0 ? "-Inf" : "+Inf";
  switch (verb) {
    case 'b':
      return binary_float(v);
    case 'x':
    case 'X':
      return hexadecimal_float(v, precision, verb == 'X');
    case 'e':
      return fmt::format("{:.{}e}", v, precision);
    case 'E':
      return fmt::format("{:.{}E}", v, precision);
    case 'f':
      return fmt::format("{:.{}f}", v, precision);
    default:
      break;
  }
  if (precision < 0) return shortest(v, verb == 'G');
  return verb == 'g' ? fmt::format("{:.{}g}", v, std::max(precision, 1))
                     : fmt::format("{:.{}G}", v, std::max(precision, 1));
}

std::string_view go_type(const Value& v) {
  switch (v.type()) {
    case Type::number:
      return v.is_float() ? "float64" : v.is_uint() && v.as_int() < 0 ? "uint64" : "int";
    case Type::string:
      return "string";
    case Type::boolean:
      return "bool";
    case Type::array:
      return "[]interface {}";
    default:
      return "map[string]interface {}";
  }
}

class Print {
 public:
  Print(std::string_view format, std::span<const Value> args) : format_(format), args_(args) {}

  std::string run() {
    while (at_ < format_.size()) {
      const std::size_t percent = std::min(format_.find('%', at_), format_.size());
      out_.append(format_, at_, percent - at_);
      at_ = percent + 1;
      if (percent < format_.size() && !directive()) break;
    }
    if (!reordered_ && next_ < args_.size()) extra();
    return std::move(out_);
  }

 private:
  /// False at the end of the format.
  bool directive() {
    flags_ = {};
    good_index_ = true;
    for (; at_ < format_.size(); ++at_) {
      const char c = format_[at_];
      bool* flag = c == '#'   ? &flags_.sharp
                   : c == '0' ? &flags_.zero
                   : c == '+' ? &flags_.plus
                   : c == '-' ? &flags_.minus
                   : c == ' ' ? &flags_.space
                              : nullptr;
      if (!flag) break;
      *flag = true;
    }
    bool indexed = index();
    if (peek() == '*') {
      ++at_;
      flags_.has_width = from_argument(flags_.width);
      if (!flags_.has_width) out_ += "%!(BADWIDTH)";
      if (flags_.width < 0) {
        flags_.width = -flags_.width;
        flags_.minus = true;
        flags_.zero = false;
      }
      indexed = false;
    } else {
      flags_.has_width = digits(flags_.width);
      if (indexed && flags_.has_width) good_index_ = false;
    }
    if (at_ + 1 < format_.size() && peek() == '.') {
      ++at_;
      if (indexed) good_index_ = false;
      indexed = index();
      if (peek() == '*') {
        ++at_;
        flags_.has_precision = from_argument(flags_.precision);
        if (flags_.precision < 0) {
          flags_.precision = 0;
          flags_.has_precision = false;
        }
        if (!flags_.has_precision) out_ += "%!(BADPREC)";
        indexed = false;
      } else {
        digits(flags_.precision);
        flags_.has_precision = true;
      }
    }
    if (!indexed) index();
    if (at_ >= format_.size()) {
      out_ += "%!(NOVERB)";
      return false;
    }
    const Character c = first_character(format_.substr(at_));
    at_ += c.size;
    verb_ = c.code;
    if (verb_ == '%') {
      out_ += '%';
    } else if (!good_index_) {
      out_ += bad() + "(BADINDEX)";
    } else if (next_ >= args_.size()) {
      out_ += bad() + "(MISSING)";
    } else {
      if (verb_ == 'v' || verb_ == 'w') {
        flags_.go_syntax = std::exchange(flags_.sharp, false);
        flags_.plus = false;
      }
      argument(args_[next_++], false);
    }
    return true;
  }

  char peek() const { return at_ < format_.size() ? format_[at_] : '\0'; }

  /// `[3]`: the argument that comes next.
  bool index() {
    if (peek() != '[') return false;
    reordered_ = true;
    const std::size_t close = format_.find(']', at_);
    if (format_.size() - at_ < 3 || close == std::string_view::npos) {
      ++at_;
      good_index_ = false;
      return false;
    }
    const std::string_view inside = format_.substr(at_ + 1, close - at_ - 1);
    at_ = close + 1;
    int n = 0;
    const auto r = std::from_chars(inside.data(), inside.data() + inside.size(), n);
    const bool is_number = !inside.empty() && r.ec == std::errc() &&
                           r.ptr == inside.data() + inside.size() && inside[0] != '-';
    good_index_ = is_number && n >= 1 && static_cast<std::size_t>(n) <= args_.size();
    if (good_index_) next_ = static_cast<std::size_t>(n) - 1;
    return is_number;
  }

  bool from_argument(int& into) {
    if (next_ >= args_.size()) return false;
    const Value& v = args_[next_++];
    if (v.type() != Type::number || v.is_float()) return false;
    if (v.as_int() > kWidest || v.as_int() < -kWidest) return false;
    into = static_cast<int>(v.as_int());
    return true;
  }

  bool digits(int& into) {
    bool any = false;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      if (into > kWidest) {
        into = 0;
        at_ = format_.size();
        return false;
      }
      into = into * 10 + (peek() - '0');
      any = true;
    }
    return any;
  }

  void extra() {
    flags_ = {};
    out_ += "%!(EXTRA ";
    for (std::size_t i = next_; i < args_.size(); ++i) {
      if (i > next_) out_ += ", ";
      if (args_[i].is_null())
        out_ += "<nil>";
      else
        typed(args_[i]);
    }
    out_ += ')';
  }
  void typed(const Value& v) {
    out_.append(go_type(v)).append("=");
    const char32_t verb = std::exchange(verb_, 'v');
    argument(v, false);
    verb_ = verb;
  }

  std::string bad() const {
    std::string out = "%!";
    append_utf8(out, static_cast<std::uint32_t>(verb_));
    return out;
  }
  void bad(const Value& v) {
    out_ += bad() + "(";
    if (v.is_null())
      out_ += "<nil>";
    else
      typed(v);
    out_ += ')';
  }

  void fill(int n) {
    if (n > 0) out_.append(static_cast<std::size_t>(n), flags_.zero && !flags_.minus ? '0' : ' ');
  }
  void pad(std::string_view text) {
    const int missing = flags_.has_width ? flags_.width - static_cast<int>(count(text)) : 0;
    if (!flags_.minus) fill(missing);
    out_ += text;
    if (flags_.minus) fill(missing);
  }
  void pad_with_blanks(std::string_view text) {
    const bool zero = std::exchange(flags_.zero, false);
    pad(text);
    flags_.zero = zero;
  }

  void argument(const Value& v, bool inner) {
    if (v.is_null() && inner) {
      out_ += flags_.go_syntax ? "interface {}(nil)" : "<nil>";
      return;
    }
    if (verb_ == 'T' && !inner) return pad(v.is_null() ? "<nil>" : clipped(go_type(v)));
    if (verb_ == 'p' && !inner) return bad(v);
    switch (v.type()) {
      case Type::number:
        return v.is_float() ? floating(v) : integer(v);
      case Type::string:
        return string(v);
      case Type::boolean:
        return verb_ == 't' || verb_ == 'v' ? pad(v.boolean() ? "true" : "false") : bad(v);
      case Type::array:
        return array(v.array());
      case Type::object:
        return object(v.object());
      default:
        return verb_ == 'v' ? pad("<nil>") : bad(v);
    }
  }

  void array(const Array& elements) {
    out_ += flags_.go_syntax ? "[]interface {}{" : "[";
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (i > 0) out_ += flags_.go_syntax ? ", " : " ";
      argument(elements[i], true);
    }
    out_ += flags_.go_syntax ? '}' : ']';
  }
  void object(const Object& fields) {
    out_ += flags_.go_syntax ? "map[string]interface {}{" : "map[";
    bool first = true;
    for (const auto& [key, v] : fields) {
      if (!std::exchange(first, false)) out_ += flags_.go_syntax ? ", " : " ";
      argument(Value(key), true);
      out_ += ':';
      argument(v, true);
    }
    out_ += flags_.go_syntax ? '}' : ']';
  }

  std::string_view clipped(std::string_view text) const {
    if (!flags_.has_precision) return text;
    std::size_t end = 0;
    for (int n = 0; n < flags_.precision && end < text.size(); ++n)
      end += first_character(text.substr(end)).size;
    return text.substr(0, end);
  }

  void string(const Value& v) {
    switch (verb_) {
      case 'v':
        return flags_.go_syntax ? quoted(v.string()) : pad(clipped(v.string()));
      case 's':
        return pad(clipped(v.string()));
      case 'q':
        return quoted(v.string());
      case 'x':
      case 'X':
        return hexadecimal(v.string());
      default:
        return bad(v);
    }
  }
  void quoted(std::string_view whole) {
    const std::string_view text = clipped(whole);
    bool plain = flags_.sharp;
    for (std::size_t i = 0; plain && i < text.size();) {
      const Character c = first_character(text.substr(i));
      i += c.size;
      plain = c.valid && c.code != 0xfeff && c.code != '`' && c.code != 0x7f &&
              (c.code >= ' ' || c.code == '\t');
    }
    pad(plain ? fmt::format("`{}`", text) : quote(text, '"', flags_.plus));
  }
  void hexadecimal(std::string_view text) {
    if (flags_.has_precision)
      text = text.substr(0, std::min(text.size(), static_cast<std::size_t>(flags_.precision)));
    const std::string_view prefix = !flags_.sharp ? "" : verb_ == 'x' ? "0x" : "0X";
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (flags_.space && i > 0) out += ' ';
      if (flags_.space || i == 0) out += prefix;
      const auto byte = static_cast<unsigned char>(text[i]);
      out += verb_ == 'x' ? fmt::format("{:02x}", byte) : fmt::format("{:02X}", byte);
    }
    pad(out);
  }

  void integer(const Value& v) {
    const bool negative = v.is_int() && v.as_int() < 0;
    const std::uint64_t u = v.as_uint();
    const std::uint64_t magnitude = negative ? 0 - u : u;
    const auto character = static_cast<std::uint32_t>(std::min<std::uint64_t>(u, 0x110000));
    switch (verb_) {
      case 'v':
        if (flags_.go_syntax && go_type(v) == "uint64")
          return integer(fmt::format("0x{:x}", magnitude), false);
        [[fallthrough]];
      case 'd':
        return integer(std::to_string(magnitude), negative);
      case 'b':
        return integer(fmt::format("{:b}", magnitude), negative);
      case 'o':
      case 'O':
        return integer(fmt::format("{:o}", magnitude), negative);
      case 'x':
        return integer(fmt::format("{:x}", magnitude), negative);
      case 'X':
        return integer(fmt::format("{:X}", magnitude), negative);
      case 'c': {
        std::string text;
        append_utf8(text, character);
        return pad(text);
      }
      case 'q': {
        std::string text;
        append_utf8(text, character);
        return pad(quote(text, '\'', flags_.plus));
      }
      case 'U': {
        const int least = flags_.has_precision ? std::max(flags_.precision, 4) : 4;
        std::string text = fmt::format("U+{:0{}X}", u, least);
        if (flags_.sharp && u <= 0x10ffff && is_printable(character)) {
          text += " '";
          append_utf8(text, character);
          text += '\'';
        }
        return pad_with_blanks(text);
      }
      default:
        return bad(v);
    }
  }
  void integer(std::string digits, bool negative) {
    int least = 0;
    if (flags_.has_precision) {
      least = flags_.precision;
      if (least == 0 && digits == "0") {
        flags_.zero = false;
        return fill(flags_.width);
      }
    } else if (flags_.zero && !flags_.minus && flags_.has_width) {
      least = flags_.width - (negative || flags_.plus || flags_.space ? 1 : 0);
    }
    if (const auto wanted = static_cast<std::size_t>(std::max(least, 0)); wanted > digits.size())
      digits.insert(0, wanted - digits.size(), '0');
    if (flags_.sharp && verb_ == 'b') digits.insert(0, "0b");
    if (flags_.sharp && (verb_ == 'o' || verb_ == 'O') && digits[0] != '0') digits.insert(0, "0");
    if (flags_.sharp && (verb_ == 'x' || verb_ == 'X'))
      digits.insert(0, verb_ == 'x' ? "0x" : "0X");
    if (verb_ == 'O') digits.insert(0, "0o");
    const std::string_view sign = negative ? "-" : flags_.plus ? "+" : flags_.space ? " " : "";
    pad_with_blanks(digits.insert(0, sign));
  }

  void floating(const Value& v) {
    constexpr std::string_view kVerbs = "vbgGxXfeEF";
    if (verb_ > 0x7f || kVerbs.find(static_cast<char>(verb_)) == std::string_view::npos)
      return bad(v);
    const char verb = verb_ == 'v' ? 'g' : verb_ == 'F' ? 'f' : static_cast<char>(verb_);
    const bool six = verb == 'f' || verb == 'e' || verb == 'E';
    const int precision = flags_.has_precision ? flags_.precision : six ? 6 : -1;
    std::string text = number(v.as_float(), verb, precision);
    if (text[0] != '-' && text[0] != '+') text.insert(0, 1, '+');
    if (flags_.space && text[0] == '+' && !flags_.plus) text[0] = ' ';
    if (text[1] == 'I' || text[1] == 'N') {
      if (text[1] == 'N' && !flags_.space && !flags_.plus) text.erase(0, 1);
      return pad_with_blanks(text);
    }
    if (flags_.sharp && verb != 'b') keep_point(text, verb, precision);
    if (!flags_.plus && text[0] == '+') return pad(std::string_view(text).substr(1));
    if (flags_.zero && !flags_.minus && flags_.width > static_cast<int>(text.size())) {
      out_ += text[0];
      fill(flags_.width - static_cast<int>(text.size()));
      out_ += std::string_view(text).substr(1);
      return;
    }
    pad(text);
  }
  /// %#g: with its decimal point and the zeros after it.
  static void keep_point(std::string& text, char verb, int precision) {
    const bool counts = verb == 'g' || verb == 'G' || verb == 'x';
    int digits = !counts ? 0 : precision == -1 ? 6 : precision;
    const bool hex = verb == 'x' || verb == 'X';
    const std::size_t tail = std::min(text.find_first_of(hex ? "pP" : "eE"), text.size());
    bool nonzero = false;
    for (std::size_t i = 1; i < tail; ++i) {
      if (text[i] == '.') continue;
      nonzero = nonzero || text[i] != '0';
      if (nonzero) --digits;
    }
    std::string zeros;
    if (text.find('.') == std::string::npos) {
      if (tail == 2 && text[1] == '0') --digits;
      zeros = ".";
    }
    if (digits > 0) zeros.append(static_cast<std::size_t>(digits), '0');
    text.insert(tail, zeros);
  }

  std::string_view format_;
  std::span<const Value> args_;
  std::string out_;
  Flags flags_;
  std::size_t at_ = 0, next_ = 0;
  char32_t verb_ = 0;
  bool reordered_ = false, good_index_ = true;
};

/// Secrets and functions have no text, wherever they stand.
bool has_text(const Value& v) {
  switch (v.type()) {
    case Type::capsule:
    case Type::function:
      return false;
    case Type::array:
      return std::all_of(v.array().begin(), v.array().end(), has_text);
    case Type::object:
      return std::all_of(v.object().begin(), v.object().end(),
                         [](const auto& field) { return has_text(field.second); });
    default:
      return true;
  }
}

}  // namespace

Value format_text(const std::string& format, std::span<const Value> args, Value::CallError* error) {
  for (std::size_t i = 0; i < args.size(); ++i)
    if (!has_text(args[i])) {
      *error = {fmt::format("{} has no text", to_string(args[i].type())), static_cast<int>(i + 1)};
      return {};
    }
  return Value(Print(format, args).run());
}

}  // namespace collector::syntax
