// Changes to remote write 1.0 requests that are encoded already: what an outbox needs when a
// request got too old or is too large. Uncompressed bodies. Pure.
#pragma once

#include <collector/engine/status.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace collector::format {

/// Takes samples older than `cutoff_ms` out of `body`, and series that have none left; says how
/// many samples went. data_loss when it is no request; then `body` is as before.
Result<std::uint32_t> drop_older_samples(std::string& body, std::int64_t cutoff_ms);

struct WriteRequestPart {
  std::string body;
  std::uint32_t samples = 0;
};
/// The request as two, each with about half of the series; a request of one series has an empty
/// second half.
Result<std::pair<WriteRequestPart, WriteRequestPart>> halve_write_request(const std::string& body);

}  // namespace collector::format
