// Remote write 1.0 (prometheus.io/docs/specs/prw/remote_write_spec): prometheus.WriteRequest,
// snappy block format. Pure.
#pragma once

#include <collector/engine/signals.hpp>

#include "format/request_parts.hpp"
#include "model/series_table.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace collector::format {

/// Appends a part of a batch to `out`, uncompressed. Neighbouring samples of one series share a
/// TimeSeries. What is appended one after the other is one request. Start timestamps have no place
/// in it, nor have custom buckets: the cut must have left them out.
void append_write_request(const MetricColumns& columns, const RequestPart& part,
                          const model::SeriesTable& series, std::string& out);
/// Appends a body of either version, compressed when it is `compressed_from` bytes long or longer:
/// true then.
bool append_body(std::string_view plain, std::size_t compressed_from, std::string& out);
/// append_write_request(), compressed when it is `compressed_from` bytes long or longer: true then.
/// Of what is compressed no more than a block is there at a time, in `scratch`.
bool append_write_body(const MetricColumns& columns, const RequestPart& part,
                       const model::SeriesTable& series, std::size_t compressed_from,
                       std::string& scratch, std::string& out);
/// A compressed request body with metadata only.
std::string encode_remote_write_metadata(const std::vector<Metadata>& metadata);

}  // namespace collector::format
