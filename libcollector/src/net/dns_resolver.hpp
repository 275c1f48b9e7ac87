// c-ares on a SystemLoop's sockets and timers. One thread.
#pragma once

#include "net/system_loop.hpp"

#include <memory>
#include <string>
#include <vector>

namespace collector::net {

/// Reads /etc/resolv.conf again when it changes.
class DnsResolver {
 public:
  explicit DnsResolver(SystemLoop& loop);
  DnsResolver(const DnsResolver&) = delete;
  DnsResolver& operator=(const DnsResolver&) = delete;
  ~DnsResolver();

  /// Addresses of a host, /etc/hosts included, in the order to try; numeric ones come back as they
  /// are.
  Task<Result<std::vector<std::string>>> addresses(std::string host, std::stop_token stop);
  /// See Network::resolve.
  Task<Result<std::vector<DnsRecord>>> query(std::string name, Network::RecordType type,
                                             std::stop_token stop);

 private:
  struct State;
  /// What asks as resolv.conf says now. Questions under way keep the one that they began with.
  std::shared_ptr<State> current();
  static Task<Result<std::vector<DnsRecord>>> ask(std::shared_ptr<State> state, std::string name,
                                                  Network::RecordType type, std::stop_token stop);

  SystemLoop& loop_;
  std::shared_ptr<State> state_;
};

}  // namespace collector::net
