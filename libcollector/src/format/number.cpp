#include "format/number.hpp"

#include <fast_float/fast_float.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

namespace collector::format {
namespace {

constexpr std::uint64_t kNormalNaN = 0x7ff8000000000001;

bool equal_fold(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((text[i] | 0x20) != lower[i]) return false;
  return true;
}

}  // namespace

bool parse_value(std::string_view text, double& value) {
  const char* p = text.data();
  const char* end = p + text.size();
  std::uint64_t integer = 0;
  while (p < end && static_cast<unsigned char>(*p - '0') < 10)
    integer = integer * 10 + static_cast<unsigned char>(*p++ - '0');
  if (p == end && !text.empty() && text.size() <= 15) {
    value = static_cast<double>(integer);
    return true;
  }
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  } else if (equal_fold(text, "nan")) {
    value = std::bit_cast<double>(kNormalNaN);
    return true;
  }
  if (equal_fold(text, "inf") || equal_fold(text, "infinity")) {
    value = negative ? -std::numeric_limits<double>::infinity()
                     : std::numeric_limits<double>::infinity();
    return true;
  }
  // fast_float has spellings of its own for what is no number; they were handled above.
  if (text.empty() || !((text[0] >= '0' && text[0] <= '9') || text[0] == '.')) return false;
  const auto r = fast_float::from_chars(text.data(), text.data() + text.size(), value);
  // Go calls a number out of range an error, and so does Prometheus.
  if (r.ec != std::errc() || r.ptr != text.data() + text.size() ||
      value == std::numeric_limits<double>::infinity())
    return false;
  if (negative) value = -value;
  return true;
}

bool parse_integer(std::string_view text, std::int64_t& value) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  const auto r = std::from_chars(text.data(), text.data() + text.size(), value);
  return r.ec == std::errc() && r.ptr == text.data() + text.size();
}

std::string open_metrics_float(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  // Where Go's %g changes over to an exponent.
  constexpr double kLeast = 1e-4, kMost = 1e6;
  const double size = std::abs(value);
  const bool fixed = size == 0 || (size >= kLeast && size < kMost);
  char text[32];
  const auto r = std::to_chars(text, text + sizeof text, value,
                               fixed ? std::chars_format::fixed : std::chars_format::scientific);
  std::string out(text, r.ptr);
  if (out.find_first_of("e.") == std::string::npos) out += ".0";
  return out;
}

}  // namespace collector::format
