#include "base/civil_time.hpp"

#include <fmt/format.h>

#include <charconv>
#include <ctime>

namespace collector::base {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

/// The digits at `at` as a number up to `most`; negative when they are none.
int digits(std::string_view text, std::size_t at, std::size_t count, int most) {
  if (at + count > text.size()) return -1;
  int n = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + count, n);
  return error == std::errc() && end == text.data() + at + count && n <= most ? n : -1;
}

}  // namespace

std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) {
  year -= month <= 2;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + static_cast<std::int64_t>(day_of_era) - 719468;
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  const int year = digits(text, 0, 4, 2261), month = digits(text, 5, 2, 12);
  const int day = digits(text, 8, 2, 31), hour = digits(text, 11, 2, 23);
  const int minute = digits(text, 14, 2, 59), second = digits(text, 17, 2, 60);
  if (year < 1678 || month < 1 || day < 1 || hour < 0 || minute < 0 || second < 0)
    return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' ||
      text[16] != ':')
    return std::nullopt;
  std::string_view rest = text.substr(19);
  std::int64_t fraction = 0;
  if (!rest.empty() && rest[0] == '.') {
    rest.remove_prefix(1);
    std::int64_t unit = kSecond;
    std::size_t length = 0;
    for (; length < rest.size() && rest[length] >= '0' && rest[length] <= '9'; ++length)
      fraction += (rest[length] - '0') * (unit /= 10);
    if (length == 0) return std::nullopt;
    rest.remove_prefix(length);
  }
  std::int64_t offset = 0;
  if (rest != "Z" && rest != "z") {
    const int hours = digits(rest, 1, 2, 23), minutes = digits(rest, 4, 2, 59);
    if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':' || hours < 0 ||
        minutes < 0)
      return std::nullopt;
    offset = (rest[0] == '-' ? -60 : 60) * (hours * 60 + minutes);
  }
  const std::int64_t seconds =
      days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day)) * 86400 +
      hour * 3600 + minute * 60 + second - offset;
  return WallTime{seconds * kSecond + fraction};
}

std::string basic_utc(WallTime time) {
  const std::time_t seconds = time.unix_ns / kSecond;
  std::tm t{};
  gmtime_r(&seconds, &t);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                     t.tm_hour, t.tm_min, t.tm_sec);
}

}  // namespace collector::base
