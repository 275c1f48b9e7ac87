#include "base/base64.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace collector::base {

std::string base64(std::string_view plain, bool url) {
  std::string out((plain.size() + 2) / 3 * 4 + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(plain.data()),
                                static_cast<int>(plain.size()));
  out.resize(static_cast<std::size_t>(n));
  if (url) {
    std::replace(out.begin(), out.end(), '+', '-');
    std::replace(out.begin(), out.end(), '/', '_');
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text, bool url) {
  std::string in;
  for (const char c : text) {
    if (c == '\r' || c == '\n') continue;
    const bool common = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!common && c != '=' && c != (url ? '-' : '+') && c != (url ? '_' : '/'))
      return std::nullopt;
    in += c == '-' ? '+' : c == '_' ? '/' : c;
  }
  const std::size_t padding = in.size() - std::min(in.find('='), in.size());
  if (in.size() % 4 != 0 || padding > 2 ||
      in.find_first_not_of('=', in.size() - padding) != in.npos)
    return std::nullopt;
  if (in.empty()) return std::string();
  std::string out(in.size() / 4 * 3, '\0');
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(in.data()),
                                static_cast<int>(in.size()));
  if (n < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(n) - padding);
  return out;
}

}  // namespace collector::base
