// Message digests by OpenSSL.
#pragma once

#include <cstdint>
#include <string_view>

namespace collector::base {

/// The last eight bytes of the MD5 digest as a big-endian number: what Prometheus' hashmod divides.
std::uint64_t md5_tail(std::string_view bytes);

}  // namespace collector::base
