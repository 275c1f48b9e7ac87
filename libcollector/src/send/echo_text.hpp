// A batch as an exposition: what prometheus.echo prints. Pure.
#pragma once

#include <collector/engine/signals.hpp>

#include <string>

namespace collector::send {

enum class EchoFormat : std::uint8_t { text, openmetrics };

/// Families by name, series in the order of the batch; types where the batch says them, values as
/// Go prints them, timestamps in ms (text) or seconds (OpenMetrics). Native histograms are shown as
/// buckets, exemplars in OpenMetrics only: the text format has no place for them.
std::string exposition_text(const Metrics& batch, const model::SeriesTable& series,
                            EchoFormat format);

}  // namespace collector::send
