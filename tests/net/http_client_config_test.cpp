// Credentials, redirects, proxies and OAuth 2.0 towards servers of a simulated network. Expected
// behaviour: prometheus/common config/http_config.go, golang.org/x/oauth2, RFC 6749, RFC 3986.
#include "net/http_client_config.hpp"
#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "net/http_server.hpp"

using namespace collector;
using namespace std::chrono_literals;

namespace {

struct World {
  testing::SeededRandom random{1};
  testing::SimulatedLoop loop;
  testing::SimulatedNetwork network{loop, random};
  testing::SimulatedFiles files{loop, random};
  Seams seams{loop, network, files, random};
  std::vector<std::unique_ptr<net::HttpServer>> servers;
  std::vector<std::string> seen;  ///< `host target | authorization | x-key`

  /// A server on port 80 of `host`.
  void serve(const std::string& host, std::function<void(const net::Request&, net::Response&)> f) {
    network.listen_as(host);
    auto listener = network.listen("", 80);
    REQUIRE(listener.has_value());
    servers.push_back(std::make_unique<net::HttpServer>(
        loop,
        [this, host, f](net::Request r) -> Task<net::Response> {
          seen.push_back(host + " " + r.target + " | " +
                         std::string(r.headers.get("Authorization")) + " | " +
                         std::string(r.headers.get("X-Key")));
          net::Response response;
          f(r, response);
          co_return response;
        },
        net::HttpServer::Options{}));
    servers.back()->serve(std::move(*listener));
  }
  Result<net::Response> get(net::ConfiguredClient& client, const std::string& url) {
    net::Request request;
    request.url = url;
    std::optional<Result<net::Response>> answer;
    spawn(client.send(std::move(request), {}),
          [&](Result<net::Response> r) { answer.emplace(std::move(r)); });
    REQUIRE(loop.run_until([&] { return answer.has_value(); }, 10min));
    return std::move(*answer);
  }
  ~World() {
    for (auto& server : servers) server->close();
    loop.run_for(5min);
  }
};

void move_to(net::Response& response, const std::string& where) {
  response.status = 302;
  response.headers.set("Location", where);
}

}  // namespace

TEST_CASE(
    "credentials follow a redirect to the same host or one below it, and are gone once elsewhere") {
  World w;
  w.serve("a.x", [](const net::Request& r, net::Response& response) {
    if (r.target == "/1") move_to(response, "two/./three/../2?q=../..");
    if (r.target == "/two/2?q=../..") move_to(response, "//sub.a.x/3");
    if (r.target == "/away") move_to(response, "http://nota.x/back");
  });
  w.serve("sub.a.x", [](const net::Request&, net::Response& response) { response.body = "there"; });
  w.serve("nota.x", [](const net::Request&, net::Response& response) {
    move_to(response, "http://a.x/home");
  });
  net::HttpClientSettings settings;
  settings.authorization = {"Bearer", {"t", ""}};
  settings.headers = {{"X-Key", "k"}};
  net::ConfiguredClient client(w.seams, settings);
  CHECK(w.get(client, "http://a.x/1")->body == "there");
  CHECK(w.seen == std::vector<std::string>{"a.x /1 | Bearer t | k",
                                           "a.x /two/2?q=../.. | Bearer t | k",
                                           "sub.a.x /3 | Bearer t | k"});
  w.seen.clear();
  CHECK(w.get(client, "http://a.x/away")->status == 200);
  CHECK(w.seen == std::vector<std::string>{"a.x /away | Bearer t | k", "nota.x /back |  | ",
                                           "a.x /home |  | "});
  w.seen.clear();
  settings.follow_redirects = false;
  net::ConfiguredClient still(w.seams, settings);
  CHECK(w.get(still, "http://a.x/away")->status == 302);
}

TEST_CASE("a proxy is for every address, unless no_proxy spares some") {
  World w;
  w.serve("proxy", [](const net::Request&, net::Response& response) { response.body = "proxied"; });
  w.serve("localhost",
          [](const net::Request&, net::Response& response) { response.body = "direct"; });
  w.serve("a.x", [](const net::Request&, net::Response& response) { response.body = "direct"; });
  net::HttpClientSettings settings;
  settings.proxy.url = "http://u:p@proxy:80";
  net::ConfiguredClient all(w.seams, settings);
  CHECK(w.get(all, "http://localhost/m")->body == "proxied");
  CHECK(w.get(all, "http://a.x/m")->body == "proxied");
  CHECK(w.seen.back() == "proxy http://a.x/m |  | ");
  settings.proxy.no_proxy = "a.x";
  net::ConfiguredClient some(w.seams, settings);
  CHECK(w.get(some, "http://localhost/m")->body == "direct");  // as Go's rules have it
  CHECK(w.get(some, "http://a.x/m")->body == "direct");
  CHECK(w.get(some, "http://b.x/m")->body == "proxied");
}

TEST_CASE("OAuth 2.0: the secret where the server wants it, a token as long as it lasts") {
  World w;
  int tokens = 0;
  bool in_body = false;
  std::string expires = "60", bodies;
  w.serve("auth", [&](const net::Request& r, net::Response& response) {
    bodies += r.body + "\n";
    const bool basic = r.headers.get("Authorization") == "Basic aWQ6cyUyQnQ=";  // id:s%2Bt
    const bool body = r.body.find("&client_id=id&client_secret=s%2Bt") != std::string::npos;
    if (in_body ? !body || basic : !basic || body) {
      response.status = 401;
      response.body = R"({"error": "invalid_client"})";
      return;
    }
    response.body = R"({"access_token": "tok)" + std::to_string(++tokens) + R"(", "expires_in": )" +
                    expires + R"(, "token_type": "bearer"})";
  });
  w.serve("a.x", [](const net::Request&, net::Response&) {});
  w.files.put("/secret", "s+t\n");
  net::HttpClientSettings settings;
  settings.oauth2.emplace();
  settings.oauth2->client_id = "id";
  settings.oauth2->client_secret = {"", "/secret"};
  settings.oauth2->token_url = "http://auth/token";
  settings.oauth2->scopes = {"a", "b"};
  settings.oauth2->endpoint_params = {{"audience", "x y"}};
  net::ConfiguredClient client(w.seams, settings);
  auto ask = [&] {
    REQUIRE(w.get(client, "http://a.x/m").has_value());
    return w.seen.back();
  };
  CHECK(ask() == "a.x /m | Bearer tok1 | ");
  CHECK(bodies == "grant_type=client_credentials&scope=a%20b&audience=x%20y\n");
  w.loop.run_for(40s);
  CHECK(ask() == "a.x /m | Bearer tok1 | ");
  w.loop.run_for(20s);
  expires = "\"3600\"";  // as some servers say it
  CHECK(ask() == "a.x /m | Bearer tok2 | ");
  w.loop.run_for(50min);
  CHECK(ask() == "a.x /m | Bearer tok2 | ");
  in_body = true;
  w.loop.run_for(10min);
  CHECK(ask() == "a.x /m | Bearer tok3 | ");
  w.files.put("/secret", "other");
  const auto refused = w.get(client, "http://a.x/m");
  REQUIRE(!refused.has_value());
  CHECK(refused.error().what().find("401") != std::string::npos);
  w.files.put("/secret", "s+t");
  CHECK(ask() == "a.x /m | Bearer tok3 | ");
}

TEST_CASE("an authorizer is asked for each request, knows what goes out, and stays with its host") {
  class Stamp final : public net::RequestAuthorizer {
   public:
    Task<Status> authorize(net::Request& request, net::SendOptions) override {
      if (!failure.ok()) co_return failure;
      request.headers.set("Authorization",
                          "Stamp " + std::to_string(++stamps) + request.method + request.body);
      if (!path.empty()) request.url = "http://a.x" + path;
      co_return Status();
    }
    bool refused() override { return renewable; }
    int stamps = 0;
    std::string path;  // as which it writes what it signs
    bool renewable = false;
    Status failure;
  };
  World w;
  int refusals = 0, code = 401;
  w.serve("a.x", [&](const net::Request& r, net::Response& response) {
    if (r.target == "/1") move_to(response, "/2");
    if (r.target == "/away") move_to(response, "http://b.x/");
    if (refusals > 0) {
      --refusals;
      response.status = code;
    }
  });
  w.serve("b.x", [&](const net::Request&, net::Response&) {});
  const auto stamp = std::make_shared<Stamp>();
  net::HttpClientSettings settings;
  settings.authorizer = stamp;
  net::ConfiguredClient client(w.seams, settings);
  CHECK(w.get(client, "http://a.x/1")->status == 200);
  CHECK(w.get(client, "http://a.x/away")->status == 200);
  CHECK(w.seen == std::vector<std::string>{"a.x /1 | Stamp 1GET | ", "a.x /2 | Stamp 2GET | ",
                                           "a.x /away | Stamp 3GET | ", "b.x / |  | "});
  refusals = 1;
  CHECK(w.get(client, "http://a.x/3")->status == 401);
  stamp->renewable = true;
  for (const int each : {401, 403}) {
    code = each;
    refusals = 1;
    CHECK(w.get(client, "http://a.x/3")->status == 200);
    refusals = 2;
    CHECK(w.get(client, "http://a.x/3")->status == each);  // once
    refusals = 0;
  }
  w.seen.clear();
  stamp->path = "/signed?a=1";
  CHECK(w.get(client, "http://a.x/b/../signed?a=%31")->status == 200);
  CHECK(w.seen == std::vector<std::string>{"a.x /signed?a=1 | Stamp 13GET | "});
  stamp->failure = {Code::unavailable, "no token"};
  CHECK(to_string(w.get(client, "http://a.x/3").error()) == "unavailable: no token");
}
