// An HTTP client as Prometheus configures one: credentials from text or files, OAuth 2.0, proxies,
// extra headers, redirects (facts: prometheus/common, config/http_config.go). One loop.
#pragma once

#include "net/http_client.hpp"
#include "net/request_authorizer.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace collector::net {

/// Text given in place or in a file that is read again whenever it changes; the file wins nothing:
/// at most one of the two is set.
struct TextOrFile {
  std::string text, file;
  bool empty() const { return text.empty() && file.empty(); }
};

struct TlsFiles {
  TextOrFile ca, cert, key;
  std::string server_name;
  bool insecure_skip_verify = false;
  std::string min_version, max_version;
};

struct ProxySettings {
  std::string url, no_proxy;
  bool from_environment = false;
  std::vector<std::pair<std::string, std::string>> connect_headers;
};

struct HttpClientSettings {
  struct BasicAuth {
    std::string username;
    TextOrFile password;
  };
  struct Authorization {
    std::string type = "Bearer";
    TextOrFile credentials;
  };
  struct OAuth2 {
    std::string client_id;
    TextOrFile client_secret;
    std::string token_url;
    std::vector<std::string> scopes;
    std::vector<std::pair<std::string, std::string>> endpoint_params;
    TlsFiles tls;
    ProxySettings proxy;
  };
  std::optional<BasicAuth> basic_auth;
  std::optional<Authorization> authorization;  ///< bearer tokens too
  std::optional<OAuth2> oauth2;
  std::shared_ptr<RequestAuthorizer> authorizer;  ///< instead of the three
  TlsFiles tls;
  ProxySettings proxy;
  std::vector<std::pair<std::string, std::string>> headers;
  bool follow_redirects = true;
  bool enable_http2 = true;
};

class ConfiguredClient {
 public:
  ConfiguredClient(Seams& seams, HttpClientSettings settings);
  ConfiguredClient(const ConfiguredClient&) = delete;
  ConfiguredClient& operator=(const ConfiguredClient&) = delete;
  ~ConfiguredClient();

  /// As HttpClient::send, with credentials and at most 10 redirects; credentials and configured
  /// headers follow one only to the same host or one below it. failed_precondition: a file of the
  /// settings cannot be read.
  Task<Result<Response>> send(Request request, SendOptions options);
  /// The same of a request that is asked again and again: it is read where it is and outlives the
  /// call, as `url` does, which stands for the request's.
  Task<Result<Response>> ask(const Request& request, std::string_view url, SendOptions options);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Whether credentials for `home` may follow a redirect to `to`: to the same host and to hosts
/// below it, as Go's client has it, but never out of TLS.
bool credentials_follow(const Url& home, const Url& to);

/// What a Location says, seen from where it was sent (RFC 3986, 5.2, for http references).
Result<Url> redirect_target(const Url& base, std::string_view location);

/// Whether a status asks for another place to be looked at (RFC 9110, 15.4).
bool is_redirect(int status);

/// What is asked of the next place after a redirect with `status`.
void turn_request(int status, Request& request);

/// Whether Go's proxy rules let a request to `host:port` bypass the proxy
/// (golang.org/x/net/http/httpproxy).
bool bypasses_proxy(const std::string& no_proxy, const std::string& host, std::uint16_t port);

}  // namespace collector::net
