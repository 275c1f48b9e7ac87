#include "pipeline/http_client_arguments.hpp"

#include "net/http_client_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace collector::pipeline {
namespace {

Status invalid(std::string what) { return Status(Code::invalid_argument, std::move(what)); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// Headers that the client or an authentication method sets by itself; Prometheus refuses them too.
constexpr std::array<std::string_view, 18> kReserved{"accept-encoding",
                                                     "authorization",
                                                     "connection",
                                                     "content-encoding",
                                                     "content-length",
                                                     "content-type",
                                                     "host",
                                                     "keep-alive",
                                                     "proxy-authenticate",
                                                     "proxy-authorization",
                                                     "user-agent",
                                                     "www-authenticate",
                                                     "x-amz-content-sha256",
                                                     "x-amz-date",
                                                     "x-amz-security-token",
                                                     "x-prometheus-remote-read-version",
                                                     "x-prometheus-remote-write-version",
                                                     "x-prometheus-scrape-timeout-seconds"};

/// RFC 9110, 5.6.2 and 5.5: a name is a token, a value has no control characters.
bool is_token(std::string_view name) {
  constexpr std::string_view kSymbols = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || kSymbols.find(c) != kSymbols.npos;
  });
}
bool is_field_value(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u == '\t' || (u >= 0x20 && u != 0x7f);
  });
}

std::vector<std::pair<std::string, std::string>> flat(const HeaderLists& headers) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, values] : headers)
    for (const SecretText& value : values) out.emplace_back(name, value.reveal());
  return out;
}

net::TlsFiles tls_files(const TlsArguments& a) {
  net::TlsFiles out;
  out.ca = {a.ca_pem, a.ca_file};
  out.cert = {a.cert_pem, a.cert_file};
  out.key = {a.key_pem.reveal(), a.key_file};
  out.server_name = a.server_name;
  out.insecure_skip_verify = a.insecure_skip_verify;
  out.min_version = a.min_version;
  return out;
}

net::ProxySettings proxy_settings(const ProxyArguments& a) {
  net::ProxySettings out;
  out.url = a.proxy_url;
  out.no_proxy = a.no_proxy;
  out.from_environment = a.proxy_from_environment;
  out.connect_headers = flat(a.proxy_connect_header);
  return out;
}

Status check_header(std::string_view argument, const HeaderLists& headers) {
  for (const auto& [name, values] : headers) {
    if (!is_token(name))
      return invalid(fmt::format("{}: \"{}\" is no header name", argument, name));
    for (const SecretText& value : values)
      if (!is_field_value(value.reveal()))
        return invalid(
            fmt::format("{}: a value of \"{}\" has a control character", argument, name));
  }
  return {};
}

}  // namespace

Status TlsArguments::validate() const {
  if (!ca_pem.empty() && !ca_file.empty())
    return invalid("at most one of ca_pem and ca_file must be configured");
  if (!cert_pem.empty() && !cert_file.empty())
    return invalid("at most one of cert_pem and cert_file must be configured");
  if (!key_pem.empty() && !key_file.empty())
    return invalid("at most one of key_pem and key_file must be configured");
  const bool cert = !cert_pem.empty() || !cert_file.empty();
  const bool key = !key_pem.empty() || !key_file.empty();
  if (cert && !key)
    return invalid(
        "exactly one of key_pem or key_file must be configured when a client certificate is "
        "configured");
  if (key && !cert)
    return invalid(
        "exactly one of cert_pem or cert_file must be configured when a client key is configured");
  constexpr std::array<std::string_view, 5> kVersions{"", "TLS10", "TLS11", "TLS12", "TLS13"};
  if (std::find(kVersions.begin(), kVersions.end(), min_version) == kVersions.end())
    return invalid(fmt::format("unknown TLS version: {}", min_version));
  return {};
}

Status BasicAuthArguments::validate() const {
  if (!password.empty() && !password_file.empty())
    return invalid("at most one of basic_auth password & password_file must be configured");
  return {};
}

Status AuthorizationArguments::validate() const {
  if (!credentials.empty() && !credentials_file.empty())
    return invalid(
        "at most one of authorization credentials & credentials_file must be configured");
  const auto first = type.find_first_not_of(" \t\r\n");
  const auto last = type.find_last_not_of(" \t\r\n");
  const std::string trimmed =
      first == std::string::npos ? std::string() : type.substr(first, last - first + 1);
  if (lower(trimmed) == "basic")
    return invalid(
        "authorization type cannot be set to \"basic\", use \"basic_auth\" block instead");
  if (!trimmed.empty() && !is_token(trimmed)) return invalid("authorization type must be one word");
  if (!is_field_value(credentials.reveal()))
    return invalid("authorization credentials have a control character");
  return {};
}

Status ProxyArguments::validate() const {
  if (!proxy_connect_header.empty() && !proxy_from_environment && proxy_url.empty())
    return invalid(
        "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be "
        "configured");
  if (proxy_from_environment && !proxy_url.empty())
    return invalid("if proxy_from_environment is configured, proxy_url must not be configured");
  if (proxy_from_environment && !no_proxy.empty())
    return invalid("if proxy_from_environment is configured, no_proxy must not be configured");
  if (proxy_url.empty() && !no_proxy.empty())
    return invalid("if no_proxy is configured, proxy_url must also be configured");
  if (!proxy_url.empty())
    if (auto url = net::Url::parse(proxy_url); !url) return url.error().in("proxy_url");
  return check_header("proxy_connect_header", proxy_connect_header);
}

Status OAuth2Arguments::validate() const {
  if (client_id.empty()) return invalid("oauth2 client_id must be configured");
  if (client_secret.empty() && client_secret_file.empty())
    return invalid("either oauth2 client_secret or client_secret_file must be configured");
  if (token_url.empty()) return invalid("oauth2 token_url must be configured");
  if (auto url = net::Url::parse(token_url); !url) return url.error().in("oauth2 token_url");
  if (!client_secret.empty() && !client_secret_file.empty())
    return invalid("at most one of oauth2 client_secret & client_secret_file must be configured");
  return proxy.validate();
}

Status HttpClientArguments::validate() const {
  const int methods =
      static_cast<int>(basic_auth.has_value()) + static_cast<int>(authorization.has_value()) +
      static_cast<int>(oauth2.has_value()) + static_cast<int>(!bearer_token.empty()) +
      static_cast<int>(!bearer_token_file.empty());
  if (methods > 1)
    return invalid(
        "at most one of basic_auth, authorization, oauth2, bearer_token & bearer_token_file must "
        "be configured");
  for (const auto& [name, values] : http_headers)
    if (std::find(kReserved.begin(), kReserved.end(), lower(name)) != kReserved.end())
      return invalid(fmt::format("setting header \"{}\" is not allowed", name));
  if (Status s = check_header("http_headers", http_headers); !s.ok()) return s;
  if (!is_field_value(bearer_token.reveal()))
    return invalid("bearer_token has a control character");
  return proxy.validate();
}

net::HttpClientSettings client_settings(const HttpClientArguments& a) {
  net::HttpClientSettings out;
  if (a.basic_auth)
    out.basic_auth = {a.basic_auth->username,
                      {a.basic_auth->password.reveal(), a.basic_auth->password_file}};
  if (a.authorization) {
    const std::string& type = a.authorization->type;
    const bool blank = type.find_first_not_of(" \t\r\n") == std::string::npos;
    out.authorization = {
        blank ? "Bearer" : type,
        {a.authorization->credentials.reveal(), a.authorization->credentials_file}};
  }
  if (!a.bearer_token.empty() || !a.bearer_token_file.empty())
    out.authorization = {"Bearer", {a.bearer_token.reveal(), a.bearer_token_file}};
  if (a.oauth2) {
    net::HttpClientSettings::OAuth2& o = out.oauth2.emplace();
    o.client_id = a.oauth2->client_id;
    o.client_secret = {a.oauth2->client_secret.reveal(), a.oauth2->client_secret_file};
    o.token_url = a.oauth2->token_url;
    o.scopes = a.oauth2->scopes;
    o.endpoint_params = {a.oauth2->endpoint_params.begin(), a.oauth2->endpoint_params.end()};
    if (a.oauth2->tls) o.tls = tls_files(*a.oauth2->tls);
    o.proxy = proxy_settings(a.oauth2->proxy);
  }
  out.tls = tls_files(a.tls);
  out.proxy = proxy_settings(a.proxy);
  out.headers = flat(a.http_headers);
  out.follow_redirects = a.follow_redirects;
  out.enable_http2 = a.enable_http2;
  return out;
}

}  // namespace collector::pipeline
