// The arguments that every component with an HTTP client shares, as Alloy names them, and what they
// mean for net's client. Squash HttpClientArguments into the component's own arguments and call its
// validate() from theirs: a squashed struct is not validated by itself.
#pragma once

#include <collector/engine/arguments.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace collector::net {
struct HttpClientSettings;
}

namespace collector::pipeline {

using HeaderLists = std::map<std::string, std::vector<SecretText>>;

struct TlsArguments {
  std::string ca_pem, ca_file, cert_pem, cert_file;
  SecretText key_pem;
  std::string key_file, server_name;
  bool insecure_skip_verify = false;
  std::string min_version;

  Status validate() const;
  static constexpr auto fields() {
    using T = TlsArguments;
    return std::tuple{
        attr<&T::ca_pem>("ca_pem", "CA PEM-encoded text to validate the server with."),
        attr<&T::ca_file>("ca_file", "CA certificate to validate the server with."),
        attr<&T::cert_pem>("cert_pem", "Certificate PEM-encoded text for client authentication."),
        attr<&T::cert_file>("cert_file", "Certificate file for client authentication."),
        attr<&T::key_pem>("key_pem", "Key PEM-encoded text for client authentication."),
        attr<&T::key_file>("key_file", "Key file for client authentication."),
        attr<&T::server_name>("server_name", "Name that the server's certificate must carry."),
        attr<&T::insecure_skip_verify>("insecure_skip_verify",
                                       "Accept any certificate of the server."),
        attr<&T::min_version>("min_version", "Lowest TLS version: TLS10, TLS11, TLS12 or TLS13.")
            .default_is("TLS12")};
  }
};

struct BasicAuthArguments {
  std::string username;
  SecretText password;
  std::string password_file;

  Status validate() const;
  static constexpr auto fields() {
    using T = BasicAuthArguments;
    return std::tuple{
        attr<&T::username>("username", "User name."), attr<&T::password>("password", "Password."),
        attr<&T::password_file>("password_file", "File with the password, read at each request.")};
  }
};

struct AuthorizationArguments {
  std::string type = "Bearer";
  SecretText credentials;
  std::string credentials_file;

  Status validate() const;
  static constexpr auto fields() {
    using T = AuthorizationArguments;
    return std::tuple{attr<&T::type>("type", "Scheme of the Authorization header."),
                      attr<&T::credentials>("credentials", "What follows the scheme."),
                      attr<&T::credentials_file>(
                          "credentials_file", "File with the credentials, read at each request.")};
  }
};

struct ProxyArguments {
  std::string proxy_url, no_proxy;
  bool proxy_from_environment = false;
  HeaderLists proxy_connect_header;

  Status validate() const;
  static constexpr auto fields() {
    using T = ProxyArguments;
    return std::tuple{
        attr<&T::proxy_url>("proxy_url", "HTTP proxy to send requests through."),
        attr<&T::no_proxy>("no_proxy",
                           "Comma-separated addresses, CIDR ranges and domains that are reached "
                           "without the proxy."),
        attr<&T::proxy_from_environment>("proxy_from_environment",
                                         "Use HTTP_PROXY, HTTPS_PROXY and NO_PROXY."),
        attr<&T::proxy_connect_header>("proxy_connect_header",
                                       "Headers of CONNECT requests to the proxy.")};
  }
};

struct OAuth2Arguments {
  std::string client_id;
  SecretText client_secret;
  std::string client_secret_file;
  std::vector<std::string> scopes;
  std::string token_url;
  StringMap endpoint_params;
  ProxyArguments proxy;
  std::optional<TlsArguments> tls;

  Status validate() const;
  static constexpr auto fields() {
    using T = OAuth2Arguments;
    return std::tuple{
        attr<&T::client_id>("client_id", "Client id."),
        attr<&T::client_secret>("client_secret", "Client secret."),
        attr<&T::client_secret_file>("client_secret_file", "File with the client secret."),
        attr<&T::scopes>("scopes", "Scopes to ask for."),
        attr<&T::token_url>("token_url", "Where tokens are fetched."),
        attr<&T::endpoint_params>("endpoint_params", "More parameters of the token request."),
        squash<&T::proxy>(),
        block<&T::tls>("tls_config", "TLS towards the token server.")};
  }
};

struct HttpClientArguments {
  std::optional<BasicAuthArguments> basic_auth;
  std::optional<AuthorizationArguments> authorization;
  std::optional<OAuth2Arguments> oauth2;
  SecretText bearer_token;
  std::string bearer_token_file;
  ProxyArguments proxy;
  TlsArguments tls;
  bool follow_redirects = true;
  bool enable_http2 = true;
  HeaderLists http_headers;

  /// prometheus.remote_write alone starts without HTTP/2.
  static HttpClientArguments without_http2() {
    HttpClientArguments a;
    a.enable_http2 = false;
    return a;
  }

  /// At most one way to authenticate, allowed headers, a coherent proxy.
  Status validate() const;
  static constexpr auto fields() {
    using T = HttpClientArguments;
    return std::tuple{
        block<&T::basic_auth>("basic_auth", "HTTP basic authentication."),
        block<&T::authorization>("authorization", "Another Authorization header."),
        block<&T::oauth2>("oauth2", "OAuth 2.0 client credentials."),
        attr<&T::bearer_token>("bearer_token", "Bearer token to authenticate with."),
        attr<&T::bearer_token_file>("bearer_token_file", "File with the bearer token."),
        squash<&T::proxy>(),
        block<&T::tls>("tls_config", "TLS towards the server."),
        attr<&T::follow_redirects>("follow_redirects", "Follow the server's redirects."),
        attr<&T::enable_http2>("enable_http2", "Offer HTTP/2 to the server."),
        attr<&T::http_headers>("http_headers", "Headers to send with each request.")};
  }
};

net::HttpClientSettings client_settings(const HttpClientArguments& arguments);

}  // namespace collector::pipeline
