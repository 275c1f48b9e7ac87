// Dates in HTTP headers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace collector::receive::blackbox {

/// Seconds since 1970 of a date in one of HTTP's three forms (RFC 9110, 5.6.7).
std::optional<std::int64_t> http_date(std::string_view text);

}  // namespace collector::receive::blackbox
