// The block `http` of components that listen, and what Alloy's servers have beside it. Values only.
#pragma once

#include <collector/engine/component.hpp>

#include "net/http_server.hpp"
#include "pipeline/config_blocks.hpp"
#include "pipeline/served_tls.hpp"

#include <optional>
#include <string>

namespace collector::pipeline {

struct HttpServerTls {
  std::string cert_pem, cert_file;
  SecretText key_pem;
  std::string key_file;
  std::string client_ca_pem, client_ca, client_ca_file;
  std::string client_auth_type = "NoClientCert";
  std::string cipher_suites, min_version;
  static constexpr auto fields() {
    using T = HttpServerTls;
    return std::tuple{
        attr<&T::cert_pem>("cert_pem", "Certificate of the server, and those that lead to it."),
        attr<&T::cert_file>("cert_file", "File with it; read again when it changes."),
        attr<&T::key_pem>("key_pem", "Key of the certificate."),
        attr<&T::key_file>("key_file", "File with it; read again when it changes."),
        attr<&T::client_ca_pem>("client_ca_pem", "Authorities of clients' certificates."),
        attr<&T::client_ca>("client_ca", "The same, by the name that Alloy's code has for it."),
        attr<&T::client_ca_file>("client_ca_file", "File with them; read again when it changes."),
        attr<&T::client_auth_type>("client_auth_type",
                                   "What is asked of clients: NoClientCert, RequestClientCert, "
                                   "RequireAnyClientCert, VerifyClientCertIfGiven or "
                                   "RequireAndVerifyClientCert.")
            .check(HttpTls::check_client_auth),
        attr<&T::cipher_suites>("cipher_suites",
                                "Cipher suites to use, by IANA's names with commas between them.")
            .check(check_cipher_suites),
        attr<&T::min_version>(
            "min_version",
            "Oldest version: VersionTLS10, VersionTLS11, VersionTLS12, VersionTLS13.")
            .check(check_version)};
  }
  static Status check_cipher_suites(const std::string& names);
  static Status check_version(const std::string& name);
  Status validate() const;
  HttpTls block() const;
};

struct HttpListenArguments {
  std::string listen_address;
  std::int64_t listen_port = 8080;
  std::int64_t conn_limit = 0;
  Duration server_read_timeout = std::chrono::seconds(30);
  Duration server_write_timeout = std::chrono::seconds(30);
  Duration server_idle_timeout = std::chrono::seconds(120);
  std::optional<HttpServerTls> tls;
  static constexpr auto fields() {
    using T = HttpListenArguments;
    return std::tuple{
        attr<&T::listen_address>("listen_address",
                                 "Address or name to listen on; empty: all addresses."),
        attr<&T::listen_port>("listen_port", "Port to listen on; 0: any that is free.")
            .check(check_port),
        attr<&T::conn_limit>("conn_limit", "Most connections at a time; 0: no limit.")
            .check(check_limit),
        attr<&T::server_read_timeout>("server_read_timeout",
                                      "Time limit for a request to arrive; 0: none.")
            .check(check_timeout),
        attr<&T::server_write_timeout>(
            "server_write_timeout",
            "Time limit for a request to be answered, and for the answer to be taken; 0: none.")
            .check(check_timeout),
        attr<&T::server_idle_timeout>("server_idle_timeout",
                                      "How long a connection may wait between requests; 0: none.")
            .check(check_timeout),
        block<&T::tls>("tls", "Serve over TLS.")};
  }
  static Status check_port(const std::int64_t& port);
  static Status check_limit(const std::int64_t& limit);
  static Status check_timeout(const Duration& timeout);
  friend bool operator==(const HttpListenArguments& a, const HttpListenArguments& b);

  /// Without budget and what the server's owner counts.
  net::HttpServer::Options options(std::shared_ptr<ServedTls> served) const;
};

/// Listens where the arguments say. A name is resolved; `unavailable`: it has no address.
Task<Result<std::unique_ptr<Listener>>> listen_on(Network& network, HttpListenArguments where,
                                                  std::stop_token stop);

}  // namespace collector::pipeline
