#include "base/byte_size.hpp"

#include <charconv>

namespace collector::base {

bool parse_bytes(std::string_view text, std::int64_t& bytes) {
  double n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || n < 0) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  constexpr std::string_view kUnits = "KMGTPE";
  double scale = 1;
  if (!text.empty() && text != "B") {
    const auto unit = kUnits.find(text.front());
    if (unit == kUnits.npos || (text.substr(1) != "B" && text.substr(1) != "iB")) return false;
    for (std::size_t i = 0; i <= unit; ++i) scale *= 1024;
  }
  if (n * scale >= 0x1p63) return false;
  bytes = static_cast<std::int64_t>(n * scale);
  return true;
}

}  // namespace collector::base
