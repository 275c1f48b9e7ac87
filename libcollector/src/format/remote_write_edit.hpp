// Changes to remote write requests that are encoded already: what an outbox needs when a request
// got too old, is too large, or is in a version that the server does not speak. Uncompressed
// bodies; data_loss when they are no requests of that version. Pure.
#pragma once

#include <collector/engine/status.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace collector::format {

enum class WriteVersion : std::uint8_t { v1 = 1, v2 = 2 };

struct RequestCounts {
  std::uint32_t samples = 0, histograms = 0, exemplars = 0;
  std::uint32_t items() const { return samples + histograms; }
  friend bool operator==(const RequestCounts&, const RequestCounts&) = default;
};

Result<RequestCounts> count_request(WriteVersion version, std::string_view body);

/// Takes what is older than `cutoff_ms` out of `body`, and series that have neither samples nor
/// histograms left; says what went. After an error `body` is as before.
Result<RequestCounts> drop_older(WriteVersion version, std::string& body, std::int64_t cutoff_ms);

struct RequestHalf {
  std::string body;
  RequestCounts counts;
};
enum class CutAt : std::uint8_t {
  series,
  /// Only where the labels `job` and `instance` change, which say what series were scraped from.
  source
};
/// The request as two, each with about half of the series; the second is empty where there is
/// nothing to cut at, as in a request of one series.
Result<std::pair<RequestHalf, RequestHalf>> halve_request(WriteVersion version,
                                                          const std::string& body,
                                                          CutAt at = CutAt::series);

struct Downgraded {
  std::string body;
  RequestCounts counts;              ///< of the body
  std::uint32_t custom_buckets = 0;  ///< histograms that 1.0 has no place for
  std::uint32_t lost_exemplars = 0;  ///< of series that only had those
};
/// A request of 2.0 as one of 1.0. Metadata and start timestamps have no place in it.
Result<Downgraded> to_version_1(std::string_view body);

}  // namespace collector::format
