#include "receive/blackbox/http_date.hpp"

#include <array>
#include <charconv>
#include <ctime>
#include <vector>

namespace collector::receive::blackbox {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0;;) {
    const std::size_t from = text.find_first_not_of(" ,-", at);
    if (from == std::string_view::npos) return out;
    at = std::min(text.find_first_of(" ,-", from), text.size());
    out.push_back(text.substr(from, at - from));
  }
}

bool number(std::string_view text, int& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && end == text.data() + text.size() && into >= 0;
}

bool month(std::string_view text, int& into) {
  for (into = 0; into < 12; ++into)
    if (text == kMonths[static_cast<std::size_t>(into)]) return true;
  return false;
}

bool clock_time(std::string_view text, std::tm& t) {
  return text.size() == 8 && text[2] == ':' && text[5] == ':' &&
         number(text.substr(0, 2), t.tm_hour) && number(text.substr(3, 2), t.tm_min) &&
         number(text.substr(6), t.tm_sec) && t.tm_hour < 24 && t.tm_min < 60 && t.tm_sec <= 60;
}

}  // namespace

std::optional<std::int64_t> http_date(std::string_view text) {
  const auto w = words(text);
  std::tm t{};
  bool good = false;
  if (w.size() == 6 && (w[5] == "GMT" || w[5] == "UTC")) {
    // Sun, 06 Nov 1994 08:49:37 GMT; Sunday, 06-Nov-94 08:49:37 GMT
    good = number(w[1], t.tm_mday) && month(w[2], t.tm_mon) && number(w[3], t.tm_year) &&
           clock_time(w[4], t);
    // Two digits are a year from 1969 to 2068, as Go reads them.
    if (w[3].size() == 2) t.tm_year += t.tm_year >= 69 ? 1900 : 2000;
  } else if (w.size() == 5) {
    // Sun Nov  6 08:49:37 1994
    good = month(w[1], t.tm_mon) && number(w[2], t.tm_mday) && clock_time(w[3], t) &&
           number(w[4], t.tm_year);
  }
  if (!good || t.tm_mday < 1 || t.tm_mday > 31) return std::nullopt;
  t.tm_year -= 1900;
  return std::int64_t{::timegm(&t)};
}

}  // namespace collector::receive::blackbox
