// The address that other nodes of a cluster are told, from this machine's interfaces.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace collector::facade {

/// Of addresses in the order of their interfaces the best, as Alloy chooses (grafana/ckit,
/// advertise): IPv4, then IPv6, then the link-local ones of each; loopback never. Empty: none.
std::string best_address(const std::vector<std::string>& addresses);

/// The best address of the named interfaces, in that order; `all` means every one. Empty: none.
std::string interface_address(const std::vector<std::string>& names);

}  // namespace collector::facade
