#include "facade/advertise.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>

#include <algorithm>
#include <memory>

namespace collector::facade {
namespace {

/// 0 is best; 4 is never chosen.
int rank(const std::string& address) {
  if (address.starts_with("127.") || address == "::1") return 4;
  const bool v6 = address.find(':') != std::string::npos;
  const bool local = v6 ? address.starts_with("fe80:") : address.starts_with("169.254.");
  return (local ? 2 : 0) + (v6 ? 1 : 0);
}

}  // namespace

std::string best_address(const std::vector<std::string>& addresses) {
  const auto best =
      std::min_element(addresses.begin(), addresses.end(),
                       [](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return best == addresses.end() || rank(*best) == 4 ? std::string() : *best;
}

std::string interface_address(const std::vector<std::string>& names) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned(list, ::freeifaddrs);
  const bool all = names.size() == 1 && names.front() == "all";
  std::vector<std::string> found;
  const auto collect = [&](const std::string* name) {
    for (const ifaddrs* at = list; at; at = at->ifa_next) {
      if (!at->ifa_addr || (name && *name != at->ifa_name)) continue;
      const int family = at->ifa_addr->sa_family;
      if (family != AF_INET && family != AF_INET6) continue;
      char text[INET6_ADDRSTRLEN] = {};
      const void* ip = family == AF_INET
                           ? static_cast<const void*>(
                                 &reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr)
                           : &reinterpret_cast<const sockaddr_in6*>(at->ifa_addr)->sin6_addr;
      if (::inet_ntop(family, ip, text, sizeof text)) found.emplace_back(text);
    }
  };
  if (all)
    collect(nullptr);
  else
    for (const std::string& name : names) collect(&name);
  return best_address(found);
}

}  // namespace collector::facade
