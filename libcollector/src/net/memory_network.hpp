// Streams in memory, and a network that leads some names to handlers in this process. One loop.
#pragma once

#include "net/extended_network.hpp"
#include "net/http_server.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace collector::net {

/// Two ends of one connection: what is written to one is read from the other.
std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> memory_pipe(Loop& loop,
                                                                        std::string first_peer,
                                                                        std::string second_peer);

/// A network in which connections to an added `host:port` never leave the process.
class MemoryRoutes final : public Network, public ExtendedNetwork {
 public:
  MemoryRoutes(Loop& loop, Network& outside, Budget budget = Budget())
      : loop_(loop), outside_(outside), budget_(std::move(budget)) {}

  void add(std::string host_and_port, HttpHandler handler);

  Task<Result<std::unique_ptr<Stream>>> connect(std::string host, std::uint16_t port,
                                                std::stop_token stop) override;
  Task<Result<std::unique_ptr<Stream>>> connect_from(std::string source, std::string host,
                                                     std::uint16_t port,
                                                     std::stop_token stop) override {
    return extended(outside_).connect_from(std::move(source), std::move(host), port,
                                           std::move(stop));
  }
  Result<std::unique_ptr<Datagrams>> datagrams(const std::string& address, std::uint16_t port,
                                               const DatagramOptions& options) override {
    return extended(outside_).datagrams(address, port, options);
  }
  Result<std::unique_ptr<Listener>> listen(const std::string& address,
                                           std::uint16_t port) override {
    return outside_.listen(address, port);
  }
  Task<Result<std::vector<DnsRecord>>> resolve(std::string name, RecordType type,
                                               std::stop_token stop) override {
    return outside_.resolve(std::move(name), type, std::move(stop));
  }
  Task<Result<std::vector<std::string>>> addresses(std::string host,
                                                   std::stop_token stop) override {
    return outside_.addresses(std::move(host), std::move(stop));
  }
  Result<std::shared_ptr<void>> watch(const std::string& path, Function<void()> changed) override {
    return outside_.watch(path, std::move(changed));
  }

 private:
  Loop& loop_;
  Network& outside_;
  Budget budget_;
  std::map<std::string, std::unique_ptr<HttpServer>> routes_;
};

}  // namespace collector::net
