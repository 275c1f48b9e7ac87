// The admin server's TLS as the `http` block has it at the moment. One thread.
#pragma once

#include "net/tls.hpp"
#include "pipeline/config_blocks.hpp"

#include <memory>
#include <optional>

namespace collector::pipeline {
class Controller;
}

namespace collector::admin {

class ServerTls {
 public:
  explicit ServerTls(pipeline::Controller& controller) : controller_(controller) {}

  /// What a connection that begins now is served with; null: in the clear. Files are read again, so
  /// that a renewed certificate is served without a reload. While they cannot be used, what they
  /// held before goes on; where the block itself has changed it is an error, since what it asks of
  /// clients may be more than before.
  Result<std::shared_ptr<net::TlsContext>> now();
  /// As now(), for what a server does with a connection.
  static Task<Result<std::unique_ptr<Stream>>> admit(std::shared_ptr<ServerTls> self,
                                                     std::unique_ptr<Stream> stream,
                                                     std::stop_token stop);

 private:
  pipeline::Controller& controller_;
  std::optional<pipeline::HttpTls> block_;  ///< that context_ was made for
  net::TlsServerSettings settings_;
  std::shared_ptr<net::TlsContext> context_;
};

}  // namespace collector::admin
