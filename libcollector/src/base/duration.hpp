// Durations as Go and Prometheus write them.
#pragma once

#include <collector/engine/seams.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace collector::base {

/// `1h15m30.5s`, `-1.5h`, `300ms`, `10us`: Go's time.ParseDuration; also a bare `0`. Nothing on
/// error or overflow.
std::optional<Duration> parse_duration(std::string_view text);

/// As Go's Duration.String: `1m30s`, `1.5s`, `100ms`, `0s`.
std::string to_text(Duration d);

}  // namespace collector::base
