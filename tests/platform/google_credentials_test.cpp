// Tokens of Google Cloud: service accounts by RFC 7523, users by refresh token, machines by their
// metadata server, and where Application Default Credentials are looked for.
#include "cloud_world.hpp"

#include "base/base64.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <nlohmann/json.hpp>

using namespace collector;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

struct Key {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  ~Key() { EVP_PKEY_free(key); }

  std::string pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string out(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return out;
  }
  bool verifies(std::string_view text, const std::string& signature) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key);
    const int good = EVP_DigestVerify(
        context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
        reinterpret_cast<const unsigned char*>(text.data()), text.size());
    EVP_MD_CTX_free(context);
    return good == 1;
  }
};

std::string unpadded(std::string_view text) {
  std::string in(text);
  in.resize((in.size() + 3) / 4 * 4, '=');
  return base::base64_decode(in, true).value_or("?");
}

std::string outcome(const CloudWorld::Authorized& a) {
  return a.status.ok() ? a.header() : to_string(a.status);
}

}  // namespace

TEST_CASE("Google: a service account asks with a token that it signed") {
  CloudWorld w;
  int turn = 0;
  w.serve("127.0.0.1", [&](const net::Request&) {
    return CloudWorld::body(
        json{{"access_token", fmt::format("G{}", ++turn)}, {"expires_in", 3599}}.dump());
  });
  const Key key;
  w.files.put("/key.json", json{{"type", "service_account"},
                                {"client_email", "writer@p.iam.gserviceaccount.com"},
                                {"private_key_id", "k1"},
                                {"private_key", key.pem()},
                                {"token_uri", "http://127.0.0.1/token"}}
                               .dump());
  const auto authorizer = platform::google_authorizer(w.seams, {"/key.json"}, w.environment());
  const auto first = w.authorize(*authorizer);
  CHECK(outcome(first) == "Bearer G1");
  CHECK_FALSE(first.request.headers.contains("X-Goog-User-Project"));
  REQUIRE(w.seen.size() == 1);
  CHECK(w.seen[0].method == "POST");
  CHECK(w.seen[0].target == "/token");
  CHECK(field(w.seen[0], "grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer");
  const std::string token = field(w.seen[0], "assertion");
  const std::size_t one = token.find('.'), two = token.rfind('.');
  REQUIRE(one < two);
  CHECK(json::parse(unpadded(token.substr(0, one))) ==
        json{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "k1"}});
  CHECK(json::parse(unpadded(token.substr(one + 1, two - one - 1))) ==
        json{{"iss", "writer@p.iam.gserviceaccount.com"},
             {"scope", "https://www.googleapis.com/auth/monitoring.write"},
             {"aud", "http://127.0.0.1/token"},
             {"iat", 1440938150},
             {"exp", 1440941750}});
  CHECK(key.verifies(token.substr(0, two), unpadded(token.substr(two + 1))));
  w.loop.run_for(56min);
  CHECK(outcome(w.authorize(*authorizer)) == "Bearer G1");
  w.loop.run_for(15s);
  CHECK(outcome(w.authorize(*authorizer)) == "Bearer G2");
}

TEST_CASE("Google: users, quota projects, what is not offered, keys that are none") {
  CloudWorld w;
  w.serve("127.0.0.1", [&](const net::Request& r) {
    if (field(r, "refresh_token") != "r") return CloudWorld::body("", 400);
    return CloudWorld::body(R"({"access_token": "U", "expires_in": 3599})");
  });
  json file{{"type", "authorized_user"},    {"client_id", "c"},
            {"client_secret", "s"},         {"refresh_token", "r"},
            {"quota_project_id", "billed"}, {"token_uri", "http://127.0.0.1/"}};
  const auto f = [&] {
    w.files.put("/f.json", file.dump());
    return w.authorize(*platform::google_authorizer(w.seams, {"/f.json"}, w.environment()));
  };
  const auto user = f();
  CHECK(outcome(user) == "Bearer U");
  CHECK(user.request.headers.get("X-Goog-User-Project") == "billed");
  CHECK(field(w.seen[0], "grant_type") == "refresh_token");
  CHECK(field(w.seen[0], "client_id") == "c");
  CHECK(field(w.seen[0], "client_secret") == "s");
  w.variables["GOOGLE_CLOUD_QUOTA_PROJECT"] = "other";
  CHECK(f().request.headers.get("X-Goog-User-Project") == "other");
  file["token_uri"] = "http://oauth2.example.com/token";
  CHECK(outcome(f()).find("in the clear") != std::string::npos);
  file["type"] = "external_account";
  CHECK(outcome(f()) ==
        "failed precondition: Google Cloud token: /f.json: credentials of type "
        "\"external_account\" are not offered, only service_account and authorized_user");
  file = {{"type", "service_account"}, {"client_email", "e"}, {"private_key", "no-key-at-all"}};
  CHECK(outcome(f()) ==
        "invalid argument: Google Cloud token: /f.json: the private key is no RSA key in PEM");
  file = json::array();
  CHECK(outcome(f()) ==
        "failed precondition: Google Cloud token: /f.json: no Google Cloud credentials in JSON");
}

TEST_CASE("Google: default credentials are named, or at home, or the machine's") {
  CloudWorld w;
  w.serve("127.0.0.1", [&](const net::Request& r) {
    return CloudWorld::body(
        json{{"access_token", field(r, "refresh_token")}, {"expires_in", 3599}}.dump());
  });
  const auto serve_metadata = [&](const std::string& host) {
    w.serve(host, [host](const net::Request& r) {
      const bool good = r.headers.get("Metadata-Flavor") == "Google" &&
                        r.target ==
                            "/computeMetadata/v1/instance/service-accounts/default/token?scopes="
                            "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fmonitoring.write";
      return good ? CloudWorld::body(
                        json{{"access_token", "machine-" + host}, {"expires_in", 3599}}.dump())
                  : CloudWorld::body("", 403);
    });
  };
  const auto user = [](const char* token) {
    return json{
        {"type", "authorized_user"}, {"refresh_token", token}, {"token_uri", "http://127.0.0.1/"}}
        .dump();
  };
  const auto f = [&] {
    return outcome(w.authorize(*platform::google_authorizer(w.seams, {}, w.environment())));
  };
  CHECK(f().find("there are no default credentials of Google Cloud, and the metadata server") !=
        std::string::npos);
  serve_metadata("169.254.169.254");
  CHECK(f() == "Bearer machine-169.254.169.254");
  serve_metadata("metadata");
  w.variables["GCE_METADATA_HOST"] = "metadata";
  CHECK(f() == "Bearer machine-metadata");
  w.variables["HOME"] = "/home";
  CHECK(f() == "Bearer machine-metadata");
  w.files.put("/home/.config/gcloud/application_default_credentials.json", user("home"));
  CHECK(f() == "Bearer home");
  w.variables["GOOGLE_APPLICATION_CREDENTIALS"] = "/named.json";
  CHECK(f().find("/named.json") != std::string::npos);
  w.files.put("/named.json", user("named"));
  CHECK(f() == "Bearer named");
}
