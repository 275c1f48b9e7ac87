#include "base/redact.hpp"

#include <algorithm>

namespace collector::base {

std::string without_passwords(std::string text) {
  std::size_t at = 0;
  while ((at = text.find("://", at)) != std::string::npos) {
    at += 3;
    const auto end = std::min(text.find_first_of("/?# \"'", at), text.size());
    const auto sign = text.rfind('@', end);
    if (sign == std::string::npos || sign < at || sign >= end) continue;
    const auto colon = text.find(':', at);
    if (colon < sign) text.replace(colon + 1, sign - colon - 1, "(secret)");
  }
  return text;
}

}  // namespace collector::base
