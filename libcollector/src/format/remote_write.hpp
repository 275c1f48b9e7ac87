// Remote write 1.0 (prometheus.io/docs/specs/prw/remote_write_spec): prometheus.WriteRequest,
// snappy block format. Pure.
#pragma once

#include <collector/engine/signals.hpp>

#include "model/series_table.hpp"

#include <string>
#include <vector>

namespace collector::format {

/// Neighbouring samples of one series share a TimeSeries. Uncompressed; replaces `out`, keeps its
/// capacity.
void encode_write_request(const MetricColumns& columns, const model::SeriesTable& series,
                          std::string& out);
/// A whole request body: the above, compressed.
std::string encode_remote_write(const MetricColumns& columns, const model::SeriesTable& series);
/// A request body with metadata only.
std::string encode_remote_write_metadata(const std::vector<Metadata>& metadata);

}  // namespace collector::format
