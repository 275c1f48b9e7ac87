// kubeconfig files as kubernetes.io describes them.
#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "platform/kubernetes_config.hpp"

using namespace collector;

namespace {

struct World {
  testing::SeededRandom random{1};
  testing::SimulatedLoop loop;
  testing::SimulatedFiles files{loop, random};
  Result<platform::KubernetesAccess> access(const std::string& text) {
    files.put("/home/me/.kube/config", text);
    return platform::kubernetes_from_file(files, "/home/me/.kube/config");
  }
};

std::string config(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: b\ncontexts:\n"
         "- {name: a, context: {cluster: none, user: none}}\n"
         "- {name: b, context: {cluster: prod, user: me}}\n"
         "clusters:\n- {name: prod, cluster: {server: 'https://api.example:6443/', " +
         cluster + "}}\nusers:\n- {name: me, user: {" + user + "}}\n";
}

}  // namespace

TEST_CASE("certificates, tokens and passwords of the current context") {
  World w;
  auto access = w.access(config("certificate-authority-data: Q0E=, tls-server-name: k8s",
                                "client-certificate: me.crt, client-key-data: S0VZ"));
  REQUIRE(access.has_value());
  CHECK(access->server == "https://api.example:6443");
  CHECK(access->http.tls.ca.text == "CA");
  CHECK(access->http.tls.server_name == "k8s");
  CHECK(access->http.tls.cert.file == "/home/me/.kube/me.crt");
  CHECK(access->http.tls.key.text == "KEY");
  CHECK(!access->http.authorization);
  access = w.access(config("insecure-skip-tls-verify: true", "tokenFile: /run/token"));
  REQUIRE(access.has_value());
  CHECK(access->http.tls.insecure_skip_verify);
  REQUIRE(access->http.authorization);
  CHECK(access->http.authorization->credentials.file == "/run/token");
  access = w.access(config("proxy-url: 'http://proxy:8080'", "username: u, password: p"));
  REQUIRE(access.has_value());
  CHECK(access->http.proxy.url == "http://proxy:8080");
  REQUIRE(access->http.basic_auth);
  CHECK(access->http.basic_auth->username == "u");
  CHECK(access->http.basic_auth->password.text == "p");
}

TEST_CASE("what cannot be used is refused with its reason") {
  World w;
  auto bad = [&](const std::string& text, const char* why) {
    const auto access = w.access(text);
    REQUIRE(!access.has_value());
    INFO(access.error().what());
    CHECK(access.error().what().find(why) != std::string::npos);
  };
  bad("a: [", "not valid YAML");
  bad("- 1", "no kubeconfig");
  bad("current-context: x\n", "no context \"x\"");
  bad("current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n",
      "no cluster \"c\"");
  bad(config("certificate-authority-data: '!'", "token: t"), "no base64");
  bad(config("x: y", "exec: {command: aws}"), "exec");
}
