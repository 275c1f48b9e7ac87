// Signatures with a private RSA key.
#pragma once

#include <collector/engine/status.hpp>

#include <string>
#include <string_view>

namespace collector::net {

/// RSASSA-PKCS1-v1_5 over SHA-256 (RFC 7518, 3.3). `pem` is a private key without a passphrase,
/// PKCS #1 or #8; invalid_argument when it is not. No error repeats any of it.
Result<std::string> rs256(std::string_view pem, std::string_view bytes);

}  // namespace collector::net
