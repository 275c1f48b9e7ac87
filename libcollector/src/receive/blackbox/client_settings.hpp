// The HTTP client and TLS of a module, as prometheus/common names their fields in YAML.
#pragma once

#include <collector/engine/arguments.hpp>

#include "net/http_client_config.hpp"
#include "pipeline/http_client_arguments.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace collector::receive::blackbox {

struct TlsConfig {
  std::string ca, cert;
  SecretText key;
  std::string ca_file, cert_file, key_file, server_name;
  bool insecure_skip_verify = false;
  std::string min_version, max_version;

  Status validate() const;
  static constexpr auto fields() {
    using T = TlsConfig;
    return std::tuple{attr<&T::ca>("ca", ""),
                      attr<&T::cert>("cert", ""),
                      attr<&T::key>("key", ""),
                      attr<&T::ca_file>("ca_file", ""),
                      attr<&T::cert_file>("cert_file", ""),
                      attr<&T::key_file>("key_file", ""),
                      attr<&T::server_name>("server_name", ""),
                      attr<&T::insecure_skip_verify>("insecure_skip_verify", ""),
                      attr<&T::min_version>("min_version", ""),
                      attr<&T::max_version>("max_version", "")};
  }
};

struct BasicAuthConfig {
  std::string username, username_file;
  SecretText password;
  std::string password_file;

  Status validate() const;
  static constexpr auto fields() {
    using T = BasicAuthConfig;
    return std::tuple{
        attr<&T::username>("username", ""), attr<&T::username_file>("username_file", ""),
        attr<&T::password>("password", ""), attr<&T::password_file>("password_file", "")};
  }
};

struct OAuth2Config {
  std::string client_id;
  SecretText client_secret;
  std::string client_secret_file;
  std::vector<std::string> scopes;
  std::string token_url;
  StringMap endpoint_params;
  pipeline::ProxyArguments proxy;
  TlsConfig tls;

  static constexpr auto fields() {
    using T = OAuth2Config;
    return std::tuple{attr<&T::client_id>("client_id", ""),
                      attr<&T::client_secret>("client_secret", ""),
                      attr<&T::client_secret_file>("client_secret_file", ""),
                      attr<&T::scopes>("scopes", ""),
                      attr<&T::token_url>("token_url", ""),
                      attr<&T::endpoint_params>("endpoint_params", ""),
                      squash<&T::proxy>(),
                      block<&T::tls>("tls_config", "")};
  }
};

/// Where the values of one header come from; all of them are sent.
struct HeaderSources {
  std::vector<SecretText> texts;
  std::vector<std::string> files;
};

struct ClientConfig {
  std::optional<BasicAuthConfig> basic_auth;
  std::optional<pipeline::AuthorizationArguments> authorization;
  std::optional<OAuth2Config> oauth2;
  SecretText bearer_token;
  std::string bearer_token_file;
  pipeline::ProxyArguments proxy;
  TlsConfig tls;
  bool follow_redirects = true, enable_http2 = true;
  std::map<std::string, HeaderSources> http_headers;

  bool has_proxy() const { return !proxy.proxy_url.empty() || proxy.proxy_from_environment; }
  /// For whoever squashes it.
  Status check() const;
  /// Reads the files that net's client does not read by itself; failed_precondition when one cannot
  /// be read.
  Result<net::HttpClientSettings> settings(Files& files) const;
  static constexpr auto fields() {
    using T = ClientConfig;
    return std::tuple{block<&T::basic_auth>("basic_auth", ""),
                      block<&T::authorization>("authorization", ""),
                      block<&T::oauth2>("oauth2", ""),
                      attr<&T::bearer_token>("bearer_token", ""),
                      attr<&T::bearer_token_file>("bearer_token_file", ""),
                      squash<&T::proxy>(),
                      block<&T::tls>("tls_config", ""),
                      attr<&T::follow_redirects>("follow_redirects", ""),
                      attr<&T::enable_http2>("enable_http2", ""),
                      attr<&T::http_headers>("http_headers", "")};
  }
};

/// A TLS client's keys and certificates, from their files.
Result<net::TlsSettings> tls_settings(Files& files, const TlsConfig& config);

/// A small file's text.
Result<std::string> read_text(Files& files, const std::string& path);

}  // namespace collector::receive::blackbox

namespace collector::schema {
template <>
struct CodecFor<receive::blackbox::HeaderSources> {
  static const Codec& get();
};
}  // namespace collector::schema
