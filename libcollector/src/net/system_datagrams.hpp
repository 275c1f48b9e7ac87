// Sockets of this machine for UDP and ICMP echoes, on a SystemLoop.
#pragma once

#include "net/extended_network.hpp"
#include "net/system_loop.hpp"

#include <memory>
#include <string>

namespace collector::net {

/// See ExtendedNetwork::datagrams. Echoes go through the socket that needs no privilege (icmp(7),
/// ping_group_range) where the system allows it, else through a raw one.
Result<std::unique_ptr<Datagrams>> system_datagrams(SystemLoop& loop, const std::string& address,
                                                    std::uint16_t port,
                                                    const DatagramOptions& options);

}  // namespace collector::net
