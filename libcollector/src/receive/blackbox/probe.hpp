// What the probers share: a probe under way, the choice of an address, and the families about
// addresses and TLS. One loop.
#pragma once

#include "net/tls.hpp"
#include "receive/blackbox/modules.hpp"
#include "receive/families.hpp"

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace collector::receive::blackbox {

/// One probe. Whoever awaits a prober owns it and what it refers to.
class Probe {
 public:
  Probe(Seams& s, const Module& m, std::string t, std::stop_token until)
      : seams(s), module(m), target(std::move(t)), stop(std::move(until)) {}

  Seams& seams;
  const Module& module;
  std::string target;
  std::string hostname;  ///< of the URL parameter: the Host header, the name in TLS
  std::stop_token stop;  ///< requested at the deadline
  Families families;
  std::vector<std::string> notes;  ///< what happened, and at last why it failed

  void gauge(std::string_view name, std::string_view help, double value, Labels labels = {}) {
    families.gauge(name, help, value, labels);
  }
  /// Notes why and is false: `co_return probe.fails(...)`.
  bool fails(std::string why) {
    notes.push_back(std::move(why));
    return false;
  }
  bool fails(const Status& why) { return fails(why.what()); }
  Instant now() const { return seams.loop.now(); }
  double seconds_since(Instant begin) const {
    return std::chrono::duration<double>(now() - begin).count();
  }
};

/// True when the target is as the module wants it.
Task<bool> probe_http(Probe& probe);
Task<bool> probe_tcp(Probe& probe);
Task<bool> probe_unix(Probe& probe);
Task<bool> probe_dns(Probe& probe);
Task<bool> probe_icmp(Probe& probe);
Task<bool> probe_grpc(Probe& probe);

struct ChosenAddress {
  std::string address;      ///< numeric; empty when there is none, which is noted
  double lookup_seconds{};  ///< how long the resolver took
};
/// One address of `host`, as blackbox_exporter chooses it, and its families.
Task<ChosenAddress> choose_address(Probe& probe, std::string host, const AddressChoice& choice);

/// All addresses of `host`, which may be one itself.
Task<Result<std::vector<std::string>>> addresses_of(Probe& probe, std::string host);

/// Bytes of a numeric address, 4 or 16; empty when it is none.
std::string address_bytes(const std::string& address);
/// FNV-1a of an address' bytes.
std::uint32_t address_hash(const std::string& address);

struct HostPort {
  std::string host, port;
};
/// `host:port` or `[host]:port`; nothing for anything else.
std::optional<HostPort> split_host_port(std::string_view text);
std::optional<std::uint16_t> port_number(std::string_view text);

/// The families about a TLS connection; the cipher is HTTP's only.
void write_tls(Probe& probe, const net::TlsPeer& peer, bool chain_expiry, bool cipher);

/// TLS by `config` over `inner`, with `name` for the server where the configuration has none.
Task<Result<std::unique_ptr<net::TlsStream>>> secure(Probe& probe, const TlsConfig& config,
                                                     std::unique_ptr<Stream> inner,
                                                     std::string name,
                                                     std::vector<std::string> alpn = {});

/// A conversation over a connected stream (query_response); `name` is the server's in TLS. Without
/// a stream it fails, and writes its families all the same.
Task<bool> converse(Probe& probe, const Conversation& conversation, std::unique_ptr<Stream> stream,
                    std::string name);

}  // namespace collector::receive::blackbox
