// The part of Consul's HTTP API that discovery needs (developer.hashicorp.com/consul/api-docs),
// with its blocking queries. One loop.
#pragma once

#include "net/http_client_config.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace collector::platform {

struct ConsulAccess {
  std::string server, scheme, token, datacenter, ns, partition;
  net::HttpClientSettings http;
};
struct ConsulQuery {
  bool allow_stale = true;
  std::map<std::string, std::string> node_meta;
  std::uint64_t index = 0;  ///< answer when it has changed; 0: at once
  Duration wait{};          ///< or after this time
};
/// An instance of a service.
struct ConsulInstance {
  std::string node, node_address, id, address, ns, partition, health;
  std::int64_t port = 0;
  std::vector<std::string> tags;
  std::map<std::string, std::string> node_meta, service_meta, tagged_addresses;
};
template <class T>
struct ConsulAnswer {
  T value;
  std::uint64_t index = 0;
};

class ConsulClient {
 public:
  /// `server` is host:port, or unix:///path.
  static Result<std::shared_ptr<ConsulClient>> make(Seams& seams, ConsulAccess access);
  ~ConsulClient();

  /// The datacenter of the agent that answers.
  Task<Result<std::string>> datacenter(std::stop_token stop);
  using Services = std::map<std::string, std::vector<std::string>>;  ///< tags by name
  Task<Result<ConsulAnswer<Services>>> services(ConsulQuery query, std::stop_token stop);
  /// Instances that have all `tags`, whatever their health.
  Task<Result<ConsulAnswer<std::vector<ConsulInstance>>>> instances(std::string service,
                                                                    std::vector<std::string> tags,
                                                                    ConsulQuery query,
                                                                    std::stop_token stop);

 private:
  struct State;
  explicit ConsulClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace collector::platform
