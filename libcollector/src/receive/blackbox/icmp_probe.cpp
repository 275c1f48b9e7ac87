// The icmp prober (facts: prometheus/blackbox_exporter, prober/icmp.go).
#include "net/extended_network.hpp"
#include "receive/blackbox/probe.hpp"

#include <fmt/format.h>

#include <array>

namespace collector::receive::blackbox {
namespace {

constexpr std::string_view kPayload = "Prometheus Blackbox Exporter";
constexpr std::size_t kHeader = 8;

/// RFC 1071. ICMPv6 has a checksum of another kind, which the system makes.
std::uint16_t checksum(std::string_view bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::uint32_t byte = static_cast<unsigned char>(bytes[i]);
    sum += i % 2 == 0 ? byte << 8 : byte;
  }
  while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

void put16(std::string& bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<char>(value >> 8);
  bytes[at + 1] = static_cast<char>(value & 0xFF);
}

/// An echo request (RFC 792, RFC 4443, 4.1) with a checksum that ICMPv4 wants.
std::string echo(bool v6, std::uint16_t id, std::uint16_t sequence, std::size_t payload) {
  std::string out(kHeader + payload, '\0');
  out[0] = static_cast<char>(v6 ? 128 : 8);
  put16(out, 4, id);
  put16(out, 6, sequence);
  out.replace(kHeader, std::min(payload, kPayload.size()), kPayload, 0, payload);
  if (!v6) put16(out, 2, checksum(out));
  return out;
}

/// Whether `reply` answers `request`; the checksum and, where the system set it, the id may differ.
bool answers(std::string_view reply, std::string_view request, bool v6, bool id_is_ours) {
  if (reply.size() != request.size() || reply.size() < kHeader) return false;
  if (static_cast<unsigned char>(reply[0]) != (v6 ? 129 : 0) || reply[1] != 0) return false;
  const std::size_t from = id_is_ours ? 4 : 6;
  return reply.substr(from) == request.substr(from);
}

}  // namespace

Task<bool> probe_icmp(Probe& probe) {
  const IcmpProbe& config = probe.module.icmp;
  const auto phase = [&](std::string_view name, double value) {
    probe.gauge("probe_icmp_duration_seconds", "Duration of icmp request by phase", value,
                {{"phase", name}});
  };
  double setup = 0;
  double round_trip = 0;
  const auto durations = [&](double resolve) {
    phase("resolve", resolve);
    phase("rtt", round_trip);
    phase("setup", setup);
  };
  const ChosenAddress chosen = co_await choose_address(probe, probe.target, config.address);
  if (chosen.address.empty()) {
    durations(0);
    co_return false;
  }
  const Instant begin = probe.now();
  const bool v6 = chosen.address.find(':') != std::string::npos;
  net::DatagramOptions options;
  options.protocol = net::DatagramOptions::Protocol::icmp_echo;
  options.source = config.source_ip_address;
  options.hop_limit = static_cast<int>(config.ttl);
  options.dont_fragment = config.dont_fragment;
  auto socket = net::extended(probe.seams.network).datagrams(chosen.address, 0, options);
  if (!socket) {
    durations(chosen.lookup_seconds);
    co_return probe.fails(socket.error());
  }
  net::Datagrams& peer = **socket;
  const auto id = static_cast<std::uint16_t>(probe.seams.random.below(1U << 16));
  const auto sequence = static_cast<std::uint16_t>(probe.seams.random.below(1U << 16));
  const std::size_t payload =
      config.payload_size == 0 ? kPayload.size() : static_cast<std::size_t>(config.payload_size);
  const std::string request = echo(v6, id, sequence, payload);
  setup = probe.seconds_since(begin);
  const Instant sent = probe.now();
  Status status = co_await peer.send(std::as_bytes(std::span(request)), probe.stop);
  std::string buffer(1U << 16, '\0');
  while (status.ok()) {
    auto received = co_await peer.receive(std::as_writable_bytes(std::span(buffer)), probe.stop);
    if (!received) {
      status = received.error();
      break;
    }
    const std::string_view reply = std::string_view(buffer).substr(0, received->size);
    if (!answers(reply, request, v6, !peer.system_sets_echo_id())) continue;
    round_trip = probe.seconds_since(sent);
    if (received->hop_limit >= 0)
      probe.gauge("probe_icmp_reply_hop_limit", "Replied packet hop limit (TTL for ipv4)",
                  received->hop_limit);
    break;
  }
  durations(chosen.lookup_seconds);
  if (status.ok()) co_return true;
  if (probe.stop.stop_requested()) co_return probe.fails("no reply within the probe's timeout");
  co_return probe.fails(status);
}

}  // namespace collector::receive::blackbox
