// A network whose connections are spread over all addresses of a name: each goes to one by chance.
// One loop.
#pragma once

#include <collector/engine/seams.hpp>

namespace collector::net {

class SpreadNetwork final : public Network {
 public:
  /// Both outlive it and its connections.
  SpreadNetwork(Network& network, Random& random) : network_(network), random_(random) {}

  /// Where the addresses cannot be had, as the network below does.
  Task<Result<std::unique_ptr<Stream>>> connect(std::string host, std::uint16_t port,
                                                std::stop_token stop) override;
  Result<std::unique_ptr<Listener>> listen(const std::string& address,
                                           std::uint16_t port) override {
    return network_.listen(address, port);
  }
  Task<Result<std::vector<DnsRecord>>> resolve(std::string name, RecordType type,
                                               std::stop_token stop) override {
    return network_.resolve(std::move(name), type, std::move(stop));
  }
  Task<Result<std::vector<std::string>>> addresses(std::string host,
                                                   std::stop_token stop) override {
    return network_.addresses(std::move(host), std::move(stop));
  }
  Result<std::shared_ptr<void>> watch(const std::string& folder,
                                      Function<void()> changed) override {
    return network_.watch(folder, std::move(changed));
  }

 private:
  Network& network_;
  Random& random_;
};

}  // namespace collector::net
