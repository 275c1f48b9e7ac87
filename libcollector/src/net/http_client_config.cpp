#include "net/http_client_config.hpp"

#include "base/base64.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <cstdlib>

namespace collector::net {
namespace {

constexpr std::size_t kLargestSecret = 64U << 10;
constexpr std::size_t kLargestPem = 1U << 20;
constexpr int kMostRedirects = 10;
constexpr Duration kTokenMargin = std::chrono::seconds(10);

std::string trimmed(std::string text) {
  const auto last = text.find_last_not_of(" \t\r\n");
  text.erase(last == std::string::npos ? 0 : last + 1);
  text.erase(0, text.find_first_not_of(" \t\r\n"));
  return text;
}

/// The text, from its file when it has one.
Result<std::string> resolve(Files& files, const TextOrFile& from, std::size_t limit) {
  if (from.file.empty()) return from.text;
  auto text = files.read(from.file, limit);
  if (!text) return Status(Code::failed_precondition, text.error().what());
  return trimmed(std::move(*text));
}

Result<TlsSettings> tls_settings(Files& files, const TlsFiles& from, bool http2) {
  TlsSettings out;
  const std::pair<const TextOrFile*, std::string*> parts[] = {
      {&from.ca, &out.ca_pem}, {&from.cert, &out.cert_pem}, {&from.key, &out.key_pem}};
  for (const auto& [source, target] : parts) {
    auto text = resolve(files, *source, kLargestPem);
    if (!text) return text.error();
    *target = std::move(*text);
  }
  out.server_name = from.server_name;
  out.insecure_skip_verify = from.insecure_skip_verify;
  out.min_version = from.min_version;
  if (http2) out.alpn = {"h2", "http/1.1"};
  return out;
}

std::string environment(const char* upper, const char* lower) {
  if (const char* value = std::getenv(upper)) return value;
  if (const char* value = std::getenv(lower)) return value;
  return {};
}

Result<std::optional<Url>> proxy_for(const ProxySettings& settings, const Url& url) {
  std::string proxy = settings.url;
  std::string no_proxy = settings.no_proxy;
  if (settings.from_environment) {
    proxy = url.tls() ? environment("HTTPS_PROXY", "https_proxy")
                      : environment("HTTP_PROXY", "http_proxy");
    no_proxy = environment("NO_PROXY", "no_proxy");
  }
  if (proxy.empty() || bypasses_proxy(no_proxy, url.host, url.port)) return std::optional<Url>();
  if (proxy.find("://") == std::string::npos) proxy = "http://" + proxy;
  auto parsed = Url::parse(proxy);
  if (!parsed) return parsed.error().in("proxy_url");
  return std::optional<Url>(std::move(*parsed));
}

/// What a Location refers to, seen from where it was sent (RFC 3986, 5.2, for http references).
std::string resolve_location(const Url& base, std::string_view location) {
  if (location.find("://") != std::string_view::npos) return std::string(location);
  if (location.substr(0, 2) == "//") return base.scheme + ":" + std::string(location);
  const std::string root = base.scheme + "://" + base.authority();
  if (location.substr(0, 1) == "/") return root + std::string(location);
  const std::string path = base.target.substr(0, base.target.find('?'));
  if (location.substr(0, 1) == "?") return root + path + std::string(location);
  return root + path.substr(0, path.rfind('/') + 1) + std::string(location);
}

bool in_network(std::string_view cidr, const std::string& host) {
  const std::size_t slash = cidr.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string address(cidr.substr(0, slash));
  const std::string_view length = cidr.substr(slash + 1);
  int bits = 0;
  const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
  if (error != std::errc() || end != length.data() + length.size()) return false;
  for (const int family : {AF_INET, AF_INET6}) {
    unsigned char net[16];
    unsigned char ip[16];
    if (inet_pton(family, address.c_str(), net) != 1 || inet_pton(family, host.c_str(), ip) != 1)
      continue;
    const int size = family == AF_INET ? 32 : 128;
    if (bits < 0 || bits > size) return false;
    for (int i = 0; i < bits; ++i) {
      const auto mask = static_cast<unsigned char>(0x80 >> (i % 8));
      if ((net[i / 8] & mask) != (ip[i / 8] & mask)) return false;
    }
    return true;
  }
  return false;
}

}  // namespace

bool bypasses_proxy(const std::string& no_proxy, const std::string& host, std::uint16_t port) {
  if (host == "localhost" || host.rfind("127.", 0) == 0 || host == "::1") return true;
  const std::string with_port = fmt::format("{}:{}", host, port);
  for (std::size_t at = 0; at <= no_proxy.size();) {
    const std::size_t comma = std::min(no_proxy.find(',', at), no_proxy.size());
    std::string entry = trimmed(no_proxy.substr(at, comma - at));
    at = comma + 1;
    if (entry.empty()) continue;
    if (entry == "*" || equal_fold(entry, host) || equal_fold(entry, with_port) ||
        in_network(entry, host))
      return true;
    // "example.com" means itself and what is below it; ".example.com" only what is below it.
    if (entry.rfind("*.", 0) == 0) entry.erase(0, 1);
    const std::string suffix = entry[0] == '.' ? entry : "." + entry;
    if (host.size() > suffix.size() &&
        equal_fold(std::string_view(host).substr(host.size() - suffix.size()), suffix))
      return true;
  }
  return false;
}

struct ConfiguredClient::State {
  Seams& seams;
  HttpClientSettings settings;
  // A client for each way to a server; made again when a key or certificate changes.
  struct Way {
    TlsSettings tls;
    std::shared_ptr<HttpClient> client;
  };
  std::map<std::string, Way> ways;
  std::unique_ptr<ConfiguredClient> token_client;
  std::string token;
  Instant token_until;

  State(Seams& s, HttpClientSettings c) : seams(s), settings(std::move(c)) {}

  Result<std::shared_ptr<HttpClient>> client_for(const Url& url) {
    auto proxy = proxy_for(settings.proxy, url);
    if (!proxy) return proxy.error();
    auto tls = tls_settings(seams.files, settings.tls, settings.enable_http2);
    if (!tls) return tls.error();
    Way& way = ways[*proxy ? (*proxy)->to_text() : std::string()];
    if (!way.client || !(way.tls == *tls)) {
      ConnectSettings connect;
      connect.tls = *tls;
      connect.proxy = *proxy;
      for (const auto& [name, value] : settings.proxy.connect_headers)
        connect.proxy_headers.add(name, value);
      way = {std::move(*tls),
             std::make_shared<HttpClient>(seams.loop, seams.network, std::move(connect))};
    }
    return way.client;
  }

  /// The Authorization header, or empty.
  Task<Result<std::string>> credentials(SendOptions options) {
    if (settings.basic_auth) {
      auto password = resolve(seams.files, settings.basic_auth->password, kLargestSecret);
      if (!password) co_return Result<std::string>(password.error());
      co_return "Basic " + base::base64(settings.basic_auth->username + ":" + *password);
    }
    if (settings.authorization) {
      auto text = resolve(seams.files, settings.authorization->credentials, kLargestSecret);
      if (!text) co_return Result<std::string>(text.error());
      co_return trimmed(settings.authorization->type) + " " + *text;
    }
    if (!settings.oauth2) co_return std::string();
    if (token.empty() || seams.loop.now() >= token_until) {
      const Status fetched = co_await fetch_token(options);
      if (!fetched.ok()) co_return Result<std::string>(fetched.in("oauth2"));
    }
    co_return "Bearer " + token;
  }

  /// The client credentials grant (RFC 6749, 4.4).
  Task<Status> fetch_token(SendOptions options) {
    const HttpClientSettings::OAuth2& oauth = *settings.oauth2;
    auto secret = resolve(seams.files, oauth.client_secret, kLargestSecret);
    if (!secret) co_return secret.error();
    if (!token_client) {
      HttpClientSettings plain;
      plain.tls = oauth.tls;
      plain.proxy = oauth.proxy;
      token_client = std::make_unique<ConfiguredClient>(seams, std::move(plain));
    }
    Request request;
    request.method = "POST";
    request.url = oauth.token_url;
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    request.headers.add("Accept", "application/json");
    request.headers.add("Authorization", "Basic " + base::base64(url_encode(oauth.client_id) + ":" +
                                                                 url_encode(*secret)));
    std::string scope;
    for (const std::string& s : oauth.scopes) scope += scope.empty() ? s : " " + s;
    request.body = "grant_type=client_credentials";
    if (!scope.empty()) request.body += "&scope=" + url_encode(scope);
    for (const auto& [name, value] : oauth.endpoint_params)
      request.body += fmt::format("&{}={}", url_encode(name), url_encode(value));
    options.max_body = kLargestSecret;
    options.on_body = nullptr;
    auto response = co_await token_client->send(std::move(request), options);
    if (!response) co_return response.error();
    if (response->status / 100 != 2)
      co_return Status(from_http(response->status),
                       fmt::format("token server answered {}", response->status));
    const auto answer = nlohmann::json::parse(response->body, nullptr, false);
    if (!answer.is_object() || !answer.contains("access_token") ||
        !answer["access_token"].is_string())
      co_return Status(Code::data_loss, "token server sent no access_token");
    token = answer["access_token"].get<std::string>();
    // Without expires_in a token is kept until a server refuses it.
    const std::int64_t seconds = answer.contains("expires_in") && answer["expires_in"].is_number()
                                     ? answer["expires_in"].get<std::int64_t>()
                                     : 365LL * 24 * 3600;
    token_until = seams.loop.now() + (std::chrono::seconds(seconds) - kTokenMargin);
    co_return Status();
  }
};

ConfiguredClient::ConfiguredClient(Seams& seams, HttpClientSettings settings)
    : state_(std::make_shared<State>(seams, std::move(settings))) {}
ConfiguredClient::~ConfiguredClient() = default;

Task<Result<Response>> ConfiguredClient::send(Request request, SendOptions options) {
  auto self = state_;
  const HttpClientSettings& settings = self->settings;
  auto first = Url::parse(request.url);
  if (!first) co_return Result<Response>(first.error());
  Url url = *first;
  const std::string home = url.origin();
  for (const auto& [name, value] : settings.headers) request.headers.add(name, value);
  bool renewed = false;
  for (int redirects = 0;;) {
    auto client = self->client_for(url);
    if (!client) co_return Result<Response>(client.error());
    Request turn = request;
    turn.url = url.to_text();
    if (url.origin() == home) {
      auto authorization = co_await self->credentials(options);
      if (!authorization) co_return Result<Response>(authorization.error());
      if (authorization->empty() && !url.user.empty())
        *authorization = "Basic " + base::base64(url.user + ":" + url.password);
      if (!authorization->empty()) turn.headers.set("Authorization", std::move(*authorization));
    } else {
      turn.headers.remove("Authorization");
      turn.headers.remove("Cookie");
      for (const auto& [name, value] : settings.headers) turn.headers.remove(name);
    }
    auto response = co_await (*client)->send(std::move(turn), options);
    if (!response) co_return response;
    if (response->status == 401 && settings.oauth2 && !std::exchange(renewed, true)) {
      self->token.clear();
      continue;
    }
    const int status = response->status;
    const bool moved =
        status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    const std::string location(response->headers.get("Location"));
    if (!moved || location.empty() || !settings.follow_redirects) co_return response;
    if (++redirects > kMostRedirects)
      co_return Result<Response>(
          Status(Code::failed_precondition, fmt::format("more than {} redirects", kMostRedirects)));
    auto next = Url::parse(resolve_location(url, location));
    if (!next) co_return Result<Response>(next.error().in("redirect"));
    url = std::move(*next);
    if (status != 307 && status != 308 && request.method != "HEAD") {
      request.method = "GET";
      request.body.clear();
      request.headers.remove("Content-Type");
      request.headers.remove("Content-Encoding");
    }
  }
}

}  // namespace collector::net
