#include "receive/blackbox/probe.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>

namespace collector::receive::blackbox {
namespace {

bool is_ip6(const std::string& address) { return address.find(':') != std::string::npos; }

}  // namespace

std::string address_bytes(const std::string& address) {
  for (const int family : {AF_INET, AF_INET6}) {
    std::string bytes(family == AF_INET ? 4 : 16, '\0');
    if (inet_pton(family, address.c_str(), bytes.data()) == 1) return bytes;
  }
  return {};
}

std::uint32_t address_hash(const std::string& address) {
  std::uint32_t hash = 2166136261;
  for (const char c : address_bytes(address)) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 16777619;
  }
  return hash;
}

std::optional<HostPort> split_host_port(std::string_view text) {
  HostPort out;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') != host.ends_with(']')) return std::nullopt;
  if (host.starts_with('['))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return std::nullopt;
  return HostPort{std::string(host), std::string(text.substr(colon + 1))};
}

std::optional<std::uint16_t> port_number(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

Task<Result<std::vector<std::string>>> addresses_of(Probe& probe, std::string host) {
  if (!address_bytes(host).empty()) co_return std::vector<std::string>{host};
  auto found = co_await probe.seams.network.addresses(std::move(host), probe.stop);
  co_return found;
}

Task<ChosenAddress> choose_address(Probe& probe, std::string host, const AddressChoice& choice) {
  const Instant begin = probe.now();
  auto addresses = co_await addresses_of(probe, host);
  ChosenAddress chosen{{}, probe.seconds_since(begin)};
  const bool six = choice.prefers_ip6();
  if (addresses) {
    for (const std::string& one : *addresses) {
      if (is_ip6(one) == six) {
        chosen.address = one;
        break;
      }
      if (choice.ip_protocol_fallback && chosen.address.empty()) chosen.address = one;
    }
    if (chosen.address.empty())
      probe.fails(fmt::format("{} has no {} address", host, six ? "ip6" : "ip4"));
  } else {
    probe.fails(addresses.error());
  }
  const bool found = !chosen.address.empty();
  const double protocol = is_ip6(chosen.address) ? 6 : 4;
  probe.gauge("probe_dns_lookup_time_seconds",
              "Returns the time taken for probe dns lookup in seconds", chosen.lookup_seconds);
  probe.gauge("probe_ip_protocol", "Specifies whether probe ip protocol is IP4 or IP6",
              found ? protocol : 0);
  probe.gauge("probe_ip_addr_hash",
              "Specifies the hash of IP address. It's useful to detect if the IP address changes.",
              found ? address_hash(chosen.address) : 0);
  co_return chosen;
}

void write_tls(Probe& probe, const net::TlsPeer& peer, bool chain_expiry, bool cipher) {
  probe.gauge("probe_ssl_earliest_cert_expiry", "Returns last SSL chain expiry in unixtime",
              static_cast<double>(peer.earliest_expiry));
  probe.gauge("probe_tls_version_info", "Returns the TLS version used or NaN when unknown", 1,
              {{"version", peer.version}});
  if (cipher)
    probe.gauge("probe_tls_cipher_info", "Returns the TLS cipher negotiated during handshake", 1,
                {{"cipher", peer.cipher}});
  if (chain_expiry)
    probe.gauge("probe_ssl_last_chain_expiry_timestamp_seconds",
                "Returns last SSL chain expiry in timestamp",
                static_cast<double>(peer.chain_expiry));
  probe.gauge("probe_ssl_last_chain_info", "Contains SSL leaf certificate information", 1,
              {{"fingerprint_sha256", peer.fingerprint},
               {"issuer", peer.issuer},
               {"serialnumber", peer.serial},
               {"subject", peer.subject},
               {"subjectalternative", peer.dns_names}});
}

Task<Result<std::unique_ptr<net::TlsStream>>> secure(Probe& probe, const TlsConfig& config,
                                                     std::unique_ptr<Stream> inner,
                                                     std::string name,
                                                     std::vector<std::string> alpn) {
  using Secured = Result<std::unique_ptr<net::TlsStream>>;
  auto settings = tls_settings(probe.seams.files, config);
  if (!settings) co_return Secured(settings.error());
  settings->alpn = std::move(alpn);
  auto context = net::TlsContext::client(*settings);
  if (!context) co_return Secured(context.error());
  auto stream =
      co_await net::tls_connect(std::move(*context), std::move(inner), std::move(name), probe.stop);
  co_return stream;
}

}  // namespace collector::receive::blackbox
