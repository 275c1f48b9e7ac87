// Scrape, relabel and remote write over a lossy simulated network, with reloads, for a day of
// virtual time: what arrives is complete and in order, and the whole run follows from its seed.
#include "catch.hpp"

#include <collector/engine/pipeline.hpp>
#include <collector/engine/testing.hpp>

#include "net/http_server.hpp"
#include "write_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

using namespace collector;
using namespace std::chrono_literals;

namespace {

std::string config(int targets, std::string_view site) {
  std::string list;
  for (int i = 0; i < targets; ++i)
    list += fmt::format("{{\"__address__\" = \"target-{}:9100\"}}, ", i);
  return fmt::format(R"(
prometheus.scrape "all" {{
  targets         = [{}]
  scrape_interval = "1m"
  scrape_timeout  = "20s"
  forward_to      = [prometheus.relabel.site.receiver]
}}
prometheus.relabel "site" {{
  rule {{
    target_label = "site"
    replacement  = "{}"
  }}
  forward_to = [prometheus.remote_write.out.receiver]
}}
prometheus.remote_write "out" {{
  endpoint {{
    url = "http://sink:9090/api/v1/write"
  }}
}}
)",
                     list, site);
}

/// All that one run leaves behind.
struct Run {
  std::string trace;  ///< of the network and of every sample that arrived
  std::uint64_t steps = 0, samples = 0, scrapes = 0;
  struct Point {
    std::int64_t ms;
    double value;
    friend bool operator==(const Point&, const Point&) = default;
  };
  /// By instance, in the order of arrival; what came again is there once.
  std::map<std::string, std::vector<Point>> turns, ups;
  std::uint64_t repeated = 0;
  bool drained = false;
};

Run simulate(std::uint64_t seed, Duration length, Duration reload_every) {
  Run run;
  testing::SeededRandom random(seed);
  testing::SimulatedLoop loop;
  testing::SimulatedNetwork network(loop, random);
  testing::SimulatedFiles files(loop, random);
  network.quality({20ms, 30ms, 0.02, 200ms, 0.0005});

  std::vector<std::unique_ptr<net::HttpServer>> servers;
  const auto serve = [&](const std::string& host, std::uint16_t port, net::HttpHandler handler) {
    network.listen_as(host);
    auto listener = network.listen("", port);
    REQUIRE(listener);
    servers.push_back(
        std::make_unique<net::HttpServer>(loop, std::move(handler), net::HttpServer::Options{}));
    servers.back()->serve(std::move(*listener));
  };
  constexpr int kTargets = 4;
  std::vector<std::uint64_t> turn(kTargets);
  for (int i = 0; i < kTargets; ++i)
    serve(fmt::format("target-{}", i), 9100, [&, i](net::Request) -> Task<net::Response> {
      ++run.scrapes;
      net::Response response;
      response.headers.set("Content-Type", "text/plain; version=0.0.4");
      response.body = fmt::format("turn {}\nconstant{{part=\"a\"}} 1\n", ++turn[i]);
      co_return response;
    });
  serve("sink", 9090, [&](net::Request request) -> Task<net::Response> {
    net::Response response;
    for (const WrittenSample& s : decode_write_request(request.body)) {
      ++run.samples;
      run.trace += fmt::format("{} {} {}\n", s.series, s.ms, s.value);
      const std::string& name = s.labels.at("__name__");
      if ((name != "turn" && name != "up") || std::isnan(s.value)) continue;
      auto& points = (name == "turn" ? run.turns : run.ups)[s.labels.at("instance")];
      const Run::Point point{s.ms, s.value};
      // An answer that was lost makes the sender repeat itself, word by word.
      if (std::find(points.rbegin(), points.rend(), point) != points.rend())
        ++run.repeated;
      else
        points.push_back(point);
    }
    response.status = 204;
    co_return response;
  });

  {
    Pipeline::Options options;
    options.components = builtin_components();
    Pipeline pipeline(Seams{loop, network, files, random}, std::move(options));
    const auto load = [&](const std::string& text) {
      std::optional<Status> loaded;
      spawn(pipeline.load(text), [&](Status s) { loaded = std::move(s); });
      REQUIRE(loop.run_until([&] { return loaded.has_value(); }, 1min));
      REQUIRE(*loaded == Status());
    };
    load(config(kTargets, "start"));
    int reloads = 0;
    for (Duration passed{}; passed < length; passed += reload_every) {
      loop.run_for(reload_every);
      load(config(kTargets, fmt::format("site-{}", ++reloads)));
    }
    std::optional<bool> stopped;
    spawn(pipeline.stop(loop.now() + 1min), [&](bool drained) { stopped = drained; });
    REQUIRE(loop.run_until([&] { return stopped.has_value(); }, 2min));
    run.drained = *stopped;
    for (const auto& [destination, account] : pipeline.ledgers()) {
      CHECK(account.waiting == 0);
      CHECK(account.dropped.empty());
    }
  }
  for (auto& server : servers) server->close();
  loop.run_for(3min);
  run.steps = loop.steps();
  run.trace += network.trace();
  return run;
}

}  // namespace

TEST_CASE("a simulated day over a lossy network, with reloads: what was scraped arrives in order") {
  const Run day = simulate(1, 24h, 30min);
  CHECK(day.drained);
  CHECK(day.scrapes > 4 * 24 * 60 - 8);
  CHECK(day.turns.size() == 4);
  CHECK(day.repeated < day.samples / 100);
  for (const auto& [instance, turns] : day.turns) {
    INFO(instance);
    CHECK(turns.size() > 24 * 60 - 60);
    for (std::size_t i = 1; i < turns.size(); ++i) {
      REQUIRE(turns[i].ms > turns[i - 1].ms);
      REQUIRE(turns[i].value > turns[i - 1].value);
    }
    // Every scrape that went well arrived: its turn is where `up` says 1, and nowhere else.
    std::vector<std::int64_t> well, seen;
    for (const auto& up : day.ups.at(instance))
      if (up.value == 1) well.push_back(up.ms);
    for (const auto& turn : turns) seen.push_back(turn.ms);
    CHECK(well == seen);
  }
}

TEST_CASE("the same seed gives the same run, another seed another one") {
  const Run one = simulate(7, 2h, 10min);
  const Run same = simulate(7, 2h, 10min);
  const Run other = simulate(8, 2h, 10min);
  CHECK(one.trace == same.trace);
  CHECK(one.steps == same.steps);
  CHECK(one.trace != other.trace);
}
