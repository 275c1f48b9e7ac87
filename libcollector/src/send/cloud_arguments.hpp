// How endpoints of prometheus.remote_write authenticate at AWS, Azure and Google Cloud.
#pragma once

#include <collector/engine/arguments.hpp>

#include <memory>
#include <optional>
#include <string>

namespace collector {
struct Seams;
}
namespace collector::net {
class RequestAuthorizer;
}

namespace collector::send {

struct SigV4Arguments {
  std::string access_key, external_id, profile, region, role_arn;
  SecretText secret_key;
  std::string service_name = "aps";
  bool use_fips_sts_endpoint = false;

  Status validate() const;
  static constexpr auto fields() {
    using T = SigV4Arguments;
    return std::tuple{
        attr<&T::access_key>("access_key",
                             "AWS access key; without one, keys come from the environment, the "
                             "shared files, a web identity, the container or the instance."),
        attr<&T::external_id>("external_id", "External id for taking on role_arn."),
        attr<&T::profile>("profile", "Profile of the shared files that keys are taken from."),
        attr<&T::region>("region", "AWS region; without one, the environment's or the profile's."),
        attr<&T::role_arn>("role_arn", "Role to take on by STS AssumeRole."),
        attr<&T::secret_key>("secret_key", "AWS secret key."),
        attr<&T::service_name>("service_name", "AWS service that requests are signed for."),
        attr<&T::use_fips_sts_endpoint>("use_fips_sts_endpoint",
                                        "Ask a FIPS endpoint of STS for the role.")};
  }
};

struct ManagedIdentityArguments {
  std::string client_id;
  static constexpr auto fields() {
    return std::tuple{attr<&ManagedIdentityArguments::client_id>(
                          "client_id", "Client id of the managed identity.")
                          .required()};
  }
};
struct AzureOAuthArguments {
  std::string client_id;
  SecretText client_secret;
  std::string tenant_id;
  static constexpr auto fields() {
    using T = AzureOAuthArguments;
    return std::tuple{
        attr<&T::client_id>("client_id", "Client id of the application.").required(),
        attr<&T::client_secret>("client_secret", "Client secret of the application.").required(),
        attr<&T::tenant_id>("tenant_id", "Tenant id of the application.").required()};
  }
};
struct AzureSdkArguments {
  std::string tenant_id;
  static constexpr auto fields() {
    return std::tuple{
        attr<&AzureSdkArguments::tenant_id>("tenant_id", "Tenant of a workload identity.")
            .required()};
  }
};
struct WorkloadIdentityArguments {
  std::string client_id, tenant_id;
  std::string token_file_path = "/var/run/secrets/azure/tokens/azure-identity-token";
  static constexpr auto fields() {
    using T = WorkloadIdentityArguments;
    return std::tuple{attr<&T::client_id>("client_id", "Client id.").required(),
                      attr<&T::tenant_id>("tenant_id", "Tenant id.").required(),
                      attr<&T::token_file_path>("token_file_path", "Projected token file.")};
  }
};
struct AzureAdArguments {
  std::string cloud = "AzurePublic";
  std::string scope;
  std::optional<ManagedIdentityArguments> managed_identity;
  std::optional<AzureOAuthArguments> oauth;
  std::optional<AzureSdkArguments> sdk;
  std::optional<WorkloadIdentityArguments> workload_identity;

  Status validate() const;
  static constexpr auto fields() {
    using T = AzureAdArguments;
    return std::tuple{
        attr<&T::cloud>("cloud", "AzurePublic, AzureChina or AzureGovernment."),
        attr<&T::scope>("scope", "Another OAuth 2.0 scope for the tokens."),
        block<&T::managed_identity>("managed_identity", "User-assigned managed identity."),
        block<&T::oauth>("oauth", "Application credentials."),
        block<&T::sdk>("sdk",
                       "What the environment offers: a secret, a workload or managed identity."),
        block<&T::workload_identity>("workload_identity", "Entra Workload ID.")};
  }
};
struct GoogleIamArguments {
  std::string credentials_file;
  static constexpr auto fields() {
    return std::tuple{
        attr<&GoogleIamArguments::credentials_file>("credentials_file",
                                                    "Credentials in JSON of a service account or a "
                                                    "user; without it, the default credentials.")};
  }
};

/// Of the one that is there, by this process's environment; null where none is.
std::shared_ptr<net::RequestAuthorizer> cloud_authorizer(
    Seams& seams, const std::optional<SigV4Arguments>& sigv4,
    const std::optional<AzureAdArguments>& azuread,
    const std::optional<GoogleIamArguments>& google_iam);

}  // namespace collector::send
