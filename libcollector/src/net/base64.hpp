// Base64 (RFC 4648, 4) by OpenSSL.
#pragma once

#include <openssl/evp.h>

#include <string>
#include <string_view>

namespace collector::net {

inline std::string base64(std::string_view plain) {
  std::string out((plain.size() + 2) / 3 * 4 + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(plain.data()),
                                static_cast<int>(plain.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

}  // namespace collector::net
