// Where AWS keys come from: the order of aws-sdk-go-v2's config.LoadDefaultConfig, which
// prometheus/sigv4 uses, then a role to take on.
#include "base/civil_time.hpp"
#include "platform/aws_profile.hpp"
#include "platform/aws_signature.hpp"
#include "platform/cloud_credentials.hpp"
#include "platform/json_fields.hpp"
#include "platform/token_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace collector::platform {
namespace {

constexpr std::size_t kLargestFile = 1U << 20;
constexpr Duration kEarly = std::chrono::minutes(5);
constexpr int kMostProfiles = 8;  // that name one another

using Credential = Result<CloudCredential>;
using Profiles = std::map<std::string, AwsProfile>;

Status missing(std::string what) { return Status(Code::failed_precondition, std::move(what)); }

std::string setting(const AwsProfile& profile, const char* name) {
  const auto at = profile.find(name);
  return at == profile.end() ? std::string() : at->second;
}

bool truthy(std::string_view text) { return net::equal_fold(text, "true"); }

/// The domain that the services of a region are in.
std::string_view domain_of(std::string_view region) {
  constexpr std::pair<std::string_view, std::string_view> kOthers[] = {
      {"cn-", "amazonaws.com.cn"},    {"us-isob-", "sc2s.sgov.gov"}, {"us-isof-", "csp.hci.ic.gov"},
      {"eu-isoe-", "cloud.adc-e.uk"}, {"us-iso-", "c2s.ic.gov"},     {"eusc-", "amazonaws.eu"}};
  for (const auto& [prefix, domain] : kOthers)
    if (region.substr(0, prefix.size()) == prefix) return domain;
  return "amazonaws.com";
}

/// What a container's endpoint and the instance's metadata answer.
Credential keys_of(const net::Response& response, WallTime now) {
  const auto answer = nlohmann::json::parse(response.body, nullptr, false);
  const std::string code = text(answer, "Code");
  if (!code.empty() && code != "Success")
    return Status(Code::unavailable, fmt::format("no keys: {}", code));
  CloudCredential out;
  out.key_id = text(answer, "AccessKeyId");
  out.secret = text(answer, "SecretAccessKey");
  out.token = text(answer, "Token");
  if (out.key_id.empty() || out.secret.empty())
    return Status(Code::data_loss, "the answer has no AccessKeyId and SecretAccessKey");
  if (const auto end = base::parse_rfc3339(text(answer, "Expiration")))
    out.good_until(*end, now, kEarly);
  return out;
}

/// What a role to take on is known by.
struct Role {
  std::string arn, external_id, session;
  std::int64_t seconds = 900;
};

class AwsSource final : public CredentialSource {
 public:
  AwsSource(Seams& seams, const AwsSettings& settings, const Environment& environment)
      : seams_(seams), settings_(settings), env_(environment), client_(seams) {}

  Task<Credential> fetch(net::SendOptions options) override {
    auto profiles = read_profiles();
    if (!profiles) co_return Credential(profiles.error());
    const auto region = region_of(*profiles);
    if (!region) co_return Credential(region.error());
    auto keys = co_await base_keys(std::move(*profiles), *region, options);
    if (keys && !settings_.role_arn.empty()) {
      Role role{settings_.role_arn, settings_.external_id, ""};
      keys = co_await assume(std::move(*keys), std::move(role), *region, options);
    }
    if (keys) keys->region = *region;
    co_return keys;
  }

 private:
  std::string env(const char* name, const char* other) const {
    std::string value = env_(name);
    return value.empty() ? env_(other) : value;
  }
  std::string profile_name() const {
    if (!settings_.profile.empty()) return settings_.profile;
    const std::string name = env("AWS_PROFILE", "AWS_DEFAULT_PROFILE");
    return name.empty() ? "default" : name;
  }

  Result<Profiles> read_profiles() {
    Profiles out;
    const std::pair<const char*, const char*> files[] = {
        {"AWS_CONFIG_FILE", "/.aws/config"}, {"AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials"}};
    for (const auto& [variable, usual] : files) {
      std::string path = env_(variable);
      if (path.empty() && !env_("HOME").empty()) path = env_("HOME") + usual;
      if (path.empty()) continue;
      const auto text = seams_.files.read(path, kLargestFile);
      if (text) read_aws_profiles(*text, variable == files[1].first, out);
    }
    const std::string name = profile_name();
    const bool asked = name != "default" || !settings_.profile.empty();
    if (asked && !out.contains(name))
      return missing(fmt::format("there is no AWS profile \"{}\"", name));
    return out;
  }

  Result<std::string> region_of(Profiles& profiles) {
    std::string region = settings_.region;
    if (region.empty()) region = env("AWS_REGION", "AWS_DEFAULT_REGION");
    if (region.empty()) region = setting(profiles[profile_name()], "region");
    if (region.empty())
      return missing("region not configured in sigv4 or in default credentials chain");
    return region;
  }

  Credential environment_keys() const {
    CloudCredential out;
    out.key_id = env("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY");
    out.secret = env("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY");
    out.token = env_("AWS_SESSION_TOKEN");
    if (out.key_id.empty() || out.secret.empty())
      return missing("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
    return out;
  }

  Task<Credential> base_keys(Profiles profiles, std::string region, net::SendOptions options) {
    if (!settings_.access_key.empty()) {
      CloudCredential out;
      out.key_id = settings_.access_key;
      out.secret = settings_.secret_key;
      co_return Credential(std::move(out));
    }
    if (settings_.profile.empty()) {
      if (auto keys = environment_keys()) co_return keys;
      if (const std::string file = env_("AWS_WEB_IDENTITY_TOKEN_FILE"); !file.empty()) {
        Role role{env_("AWS_ROLE_ARN"), "", env_("AWS_ROLE_SESSION_NAME")};
        auto keys = co_await web_identity(file, std::move(role), region, options);
        co_return keys;
      }
    }
    auto keys = co_await profile_keys(profiles, profile_name(), 0, region, options);
    co_return keys;
  }

  /// `profiles` outlives the task.
  Task<Credential> profile_keys(const Profiles& profiles, std::string name, int depth,
                                std::string region, net::SendOptions options) {
    const auto at = profiles.find(name);
    if (at == profiles.end() && depth > 0)
      co_return Credential(missing(fmt::format("there is no AWS profile \"{}\"", name)));
    const AwsProfile profile = at == profiles.end() ? AwsProfile() : at->second;
    Role role{setting(profile, "role_arn"), setting(profile, "external_id"),
              setting(profile, "role_session_name")};
    const std::string lasts = setting(profile, "duration_seconds");
    std::int64_t seconds = 0;
    std::from_chars(lasts.data(), lasts.data() + lasts.size(), seconds);
    role.seconds = std::max(role.seconds, seconds);
    const std::string source = setting(profile, "source_profile");
    const std::string token_file = setting(profile, "web_identity_token_file");
    if (!role.arn.empty() && !setting(profile, "mfa_serial").empty())
      co_return Credential(
          missing(fmt::format("profile {}: mfa_serial asks for somebody who types a code", name)));
    if (depth >= kMostProfiles)
      co_return Credential(missing(fmt::format("profile {}: source_profile goes round", name)));
    CloudCredential own;
    own.key_id = setting(profile, "aws_access_key_id");
    own.secret = setting(profile, "aws_secret_access_key");
    own.token = setting(profile, "aws_session_token");
    const bool has_keys = !own.key_id.empty() && !own.secret.empty();
    Credential keys = own;
    if (!role.arn.empty() && !source.empty() && source != name) {
      keys = co_await profile_keys(profiles, source, depth + 1, region, options);
    } else if (!has_keys && !role.arn.empty() && !setting(profile, "credential_source").empty()) {
      keys = co_await keys_from(setting(profile, "credential_source"), options);
    } else if (!has_keys && !token_file.empty()) {
      keys = co_await web_identity(token_file, role, region, options);
      co_return keys;
    } else if (!has_keys &&
               (profile.contains("sso_session") || profile.contains("sso_start_url"))) {
      co_return Credential(missing(fmt::format("profile {}: sso is not offered", name)));
    } else if (!has_keys && profile.contains("credential_process")) {
      co_return Credential(
          missing(fmt::format("profile {}: credential_process is not offered", name)));
    } else if (!has_keys) {
      const bool container =
          !env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
               .empty();
      keys = co_await keys_from(container ? "EcsContainer" : "Ec2InstanceMetadata", options);
    }
    if (!keys || role.arn.empty()) co_return keys;
    auto assumed = co_await assume(std::move(*keys), std::move(role), region, options);
    co_return assumed;
  }

  Task<Credential> keys_from(std::string source, net::SendOptions options) {
    if (source == "Environment") co_return environment_keys();
    if (source == "EcsContainer") {
      auto keys = co_await container_keys(options);
      co_return keys;
    }
    if (source == "Ec2InstanceMetadata") {
      auto keys = co_await instance_keys(options);
      co_return keys;
    }
    co_return Credential(
        missing("credential_source must be EcsContainer, Ec2InstanceMetadata or Environment"));
  }

  /// Of ECS tasks and EKS pods.
  Task<Credential> container_keys(net::SendOptions options) {
    net::Request request;
    request.url = env_("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (request.url.empty())
      request.url = "http://169.254.170.2" + env_("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const Status allowed =
        check_token_url(request.url, {"169.254.170.2", "169.254.170.23", "fd00:ec2::23"});
    if (!allowed.ok()) co_return Credential(allowed);
    std::string token = env_("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (const std::string file = env_("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !file.empty()) {
      auto text = seams_.files.read(file, kLargestFile);
      if (!text) co_return Credential(missing(text.error().what()));
      token = std::move(*text);
    }
    if (token.find_first_of("\r\n") != std::string::npos)
      co_return Credential(missing("the container's authorization token has a line break"));
    if (!token.empty()) request.headers.set("Authorization", token);
    std::vector<std::string> secrets(1, std::move(token));
    auto response = co_await client_.ask_near(std::move(request), options, std::move(secrets));
    if (!response) co_return Credential(response.error());
    co_return keys_of(*response, seams_.loop.wall());
  }

  /// Of EC2 instances (IMDSv2, and version 1 where there is no other).
  Task<Credential> instance_keys(net::SendOptions options) {
    if (truthy(env_("AWS_EC2_METADATA_DISABLED")))
      co_return Credential(missing("no AWS keys found, and AWS_EC2_METADATA_DISABLED is true"));
    std::string base = env_("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (base.empty())
      base = net::equal_fold(env_("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), "ipv6")
                 ? "http://[fd00:ec2::254]"
                 : "http://169.254.169.254";
    while (!base.empty() && base.back() == '/') base.pop_back();
    net::Request ask;
    ask.method = "PUT";
    ask.url = base + "/latest/api/token";
    ask.headers.set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "300");
    auto token = co_await client_.ask_near(std::move(ask), options, std::vector<std::string>());
    const bool first = !token && (token.error().code() == Code::not_found ||
                                  token.error().code() == Code::permission_denied ||
                                  token.error().code() == Code::invalid_argument);
    if (!token && (!first || truthy(env_("AWS_EC2_METADATA_V1_DISABLED"))))
      co_return Credential(token.error().in("no AWS keys found, and the instance's metadata"));
    const std::string secret = token ? token->body : std::string();
    const std::string path = base + "/latest/meta-data/iam/security-credentials/";
    auto role = co_await metadata(path, secret, options);
    if (!role) co_return Credential(role.error());
    const std::string name = role->body.substr(0, role->body.find_first_of(" \t\r\n"));
    if (name.empty())
      co_return Credential(missing("no AWS keys found, and the instance has no role"));
    auto keys = co_await metadata(path + net::url_encode(name), secret, options);
    if (!keys) co_return Credential(keys.error());
    co_return keys_of(*keys, seams_.loop.wall());
  }
  Task<Result<net::Response>> metadata(std::string url, std::string token,
                                       net::SendOptions options) {
    net::Request request;
    request.url = std::move(url);
    if (!token.empty()) request.headers.set("X-Aws-Ec2-Metadata-Token", token);
    std::vector<std::string> secrets(1, std::move(token));
    auto response = co_await client_.ask_near(std::move(request), options, std::move(secrets));
    co_return response;
  }

  // --- the Security Token Service (AWS STS API Reference, 2011-06-15) ---------------------------

  std::string sts_url(const std::string& region) const {
    if (!truthy(env_("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")))
      if (std::string url = env("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"); !url.empty())
        return url;
    const bool government = region.rfind("us-gov-", 0) == 0;
    const char* service = settings_.fips_sts && !government ? "sts-fips" : "sts";
    if (region == "aws-global") return "https://sts.amazonaws.com/";
    return fmt::format("https://{}.{}.{}/", service, region, domain_of(region));
  }

  net::Request sts_request(const std::string& region, const char* action, const Role& role) const {
    net::Request request;
    request.method = "POST";
    request.url = sts_url(region);
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    const std::string session = role.session.empty()
                                    ? fmt::format("libcollector-{}", seams_.loop.wall().unix_ns)
                                    : role.session;
    request.body = form({{"Action", action},
                         {"Version", "2011-06-15"},
                         {"RoleArn", role.arn},
                         {"RoleSessionName", session}});
    return request;
  }

  Task<Credential> sts(net::Request request, net::SendOptions options,
                       std::vector<std::string> secrets) {
    if (Status s = check_token_url(request.url); !s.ok()) co_return Credential(std::move(s));
    auto response = co_await client_.ask(std::move(request), options, std::move(secrets));
    if (!response) co_return Credential(response.error());
    CloudCredential out;
    out.key_id = xml_element(response->body, "AccessKeyId");
    out.secret = xml_element(response->body, "SecretAccessKey");
    out.token = xml_element(response->body, "SessionToken");
    const auto end = base::parse_rfc3339(xml_element(response->body, "Expiration"));
    if (out.key_id.empty() || out.secret.empty() || out.token.empty() || !end)
      co_return Credential(Status(Code::data_loss, "STS sent no credentials"));
    out.good_until(*end, seams_.loop.wall(), kEarly);
    co_return Credential(std::move(out));
  }

  Task<Credential> assume(CloudCredential keys, Role role, std::string region,
                          net::SendOptions options) {
    net::Request request = sts_request(region, "AssumeRole", role);
    request.body += fmt::format("&DurationSeconds={}", role.seconds);
    if (!role.external_id.empty())
      request.body += "&ExternalId=" + net::url_encode(role.external_id);
    Status s =
        sign(request, {keys.key_id, keys.secret, keys.token}, {region, "sts", seams_.loop.wall()});
    if (!s.ok()) co_return Credential(std::move(s));
    std::vector<std::string> secrets{keys.secret, keys.token};
    auto assumed = co_await sts(std::move(request), options, std::move(secrets));
    if (!assumed) co_return Credential(assumed.error().in("assuming " + role.arn));
    co_return assumed;
  }

  Task<Credential> web_identity(std::string file, Role role, std::string region,
                                net::SendOptions options) {
    if (role.arn.empty())
      co_return Credential(missing("there is a web identity token, but no role for it"));
    auto token = seams_.files.read(file, kLargestFile);
    if (!token) co_return Credential(missing(token.error().what()));
    token->erase(token->find_last_not_of(" \t\r\n") + 1);
    net::Request request = sts_request(region, "AssumeRoleWithWebIdentity", role);
    request.body += "&WebIdentityToken=" + net::url_encode(*token);
    std::vector<std::string> secrets(1, std::move(*token));
    auto assumed = co_await sts(std::move(request), options, std::move(secrets));
    if (!assumed) co_return Credential(assumed.error().in("assuming " + role.arn));
    co_return assumed;
  }

  Seams& seams_;
  const AwsSettings settings_;
  const Environment env_;
  TokenClient client_;
};

class AwsAuthorizer final : public net::RequestAuthorizer {
 public:
  AwsAuthorizer(Seams& seams, const AwsSettings& settings, const Environment& environment)
      : loop_(seams.loop),
        service_(settings.service.empty() ? "aps" : settings.service),
        cache_(seams.loop, std::make_unique<AwsSource>(seams, settings, environment)) {}

  Task<Status> authorize(net::Request& request, net::SendOptions options) override {
    const auto keys = co_await cache_.get(std::move(options));
    if (!keys) co_return keys.error().in("AWS keys");
    co_return sign(request, {keys->key_id, keys->secret, keys->token},
                   {keys->region, service_, loop_.wall()});
  }
  bool refused() override { return cache_.drop(); }

 private:
  Loop& loop_;
  const std::string service_;
  CredentialCache cache_;
};

}  // namespace

std::shared_ptr<net::RequestAuthorizer> aws_authorizer(Seams& seams, AwsSettings settings,
                                                       Environment environment) {
  return std::make_shared<AwsAuthorizer>(seams, settings, environment);
}

}  // namespace collector::platform
