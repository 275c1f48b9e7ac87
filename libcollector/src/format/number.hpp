// Numbers of expositions, as Go's strconv.ParseFloat reads them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace collector::format {

/// Reads the whole text. Integers of up to 15 digits take the short way; the rest is rounded
/// correctly by fast_float. NaN is 0x7ff8000000000001, Prometheus' normal NaN.
bool parse_value(std::string_view text, double& value);
/// A signed decimal integer.
bool parse_integer(std::string_view text, std::int64_t& value);
/// As OpenMetrics wants bounds and quantiles: the shortest form that reads back the same, and never
/// without a point or an exponent.
std::string open_metrics_float(double value);

}  // namespace collector::format
