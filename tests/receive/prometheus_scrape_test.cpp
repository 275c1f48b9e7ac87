// prometheus.scrape with many small targets: what leaves together, and that nothing stays behind
// whatever happens meanwhile.
#include "batch_keeper.hpp"
#include "catch.hpp"

#include <collector/engine/sharding.hpp>

#include "receive/components.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>

using namespace collector;
using namespace std::chrono_literals;

namespace {

/// A cluster of this node and another, which takes what it is told to.
struct TwoNodes final : sharding::Membership {
  const std::string& self() const override { return view_.members[0].name; }
  const sharding::View& view() const override { return view_; }
  bool ready() const override { return true; }
  std::shared_ptr<void> on_change(Function<void()> f) override {
    changed = std::move(f);
    return std::make_shared<int>();
  }
  std::vector<sharding::Verdict> decide(std::span<const sharding::Claim> claims) const override {
    return {claims.size(), others_take ? sharding::Verdict::others : sharding::Verdict::mine};
  }
  sharding::View view_{1, {{"here", "", true}, {"there", "", true}}};
  bool others_take = false;
  Function<void()> changed;
};

/// prometheus.scrape with targets that answer at once, and two receivers.
struct FarmBench : ComponentBench {
  FarmBench() : ComponentBench{receive::prometheus_scrape(), batch_keeper()} {
    network.add("farm:1", [this](net::Request request) -> Task<net::Response> {
      net::Response response;
      ++scrapes[request.target];
      response.headers.set("Content-Type", "text/plain");
      response.body = fmt::format("a {}\n", scrapes[request.target]);
      co_return response;
    });
    loop.advance(7ms);  // no phase begins or ends with what is seen
  }
  ~FarmBench() {
    if (!stopped) stop(5s);  // while there is what the handlers use
  }
  static std::string target(std::size_t i, const std::string& more = "") {
    return fmt::format(
        "{{__address__ = \"farm:1\", __metrics_path__ = \"/{0}\", instance = \"{0}\"{1}}},", i,
        more);
  }
  void scrape(const std::string& targets, const std::string& interval,
              const std::string& forward_to = "test.keeper.a.receiver",
              const std::string& more = "") {
    load(
        fmt::format("test.keeper \"a\" {{ }}\ntest.keeper \"b\" {{ }}\n"
                    "prometheus.scrape \"p\" {{\ntargets = [{}]\nforward_to = [{}]\n"
                    "scrape_interval = \"{}\"\nscrape_timeout = \"500ms\"\n{}\n}}\n",
                    targets, forward_to, interval, more));
  }
  Keeper& keeper(const std::string& name = "a") {
    return dynamic_cast<Keeper&>(node("test.keeper." + name).component());
  }
  /// The values of series `name` of each target, in order of arrival; a stale marker is -1. Says
  /// how long the longest waited, in ms, by target.
  std::map<std::string, std::vector<double>> values(const std::string& name,
                                                    const std::string& to = "a") {
    std::map<std::string, std::vector<double>> out;
    for (const Keeper::Kept& kept : keeper(to).kept) {
      const MetricColumns& c = kept.batch.columns();
      const std::int64_t came =
          1'700'000'000'000 + kept.at.since_origin / std::chrono::milliseconds(1);
      for (std::size_t i = 0; i < c.series.size(); ++i) {
        if (controller->series().value_of(c.series[i], "__name__") != name) continue;
        const std::string instance(controller->series().value_of(c.series[i], "instance"));
        const bool stale = std::bit_cast<std::uint64_t>(c.value[i]) == kStaleNaN;
        out[instance].push_back(stale ? -1 : c.value[i]);
        if (!stale) waited[instance] = std::max(waited[instance], came - c.timestamp[i]);
      }
    }
    return out;
  }
  std::size_t answered() const {
    std::size_t n = 0;
    for (const auto& [path, times] : scrapes) n += static_cast<std::size_t>(times);
    return n;
  }
  std::size_t arrived(const std::string& to = "a") {
    std::size_t n = 0;
    for (const auto& [instance, seen] : values("a", to))
      n += static_cast<std::size_t>(
          std::count_if(seen.begin(), seen.end(), [](double v) { return v > 0; }));
    return n;
  }
  /// Until samples wait that are not sent.
  void until_some_wait() {
    for (int i = 0; i < 100'000 && answered() == arrived(); ++i) loop.advance(1ms);
    REQUIRE(answered() > arrived());
  }
  std::map<std::string, int> scrapes;
  std::map<std::string, std::int64_t> waited;
};

}  // namespace

TEST_CASE_METHOD(FarmBench, "small scrapes of many targets are few batches, held a tenth at most") {
  std::string targets;
  for (std::size_t i = 0; i < 300; ++i) targets += target(i);
  scrape(targets, "1s");
  loop.advance(10s);
  const std::size_t batches = keeper().kept.size();
  CHECK(answered() >= 2990);
  CHECK(answered() - arrived() <= 60);
  CHECK(batches * 3 / 2 < answered());
  std::size_t out_of_order = 0;
  for (const auto& [instance, seen] : values("a"))
    for (std::size_t i = 0; i < seen.size(); ++i)
      if (seen[i] != static_cast<double>(i + 1)) ++out_of_order;
  CHECK(out_of_order == 0);
  std::int64_t longest = 0;
  for (const auto& [instance, ms] : waited) longest = std::max(longest, ms);
  CHECK(longest <= 102);  // the timestamp may be of 2 ms before the scrape
  CHECK(longest > 50);
}

TEST_CASE_METHOD(FarmBench, "a target with an interval of its own is held a tenth of that") {
  std::string targets = target(0, ", __scrape_interval__ = \"500ms\"");
  for (std::size_t i = 1; i < 50; ++i) targets += target(i);
  scrape(targets, "10s");
  loop.advance(60s);
  CHECK(values("a").at("0").size() >= 119);
  CHECK(waited.at("0") <= 52);
  for (const auto& [instance, ms] : waited) CHECK(ms <= 252);
}

TEST_CASE_METHOD(FarmBench, "a flush of the component leaves nothing behind") {
  scrape(target(1) + target(2), "10s");
  until_some_wait();
  node("prometheus.scrape.p").component().flush();
  CHECK(answered() == arrived());
}

TEST_CASE_METHOD(FarmBench, "what waits at the stop arrives before the stale markers") {
  std::string targets;
  for (std::size_t i = 0; i < 100; ++i) targets += target(i);
  scrape(targets, "10s");
  loop.advance(10s);
  until_some_wait();
  const std::uint64_t before = controller->seams().budget.usage().used;
  CHECK(stop(5s));
  CHECK(answered() == arrived());
  for (const auto& [instance, seen] : values("a")) {
    CHECK(seen.back() == -1);
    CHECK(std::count(seen.begin(), seen.end(), -1.0) == 1);
  }
  CHECK(controller->seams().budget.usage().used < before);
}

TEST_CASE_METHOD(FarmBench,
                 "what waits of a target that leaves, or of a component that does, arrives") {
  scrape(target(1) + target(2), "10s");
  until_some_wait();
  const std::string first = scrapes.begin()->first;
  scrape(target(first == "/1" ? 2 : 1), "10s");
  loop.advance(250ms);
  CHECK(answered() == arrived());
  loop.advance(30s);
  CHECK(values("a").at(first.substr(1)).back() == -1);
  until_some_wait();
  load("test.keeper \"a\" { }\n");
  loop.advance(1s);
  CHECK(answered() == arrived());
}

TEST_CASE_METHOD(FarmBench, "what was scraped before a reload goes where it was to go then") {
  scrape(target(1), "10s");
  until_some_wait();
  scrape(target(1), "10s", "test.keeper.b.receiver");
  loop.advance(1s);
  CHECK(arrived("a") == 1);
  CHECK(arrived("b") == 0);
  loop.advance(10s);
  CHECK(arrived("a") == 1);
  CHECK(arrived("b") == 1);
}

TEST_CASE_METHOD(FarmBench, "over the target limit every target says so, and its series end") {
  std::string targets;
  for (std::size_t i = 0; i < 20; ++i) targets += target(i);
  scrape(targets, "10s");
  loop.advance(10s);
  scrape(targets, "10s", "test.keeper.a.receiver", "target_limit = 19");
  loop.advance(10s + 250ms);
  CHECK(values("up").size() == 20);
  for (const auto& [instance, seen] : values("up")) CHECK(seen == std::vector<double>{1, 0});
  for (const auto& [instance, seen] : values("a")) CHECK(seen == std::vector<double>{1, -1});
}

TEST_CASE_METHOD(FarmBench, "what waits arrives where another node of the cluster carries on") {
  TwoNodes cluster;
  load("test.keeper \"a\" { }\ntest.keeper \"b\" { }\n");
  node("test.keeper.a").env().cluster = &cluster;
  const std::string clustering = "clustering {\nenabled = true\n}";
  scrape(target(1), "10s", "test.keeper.a.receiver", clustering);
  until_some_wait();
  const Instant then = loop.now();
  SECTION("because it takes the targets") {
    cluster.others_take = true;
    cluster.changed();
    loop.advance(30s);
    CHECK(loop.now() - keeper().kept.at(0).at > 29s);
  }
  SECTION("because the component ends here") {
    load("test.keeper \"a\" { }\n");
    CHECK(keeper().kept.at(0).at - then < 100ms);
  }
  CHECK(answered() == 1);
  CHECK(values("a").at("1") == std::vector<double>{1});  // and no stale marker
  stop(5s);
}
