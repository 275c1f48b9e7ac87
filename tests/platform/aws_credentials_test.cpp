// Where keys come from, as config.LoadDefaultConfig of aws-sdk-go-v2 has it; answers as the
// references of STS, IMDS and the container endpoints show them.
#include "cloud_world.hpp"
#include "platform/aws_signature.hpp"

#include <fmt/format.h>

using namespace collector;
using namespace std::chrono_literals;

namespace {

/// Which key signed, for which region and service.
std::string scope(const CloudWorld::Authorized& a) {
  if (!a.status.ok()) return to_string(a.status);
  const std::string h = a.header();
  const auto begin = h.find("Credential=") + 11;
  return h.substr(begin, h.find("/aws4_request") - begin);
}

std::string sts_answer(const std::string& action, const std::string& id,
                       const std::string& expiration) {
  return fmt::format(
      "<{0}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n <{0}Result>\n"
      "  <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser>\n"
      "  <Credentials>\n   <AccessKeyId>{1}</AccessKeyId>\n"
      "   <SecretAccessKey>s/{1}</SecretAccessKey>\n   <SessionToken>t+{1}==</SessionToken>\n"
      "   <Expiration>{2}</Expiration>\n  </Credentials>\n </{0}Result>\n</{0}Response>",
      action, id, expiration);
}

/// The answer is signed as it should be: signing the same request again gives the same header.
void check_signed(const net::Request& seen, const std::string& url, platform::AwsKeys keys,
                  platform::AwsScope scope) {
  net::Request again;
  again.method = seen.method;
  again.url = url;
  again.headers.set("Content-Type", std::string(seen.headers.get("Content-Type")));
  again.body = seen.body;
  REQUIRE(platform::sign(again, keys, scope).ok());
  CHECK(seen.headers.get("Authorization") == again.headers.get("Authorization"));
}

}  // namespace

TEST_CASE("AWS keys: arguments, then the environment, then the profile") {
  CloudWorld w;
  w.files.put("/home/.aws/credentials",
              "[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n"
              "[p]\naws_access_key_id = PROFILE\naws_secret_access_key = s\n"
              "aws_session_token = session\n");
  w.files.put("/home/.aws/config",
              "[default]\nregion = eu-west-1\n[profile p]\nregion=eu-west-2\n");
  w.variables = {{"HOME", "/home"}};
  const auto f = [&](platform::AwsSettings settings) {
    return w.authorize(*platform::aws_authorizer(w.seams, settings, w.environment()));
  };
  CHECK(scope(f({})) == "FILE/20150830/eu-west-1/aps");
  platform::AwsSettings profile;
  profile.profile = "p";
  CHECK(scope(f(profile)) == "PROFILE/20150830/eu-west-2/aps");
  CHECK(f(profile).request.headers.get("X-Amz-Security-Token") == "session");
  w.variables["AWS_PROFILE"] = "p";
  CHECK(scope(f({})) == "PROFILE/20150830/eu-west-2/aps");
  w.variables["AWS_ACCESS_KEY_ID"] = "ENV";
  w.variables["AWS_SECRET_ACCESS_KEY"] = "s";
  w.variables["AWS_REGION"] = "us-west-2";
  CHECK(scope(f({})) == "ENV/20150830/us-west-2/aps");
  CHECK(scope(f(profile)) == "PROFILE/20150830/us-west-2/aps");
  platform::AwsSettings given;
  given.access_key = "GIVEN";
  given.secret_key = "s";
  given.region = "ap-south-1";
  given.service = "es";
  CHECK(scope(f(given)) == "GIVEN/20150830/ap-south-1/es");
  w.variables.erase("AWS_PROFILE");
  profile.profile = "q";
  CHECK(scope(f(profile)) == "failed precondition: AWS keys: there is no AWS profile \"q\"");
  w.variables = {{"AWS_ACCESS_KEY", "E"}, {"AWS_SECRET_KEY", "s"}};
  CHECK(scope(f({})) ==
        "failed precondition: AWS keys: region not configured in sigv4 or in default credentials "
        "chain");
  CHECK(w.seen.empty());
}

TEST_CASE("AWS roles: STS with the keys at hand, again before they run out") {
  CloudWorld w;
  int turn = 0;
  w.serve("127.0.0.1", [&](const net::Request&) {
    ++turn;
    return CloudWorld::body(
        sts_answer("AssumeRole", fmt::format("ASIA{}", turn),
                   turn == 1 ? "2015-08-30T12:51:00Z" : "2015-08-30T13:51:00Z"));
  });
  w.variables["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1";
  platform::AwsSettings settings;
  settings.access_key = "AKIA";
  settings.secret_key = "secret";
  settings.region = "eu-central-1";
  settings.role_arn = "arn:aws:iam::123:role/writer";
  settings.external_id = "ours & theirs";
  const auto authorizer = platform::aws_authorizer(w.seams, settings, w.environment());
  const auto first = w.authorize(*authorizer);
  CHECK(scope(first) == "ASIA1/20150830/eu-central-1/aps");
  CHECK(first.request.headers.get("X-Amz-Security-Token") == "t+ASIA1==");
  net::Request again = first.request;
  again.headers = {};
  REQUIRE(platform::sign(again, {"ASIA1", "s/ASIA1", "t+ASIA1=="},
                         {"eu-central-1", "aps", {1'440'938'160'000'000'000}})
              .ok());
  CHECK(first.header() == again.headers.get("Authorization"));
  REQUIRE(w.seen.size() == 1);
  CHECK(field(w.seen[0], "Action") == "AssumeRole");
  CHECK(field(w.seen[0], "Version") == "2011-06-15");
  CHECK(field(w.seen[0], "RoleArn") == "arn:aws:iam::123:role/writer");
  CHECK(field(w.seen[0], "ExternalId") == "ours & theirs");
  CHECK(field(w.seen[0], "DurationSeconds") == "900");
  CHECK_FALSE(field(w.seen[0], "RoleSessionName").empty());
  check_signed(w.seen[0], "http://127.0.0.1/", {"AKIA", "secret", ""},
               {"eu-central-1", "sts", {1'440'938'160'000'000'000}});
  w.loop.run_for(9min);
  CHECK(scope(w.authorize(*authorizer)) == "ASIA1/20150830/eu-central-1/aps");
  w.loop.run_for(1min);
  CHECK(scope(w.authorize(*authorizer)) == "ASIA2/20150830/eu-central-1/aps");
  CHECK(w.seen.size() == 2);
  CHECK_FALSE(authorizer->refused());  // a minute has not passed
  w.loop.run_for(1min);
  CHECK(authorizer->refused());
  CHECK(scope(w.authorize(*authorizer)) == "ASIA3/20150830/eu-central-1/aps");
}

TEST_CASE("AWS: a refusal of STS is told without the secret, and not asked for again at once") {
  CloudWorld w;
  int asked = 0;
  w.serve("127.0.0.1", [&](const net::Request&) {
    ++asked;
    return CloudWorld::body(
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User u with top-secret may not "
        "assume r</Message></Error></ErrorResponse>",
        403);
  });
  w.variables["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1";
  platform::AwsSettings settings;
  settings.access_key = "AKIA";
  settings.secret_key = "top-secret";
  settings.region = "eu-central-1";
  settings.role_arn = "arn:aws:iam::123:role/writer";
  const auto authorizer = platform::aws_authorizer(w.seams, settings, w.environment());
  const std::string why =
      "permission denied: AWS keys: assuming arn:aws:iam::123:role/writer: http://127.0.0.1/ "
      "answered 403: AccessDenied: User u with <secret> may not assume r";
  CHECK(scope(w.authorize(*authorizer)) == why);
  CHECK(scope(w.authorize(*authorizer)) == why);
  CHECK(asked == 1);
  w.loop.run_for(1s);
  CHECK(scope(w.authorize(*authorizer)) == why);
  CHECK(asked == 2);
  w.loop.run_for(1s);
  CHECK(scope(w.authorize(*authorizer)) == why);
  CHECK(asked == 2);  // two seconds this time
  // Secrets go over TLS, or stay on the machine.
  for (const std::string host : {"sts.example.com", "127.0.0.1.example.com"}) {
    w.variables["AWS_ENDPOINT_URL_STS"] = "http://" + host;
    CHECK(scope(w.authorize(*platform::aws_authorizer(w.seams, settings, w.environment()))) ==
          "invalid argument: AWS keys: assuming arn:aws:iam::123:role/writer: http://" + host +
              ":80 would take a secret over the network in the clear");
  }
}

TEST_CASE("AWS web identity: a token's file, read anew each time, for a role") {
  CloudWorld w;
  w.serve("127.0.0.1", [&](const net::Request& r) {
    return CloudWorld::body(sts_answer("AssumeRoleWithWebIdentity", field(r, "WebIdentityToken"),
                                       "2015-08-30T12:51:00Z"));
  });
  w.files.put("/token", "jwt1\n");
  w.variables = {{"AWS_ENDPOINT_URL", "http://127.0.0.1/"},
                 {"AWS_REGION", "eu-central-1"},
                 {"AWS_WEB_IDENTITY_TOKEN_FILE", "/token"},
                 {"AWS_ROLE_ARN", "arn:aws:iam::123:role/pod"},
                 {"AWS_ROLE_SESSION_NAME", "session"}};
  const auto authorizer = platform::aws_authorizer(w.seams, {}, w.environment());
  CHECK(scope(w.authorize(*authorizer)) == "jwt1/20150830/eu-central-1/aps");
  CHECK(w.seen[0].headers.get("Authorization").empty());
  CHECK(field(w.seen[0], "RoleArn") == "arn:aws:iam::123:role/pod");
  CHECK(field(w.seen[0], "RoleSessionName") == "session");
  w.files.put("/token", "jwt2");
  w.loop.run_for(11min);
  CHECK(scope(w.authorize(*authorizer)) == "jwt2/20150830/eu-central-1/aps");
}

TEST_CASE("AWS profiles that take on roles with one another's keys") {
  CloudWorld w;
  w.serve("127.0.0.1", [&](const net::Request& r) {
    const std::string arn = field(r, "RoleArn");
    return CloudWorld::body(
        sts_answer("AssumeRole", arn.substr(arn.rfind('/') + 1), "2015-08-30T12:51:00Z"));
  });
  w.files.put("/c",
              "[profile base]\naws_access_key_id = B\naws_secret_access_key = s\n"
              "[profile one]\nrole_arn = arn:x/ONE\nsource_profile = base\n"
              "duration_seconds = 3600\nexternal_id = e\n"
              "[profile two]\nrole_arn = arn:x/TWO\nsource_profile = one\nregion = r-1\n"
              "[profile env]\nrole_arn = arn:x/ENV\ncredential_source = Environment\n"
              "[profile a]\nrole_arn = arn:x/A\nsource_profile = b\n"
              "[profile b]\nrole_arn = arn:x/B\nsource_profile = a\n"
              "[profile mfa]\nrole_arn = arn:x/M\nsource_profile = base\nmfa_serial = m\n"
              "[profile sso]\nsso_session = s\n[profile process]\ncredential_process = /bin/x\n");
  w.variables = {{"AWS_CONFIG_FILE", "/c"},
                 {"AWS_ENDPOINT_URL_STS", "http://127.0.0.1/"},
                 {"AWS_DEFAULT_REGION", "r-0"}};
  const auto f = [&](const char* profile) {
    platform::AwsSettings settings;
    settings.profile = profile;
    w.seen.clear();
    return scope(w.authorize(*platform::aws_authorizer(w.seams, settings, w.environment())));
  };
  CHECK(f("two") == "TWO/20150830/r-0/aps");
  REQUIRE(w.seen.size() == 2);
  CHECK(field(w.seen[0], "DurationSeconds") == "3600");
  CHECK(field(w.seen[0], "ExternalId") == "e");
  check_signed(w.seen[0], "http://127.0.0.1/", {"B", "s", ""},
               {"r-0", "sts", {1'440'938'160'000'000'000}});
  CHECK(w.seen[1].headers.get("X-Amz-Security-Token") == "t+ONE==");
  CHECK(f("env") ==
        "failed precondition: AWS keys: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
  w.variables["AWS_ACCESS_KEY_ID"] = w.variables["AWS_SECRET_ACCESS_KEY"] = "E";
  CHECK(f("env") == "ENV/20150830/r-0/aps");
  CHECK(f("a").find("source_profile goes round") != std::string::npos);
  CHECK(f("mfa").find("mfa_serial") != std::string::npos);
  CHECK(f("sso").find("sso is not offered") != std::string::npos);
  CHECK(f("process").find("credential_process is not offered") != std::string::npos);
}

TEST_CASE("AWS containers and instances: their endpoints, with a session of IMDSv2") {
  CloudWorld w;
  bool version2 = true;
  const std::string keys =
      R"({"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "INSTANCE", "Token": "t",)"
      R"( "SecretAccessKey": "s", "Expiration": "2015-08-30T18:36:00Z"})";
  w.serve("169.254.169.254", [&](const net::Request& r) {
    if (r.target == "/latest/api/token") {
      const bool good =
          r.method == "PUT" && !r.headers.get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds").empty();
      return version2 && good ? CloudWorld::body("imds-session") : CloudWorld::body("", 404);
    }
    if (version2 && r.headers.get("X-Aws-Ec2-Metadata-Token") != "imds-session")
      return CloudWorld::body("", 401);
    if (r.target == "/latest/meta-data/iam/security-credentials/")
      return CloudWorld::body("node-role\n");
    if (r.target == "/latest/meta-data/iam/security-credentials/node-role")
      return CloudWorld::body(keys);
    return CloudWorld::body("", 404);
  });
  w.serve("169.254.170.2", [&](const net::Request& r) {
    if (r.target != "/v2/credentials/1") return CloudWorld::body("", 404);
    return CloudWorld::body(
        R"({"RoleArn": "r", "AccessKeyId": "TASK", "SecretAccessKey": "s", "Token": "t",)"
        R"( "Expiration": "2015-08-30T18:36:00Z"})");
  });
  w.serve("127.0.0.1", [&](const net::Request& r) {
    if (r.headers.get("Authorization") != "pod-token")
      return CloudWorld::body(R"({"code": "denied", "message": "no"})", 403);
    return CloudWorld::body(R"({"AccessKeyId": "POD", "SecretAccessKey": "s", "Token": "t",)"
                            R"( "Expiration": "2015-08-30T18:36:00Z"})");
  });
  w.variables["AWS_REGION"] = "r-0";
  const auto f = [&] {
    return scope(w.authorize(*platform::aws_authorizer(w.seams, {}, w.environment())));
  };
  CHECK(f() == "INSTANCE/20150830/r-0/aps");
  version2 = false;
  CHECK(f() == "INSTANCE/20150830/r-0/aps");
  w.variables["AWS_EC2_METADATA_V1_DISABLED"] = "true";
  CHECK(f().find("answered 404") != std::string::npos);
  w.variables["AWS_EC2_METADATA_DISABLED"] = "TRUE";
  CHECK(f() ==
        "failed precondition: AWS keys: no AWS keys found, and AWS_EC2_METADATA_DISABLED is true");
  w.variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/1";
  CHECK(f() == "TASK/20150830/r-0/aps");
  w.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.0.0.1/v1/credentials";
  CHECK(f() ==
        "permission denied: AWS keys: http://127.0.0.1/v1/credentials answered 403: denied: no");
  w.files.put("/pod-token", "pod-token");
  w.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = "/pod-token";
  CHECK(f() == "POD/20150830/r-0/aps");
  w.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://10.0.0.1/v1/credentials";
  CHECK(f().find("in the clear") != std::string::npos);
}
