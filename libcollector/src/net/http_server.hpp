// An HTTP/1.1 server over a Listener. One loop.
#pragma once

#include "net/http.hpp"

#include <functional>
#include <memory>

namespace collector::net {

using HttpHandler = std::function<Task<Response>(Request)>;
/// What a connection goes through before its first request, such as a TLS handshake.
using Admission =
    std::function<Task<Result<std::unique_ptr<Stream>>>(std::unique_ptr<Stream>, std::stop_token)>;

class HttpServer {
 public:
  struct Options {
    std::size_t max_body = 20U << 20;
    /// Bodies in gzip or zstd are decoded before the handler sees them, to this size at most; 0:
    /// they stay as they came.
    std::size_t max_decoded = 0;
    // 0: none.
    Duration idle_timeout = std::chrono::minutes(2);    ///< between requests
    Duration read_timeout = std::chrono::seconds(30);   ///< for one request to arrive whole
    Duration write_timeout = std::chrono::seconds(30);  ///< for a client to take 256 KiB
    std::size_t max_connections = 1024;                 ///< more are closed at once
    /// Told the status of an answer to what could not be read as a request.
    std::function<void(int)> on_unreadable;
    Admission admission;  ///< within read_timeout; empty: all come in as they are
    Budget budget{};  ///< pays for what requests and answers take; without room the answer is 503
  };
  HttpServer(Loop& loop, HttpHandler handler, Options options);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  /// Serves what arrives until close().
  void serve(std::unique_ptr<Listener> listener);
  /// Serves one connection that came another way, such as from memory.
  void serve(std::unique_ptr<Stream> stream);
  std::uint16_t port() const;
  std::size_t connections() const;
  /// Stops listening and ends idle connections; answers under way are finished by their tasks.
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace collector::net
