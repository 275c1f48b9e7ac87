// Credentials of AWS, Azure and Google Cloud for requests to their services: found, fetched and
// renewed as the providers' own libraries do, and put into each request when it is sent. One loop.
#pragma once

#include "net/request_authorizer.hpp"

#include <functional>
#include <memory>
#include <string>

namespace collector::platform {

/// The value of a variable of the environment, empty where there is none.
using Environment = std::function<std::string(const char* name)>;
/// This process's.
Environment process_environment();

/// AWS Signature Version 4. Without keys, they come from the default chain of AWS's libraries: the
/// environment, a web identity, the profile, a container's endpoint, the instance's metadata.
struct AwsSettings {
  std::string access_key, secret_key, region, profile, role_arn, external_id;
  std::string service = "aps";
  bool fips_sts = false;
};

/// Bearer tokens of Microsoft Entra ID.
struct AzureSettings {
  enum class Method : std::uint8_t {
    managed_identity,   ///< client_id, or the machine's own when it is empty
    oauth,              ///< client_id, client_secret, tenant_id
    workload_identity,  ///< client_id, tenant_id, token_file
    sdk,                ///< DefaultAzureCredential: what the environment offers; tenant_id
  };
  Method method = Method::sdk;
  std::string cloud = "AzurePublic";  ///< or AzureChina, AzureGovernment
  std::string scope;                  ///< empty: of the cloud's metrics ingestion
  std::string client_id, client_secret, tenant_id, token_file;
};

/// Bearer tokens of Google Cloud that may write metrics. Without a file: Application Default
/// Credentials.
struct GoogleSettings {
  std::string credentials_file;
};

/// `seams` outlives what is returned and the requests that it has authorized. Nothing is read or
/// fetched before the first request.
std::shared_ptr<net::RequestAuthorizer> aws_authorizer(Seams& seams, AwsSettings settings,
                                                       Environment environment);
std::shared_ptr<net::RequestAuthorizer> azure_authorizer(Seams& seams, AzureSettings settings,
                                                         Environment environment);
std::shared_ptr<net::RequestAuthorizer> google_authorizer(Seams& seams, GoogleSettings settings,
                                                          Environment environment);

}  // namespace collector::platform
