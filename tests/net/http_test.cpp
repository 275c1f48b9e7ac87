// Client and server: over a simulated network, and over real sockets on port 0.
#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "net/body_pool.hpp"
#include "net/http_client.hpp"
#include "net/http_client_config.hpp"
#include "net/http_server.hpp"
#include "net/system_loop.hpp"
#include "net/system_network.hpp"
#include "wire/compression.hpp"

#include <thread>

using namespace collector;
using namespace std::chrono_literals;

namespace {

struct World {
  testing::SeededRandom random{1};
  testing::SimulatedLoop loop;
  testing::SimulatedNetwork network{loop, random};
  std::vector<std::unique_ptr<net::HttpServer>> servers;

  void serve(const std::string& host, net::HttpHandler handler,
             net::HttpServer::Options options = {}) {
    network.listen_as(host);
    auto listener = network.listen("", 80);
    REQUIRE(listener.has_value());
    servers.push_back(std::make_unique<net::HttpServer>(loop, std::move(handler), options));
    servers.back()->serve(std::move(*listener));
  }
  Result<net::Response> send(net::HttpClient& client, net::Request request,
                             net::SendOptions options = {}) {
    std::optional<Result<net::Response>> answer;
    spawn(client.send(std::move(request), options),
          [&](Result<net::Response> r) { answer.emplace(std::move(r)); });
    REQUIRE(loop.run_until([&] { return answer.has_value(); }, 10min));
    return std::move(*answer);
  }
  ~World() {
    for (auto& server : servers) server->close();
    loop.run_for(5min);
  }
};

net::Request get(const std::string& url) {
  net::Request request;
  request.url = url;
  return request;
}

}  // namespace

TEST_CASE("a request and its answer, over one kept connection") {
  World world;
  std::vector<std::string> seen;
  world.serve("server", [&](net::Request r) -> Task<net::Response> {
    seen.push_back(r.method + " " + r.target + " " + std::string(r.headers.get("X-A")) + r.body);
    net::Response response;
    response.status = 201;
    response.headers.add("X-B", "b");
    response.body = std::string(100'000, 'z');
    co_return response;
  });
  net::HttpClient client(world.loop, world.network);
  for (int i = 0; i < 3; ++i) {
    net::Request request = get("http://server/path?q=1");
    request.method = "POST";
    request.headers.add("X-A", "a");
    request.body = "body";
    const auto answer = world.send(client, request);
    REQUIRE(answer.has_value());
    CHECK(answer->status == 201);
    CHECK(answer->headers.get("x-b") == "b");
    CHECK(answer->body.size() == 100'000);
  }
  CHECK(seen == std::vector<std::string>(3, "POST /path?q=1 abody"));
  const std::string& trace = world.network.trace();
  CHECK(trace.find("connect") == trace.rfind("connect"));
}

TEST_CASE("caps, deadlines and servers that are not there") {
  World world;
  world.serve("server", [&](net::Request r) -> Task<net::Response> {
    if (r.target == "/slow") {
      const bool slept = co_await sleep_for(world.loop, 1min, {});
      (void)slept;
    }
    net::Response response;
    response.body = std::string(5000, 'x');
    co_return response;
  });
  net::HttpClient client(world.loop, world.network);
  net::SendOptions small;
  small.max_body = 1000;
  CHECK(world.send(client, get("http://server/"), small).error().code() == Code::out_of_range);
  net::SendOptions hasty;
  hasty.timeout = 5s;
  const Instant begin = world.loop.now();
  CHECK(world.send(client, get("http://server/slow"), hasty).error().code() ==
        Code::deadline_exceeded);
  CHECK(world.loop.now() - begin == 5s);
  CHECK(world.send(client, get("http://nobody/")).error().code() == Code::unavailable);
  world.network.cut("server", true);
  net::HttpClient fresh(world.loop, world.network);
  CHECK(world.send(fresh, get("http://server/"), hasty).error().code() == Code::deadline_exceeded);
  world.network.cut("server", false);
  CHECK(world.send(fresh, get("http://server/")).has_value());
  CHECK(world.send(fresh, get("ftp://server/")).error().code() == Code::invalid_argument);
}

TEST_CASE("over a network that loses and resets, a client ends every request") {
  World world;
  world.network.quality({5ms, 10ms, 0.05, 100ms, 0.1});
  int served = 0;
  world.serve("server", [&](net::Request) -> Task<net::Response> {
    ++served;
    net::Response response;
    response.body = std::to_string(served);
    co_return response;
  });
  net::HttpClient client(world.loop, world.network);
  int good = 0, bad = 0;
  for (int i = 0; i < 500; ++i) ++(world.send(client, get("http://server/")) ? good : bad);
  CHECK(good + bad == 500);
  CHECK(good > 300);
  CHECK(bad > 0);
}

TEST_CASE("who bypasses a proxy") {
  // golang.org/x/net/http/httpproxy: Config.NoProxy.
  auto f = [](const char* no_proxy, const char* host, bool want) {
    INFO(no_proxy << " " << host);
    CHECK(net::bypasses_proxy(no_proxy, host, 80) == want);
  };
  f("", "example.com", false);
  f("*", "example.com", true);
  f("example.com", "example.com", true);
  f("example.com", "www.example.com", true);
  f(".example.com", "example.com", false);
  f(".example.com", "www.example.com", true);
  f("example.com", "badexample.com", false);
  f("10.0.0.0/8", "10.1.2.3", true);
  f("10.0.0.0/8", "11.1.2.3", false);
  f("10.0.0.0/x", "10.1.2.3", false);
  f("example.com:8080", "example.com", false);
  f("example.com:80", "example.com", true);
  f("", "localhost", true);
  f("", "127.0.0.1", true);
}

TEST_CASE("URLs") {
  auto good = [](const char* text, const char* origin, const char* target) {
    INFO(text);
    const auto url = net::Url::parse(text);
    REQUIRE(url.has_value());
    CHECK(url->origin() == origin);
    CHECK(url->target == target);
  };
  auto bad = [](const char* text) {
    INFO(text);
    CHECK(!net::Url::parse(text).has_value());
  };
  good("http://a", "http://a:80", "/");
  good("https://a/b?c", "https://a:443", "/b?c");
  good("http://[::1]:9090/x", "http://::1:9090", "/x");
  good("http://u:p@h:1/", "http://h:1", "/");
  bad("a");
  bad("http://");
  bad("http://a:99999/");
  bad("ftp://a/");
  bad("http://a:b/");
}

TEST_CASE("real sockets, and a loop that other threads post to") {
  net::SystemLoop loop;
  net::SystemNetwork network(loop);
  auto listener = network.listen("127.0.0.1", 0);
  REQUIRE(listener.has_value());
  net::HttpServer server(
      loop,
      [](net::Request r) -> Task<net::Response> {
        net::Response response;
        response.body = r.target;
        co_return response;
      },
      net::HttpServer::Options{});
  server.serve(std::move(*listener));
  net::HttpClient client(loop, network);
  std::string body;
  std::thread other([&] {
    loop.post([&] {
      spawn(client.send(get("http://127.0.0.1:" + std::to_string(server.port()) + "/hello"), {}),
            [&](Result<net::Response> r) {
              if (r) body = r->body;
              server.close();
              loop.stop();
            });
    });
  });
  loop.run();
  other.join();
  loop.run_for(50ms);  // the server's connection ends
  CHECK(body == "/hello");
}

TEST_CASE("a body that is taken piece by piece") {
  World world;
  const std::string body(300'000, 'x');
  world.serve("server", [&](net::Request r) -> Task<net::Response> {
    net::Response response;
    response.status = r.target == "/bad" ? 500 : 200;
    response.body = body;
    co_return response;
  });
  net::HttpClient client(world.loop, world.network);
  std::string taken;
  net::SendOptions options;
  options.max_body = 1000;
  options.on_body = [&](std::string_view piece) { taken += piece; };
  auto good = world.send(client, get("http://server/"), options);
  REQUIRE(good.has_value());
  CHECK(good->status == 200);
  CHECK(good->body.empty());
  CHECK(taken == body);
  // What is no success is an answer as ever.
  options.max_body = 1 << 20;
  auto bad = world.send(client, get("http://server/bad"), options);
  REQUIRE(bad.has_value());
  CHECK(bad->body == body);
  CHECK(taken.size() == body.size());
}

TEST_CASE("memory of bodies is used again, and nothing of the one before is seen") {
  World world;
  Budget budget(64U << 20);
  std::string next;
  bool zipped = false;
  world.serve("server", [&](const net::Request&) -> Task<net::Response> {
    net::Response response;
    response.body = zipped ? wire::gzip(next) : next;
    if (zipped) response.headers.add("Content-Encoding", "gzip");
    co_return response;
  });
  const auto text = [&](std::size_t size, char from) {
    std::string out;
    for (std::size_t i = 0; i < size; ++i)
      out += static_cast<char>(from + static_cast<char>(world.random.next() % 16));
    return out;
  };
  {
    net::ConnectSettings settings;
    settings.budget = budget;
    net::HttpClient client(world.loop, world.network, settings);
    net::BodyPool pool(budget);
    net::SendOptions options;
    options.pool = &pool;
    std::size_t i = 0;
    for (const std::size_t size :
         {300'000U, 100'000U, 0U, 10U, 299'999U, 2'500'000U, 20'000U, 5U}) {
      for (const bool zip : {false, true}) {
        CAPTURE(size, zip);
        zipped = zip;
        next = text(size, static_cast<char>('a' + i++ % 3));
        auto answer = world.send(client, get("http://server/"), options);
        REQUIRE(answer.has_value());
        REQUIRE((answer->body == next));
        CHECK(answer->charge.bytes() >= size);
        answer->charge.release();
        pool.give(std::move(answer->body));
      }
    }
    // The third of three finds no place in it.
    for (int n = 0; n < 3; ++n) pool.give(std::string(100'000, 'x'));
    CHECK(budget.usage().used <= 2 * (std::size_t{4} << 20) + (128U << 10));
  }
  CHECK(budget.usage().used == 0);
}

TEST_CASE(
    "as many connections as there were requests at once are kept, for as long as they are good") {
  World world;
  world.serve("server", [&](const net::Request&) -> Task<net::Response> {
    const bool slept = co_await sleep_for(world.loop, 1s, {});
    (void)slept;
    co_return net::Response{200, {}, "ok", {}};
  });
  net::HttpClient client(world.loop, world.network);
  const auto many = [&] {
    int answered = 0;
    for (int i = 0; i < 30; ++i)
      spawn(client.send(get("http://server/"), {}),
            [&](const Result<net::Response>& r) { answered += r.has_value(); });
    REQUIRE(world.loop.run_until([&] { return answered == 30; }, 1min));
  };
  const auto connects = [&] {
    const std::string& trace = world.network.trace();
    int n = 0;
    for (auto at = trace.find("connect"); at != std::string::npos;
         at = trace.find("connect", at + 1))
      ++n;
    return n;
  };
  many();
  const int first = connects();
  many();
  CHECK(connects() == first);
  world.loop.run_for(100s);
  many();
  CHECK(connects() == 2 * first);
}

TEST_CASE("a server that nobody asks again keeps no connection of ours") {
  World world;
  world.serve("server", [&](const net::Request&) -> Task<net::Response> {
    co_return net::Response{200, {}, "ok", {}};
  });
  net::HttpClient client(world.loop, world.network);
  REQUIRE(world.send(client, get("http://server/")).has_value());
  world.loop.run_for(80s);
  CHECK(world.network.trace().find("close") == std::string::npos);
  world.loop.run_for(101s);
  CHECK(world.network.trace().find("close") != std::string::npos);
}
