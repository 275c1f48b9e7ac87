// Tokens of Microsoft Entra ID as prometheus/prometheus storage/remote/azuread asks azidentity for
// them (Microsoft identity platform, "OAuth 2.0 client credentials flow"; "How to use managed
// identities for Azure resources on an Azure VM to acquire an access token").
#include "platform/cloud_credentials.hpp"
#include "platform/token_request.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace collector::platform {
namespace {

constexpr std::size_t kLargestFile = 64U << 10;
/// More than any token lasts: half of its time is what counts, as in Prometheus.
constexpr Duration kEarly = std::chrono::hours(24 * 365);

using Credential = Result<CloudCredential>;
using Fields = std::vector<std::pair<std::string, std::string>>;

Status missing(std::string what) { return Status(Code::failed_precondition, std::move(what)); }

struct Cloud {
  std::string_view name, authority, scope;
};
constexpr Cloud kClouds[] = {
    {"AzureChina", "https://login.chinacloudapi.cn", "https://monitor.azure.cn//.default"},
    {"AzureGovernment", "https://login.microsoftonline.us", "https://monitor.azure.us//.default"},
    {"AzurePublic", "https://login.microsoftonline.com", "https://monitor.azure.com//.default"}};

const Cloud& cloud_named(std::string_view name) {
  for (const Cloud& cloud : kClouds)
    if (cloud.name == name) return cloud;
  return kClouds[2];
}

class AzureSource final : public CredentialSource {
 public:
  AzureSource(Seams& seams, const AzureSettings& settings, const Environment& environment)
      : seams_(seams), settings_(settings), env_(environment), client_(seams) {}

  Task<Credential> fetch(net::SendOptions options) override {
    using Method = AzureSettings::Method;
    Task<Credential> task;
    if (settings_.method == Method::managed_identity)
      task = managed_identity(settings_.client_id, options);
    else if (settings_.method == Method::oauth)
      task =
          with_secret(settings_.tenant_id, settings_.client_id, settings_.client_secret, options);
    else if (settings_.method == Method::workload_identity)
      task =
          with_assertion(settings_.tenant_id, settings_.client_id, settings_.token_file, options);
    else
      task = from_environment(options);
    auto token = co_await std::move(task);
    co_return token;
  }

 private:
  const Cloud& cloud() const { return cloud_named(settings_.cloud); }
  std::string scope() const {
    return settings_.scope.empty() ? std::string(cloud().scope) : settings_.scope;
  }
  /// Managed identities are asked for what a scope's default is of.
  std::string resource() const {
    constexpr std::string_view kDefault = "/.default";
    std::string text = scope();
    if (text.size() >= kDefault.size() &&
        text.compare(text.size() - kDefault.size(), kDefault.size(), kDefault) == 0)
      text.resize(text.size() - kDefault.size());
    return text;
  }

  /// The environment's part of azidentity's DefaultAzureCredential, in its order.
  Task<Credential> from_environment(net::SendOptions options) {
    const std::string client = env_("AZURE_CLIENT_ID"), tenant = env_("AZURE_TENANT_ID");
    const std::string secret = env_("AZURE_CLIENT_SECRET");
    const std::string file = env_("AZURE_FEDERATED_TOKEN_FILE");
    const std::string other_tenant = settings_.tenant_id.empty() ? tenant : settings_.tenant_id;
    if (!client.empty() && !tenant.empty() && !secret.empty()) {
      auto token = co_await with_secret(tenant, client, secret, options);
      co_return token;
    }
    if (!client.empty() && !tenant.empty() && !env_("AZURE_CLIENT_CERTIFICATE_PATH").empty())
      co_return Credential(missing("AZURE_CLIENT_CERTIFICATE_PATH: certificates are not offered"));
    if (!client.empty() && !other_tenant.empty() && !file.empty()) {
      auto token = co_await with_assertion(other_tenant, client, file, options);
      co_return token;
    }
    auto token = co_await managed_identity(client, options);
    if (!token)
      co_return Credential(token.error().in(
          "the environment names no credentials, logins of az, azd and PowerShell are not offered, "
          "and the managed identity"));
    co_return token;
  }

  Task<Credential> with_secret(std::string tenant, std::string client, std::string secret,
                               net::SendOptions options) {
    Fields fields{{"client_id", client},
                  {"client_secret", secret},
                  {"grant_type", "client_credentials"},
                  {"scope", scope()}};
    auto token = co_await authority(std::move(tenant), form(fields), std::move(secret), options);
    co_return token;
  }

  Task<Credential> with_assertion(std::string tenant, std::string client, std::string file,
                                  net::SendOptions options) {
    auto assertion = seams_.files.read(file, kLargestFile);
    if (!assertion) co_return Credential(missing(assertion.error().what()));
    assertion->erase(assertion->find_last_not_of(" \t\r\n") + 1);
    Fields fields{
        {"client_id", client},
        {"client_assertion", *assertion},
        {"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
        {"grant_type", "client_credentials"},
        {"scope", scope()}};
    auto token =
        co_await authority(std::move(tenant), form(fields), std::move(*assertion), options);
    co_return token;
  }

  Task<Credential> authority(std::string tenant, std::string body, std::string secret,
                             net::SendOptions options) {
    std::string base = env_("AZURE_AUTHORITY_HOST");
    if (base.empty()) base = cloud().authority;
    while (!base.empty() && base.back() == '/') base.pop_back();
    net::Request request;
    request.method = "POST";
    request.url = fmt::format("{}/{}/oauth2/v2.0/token", base, net::url_encode(tenant));
    Status safe = check_token_url(request.url);
    if (!safe.ok()) co_return Credential(std::move(safe));
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    request.headers.set("Accept", "application/json");
    request.body = std::move(body);
    std::vector<std::string> secrets(1, std::move(secret));
    auto response = co_await client_.ask(std::move(request), options, std::move(secrets));
    if (!response) co_return Credential(response.error());
    co_return token_of(*response, seams_.loop.wall(), kEarly);
  }

  /// Of App Service and of virtual machines.
  Task<Credential> managed_identity(std::string client, net::SendOptions options) {
    net::Request request;
    std::string secret;
    if (const std::string url = env_("IDENTITY_ENDPOINT"); !url.empty()) {
      secret = env_("IDENTITY_HEADER");
      if (!env_("IDENTITY_SERVER_THUMBPRINT").empty() || secret.empty())
        co_return Credential(
            missing("managed identities of Service Fabric and Azure Arc are not offered"));
      request.url = url + "?api-version=2019-08-01";
      request.headers.set("X-Identity-Header", secret);
    } else if (!env_("MSI_ENDPOINT").empty()) {
      co_return Credential(
          missing("managed identities of Azure ML and Cloud Shell are not offered"));
    } else {
      std::string base = env_("AZURE_POD_IDENTITY_AUTHORITY_HOST");
      if (base.empty()) base = "http://169.254.169.254";
      while (!base.empty() && base.back() == '/') base.pop_back();
      request.url = base + "/metadata/identity/oauth2/token?api-version=2018-02-01";
      request.headers.set("Metadata", "true");
    }
    request.url += "&resource=" + net::url_encode(resource());
    if (!client.empty()) request.url += "&client_id=" + net::url_encode(client);
    std::vector<std::string> secrets(1, std::move(secret));
    auto response = co_await client_.ask_near(std::move(request), options, std::move(secrets));
    if (!response) co_return Credential(response.error());
    co_return token_of(*response, seams_.loop.wall(), kEarly);
  }

  Seams& seams_;
  const AzureSettings settings_;
  const Environment env_;
  TokenClient client_;
};

}  // namespace

std::shared_ptr<net::RequestAuthorizer> azure_authorizer(Seams& seams, AzureSettings settings,
                                                         Environment environment) {
  return bearer_authorizer(seams.loop, "Azure AD token",
                           std::make_unique<AzureSource>(seams, settings, environment));
}

}  // namespace collector::platform
