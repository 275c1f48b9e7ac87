// A server's TLS as its block has it at the moment. One thread.
#pragma once

#include "base/log.hpp"
#include "net/tls.hpp"
#include "pipeline/config_blocks.hpp"

#include <memory>
#include <optional>
#include <string>

namespace collector::pipeline {

class ServedTls {
 public:
  /// `whose` is in the log: `the admin server`. `files` outlives it and its tasks.
  ServedTls(Files& files, base::Logger log, std::string whose)
      : files_(files), log_(std::move(log)), whose_(std::move(whose)) {}

  /// What a connection that begins now is served with; null: in the clear. Files are read again, so
  /// that a renewed certificate is served without a reload. While they cannot be used, what they
  /// held before goes on; where the block itself has changed it is an error, since what it asks of
  /// clients may be more than before.
  Result<std::shared_ptr<net::TlsContext>> now(const std::optional<HttpTls>& block);
  /// As now(), for what a server does with a connection.
  static Task<Result<std::unique_ptr<Stream>>> admit(std::shared_ptr<ServedTls> self,
                                                     std::optional<HttpTls> block,
                                                     std::unique_ptr<Stream> stream,
                                                     std::stop_token stop);

 private:
  Files& files_;
  base::Logger log_;
  std::string whose_;
  std::optional<HttpTls> block_;  ///< that context_ was made for
  net::TlsServerSettings settings_;
  std::shared_ptr<net::TlsContext> context_;
};

}  // namespace collector::pipeline
