// Remote write 1.0 (prometheus.io/docs/specs/prw/remote_write_spec): prometheus.WriteRequest,
// snappy block format. Pure.
#pragma once

#include <collector/engine/signals.hpp>

#include "model/series_table.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace collector::format {

/// Appends samples begin..end-1 to `out`, uncompressed. Neighbours of one series share a
/// TimeSeries. What is appended one after the other is one request.
void append_write_request(const MetricColumns& columns, std::size_t begin, std::size_t end,
                          const model::SeriesTable& series, std::string& out);
/// A compressed request body with metadata only.
std::string encode_remote_write_metadata(const std::vector<Metadata>& metadata);

}  // namespace collector::format
