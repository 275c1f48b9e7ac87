// The tcp and unix probers (facts: prometheus/blackbox_exporter, prober/tcp.go and unix.go).
#include "net/extended_network.hpp"
#include "receive/blackbox/probe.hpp"

#include <fmt/format.h>

namespace collector::receive::blackbox {
namespace {

/// Null when the target is not reached, which is noted.
Task<std::unique_ptr<Stream>> dial(Probe& probe, const std::optional<HostPort>& place) {
  using Dialled = std::unique_ptr<Stream>;
  const TcpProbe& config = probe.module.tcp;
  const auto port = place ? port_number(place->port) : std::nullopt;
  if (!port) {
    probe.fails(fmt::format("{} is no host:port", probe.target));
    co_return Dialled();
  }
  const ChosenAddress chosen = co_await choose_address(probe, place->host, config.address);
  if (chosen.address.empty()) co_return Dialled();
  Network& network = probe.seams.network;
  // Without a choice of source the plain connect is asked, which every network has.
  auto connecting = config.source_ip_address.empty()
                        ? network.connect(chosen.address, *port, probe.stop)
                        : net::extended(network).connect_from(config.source_ip_address,
                                                              chosen.address, *port, probe.stop);
  auto stream = co_await std::move(connecting);
  if (stream) co_return std::move(*stream);
  probe.fails(stream.error());
  co_return Dialled();
}

}  // namespace

Task<bool> probe_tcp(Probe& probe) {
  const auto place = split_host_port(probe.target);
  auto stream = co_await dial(probe, place);
  std::string name = probe.hostname;
  if (name.empty() && place) name = place->host;
  const bool success =
      co_await converse(probe, probe.module.tcp.conversation, std::move(stream), std::move(name));
  co_return success;
}

Task<bool> probe_unix(Probe& probe) {
  std::unique_ptr<Stream> stream;
  if (probe.target.starts_with('/')) {
    auto connected = co_await probe.seams.network.connect(probe.target, 0, probe.stop);
    if (connected)
      stream = std::move(*connected);
    else
      probe.fails(connected.error());
  } else {
    probe.fails(fmt::format("{} is no absolute path of a socket", probe.target));
  }
  const bool success = co_await converse(probe, probe.module.unix_socket.conversation,
                                         std::move(stream), std::string());
  co_return success;
}

}  // namespace collector::receive::blackbox
