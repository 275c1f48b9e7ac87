#include "base/duration.hpp"

#include <fmt/format.h>

#include <limits>

namespace collector::base {
namespace {

/// The nanoseconds of a unit, 0 when there is no such unit.
std::int64_t unit_ns(std::string_view unit) {
  if (unit == "ns") return 1;
  if (unit == "us" || unit == "\u00b5s" || unit == "\u03bcs") return 1'000;
  if (unit == "ms") return 1'000'000;
  if (unit == "s") return 1'000'000'000;
  if (unit == "m") return 60'000'000'000;
  if (unit == "h") return 3'600'000'000'000;
  return 0;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string trimmed_fraction(std::int64_t value, std::int64_t unit, std::string_view suffix) {
  std::string text = std::to_string(value / unit);
  std::int64_t rest = value % unit;
  if (rest != 0) {
    text += '.';
    for (std::int64_t digit = unit / 10; rest != 0; digit /= 10) {
      text += static_cast<char>('0' + rest / digit);
      rest %= digit;
    }
  }
  return text.append(suffix);
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return Duration{0};
  if (text.empty()) return std::nullopt;
  __int128 total = 0;
  while (!text.empty()) {
    __int128 whole = 0;
    __int128 fraction = 0;
    __int128 scale = 1;
    std::size_t i = 0;
    bool digits = false;
    for (; i < text.size() && is_digit(text[i]); ++i, digits = true) {
      whole = whole * 10 + (text[i] - '0');
      if (whole > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
    }
    if (i < text.size() && text[i] == '.') {
      for (++i; i < text.size() && is_digit(text[i]); ++i, digits = true) {
        if (fraction > (std::numeric_limits<std::int64_t>::max() - 9) / 10) continue;
        fraction = fraction * 10 + (text[i] - '0');
        scale *= 10;
      }
    }
    if (!digits) return std::nullopt;
    text.remove_prefix(i);
    std::size_t n = 0;
    while (n < text.size() && text[n] != '.' && !is_digit(text[n])) ++n;
    const std::int64_t unit = unit_ns(text.substr(0, n));
    if (unit == 0) return std::nullopt;
    text.remove_prefix(n);
    // Go computes the fraction in floating point, and its rounding is part of the result.
    total += whole * unit +
             static_cast<std::int64_t>(static_cast<double>(fraction) *
                                       (static_cast<double>(unit) / static_cast<double>(scale)));
    if (total > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  }
  return Duration{static_cast<std::int64_t>(negative ? -total : total)};
}

std::string to_text(Duration d) {
  std::int64_t ns = d.count();
  if (ns == 0) return "0s";
  const std::string sign = ns < 0 ? "-" : "";
  if (ns < 0) ns = -ns;
  if (ns < 1'000) return fmt::format("{}{}ns", sign, ns);
  if (ns < 1'000'000) return sign + trimmed_fraction(ns, 1'000, "\u00b5s");
  if (ns < 1'000'000'000) return sign + trimmed_fraction(ns, 1'000'000, "ms");
  const std::int64_t minutes = ns / 60'000'000'000;
  std::string text = sign;
  if (minutes >= 60) text += fmt::format("{}h", minutes / 60);
  if (minutes > 0) text += fmt::format("{}m", minutes % 60);
  return text + trimmed_fraction(ns % 60'000'000'000, 1'000'000'000, "s");
}

}  // namespace collector::base
