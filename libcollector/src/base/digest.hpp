// Message digests by OpenSSL.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace collector::base {

/// Prometheus' hashmod: the last eight bytes of the MD5 digest as a big-endian number, modulo
/// `modulus`, which is not 0.
std::uint64_t hashmod(std::string_view bytes, std::uint64_t modulus);

/// 32 bytes (FIPS 180-4).
std::string sha256(std::string_view bytes);
/// 32 bytes (RFC 2104 over SHA-256).
std::string hmac_sha256(std::string_view key, std::string_view bytes);
/// Two small letters or digits a byte.
std::string hex(std::string_view bytes);

}  // namespace collector::base
