// The part of Docker's Engine API that discovery needs (docs.docker.com/reference/api/engine). One
// loop.
#pragma once

#include "net/http_client_config.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace collector::platform {

struct DockerPort {
  std::string ip, type;
  std::uint16_t private_port = 0, public_port = 0;  ///< public 0: not published
};
struct DockerEndpoint {
  std::string network_id, ip;  ///< IPv4, else the global IPv6 address, else empty
};
struct DockerContainer {
  std::string id, image, image_id, network_mode;
  std::vector<std::string> names;
  std::map<std::string, std::string> labels;
  std::vector<DockerPort> ports;
  std::map<std::string, DockerEndpoint> networks;  ///< by name
};
struct DockerNetwork {
  std::string id, name, scope;
  bool internal = false, ingress = false;
  std::map<std::string, std::string> labels;
};
/// Values by the name of the filter; all of them must fit.
using DockerFilters = std::map<std::string, std::vector<std::string>>;

class DockerClient {
 public:
  /// `host` is unix:///path, tcp://host:port, or an http or https URL; only the last two use
  /// `settings`. invalid_argument for anything else.
  static Result<std::shared_ptr<DockerClient>> make(Seams& seams, const std::string& host,
                                                    net::HttpClientSettings settings);
  ~DockerClient();

  /// The containers that run. Two calls may not overlap with the client's end: keep it by
  /// shared_ptr.
  Task<Result<std::vector<DockerContainer>>> containers(DockerFilters filters,
                                                        net::SendOptions options);
  Task<Result<std::vector<DockerNetwork>>> networks(net::SendOptions options);

 private:
  struct State;
  explicit DockerClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace collector::platform
