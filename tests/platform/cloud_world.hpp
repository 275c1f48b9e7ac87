// A simulated network with token servers and metadata services, and an environment that points
// there.
#pragma once

#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "net/http_client_config.hpp"
#include "net/http_server.hpp"
#include "platform/cloud_credentials.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace collector {

struct CloudWorld {
  testing::SeededRandom random{1};
  testing::SimulatedLoop loop{{1'440'938'160'000'000'000}};  // 2015-08-30T12:36:00Z
  testing::SimulatedNetwork network{loop, random};
  testing::SimulatedFiles files{loop, random};
  Seams seams{loop, network, files, random};
  std::map<std::string, std::string> variables;
  std::vector<std::unique_ptr<net::HttpServer>> servers;
  std::vector<net::Request> seen;  ///< by all servers

  platform::Environment environment() {
    return [this](const char* name) {
      const auto at = variables.find(name);
      return at == variables.end() ? std::string() : at->second;
    };
  }

  /// A server on port 80 of `host`.
  void serve(const std::string& host, std::function<net::Response(const net::Request&)> answer) {
    network.listen_as(host);
    auto listener = network.listen("", 80);
    REQUIRE(listener.has_value());
    servers.push_back(std::make_unique<net::HttpServer>(
        loop,
        [this, answer](net::Request r) -> Task<net::Response> {
          seen.push_back(r);
          co_return answer(r);
        },
        net::HttpServer::Options{}));
    servers.back()->serve(std::move(*listener));
  }

  static net::Response body(std::string text, int status = 200) {
    net::Response response;
    response.status = status;
    response.body = std::move(text);
    return response;
  }

  struct Authorized {
    Status status;
    net::Request request;
    std::string header() const { return std::string(request.headers.get("Authorization")); }
  };
  /// A request as `authorizer` lets it out.
  Authorized authorize(net::RequestAuthorizer& authorizer) {
    Authorized out;
    out.request.method = "POST";
    out.request.url = "https://metrics.example.com/api/v1/write";
    out.request.body = "samples";
    std::optional<Status> status;
    spawn(authorizer.authorize(out.request, {}), [&](Status s) { status = std::move(s); });
    REQUIRE(loop.run_until([&] { return status.has_value(); }, std::chrono::minutes(1)));
    out.status = *status;
    return out;
  }

  ~CloudWorld() {
    for (auto& server : servers) server->close();
    loop.run_for(std::chrono::minutes(5));
  }
};

/// The value of a field of a form.
inline std::string field(const net::Request& request, std::string_view name) {
  return net::query_value("?" + request.body, name).value_or("-");
}

}  // namespace collector
