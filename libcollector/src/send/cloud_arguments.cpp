#include "send/cloud_arguments.hpp"

#include "platform/cloud_credentials.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace collector::send {
namespace {

Status invalid(std::string what) { return Status(Code::invalid_argument, std::move(what)); }

/// The four forms that github.com/google/uuid parses.
bool is_uuid(std::string_view text) {
  constexpr std::string_view kUrn = "urn:uuid:";
  if (text.size() == 38 && text.front() == '{' && text.back() == '}')
    text = text.substr(1, 36);
  else if (text.size() == 45 && text.substr(0, kUrn.size()) == kUrn)
    text.remove_prefix(kUrn.size());
  const bool dashed = text.size() == 36;
  if (!dashed && text.size() != 32) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = dashed && (i == 8 || i == 13 || i == 18 || i == 23);
    if (dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}

bool only(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || others.find(c) != others.npos;
  });
}

}  // namespace

Status SigV4Arguments::validate() const {
  if (access_key.empty() != secret_key.empty())
    return invalid(
        "must provide an AWS SigV4 access key and secret key if credentials are specified in the "
        "SigV4 config");
  if (!external_id.empty() && role_arn.empty())
    return invalid("external_id can only be used with role_arn");
  return {};
}

Status AzureAdArguments::validate() const {
  constexpr std::array<std::string_view, 3> kClouds{"AzureChina", "AzureGovernment", "AzurePublic"};
  if (std::find(kClouds.begin(), kClouds.end(), cloud) == kClouds.end())
    return invalid("must provide a cloud in the Azure AD config");
  const int methods = static_cast<int>(managed_identity.has_value()) +
                      static_cast<int>(workload_identity.has_value()) +
                      static_cast<int>(oauth.has_value()) + static_cast<int>(sdk.has_value());
  if (methods == 0)
    return invalid(
        "must provide an Azure Managed Identity, Azure Workload Identity, Azure OAuth or Azure SDK "
        "in the Azure AD config");
  if (methods > 1)
    return invalid("cannot provide multiple authentication methods in the Azure AD config");
  const auto check = [](std::string_view method, std::string_view name, std::string_view value,
                        bool good) {
    const std::string what = "Azure " + std::string(method);
    if (value.empty())
      return invalid("must provide an " + what + " " + std::string(name) +
                     " in the Azure AD config");
    if (!good) return invalid("the provided " + what + " " + std::string(name) + " is invalid");
    return Status();
  };
  Status bad;
  const auto keep = [&bad](Status s) {
    if (bad.ok()) bad = std::move(s);
  };
  if (managed_identity)
    keep(check("Managed Identity", "client_id", managed_identity->client_id,
               is_uuid(managed_identity->client_id)));
  if (const auto& w = workload_identity) {
    keep(check("Workload Identity", "client_id", w->client_id, is_uuid(w->client_id)));
    keep(check("Workload Identity", "tenant_id", w->tenant_id, is_uuid(w->tenant_id)));
  }
  // A tenant may be a domain as well.
  if (oauth) {
    keep(check("OAuth", "client_id", oauth->client_id, is_uuid(oauth->client_id)));
    keep(check("OAuth", "client_secret", oauth->client_secret.empty() ? "" : "set", true));
    keep(check("OAuth", "tenant_id", oauth->tenant_id, only(oauth->tenant_id, "-.")));
  }
  if (sdk && !only(sdk->tenant_id, "-."))
    keep(invalid("the provided Azure OAuth tenant_id is invalid"));
  if (!only(scope, "_ \t\n\v\f\r:/.-"))
    keep(invalid("the provided scope contains invalid characters"));
  return bad;
}

std::shared_ptr<net::RequestAuthorizer> cloud_authorizer(
    Seams& seams, const std::optional<SigV4Arguments>& sigv4,
    const std::optional<AzureAdArguments>& azuread,
    const std::optional<GoogleIamArguments>& google_iam) {
  using Method = platform::AzureSettings::Method;
  if (sigv4) {
    platform::AwsSettings s;
    s.access_key = sigv4->access_key;
    s.secret_key = sigv4->secret_key.reveal();
    s.region = sigv4->region;
    s.profile = sigv4->profile;
    s.role_arn = sigv4->role_arn;
    s.external_id = sigv4->external_id;
    s.service = sigv4->service_name;
    s.fips_sts = sigv4->use_fips_sts_endpoint;
    return platform::aws_authorizer(seams, std::move(s), platform::process_environment());
  }
  if (azuread) {
    platform::AzureSettings s;
    s.cloud = azuread->cloud;
    s.scope = azuread->scope;
    if (const auto& m = azuread->managed_identity) {
      s.method = Method::managed_identity;
      s.client_id = m->client_id;
    } else if (const auto& o = azuread->oauth) {
      s.method = Method::oauth;
      s.client_id = o->client_id;
      s.client_secret = o->client_secret.reveal();
      s.tenant_id = o->tenant_id;
    } else if (const auto& w = azuread->workload_identity) {
      s.method = Method::workload_identity;
      s.client_id = w->client_id;
      s.tenant_id = w->tenant_id;
      s.token_file = w->token_file_path;
      if (s.token_file.empty()) s.token_file = WorkloadIdentityArguments().token_file_path;
    } else if (azuread->sdk) {
      s.tenant_id = azuread->sdk->tenant_id;
    }
    return platform::azure_authorizer(seams, std::move(s), platform::process_environment());
  }
  if (google_iam)
    return platform::google_authorizer(seams, {google_iam->credentials_file},
                                       platform::process_environment());
  return nullptr;
}

}  // namespace collector::send
