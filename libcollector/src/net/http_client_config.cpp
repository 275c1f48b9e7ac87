#include "net/http_client_config.hpp"

#include "base/base64.hpp"
#include "net/content_encoding.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace collector::net {
namespace {

constexpr std::size_t kLargestSecret = 64U << 10;
constexpr std::size_t kLargestPem = 1U << 20;
constexpr int kMostRedirects = 10;
constexpr Duration kTokenMargin = std::chrono::seconds(10);
constexpr std::int64_t kLongestToken = 365LL * 24 * 3600;  ///< s

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
  out.max_version = from.max_version;
  if (http2) out.alpn = {"h2", "http/1.1"};
  return out;
}

std::string environment(const char* upper, const char* lower) {
  for (const char* name : {upper, lower})
    if (const char* value = std::getenv(name); value && *value) return value;
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
  if (proxy.empty()) return std::optional<Url>();
  // Go's rules, which spare this machine, come into force with no_proxy or the environment; a bare
  // proxy_url is for every address (prometheus/common, ProxyConfig.Proxy).
  const bool rules = settings.from_environment || !no_proxy.empty();
  if (rules && bypasses_proxy(no_proxy, url.host, url.port)) return std::optional<Url>();
  if (proxy.find("://") == std::string::npos) proxy = "http://" + proxy;
  auto parsed = Url::parse(proxy);
  if (!parsed) return parsed.error().in("proxy_url");
  return std::optional<Url>(std::move(*parsed));
}

/// RFC 3986, 5.2.4: the path of `target` without `.` and `..`.
std::string without_dots(std::string_view target) {
  const std::string_view query = target.substr(std::min(target.find('?'), target.size()));
  std::string_view path = target.substr(0, target.size() - query.size());
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(end);
    const bool up = part == "/..";
    if (up) out.erase(std::min(out.rfind('/'), out.size()));
    if (!up && part != "/.") out += part;
    if (path.empty() && (up || part == "/.")) out += '/';
  }
  return out.append(query);
}

/// What a Location refers to, seen from where it was sent.
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

bool credentials_follow(const Url& home, const Url& to) {
  if (home.tls() && !to.tls()) return false;
  if (equal_fold(home.host, to.host)) return true;
  const std::string below = "." + home.host;
  return to.host.find_first_of(":%") == std::string::npos && to.host.size() > below.size() &&
         equal_fold(std::string_view(to.host).substr(to.host.size() - below.size()), below);
}

Result<Url> redirect_target(const Url& base, std::string_view location) {
  auto next = Url::parse(resolve_location(base, location));
  if (!next) return next.error().in("redirect");
  next->target = without_dots(next->target);
  return next;
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

void turn_request(int status, Request& request) {
  if (status == 307 || status == 308 || request.method == "HEAD") return;
  request.method = "GET";
  request.body.clear();
  request.headers.remove("Content-Type");
  request.headers.remove("Content-Encoding");
}

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

namespace {

/// Seconds, which some servers send as text; 0 when it is not said.
std::int64_t expires_in(const nlohmann::json& answer) {
  const auto at = answer.find("expires_in");
  if (at == answer.end()) return 0;
  if (at->is_number()) return static_cast<std::int64_t>(std::min(at->get<double>(), 1e15));
  std::int64_t seconds = 0;
  if (at->is_string()) {
    const std::string& text = at->get_ref<const std::string&>();
    std::from_chars(text.data(), text.data() + text.size(), seconds);
  }
  return seconds;
}

/// "Bearer", however the server spells it, unless it says something else.
std::string token_type(const nlohmann::json& answer) {
  const auto at = answer.find("token_type");
  if (at == answer.end() || !at->is_string()) return "Bearer";
  const std::string& type = at->get_ref<const std::string&>();
  return type.empty() || equal_fold(type, "bearer") ? "Bearer" : type;
}

}  // namespace

struct ConfiguredClient::State {
  Seams& seams;
  HttpClientSettings settings;
  // A client for each way to a server; made again when a key or certificate changes.
  struct Way {
    TlsSettings tls;
    std::shared_ptr<HttpClient> client;
  };
  std::map<std::string, Way> ways;
  std::shared_ptr<HttpClient> direct_client;  ///< the latest one without a proxy
  std::unique_ptr<ConfiguredClient> token_client;
  std::string token;         ///< with its type, as it goes into the header
  std::string token_secret;  ///< that it was fetched with
  Instant token_until;
  bool secret_in_body = false;  ///< the token server wants it there

  State(Seams& s, HttpClientSettings c) : seams(s), settings(std::move(c)) {}

  bool has_credentials() const {
    return settings.basic_auth || settings.authorization || settings.oauth2;
  }

  Result<std::shared_ptr<HttpClient>> client_for(const Url& url) {
    const bool direct = settings.proxy.url.empty() && !settings.proxy.from_environment;
    // Whom nobody proves anything to needs no certificates looked at.
    if (direct && direct_client && !url.tls()) return direct_client;
    auto proxy = proxy_for(settings.proxy, url);
    if (!proxy) return proxy.error();
    auto tls = tls_settings(seams.files, settings.tls, settings.enable_http2);
    if (!tls) return tls.error();
    Way& way = ways[*proxy ? (*proxy)->to_text() : std::string()];
    if (!way.client || !(way.tls == *tls)) {
      ConnectSettings connect;
      connect.tls = *tls;
      connect.proxy = *proxy;
      connect.budget = seams.budget;
      for (const auto& [name, value] : settings.proxy.connect_headers)
        connect.proxy_headers.add(name, value);
      way = {std::move(*tls),
             std::make_shared<HttpClient>(seams.loop, seams.network, std::move(connect))};
    }
    if (direct) direct_client = way.client;
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
    auto secret = resolve(seams.files, settings.oauth2->client_secret, kLargestSecret);
    if (!secret) co_return Result<std::string>(secret.error().in("oauth2"));
    if (token.empty() || seams.loop.now() >= token_until || token_secret != *secret) {
      Status fetched = co_await fetch_token(*secret, secret_in_body, options);
      // RFC 6749, 2.3.1: some servers take the secret in the body only; which, nobody says.
      if (!fetched.ok() && fetched.code() != Code::cancelled && !secret_in_body) {
        const Status again = co_await fetch_token(*secret, true, options);
        secret_in_body = again.ok();
        if (again.ok()) fetched = again;
      }
      if (!fetched.ok()) co_return Result<std::string>(fetched.in("oauth2"));
      token_secret = std::move(*secret);
    }
    co_return token;
  }

  /// The client credentials grant (RFC 6749, 4.4).
  Task<Status> fetch_token(std::string secret, bool in_body, SendOptions options) {
    const HttpClientSettings::OAuth2& oauth = *settings.oauth2;
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
    if (!in_body)
      request.headers.add("Authorization", "Basic " + base::base64(url_encode(oauth.client_id) +
                                                                   ":" + url_encode(secret)));
    std::string scope;
    for (const std::string& s : oauth.scopes) scope += scope.empty() ? s : " " + s;
    request.body = "grant_type=client_credentials";
    if (!scope.empty()) request.body += "&scope=" + url_encode(scope);
    for (const auto& [name, value] : oauth.endpoint_params)
      request.body += fmt::format("&{}={}", url_encode(name), url_encode(value));
    if (in_body)
      request.body += fmt::format("&client_id={}&client_secret={}", url_encode(oauth.client_id),
                                  url_encode(secret));
    options.max_body = options.max_decoded = kLargestSecret;
    options.on_body = nullptr;
    options.trace = nullptr;  // of the request that the token is for, as the address
    options.address.clear();
    auto response = co_await token_client->send(std::move(request), options);
    if (!response) co_return response.error();
    if (response->status / 100 != 2)
      co_return Status(from_http(response->status),
                       fmt::format("token server answered {}", response->status));
    const auto answer = nlohmann::json::parse(response->body, nullptr, false);
    if (!answer.is_object() || !answer.contains("access_token") ||
        !answer["access_token"].is_string())
      co_return Status(Code::data_loss, "token server sent no access_token");
    token = token_type(answer) + " " + answer["access_token"].get<std::string>();
    // Without expires_in a token is kept until a server refuses it.
    const std::int64_t seconds = std::clamp<std::int64_t>(expires_in(answer), 0, kLongestToken);
    token_until = seams.loop.now() +
                  (std::chrono::seconds(seconds > 0 ? seconds : kLongestToken) - kTokenMargin);
    co_return Status();
  }
};

ConfiguredClient::ConfiguredClient(Seams& seams, HttpClientSettings settings)
    : state_(std::make_shared<State>(seams, std::move(settings))) {}
ConfiguredClient::~ConfiguredClient() = default;

Task<Result<Response>> ConfiguredClient::send(Request request, SendOptions options) {
  // Here, where it costs no copy.
  if (options.decode && !options.on_body && !request.headers.contains("Accept-Encoding"))
    request.headers.add("Accept-Encoding", std::string(kAcceptEncoding));
  auto response = co_await ask(request, request.url, std::move(options));
  co_return response;
}

Task<Result<Response>> ConfiguredClient::ask(const Request& asked, std::string_view url_text,
                                             SendOptions options) {
  auto self = state_;
  const HttpClientSettings& settings = self->settings;
  auto first = Url::parse(url_text);
  if (!first) co_return Result<Response>(first.error());
  Url url = *first;
  bool known = true;               // whoever is asked now may see the credentials
  std::optional<Request> changed;  // by the settings and by redirects
  if (!settings.headers.empty()) changed = asked;
  for (const auto& [name, value] : settings.headers) changed->headers.add(name, value);
  bool renewed = false;
  for (int redirects = 0;;) {
    auto client = self->client_for(url);
    if (!client) co_return Result<Response>(client.error());
    const Request& request = changed ? *changed : asked;
    std::optional<Request> turn;  // for this place only
    Url place = url;              // as the authorizer writes it
    if (known) {
      std::string authorization;
      if (self->has_credentials()) {
        auto found = co_await self->credentials(options);
        if (!found) co_return Result<Response>(found.error());
        authorization = std::move(*found);
      }
      if (authorization.empty() && !url.user.empty())
        authorization = "Basic " + base::base64(url.user + ":" + url.password);
      if (!authorization.empty() || settings.authorizer) turn = request;
      if (!authorization.empty()) turn->headers.set("Authorization", std::move(authorization));
      if (settings.authorizer) {
        turn->url = url.to_text();
        const Status authorized = co_await settings.authorizer->authorize(*turn, options);
        if (!authorized.ok()) co_return Result<Response>(authorized);
        auto written = Url::parse(turn->url);
        if (!written) co_return Result<Response>(written.error());
        place = std::move(*written);
      }
    } else {
      turn = request;
      turn->headers.remove("Authorization");
      turn->headers.remove("Cookie");
      for (const auto& [name, value] : settings.headers) turn->headers.remove(name);
    }
    auto response = co_await (*client)->ask(turn ? *turn : request, std::move(place), options);
    if (!response) co_return response;
    const int status = response->status;
    if (status / 100 == 2) co_return response;
    if (status == 401 && settings.oauth2 && !std::exchange(renewed, true)) {
      self->token.clear();
      continue;
    }
    if ((status == 401 || status == 403) && known && settings.authorizer && !renewed &&
        settings.authorizer->refused()) {
      renewed = true;
      continue;
    }
    const std::string location(response->headers.get("Location"));
    if (!is_redirect(status) || location.empty() || !settings.follow_redirects) co_return response;
    if (++redirects > kMostRedirects)
      co_return Result<Response>(
          Status(Code::failed_precondition, fmt::format("more than {} redirects", kMostRedirects)));
    auto next = redirect_target(url, location);
    if (!next) co_return Result<Response>(next.error());
    known = known && credentials_follow(*first, *next);
    url = std::move(*next);
    if (!changed) changed = asked;
    turn_request(status, *changed);
  }
}

}  // namespace collector::net
