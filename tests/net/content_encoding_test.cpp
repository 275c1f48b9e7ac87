// Bodies in gzip and zstd, both ways (RFC 9110, 8.4; RFC 9659).
#include "net/content_encoding.hpp"
#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "wire/compression.hpp"

using namespace collector;
using namespace std::chrono_literals;

namespace {

struct Pair {
  testing::SeededRandom random{1};
  testing::SimulatedLoop loop;
  testing::SimulatedNetwork network{loop, random};
  Budget budget{1U << 20};
  std::unique_ptr<net::HttpServer> server;

  explicit Pair(net::HttpHandler handler, net::HttpServer::Options options = {}) {
    options.budget = budget;
    auto listener = network.listen("", 80);
    REQUIRE(listener.has_value());
    server = std::make_unique<net::HttpServer>(loop, std::move(handler), std::move(options));
    server->serve(std::move(*listener));
  }
  Result<net::Response> send(net::Request request, net::SendOptions options = {}) {
    net::HttpClient client(loop, network);
    request.url = "http://localhost/";
    std::optional<Result<net::Response>> answer;
    spawn(client.send(std::move(request), options),
          [&](Result<net::Response> r) { answer.emplace(std::move(r)); });
    REQUIRE(loop.run_until([&] { return answer.has_value(); }, 1min));
    return std::move(*answer);
  }
  ~Pair() {
    server->close();
    loop.run_for(5min);
  }
};

}  // namespace

TEST_CASE("codings are undone from the last one on; what is unknown stays") {
  const auto f = [](const std::string& coding, const std::string& body, const std::string& left) {
    net::Headers headers;
    headers.add("Content-Encoding", coding);
    std::string out = body;
    Budget budget;
    Reservation held = budget.charge(body.size(), "body");
    INFO(coding);
    const Status s = net::decode_body(headers, out, 1U << 20, budget, held);
    CHECK(headers.get("Content-Encoding") == left);
    if (s.ok()) CHECK(budget.usage().used >= out.size());
    return s.ok() ? out : to_string(s);
  };
  using wire::gzip, wire::zstd;
  CHECK(f("gzip", gzip("a"), "") == "a");
  CHECK(f("X-GZIP", gzip("a"), "") == "a");
  CHECK(f("ZStd", zstd("a"), "") == "a");
  CHECK(f("gzip, zstd", zstd(gzip("a")), "") == "a");
  CHECK(f("snappy,gzip", gzip("s"), "snappy") == "s");
  CHECK(f("snappy", "s", "snappy") == "s");
  CHECK(f("gzip, br", "s", "gzip, br") == "s");
  CHECK(f("zstd", gzip("a"), "zstd") == "data loss: zstd: damaged");
}

TEST_CASE("a client asks for both codings and takes either, to its limit") {
  std::string asked, coding = "zstd";
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "m" + std::to_string(i) + " 1\n";
  Pair p([&](net::Request r) -> Task<net::Response> {
    asked = r.headers.get("Accept-Encoding");
    net::Response response;
    response.headers.set("Content-Encoding", coding);
    response.body = coding == "zstd" ? wire::zstd(text) : wire::gzip(text);
    co_return response;
  });
  for (const char* each : {"zstd", "gzip"}) {
    coding = each;
    const auto answer = p.send({});
    REQUIRE(answer.has_value());
    CHECK(asked == "gzip, zstd");
    CHECK(answer->body == text);
    CHECK_FALSE(answer->headers.contains("Content-Encoding"));
    net::SendOptions small;
    small.max_decoded = text.size() - 1;
    CHECK(p.send({}, small).error().code() == Code::out_of_range);
    net::SendOptions raw;
    raw.decode = false;
    const auto as_it_is = p.send({}, raw);
    REQUIRE(as_it_is.has_value());
    CHECK(as_it_is->body.size() < text.size());
    CHECK(asked.empty());
  }
}

TEST_CASE("a server decodes what it was told to, within its limit and its budget") {
  net::HttpServer::Options options;
  options.max_decoded = 100'000;
  net::Request seen;
  int handled = 0;
  Pair p(
      [&](net::Request r) -> Task<net::Response> {
        seen = std::move(r);
        ++handled;
        co_return net::Response();
      },
      options);
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i);
  const auto f = [&](std::string coding, std::string body) {
    net::Request request;
    request.method = "POST";
    if (!coding.empty()) request.headers.set("Content-Encoding", std::move(coding));
    request.body = std::move(body);
    const auto answer = p.send(std::move(request));
    REQUIRE(answer.has_value());
    return answer->status;
  };
  CHECK(f("zstd", wire::zstd(text)) == 200);
  CHECK(seen.body == text);
  CHECK_FALSE(seen.headers.contains("Content-Encoding"));
  CHECK(f("gzip", wire::gzip(text)) == 200);
  CHECK(seen.body == text);
  CHECK(f("snappy", "as it came") == 200);
  CHECK(seen.body == "as it came");
  CHECK(seen.headers.get("Content-Encoding") == "snappy");
  CHECK(handled == 3);
  CHECK(f("zstd", "no frame") == 400);
  std::string large;
  for (int i = 0; i < 30'000; ++i) large += std::to_string(i);
  CHECK(f("zstd", wire::zstd(large)) == 413);
  CHECK(handled == 3);
  CHECK(f("", "plain") == 200);
  Reservation all = p.budget.charge((1U << 20) - 64'000, "others");
  CHECK(f("zstd", wire::zstd(std::string(text).append(text).append(text))) == 503);
}
