// The addresses of --cluster.join-addresses and what they resolve to, as Alloy reads them (facts:
// grafana/alloy, docs/sources/reference/cli/run.md, "Join Address Format").
#pragma once

#include <collector/engine/seams.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace collector::sharding {

/// `host:port`, IPv6 hosts in brackets, both ways. Nothing when `text` has no port or no host.
std::optional<std::pair<std::string, std::uint16_t>> split_host_port(std::string_view text);
std::string join_host_port(std::string_view host, std::uint16_t port);

struct JoinAddress {
  enum class Lookup : std::uint8_t {
    any,       ///< an address as it is; else A and AAAA; else SRV
    a,         ///< dns+
    srv,       ///< dnssrv+: the targets' addresses
    srv_no_a,  ///< dnssrvnoa+: the targets' names
  };
  std::string text;  ///< as it was given
  Lookup lookup = Lookup::any;
  std::string host;
  std::uint16_t port = 0;  ///< also of SRV targets, whatever the record says: Alloy's way
};
Result<JoinAddress> parse_join_address(std::string_view text, std::uint16_t default_port);

/// Each `host:port` once, at least one, or why there is none.
Task<Result<std::vector<std::string>>> look_up(Network& network, JoinAddress address,
                                               std::stop_token stop);

}  // namespace collector::sharding
