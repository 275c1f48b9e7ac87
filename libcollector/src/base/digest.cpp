#include "base/digest.hpp"

#include <openssl/evp.h>

namespace collector::base {

std::uint64_t hashmod(std::string_view bytes, std::uint64_t modulus) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_md5(), nullptr);
  std::uint64_t tail = 0;
  for (int i = 8; i < 16; ++i) tail = tail << 8 | digest[i];
  return tail % modulus;
}

}  // namespace collector::base
