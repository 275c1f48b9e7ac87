// Sockets, name resolution (c-ares) and inotify of this machine, on a SystemLoop.
#pragma once

#include "net/extended_network.hpp"
#include "net/system_loop.hpp"

#include <memory>

namespace collector::net {

class SystemNetwork final : public Network, public ExtendedNetwork {
 public:
  /// The loop outlives the network and everything it made.
  explicit SystemNetwork(SystemLoop& loop);
  SystemNetwork(const SystemNetwork&) = delete;
  SystemNetwork& operator=(const SystemNetwork&) = delete;
  ~SystemNetwork() override;

  Task<Result<std::unique_ptr<Stream>>> connect(std::string host, std::uint16_t port,
                                                std::stop_token stop) override;
  Task<Result<std::unique_ptr<Stream>>> connect_from(std::string source, std::string host,
                                                     std::uint16_t port,
                                                     std::stop_token stop) override;
  Result<std::unique_ptr<Datagrams>> datagrams(const std::string& address, std::uint16_t port,
                                               const DatagramOptions& options) override;
  Result<std::unique_ptr<Listener>> listen(const std::string& address, std::uint16_t port) override;
  Task<Result<std::vector<DnsRecord>>> resolve(std::string name, RecordType type,
                                               std::stop_token stop) override;
  Task<Result<std::vector<std::string>>> addresses(std::string host, std::stop_token stop) override;
  Result<std::shared_ptr<void>> watch(const std::string& path, Function<void()> changed) override;

 private:
  struct Inotify;
  class Resolver;
  Resolver& resolver();
  SystemLoop& loop_;
  std::unique_ptr<Resolver> resolver_;
  std::shared_ptr<Inotify> inotify_;
};

}  // namespace collector::net
