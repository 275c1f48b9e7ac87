#include "platform/token_request.hpp"

#include "platform/json_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace collector::platform {
namespace {

constexpr std::size_t kLargestAnswer = 256U << 10;
constexpr std::size_t kLargestComplaint = 300;
constexpr Duration kFarTime = std::chrono::seconds(10), kNearTime = std::chrono::seconds(2);
constexpr std::int64_t kLongest = 365LL * 24 * 3600;  // s

net::HttpClientSettings client_settings(bool proxy) {
  net::HttpClientSettings settings;
  settings.proxy.from_environment = proxy;
  settings.follow_redirects = false;
  return settings;
}

/// What the server says of why, without what it must not repeat.
std::string complaint(const net::Response& response, const std::vector<std::string>& secrets) {
  std::string what, why;
  const auto answer = nlohmann::json::parse(response.body, nullptr, false);
  if (answer.is_object()) {
    const auto& error = member(answer, "error");
    what = error.is_object() ? text(error, "status") : text(answer, "error");
    why = error.is_object() ? text(error, "message") : text(answer, "error_description");
    if (what.empty()) what = text(answer, "code");
    if (why.empty()) why = text(answer, "message");
  } else {
    what = xml_element(response.body, "Code");
    why = xml_element(response.body, "Message");
  }
  std::string out = what;
  if (!why.empty()) out += (out.empty() ? "" : ": ") + why;
  for (const std::string& secret : secrets) {
    if (secret.empty()) continue;
    for (std::size_t at = 0; (at = out.find(secret, at)) != out.npos;)
      out.replace(at, secret.size(), "<secret>");
  }
  out.resize(std::min({out.size(), kLargestComplaint, out.find_first_of("\r\n")}));
  std::erase_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  return out;
}

Task<Result<net::Response>> ask_with(net::ConfiguredClient& client, net::Request request,
                                     net::SendOptions options, std::vector<std::string> secrets) {
  options.max_body = options.max_decoded = kLargestAnswer;
  options.on_body = nullptr;
  options.decode = true;
  const std::string where = request.url.substr(0, request.url.find('?'));
  auto response = co_await client.send(std::move(request), std::move(options));
  if (response && response->status / 100 != 2) {
    const std::string why = complaint(*response, secrets);
    co_return Result<net::Response>(Status(
        from_http(response->status),
        fmt::format("{} answered {}{}{}", where, response->status, why.empty() ? "" : ": ", why)));
  }
  co_return response;
}

/// A number, also one in text.
std::optional<std::int64_t> seconds(const nlohmann::json& answer, const char* name) {
  const nlohmann::json& value = member(answer, name);
  if (value.is_number())
    return static_cast<std::int64_t>(std::clamp(value.get<double>(), 0.0, 1e11));
  if (!value.is_string()) return std::nullopt;
  const std::string& text = value.get_ref<const std::string&>();
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || n < 0) return std::nullopt;
  return std::min<std::int64_t>(n, 100'000'000'000);
}

class BearerAuthorizer final : public net::RequestAuthorizer {
 public:
  BearerAuthorizer(Loop& loop, std::string what, std::unique_ptr<CredentialSource> source)
      : what_(std::move(what)), cache_(loop, std::move(source)) {}

  Task<Status> authorize(net::Request& request, net::SendOptions options) override {
    const auto credential = co_await cache_.get(std::move(options));
    if (!credential) co_return credential.error().in(what_);
    request.headers.set("Authorization", "Bearer " + credential->token);
    if (!credential->quota_project.empty())
      request.headers.set("X-Goog-User-Project", credential->quota_project);
    co_return Status();
  }
  bool refused() override { return cache_.drop(); }

 private:
  const std::string what_;
  CredentialCache cache_;
};

}  // namespace

std::string form(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out;
  for (const auto& [name, value] : fields)
    out += fmt::format("{}{}={}", out.empty() ? "" : "&", name, net::url_encode(value));
  return out;
}

std::string xml_element(std::string_view xml, std::string_view name) {
  const std::string open = fmt::format("<{}>", name);
  const std::size_t begin = xml.find(open);
  if (begin == xml.npos) return {};
  const std::string_view rest = xml.substr(begin + open.size());
  return std::string(rest.substr(0, rest.find('<')));
}

Status check_token_url(const std::string& url, const std::vector<std::string>& local) {
  const auto parsed = net::Url::parse(url);
  if (!parsed) return parsed.error();
  const std::string& host = parsed->host;
  const bool loopback =
      host.rfind("127.", 0) == 0 && host.find_first_not_of("0123456789.") == std::string::npos;
  const bool here = host == "localhost" || host == "::1" || loopback;
  if (parsed->tls() || here || std::find(local.begin(), local.end(), host) != local.end())
    return {};
  return {Code::invalid_argument,
          fmt::format("{} would take a secret over the network in the clear", parsed->origin())};
}

TokenClient::TokenClient(Seams& seams)
    : far_(seams, client_settings(true)), near_(seams, client_settings(false)) {}

Task<Result<net::Response>> TokenClient::ask(net::Request request, net::SendOptions options,
                                             std::vector<std::string> secrets) {
  options.timeout = std::min(options.timeout, kFarTime);
  return ask_with(far_, std::move(request), std::move(options), std::move(secrets));
}

Task<Result<net::Response>> TokenClient::ask_near(net::Request request, net::SendOptions options,
                                                  std::vector<std::string> secrets) {
  options.timeout = std::min(options.timeout, kNearTime);
  return ask_with(near_, std::move(request), std::move(options), std::move(secrets));
}

Result<CloudCredential> token_of(const net::Response& response, WallTime now, Duration early) {
  const auto answer = nlohmann::json::parse(response.body, nullptr, false);
  CloudCredential out;
  out.token = text(answer, "access_token");
  if (out.token.empty()) return Status(Code::data_loss, "the token server sent no access_token");
  // RFC 6750, 2.1: what would break the header out of its line is no token.
  if (std::any_of(out.token.begin(), out.token.end(), [](char c) { return c <= ' ' || c == 0x7f; }))
    return Status(Code::data_loss, "the token server sent a token that is none");
  constexpr std::int64_t kSecond = 1'000'000'000;
  if (const auto on = seconds(answer, "expires_on"); on && *on > 0)
    out.good_until({std::min(*on, now.unix_ns / kSecond + kLongest) * kSecond}, now, early);
  else if (const auto in = seconds(answer, "expires_in"); in && *in > 0)
    out.good_until({now.unix_ns + std::min(*in, kLongest) * kSecond}, now, early);
  if (out.expires && *out.expires <= now)
    return Status(Code::unavailable, "the token server sent a token that has expired");
  return out;
}

std::shared_ptr<net::RequestAuthorizer> bearer_authorizer(
    Loop& loop, std::string what, std::unique_ptr<CredentialSource> source) {
  return std::make_shared<BearerAuthorizer>(loop, std::move(what), std::move(source));
}

}  // namespace collector::platform
