// The metadata that remote write 1.0 sends from time to time: of everything that was seen since.
#include "component_bench.hpp"
#include "format/written_series.hpp"
#include "send/components.hpp"
#include "wire/compression.hpp"

#include <fmt/format.h>

#include <map>

using namespace collector;
using namespace std::chrono_literals;

namespace {

using List = std::shared_ptr<const std::vector<Metadata>>;

constexpr const char* kId = "prometheus.remote_write.x";

List list_of(std::vector<Metadata> families) {
  return std::make_shared<const std::vector<Metadata>>(std::move(families));
}
List gauge(const std::string& family, const std::string& help) {
  return list_of({{family, MetricType::gauge, help, ""}});
}

/// A server of remote write 1.0 and an endpoint that tells it of metadata every minute.
struct MetadataBench : ComponentBench {
  MetadataBench() : ComponentBench{send::prometheus_remote_write()} {
    network.add("server:80", [this](net::Request request) -> Task<net::Response> {
      Reservation held = Budget().charge(0, "test");
      const auto plain = wire::snappy_uncompress(request.body, 64U << 20, held);
      REQUIRE(plain.has_value());
      prometheus::WriteRequest read;
      REQUIRE(oracle_parse(*plain, read));
      for (const auto& m : read.metadata()) {
        CHECK(help.count(m.metric_family_name()) == 0);  // each family once
        help[m.metric_family_name()] = m.help();
      }
      net::Response response;
      response.status = 204;
      co_return response;
    });
    load("prometheus.remote_write \"x\" {\nendpoint {\nurl = \"http://server/w\"\n}\n}\n");
  }
  ~MetadataBench() {
    if (!stopped) stop(5s);  // while there is what the handlers use
  }
  void give(std::uint64_t source, List metadata) {
    Metrics one = batch(source, {{"m", ++ms, 1}});
    one.edit().metadata = std::move(metadata);
    REQUIRE(offer(kId, std::move(one))->kind == Outcome::Kind::delivered);
  }
  std::map<std::string, std::string> help;  ///< by family, as it was sent last
  std::int64_t ms = 1'700'000'000'000;
};

using Help = std::map<std::string, std::string>;

}  // namespace

TEST_CASE_METHOD(MetadataBench, "metadata of sources that differ arrives, of one lane too") {
  const List a = list_of({{"a", MetricType::counter, "of a", ""}, {"both", {}, "same", ""}});
  const List b = list_of({{"b", MetricType::gauge, "of b", ""}, {"both", {}, "same", ""}});
  for (int i = 0; i < 3; ++i) {
    give(1, a);
    give(1, b);
    give(2, gauge("c", "of c"));
    give(1, nullptr);
  }
  CHECK(help.empty());
  loop.advance(61s);
  CHECK(help == Help{{"a", "of a"}, {"b", "of b"}, {"both", "same"}, {"c", "of c"}});
  // It is said again only of what came again.
  help.clear();
  loop.advance(60s);
  CHECK(help.empty());
  give(1, b);
  loop.advance(60s);
  CHECK(help == Help{{"b", "of b"}, {"both", "same"}});
}

TEST_CASE_METHOD(MetadataBench, "of what was said of a family the last is sent") {
  std::vector<List> said;
  for (int i = 0; i < 40; ++i) {
    said.push_back(gauge("f", fmt::format("help {}", i)));
    give(1, said.back());
  }
  give(1, said[7]);
  loop.advance(61s);
  CHECK(help == Help{{"f", "help 7"}});
}

TEST_CASE_METHOD(MetadataBench, "lists that somebody has are all sent, others do not pile up") {
  std::vector<List> kept;
  std::vector<std::weak_ptr<const std::vector<Metadata>>> all;
  for (int i = 0; i < 1000; ++i) {
    const List list = gauge(fmt::format("f{}", i), "help");
    all.emplace_back(list);
    if (i % 10 == 0) kept.push_back(list);
    give(static_cast<std::uint64_t>(i), list);
  }
  CHECK(std::count_if(all.begin(), all.end(), [](const auto& list) { return !list.expired(); }) <=
        2 * 100 + 64);
  loop.advance(61s);
  std::size_t there = 0;
  for (std::size_t i = 0; i < 1000; i += 10) there += help.count(fmt::format("f{}", i));
  CHECK(there == 100);
  CHECK(help.count("f999") == 1);
}
