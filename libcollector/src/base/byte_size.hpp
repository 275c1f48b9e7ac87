// Sizes as people write them.
#pragma once

#include <cstdint>
#include <string_view>

namespace collector::base {

/// `1KiB`, `5MB`, `1.5GiB`; bare digits are bytes. Both spellings count in powers of two, as
/// Prometheus reads them. False, and `bytes` is as it was, for anything else and from 2^63 on.
bool parse_bytes(std::string_view text, std::int64_t& bytes);

}  // namespace collector::base
