// Wall time as calendars write it, in the Gregorian calendar and UTC.
#pragma once

#include <collector/engine/seams.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace collector::base {

/// Days from 1970-01-01; month and day count from 1.
std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day);

/// `2026-11-24T10:00:00Z`, maybe with a fraction of a second or an offset (RFC 3339, 5.6); nothing
/// when it is not such a text.
std::optional<WallTime> parse_rfc3339(std::string_view text);

/// `20261124T100000Z`, the basic format of ISO 8601.
std::string basic_utc(WallTime time);

}  // namespace collector::base
