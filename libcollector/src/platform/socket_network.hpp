// A network in which every connection goes through one Unix socket: for daemons that speak HTTP
// there. One loop.
#pragma once

#include <collector/engine/seams.hpp>

#include <string>
#include <utility>

namespace collector::platform {

class SocketNetwork final : public Network {
 public:
  /// `outside` outlives it.
  SocketNetwork(Network& outside, std::string path) : outside_(outside), path_(std::move(path)) {}

  Task<Result<std::unique_ptr<Stream>>> connect(std::string, std::uint16_t port,
                                                std::stop_token stop) override {
    return outside_.connect(path_, port, std::move(stop));
  }
  Result<std::unique_ptr<Listener>> listen(const std::string& address,
                                           std::uint16_t port) override {
    return outside_.listen(address, port);
  }
  Task<Result<std::vector<DnsRecord>>> resolve(std::string name, RecordType type,
                                               std::stop_token stop) override {
    return outside_.resolve(std::move(name), type, std::move(stop));
  }
  Result<std::shared_ptr<void>> watch(const std::string& path, Function<void()> changed) override {
    return outside_.watch(path, std::move(changed));
  }

 private:
  Network& outside_;
  std::string path_;
};

}  // namespace collector::platform
