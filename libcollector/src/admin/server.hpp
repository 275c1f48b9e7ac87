// The admin server: own metrics, readiness, reload, a JSON API and pages without script. One
// thread.
#pragma once

#include <collector/engine/seams.hpp>

#include <memory>
#include <string>

namespace collector::pipeline {
class Controller;
}

namespace collector::sharding {
class ProbedMembership;
}

namespace collector::admin {

class AdminServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";
    std::uint16_t port = 12345;
    std::string ui_path_prefix = "/";
    Function<Task<Status>()> reload;  ///< what POST /-/reload asks for
    /// Its probes are answered here; outlives the server. Null: this node is alone.
    sharding::ProbedMembership* cluster = nullptr;
  };
  /// The controller outlives the server.
  AdminServer(pipeline::Controller& controller, Options options);
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;
  ~AdminServer();

  /// failed_precondition or invalid_argument when TLS is asked for and cannot be had.
  Status listen();
  /// After another configuration was loaded: whether its TLS can be had. The listener stays;
  /// connections that begin from now on are served as it says.
  Status reload();
  /// The port that was bound.
  std::uint16_t port() const;
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Whether a Host header names this machine in a way that a rebound DNS name cannot: an address,
/// `localhost` or the machine's own name.
bool is_own_host(std::string_view host_header, std::string_view machine_name);

}  // namespace collector::admin
