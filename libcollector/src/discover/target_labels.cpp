#include "discover/target_labels.hpp"

#include <fmt/format.h>

namespace collector::discover {

std::string label_name(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xc0U) == 0x80U) continue;  // one per character, not byte
    const bool keep =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    out += keep ? c : '_';
  }
  return out;
}

std::string host_port(std::string_view host, std::string_view port) {
  return host.find(':') == host.npos ? fmt::format("{}:{}", host, port)
                                     : fmt::format("[{}]:{}", host, port);
}
std::string host_port(std::string_view host, long long port) {
  return host_port(host, fmt::format("{}", port));
}

}  // namespace collector::discover
