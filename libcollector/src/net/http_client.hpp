// An HTTP client: pooled connections, HTTP/1.1 and TLS. One loop.
#pragma once

#include "net/http.hpp"
#include "net/tls.hpp"

#include <memory>
#include <string>

namespace collector::net {

/// How a client reaches its servers, apart from what a request says.
struct ConnectSettings {
  TlsSettings tls;
  /// Proxy for every request, or empty; with user and password where it wants them.
  std::optional<Url> proxy;
  Headers proxy_headers;  ///< of CONNECT requests
  Budget budget{};        ///< pays for what responses take
};

class HttpClient {
 public:
  HttpClient(Loop& loop, Network& network, ConnectSettings settings = {});
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// One request, one response; redirects and credentials are the caller's. A pooled connection
  /// that the server had closed is replaced once, when nothing of an answer had arrived. Errors:
  /// unavailable, deadline_exceeded, cancelled, out_of_range (over a size cap), data_loss (no
  /// HTTP), unauthenticated (certificate), resource_exhausted (no room in the budget).
  Task<Result<Response>> send(Request request, SendOptions options);
  /// The same of a request that is asked again and again: it is read where it is and outlives the
  /// call. `url` stands for the request's.
  Task<Result<Response>> ask(const Request& request, Url url, SendOptions options);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace collector::net
