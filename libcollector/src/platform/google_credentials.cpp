// Tokens of Google Cloud as golang.org/x/oauth2/google fetches them ("Using OAuth 2.0 for server to
// server applications", "How Application Default Credentials works").
#include "base/base64.hpp"
#include "net/rs256.hpp"
#include "platform/cloud_credentials.hpp"
#include "platform/json_fields.hpp"
#include "platform/token_request.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace collector::platform {
namespace {

constexpr std::size_t kLargestFile = 1U << 20;
constexpr Duration kEarly = std::chrono::seconds(225);
constexpr const char* kScope = "https://www.googleapis.com/auth/monitoring.write";
constexpr const char* kTokenUrl = "https://oauth2.googleapis.com/token";

using Credential = Result<CloudCredential>;
using nlohmann::json;

Status missing(std::string what) { return Status(Code::failed_precondition, std::move(what)); }

/// Without padding, as JSON Web Tokens have it (RFC 7515, 2).
std::string base64url(std::string_view bytes) {
  std::string out = base::base64(bytes, true);
  out.erase(out.find_last_not_of('=') + 1);
  return out;
}

class GoogleSource final : public CredentialSource {
 public:
  GoogleSource(Seams& seams, const GoogleSettings& settings, const Environment& environment)
      : seams_(seams), settings_(settings), env_(environment), client_(seams) {}

  Task<Credential> fetch(net::SendOptions options) override {
    std::string path = settings_.credentials_file;
    if (path.empty()) path = env_("GOOGLE_APPLICATION_CREDENTIALS");
    const bool named = !path.empty();
    if (!named && !env_("HOME").empty())
      path = env_("HOME") + "/.config/gcloud/application_default_credentials.json";
    auto text = path.empty() ? Result<std::string>(Status(Code::not_found, "no home"))
                             : seams_.files.read(path, kLargestFile);
    if (!text && named) co_return Credential(missing(text.error().what()));
    Task<Credential> task = text ? from_file(path, std::move(*text), options) : metadata(options);
    auto token = co_await std::move(task);
    co_return token;
  }

 private:
  Task<Credential> from_file(std::string path, std::string content, net::SendOptions options) {
    const json file = json::parse(content, nullptr, false);
    const std::string type = text(file, "type");
    std::string url = text(file, "token_uri");
    if (url.empty()) url = kTokenUrl;
    net::Request request;
    request.method = "POST";
    request.url = url;
    std::string secret;
    if (type == "service_account") {
      auto assertion = sign_assertion(file, url);
      if (!assertion) co_return Credential(assertion.error().in(path));
      secret = *assertion;
      request.body = form({{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
                           {"assertion", std::move(*assertion)}});
    } else if (type == "authorized_user") {
      secret = text(file, "refresh_token");
      request.body = form({{"client_id", text(file, "client_id")},
                           {"client_secret", text(file, "client_secret")},
                           {"grant_type", "refresh_token"},
                           {"refresh_token", secret}});
    } else if (!file.is_object() || type.empty()) {
      co_return Credential(missing(path + ": no Google Cloud credentials in JSON"));
    } else {
      co_return Credential(missing(
          fmt::format("{}: credentials of type \"{}\" are not offered, only service_account and "
                      "authorized_user",
                      path, type)));
    }
    Status safe = check_token_url(url);
    if (!safe.ok()) co_return Credential(safe.in(path));
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    std::vector<std::string> secrets{std::move(secret), text(file, "client_secret")};
    auto response = co_await client_.ask(std::move(request), options, std::move(secrets));
    if (!response) co_return Credential(response.error());
    auto token = token_of(*response, seams_.loop.wall(), kEarly);
    if (token) {
      token->quota_project = env_("GOOGLE_CLOUD_QUOTA_PROJECT");
      if (token->quota_project.empty()) token->quota_project = text(file, "quota_project_id");
    }
    co_return token;
  }

  /// A JSON Web Token that asks for access (RFC 7523, 2.1).
  Result<std::string> sign_assertion(const json& file, const std::string& url) {
    const std::string account = text(file, "client_email"), key = text(file, "private_key");
    if (account.empty() || key.empty()) return missing("client_email or private_key is missing");
    json header{{"alg", "RS256"}, {"typ", "JWT"}};
    if (const std::string id = text(file, "private_key_id"); !id.empty()) header["kid"] = id;
    // A little back, as clocks differ.
    const std::int64_t now = seams_.loop.wall().unix_ns / 1'000'000'000 - 10;
    const json claims{
        {"iss", account}, {"scope", kScope}, {"aud", url}, {"iat", now}, {"exp", now + 3600}};
    const auto dumped = [](const json& j) {
      return base64url(j.dump(-1, ' ', false, json::error_handler_t::replace));
    };
    std::string out = dumped(header) + "." + dumped(claims);
    const auto signature = net::rs256(key, out);
    if (!signature) return signature.error();
    return out + "." + base64url(*signature);
  }

  Task<Credential> metadata(net::SendOptions options) {
    std::string host = env_("GCE_METADATA_HOST");
    if (host.empty()) host = "169.254.169.254";
    net::Request request;
    request.url = fmt::format(
        "http://{}/computeMetadata/v1/instance/service-accounts/default/token?scopes={}", host,
        net::url_encode(kScope));
    request.headers.set("Metadata-Flavor", "Google");
    auto response =
        co_await client_.ask_near(std::move(request), options, std::vector<std::string>());
    if (!response)
      co_return Credential(response.error().in(
          "there are no default credentials of Google Cloud, and the metadata server"));
    auto token = token_of(*response, seams_.loop.wall(), kEarly);
    if (token) token->quota_project = env_("GOOGLE_CLOUD_QUOTA_PROJECT");
    co_return token;
  }

  Seams& seams_;
  const GoogleSettings settings_;
  const Environment env_;
  TokenClient client_;
};

}  // namespace

std::shared_ptr<net::RequestAuthorizer> google_authorizer(Seams& seams, GoogleSettings settings,
                                                          Environment environment) {
  return bearer_authorizer(seams.loop, "Google Cloud token",
                           std::make_unique<GoogleSource>(seams, settings, environment));
}

}  // namespace collector::platform
