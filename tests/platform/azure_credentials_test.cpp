// Tokens of Microsoft Entra ID: what is asked of whom, as the documentation of the identity
// platform and of managed identities shows it, and the order of azidentity's
// DefaultAzureCredential.
#include "cloud_world.hpp"

#include <fmt/format.h>

using namespace collector;
using namespace std::chrono_literals;
using platform::AzureSettings;

namespace {

constexpr const char* kClient = "00000000-0000-0000-0000-00000000000a";

std::string outcome(const CloudWorld::Authorized& a) {
  return a.status.ok() ? a.header() : to_string(a.status);
}

AzureSettings oauth() {
  AzureSettings s;
  s.method = AzureSettings::Method::oauth;
  s.client_id = kClient;
  s.client_secret = "p&ss";
  s.tenant_id = "tenant.example";
  return s;
}

}  // namespace

TEST_CASE("Azure: client credentials, renewed after half of their time") {
  CloudWorld w;
  int turn = 0;
  w.serve("127.0.0.1", [&](const net::Request&) {
    return CloudWorld::body(fmt::format(
        R"({{"token_type": "Bearer", "expires_in": 3600, "access_token": "T{}"}})", ++turn));
  });
  w.variables["AZURE_AUTHORITY_HOST"] = "http://127.0.0.1/";
  const auto authorizer = platform::azure_authorizer(w.seams, oauth(), w.environment());
  CHECK(outcome(w.authorize(*authorizer)) == "Bearer T1");
  REQUIRE(w.seen.size() == 1);
  CHECK(w.seen[0].method == "POST");
  CHECK(w.seen[0].target == "/tenant.example/oauth2/v2.0/token");
  CHECK(w.seen[0].headers.get("Content-Type") == "application/x-www-form-urlencoded");
  CHECK(field(w.seen[0], "grant_type") == "client_credentials");
  CHECK(field(w.seen[0], "client_id") == kClient);
  CHECK(field(w.seen[0], "client_secret") == "p&ss");
  CHECK(field(w.seen[0], "scope") == "https://monitor.azure.com//.default");
  w.loop.run_for(29min);
  CHECK(outcome(w.authorize(*authorizer)) == "Bearer T1");
  w.loop.run_for(1min);
  CHECK(outcome(w.authorize(*authorizer)) == "Bearer T2");
  AzureSettings china = oauth();
  china.cloud = "AzureChina";
  CHECK(outcome(w.authorize(*platform::azure_authorizer(w.seams, china, w.environment()))) ==
        "Bearer T3");
  CHECK(field(w.seen.back(), "scope") == "https://monitor.azure.cn//.default");
  china.scope = "api://x/.default";
  (void)w.authorize(*platform::azure_authorizer(w.seams, china, w.environment()));
  CHECK(field(w.seen.back(), "scope") == "api://x/.default");
}

TEST_CASE("Azure: a refusal is told, the secret in it is not") {
  CloudWorld w;
  w.serve("127.0.0.1", [&](const net::Request&) {
    return CloudWorld::body(
        R"({"error": "invalid_client", "error_description": "AADSTS7000215: p&ss is wrong\r\nx"})",
        401);
  });
  w.variables["AZURE_AUTHORITY_HOST"] = "http://127.0.0.1";
  CHECK(outcome(w.authorize(*platform::azure_authorizer(w.seams, oauth(), w.environment()))) ==
        "unauthenticated: Azure AD token: http://127.0.0.1/tenant.example/oauth2/v2.0/token "
        "answered 401: invalid_client: AADSTS7000215: <secret> is wrong");
}

TEST_CASE("Azure: workload identity presents the token of its file") {
  CloudWorld w;
  w.serve("127.0.0.1", [&](const net::Request& r) {
    return CloudWorld::body(fmt::format(R"({{"expires_in": "60", "access_token": "T-{}"}})",
                                        field(r, "client_assertion")));
  });
  w.files.put("/token", "jwt1\n");
  w.variables["AZURE_AUTHORITY_HOST"] = "http://127.0.0.1/";
  AzureSettings s;
  s.method = AzureSettings::Method::workload_identity;
  s.client_id = kClient;
  s.tenant_id = "t";
  s.token_file = "/token";
  const auto authorizer = platform::azure_authorizer(w.seams, s, w.environment());
  CHECK(outcome(w.authorize(*authorizer)) == "Bearer T-jwt1");
  CHECK(w.seen[0].target == "/t/oauth2/v2.0/token");
  CHECK(field(w.seen[0], "client_assertion_type") ==
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
  CHECK(field(w.seen[0], "grant_type") == "client_credentials");
  w.files.put("/token", "jwt2");
  w.loop.run_for(2min);
  CHECK(outcome(w.authorize(*authorizer)) == "Bearer T-jwt2");
}

TEST_CASE("Azure: managed identities of machines and of App Service") {
  CloudWorld w;
  w.serve("169.254.169.254", [&](const net::Request& r) {
    if (r.headers.get("Metadata") != "true") return CloudWorld::body("", 400);
    return CloudWorld::body(fmt::format(
        R"({{"access_token": "IMDS", "expires_in": "x", "expires_on": "{}"}})", 1440938160 + 3600));
  });
  w.serve("127.0.0.1", [&](const net::Request& r) {
    if (r.headers.get("X-Identity-Header") != "h") return CloudWorld::body("", 403);
    return CloudWorld::body(R"({"access_token": "APP", "expires_on": 1440941760})");
  });
  AzureSettings s;
  s.method = AzureSettings::Method::managed_identity;
  s.client_id = kClient;
  const auto f = [&] {
    return outcome(w.authorize(*platform::azure_authorizer(w.seams, s, w.environment())));
  };
  const auto machine = platform::azure_authorizer(w.seams, s, w.environment());
  CHECK(outcome(w.authorize(*machine)) == "Bearer IMDS");
  CHECK(w.seen[0].target == std::string("/metadata/identity/oauth2/token?api-version=2018-02-01"
                                        "&resource=https%3A%2F%2Fmonitor.azure.com%2F&client_id=") +
                                kClient);
  w.loop.run_for(31min);
  CHECK(outcome(w.authorize(*machine)) == "Bearer IMDS");
  CHECK(w.seen.size() == 2);
  w.variables = {{"IDENTITY_ENDPOINT", "http://127.0.0.1/msi/token"}, {"IDENTITY_HEADER", "h"}};
  CHECK(f() == "Bearer APP");
  CHECK(w.seen.back().target ==
        std::string("/msi/token?api-version=2019-08-01"
                    "&resource=https%3A%2F%2Fmonitor.azure.com%2F&client_id=") +
            kClient);
  w.variables["IDENTITY_SERVER_THUMBPRINT"] = "x";
  CHECK(f().find("Service Fabric and Azure Arc are not offered") != std::string::npos);
  w.variables = {{"MSI_ENDPOINT", "http://127.0.0.1/"}};
  CHECK(f().find("Cloud Shell are not offered") != std::string::npos);
}

TEST_CASE("Azure: the SDK's order in the environment") {
  CloudWorld w;
  w.serve("127.0.0.1", [&](const net::Request& r) {
    return CloudWorld::body(fmt::format(R"({{"expires_in": 60, "access_token": "{}:{}"}})",
                                        r.target.substr(1, r.target.find('/', 1) - 1),
                                        field(r, "client_assertion") + field(r, "client_secret")));
  });
  w.files.put("/token", "jwt");
  AzureSettings s;
  s.tenant_id = "argument";
  const auto f = [&] {
    return outcome(w.authorize(*platform::azure_authorizer(w.seams, s, w.environment())));
  };
  w.variables = {{"AZURE_AUTHORITY_HOST", "http://127.0.0.1"}};
  // Nobody is there: the metadata service does not answer.
  CHECK(f().find("logins of az, azd and PowerShell are not offered, and the managed identity") !=
        std::string::npos);
  w.serve("169.254.169.254", [&](const net::Request& r) {
    return CloudWorld::body(fmt::format(R"({{"expires_in": 60, "access_token": "managed:{}"}})",
                                        net::query_value(r.target, "client_id").value_or("-")));
  });
  CHECK(f() == "Bearer managed:-");
  w.variables["AZURE_CLIENT_ID"] = "c";
  CHECK(f() == "Bearer managed:c");
  w.variables["AZURE_TENANT_ID"] = "environment";
  w.variables["AZURE_FEDERATED_TOKEN_FILE"] = "/token";
  CHECK(f() == "Bearer argument:jwt-");
  w.variables["AZURE_CLIENT_SECRET"] = "s";
  CHECK(f() == "Bearer environment:-s");
  w.variables.erase("AZURE_CLIENT_SECRET");
  w.variables["AZURE_CLIENT_CERTIFICATE_PATH"] = "/c.pem";
  CHECK(f().find("certificates are not offered") != std::string::npos);
}
