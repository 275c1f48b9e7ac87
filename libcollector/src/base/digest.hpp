// Message digests by OpenSSL.
#pragma once

#include <cstdint>
#include <string_view>

namespace collector::base {

/// Prometheus' hashmod: the last eight bytes of the MD5 digest as a big-endian number, modulo
/// `modulus`, which is not 0.
std::uint64_t hashmod(std::string_view bytes, std::uint64_t modulus);

}  // namespace collector::base
