#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "pipeline/config_blocks.hpp"

using namespace collector;
using pipeline::HttpTls;

TEST_CASE("http > tls: what excludes what, in Alloy's words") {
  HttpTls good;
  good.cert_file = "cert";
  good.key_file = "key";
  CHECK(good.validate().ok());
  const auto f = [&](auto change, const std::string& want) {
    HttpTls tls = good;
    change(tls);
    CHECK(tls.validate().what() == want);
  };
  f([](HttpTls& t) { t.cert_pem = "x"; }, "cannot specify both cert_pem and cert_file");
  f([](HttpTls& t) { t.key_pem = SecretText("x"); }, "cannot specify both key_pem and key_file");
  f([](HttpTls& t) { t.cert_file = ""; }, "must specify either cert_pem or cert_file");
  f([](HttpTls& t) { t.key_file = ""; }, "must specify either key_pem or key_file");
  f([](HttpTls& t) { t.client_ca_file = t.client_ca_pem = "x"; },
    "cannot specify both client_ca_pem and client_ca_file");
  f([](HttpTls& t) { t.client_ca_file = "x"; },
    "cannot specify client_ca_pem or client_ca_file when client_auth_type is NoClientCert");
  f(
      [](HttpTls& t) {
        t.min_version = "TLS13";
        t.max_version = "TLS12";
      },
      "min_version is newer than max_version");
  f([](HttpTls& t) { t.max_version = "TLS11"; },
    "max_version is older than the default of min_version, TLS12");
  f(
      [](HttpTls& t) {
        t.client_ca_file = "x";
        t.client_auth_type = "RequestClientCert";
      },
      "");
}

TEST_CASE("http > tls: files are read, and one that is not there is named") {
  testing::SeededRandom random{1};
  testing::SimulatedLoop loop;
  testing::SimulatedFiles files{loop, random};
  files.put("/cert", "the certificate");
  HttpTls tls;
  tls.cert_file = "/cert";
  tls.key_pem = SecretText("the key");
  tls.client_auth_type = "RequireAnyClientCert";
  tls.curve_preferences = {"X25519"};
  const auto settings = pipeline::server_tls(files, tls);
  REQUIRE(settings.has_value());
  CHECK(settings->cert_pem == "the certificate");
  CHECK(settings->key_pem == "the key");
  CHECK(settings->client_auth == net::ClientAuth::require_any);
  CHECK(settings->curves == std::vector<std::string>{"X25519"});
  tls.client_ca_file = "/nowhere";
  const auto lacking = pipeline::server_tls(files, tls);
  REQUIRE_FALSE(lacking.has_value());
  CHECK(lacking.error().code() == Code::failed_precondition);
  CHECK(lacking.error().what().find("client_ca_file") == 0);
}
