// Where scrapes leave a component: which leave together and when, in what order, with what
// metadata, and what their targets hear of it.
#include <collector/engine/testing.hpp>

#include "batch_keeper.hpp"
#include "catch.hpp"
#include "receive/scrape_outlet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

using namespace collector;
using namespace std::chrono_literals;
using receive::ScrapeOutlet;

namespace {

constexpr std::size_t kFull = 2000;
constexpr ScrapeOutlet::Leisure kUsual{250ms, 100ms};

/// The phase of a target in lane n % 16; the next n of that lane is 16 further.
constexpr std::uint64_t of_lane(std::uint64_t n) { return (n % 16 << 58) + n / 16; }

/// test.source: an outlet, as a component has it.
struct SourceArgs {
  std::vector<MetricsReceiver> forward_to;
  static constexpr auto fields() {
    return std::tuple{attr<&SourceArgs::forward_to>("forward_to", "Where to.").required()};
  }
};
class Source final : public Component<SourceArgs> {
 public:
  explicit Source(Context& context)
      : Component(context), outlet(std::make_shared<ScrapeOutlet>(context)) {}
  Task<Status> run() override {
    co_await pipeline::until_stopped(context().loop(), context().stop());
    co_return Status();
  }
  Status update(SourceArgs args) override {
    outlet->fanout.set(args.forward_to);
    return {};
  }
  std::shared_ptr<ScrapeOutlet> outlet;
};

/// A target that numbers its samples: sample n of a target has the value n.
struct Numbered {
  std::string name;
  std::uint64_t phase = 0;
  std::uint64_t bundle = 0, next = 0;
  std::size_t given = 0, taken = 0, refused = 0;  ///< batches
};

struct OutletBench : ComponentBench {
  OutletBench() : ComponentBench{batch_keeper(), define<Source>("test.source", "Gives.")} {
    load("test.keeper \"k\" { }\ntest.source \"s\" {\nforward_to = [test.keeper.k.receiver]\n}\n");
    idle = used();
  }
  Keeper& keeper() { return dynamic_cast<Keeper&>(node("test.keeper.k").component()); }
  std::shared_ptr<ScrapeOutlet>& outlet() {
    return dynamic_cast<Source&>(node("test.source.s").component()).outlet;
  }
  std::uint64_t used() { return controller->seams().budget.usage().used; }
  void give(Numbered& target, std::size_t rows, ScrapeOutlet::Leisure leisure = kUsual,
            std::shared_ptr<const std::vector<Metadata>> metadata = nullptr) {
    auto columns = std::make_shared<MetricColumns>();
    columns->lease = controller->series().lease();
    columns->metadata = std::move(metadata);
    if (!ids.contains(target.name)) ids[target.name] = series({{"__name__", target.name}});
    for (std::size_t i = 0; i < rows; ++i) {
      columns->series.push_back(ids[target.name]);
      columns->timestamp.push_back(static_cast<std::int64_t>(target.next));
      columns->value.push_back(static_cast<double>(target.next++));
    }
    ++target.given;
    outlet()->forward(std::move(columns), target.phase, leisure, target.bundle,
                      [&target](bool good) { good ? ++target.taken : ++target.refused; });
  }
  /// `a0 a1 b0` of a batch.
  std::string text(std::size_t batch) {
    const MetricColumns& c = keeper().kept.at(batch).batch.columns();
    std::string out;
    for (std::size_t i = 0; i < c.series.size(); ++i)
      out += fmt::format("{}{}{}", out.empty() ? "" : " ",
                         controller->series().to_text(c.series[i]), c.value[i]);
    return out;
  }
  std::uint64_t idle = 0;
  std::map<std::string, SeriesId> ids;
};

std::shared_ptr<const std::vector<Metadata>> list_of(const std::string& help) {
  return std::make_shared<const std::vector<Metadata>>(
      std::vector<Metadata>{{"family", MetricType::gauge, help, ""}});
}

}  // namespace

TEST_CASE_METHOD(OutletBench, "small batches of several targets leave as one, in their order") {
  Numbered a{"a", of_lane(3)}, b{"b", of_lane(19)}, c{"c", of_lane(35)};
  give(a, 2);
  loop.advance(100ms);
  give(b, 1, {250ms, 50ms});
  loop.advance(100ms);
  give(c, 1);
  give(a, 1);
  loop.advance(49ms);
  CHECK(keeper().kept.empty());
  CHECK(a.taken == 0);
  loop.advance(1ms);
  REQUIRE(keeper().kept.size() == 1);
  CHECK(text(0) == "a0 a1 b0 c0 a2");
  CHECK(keeper().kept[0].patience == 50ms);  // of the one in the greatest hurry
  CHECK(keeper().kept[0].batch.columns().lease != nullptr);
  CHECK(a.taken == 2);
  CHECK(b.taken == 1);
  CHECK(c.taken == 1);
  // The next one has its own quarter of a second.
  loop.advance(10ms);
  give(b, 1);
  loop.advance(249ms);
  CHECK(keeper().kept.size() == 1);
  loop.advance(1ms);
  CHECK(keeper().kept.size() == 2);
}

TEST_CASE_METHOD(OutletBench, "a target stays in its lane, and lanes leave apart") {
  Numbered a{"a", of_lane(0)}, b{"b", of_lane(1)}, also_a{"c", of_lane(16)};
  for (int round = 0; round < 3; ++round) {
    give(a, 1);
    give(b, 1);
    give(also_a, 1);
    loop.advance(250ms);
  }
  REQUIRE(keeper().kept.size() == 6);
  std::map<std::string, std::uint64_t> lanes;
  for (std::size_t i = 0; i < 6; ++i)
    lanes.try_emplace(text(i).substr(0, 1), keeper().kept[i].batch.columns().order_key);
  CHECK(text(0) == "a0 c0");
  CHECK(text(5) == "b2");
  CHECK(lanes["a"] != lanes["b"]);
  for (std::size_t i = 0; i < 6; ++i)
    CHECK(keeper().kept[i].batch.columns().order_key == lanes[text(i).substr(0, 1)]);
}

TEST_CASE_METHOD(OutletBench,
                 "a bundle that has no room for another like the last leaves at once") {
  Numbered a{"a", of_lane(0)}, b{"b", of_lane(16)}, c{"c", of_lane(32)};
  give(a, 900);
  give(b, 900);
  REQUIRE(keeper().kept.size() == 1);
  CHECK(keeper().kept[0].batch.size() == 1800);
  // What does not fit goes into the next one, behind the one that is full.
  give(a, 1000);
  give(b, 100);
  CHECK(keeper().kept.size() == 1);
  give(c, 1000);
  REQUIRE(keeper().kept.size() == 2);
  CHECK(keeper().kept[1].batch.size() == 1100);
  give(a, 1000);
  REQUIRE(keeper().kept.size() == 3);
  CHECK(keeper().kept[2].batch.size() == 2000);
  give(a, 1);
  loop.advance(1s);
  REQUIRE(keeper().kept.size() == 4);
  CHECK(text(3) == "a2900");
}

TEST_CASE_METHOD(OutletBench, "what is large or in a hurry leaves at once, behind its own past") {
  Numbered a{"a", of_lane(0)}, b{"b", of_lane(16)}, c{"c", of_lane(1)};
  give(a, 1);
  give(b, 1);
  give(c, 1);
  give(a, 1001);
  REQUIRE(keeper().kept.size() == 2);
  CHECK(text(0) == "a0 b0");
  CHECK(keeper().kept[1].batch.size() == 1001);
  give(b, 1, {});
  REQUIRE(keeper().kept.size() == 3);
  CHECK(text(2) == "b1");
  CHECK(keeper().kept[2].patience == Duration{});
  give(c, 1, {});
  REQUIRE(keeper().kept.size() == 5);
  CHECK(text(3) == "c0");
  CHECK(text(4) == "c1");
  CHECK(outlet()->unsettled == 5);
  loop.settle();
  CHECK(outlet()->unsettled == 0);
  CHECK(used() == idle);
}

TEST_CASE_METHOD(OutletBench, "nothing waits longer than it has time for, whoever came before") {
  Numbered slow{"slow", of_lane(0)}, fast{"fast", of_lane(1)};
  give(slow, 1);
  loop.advance(10ms);
  give(fast, 1, {20ms, 20ms});
  loop.advance(20ms);
  const auto came = [&](const std::string& name) {
    for (std::size_t i = 0; i < keeper().kept.size(); ++i)
      if (text(i).rfind(name, 0) == 0) return true;
    return false;
  };
  CHECK(came("fast"));
  loop.advance(220ms);
  CHECK(came("slow"));
}

TEST_CASE_METHOD(OutletBench, "batches of different metadata do not mix, and none has another's") {
  const auto x = list_of("x"), y = list_of("y");
  Numbered a{"a", of_lane(0)}, b{"b", of_lane(16)}, c{"c", of_lane(32)}, d{"d", of_lane(48)};
  give(a, 1, kUsual, x);
  give(b, 1, kUsual, y);
  give(c, 1);  // a scrape that failed: stale markers, of which nothing is said
  give(d, 1, kUsual, x);
  loop.advance(250ms);
  std::map<std::string, std::string> help;
  for (std::size_t i = 0; i < keeper().kept.size(); ++i) {
    const auto& metadata = keeper().kept[i].batch.columns().metadata;
    help[text(i)] = metadata ? metadata->at(0).help : "none";
  }
  CHECK(help == std::map<std::string, std::string>{{"a0 d0", "x"}, {"b0", "y"}, {"c0", "none"}});
}

TEST_CASE_METHOD(OutletBench, "a target whose metadata changes keeps its order") {
  const auto x = list_of("x"), y = list_of("y");
  Numbered a{"a", of_lane(0)}, b{"b", of_lane(16)};
  give(b, 1, kUsual, y);
  give(a, 1, kUsual, x);
  give(a, 1, kUsual, y);
  give(a, 1, kUsual, x);
  loop.advance(250ms);
  std::string order;
  for (std::size_t i = 0; i < keeper().kept.size(); ++i) order += text(i) + "|";
  CHECK(order == "a0|b0 a1|a2|");
}

TEST_CASE_METHOD(OutletBench, "a target that changes its lane keeps its order") {
  Numbered a{"a", of_lane(0)}, b{"b", of_lane(1)};
  give(b, 1);
  give(a, 1);
  a.phase = of_lane(1);
  give(a, 1);
  a.phase = of_lane(2);
  give(a, 1);
  loop.advance(250ms);
  std::string order;
  for (std::size_t i = 0; i < keeper().kept.size(); ++i) order += text(i) + "|";
  CHECK(order == "a0|b0 a1|a2|");
}

TEST_CASE_METHOD(OutletBench, "every target of a bundle hears how it ended") {
  Numbered a{"a", of_lane(0)}, b{"b", of_lane(16)};
  keeper().outcome = Outcome::retry("queue full", 1s);
  give(a, 2);
  give(b, 3);
  loop.advance(250ms);
  CHECK(a.refused == 1);
  CHECK(b.refused == 1);
  CHECK(metric("collector_scrape_samples_dropped_total") == 5);
  CHECK(metric("prometheus_forwarded_samples_total") == 0);
  keeper().outcome = Outcome::rejected("no", 2);
  give(a, 2);
  give(b, 3);
  loop.advance(250ms);
  CHECK(a.taken == 1);
  CHECK(b.taken == 1);
  CHECK(metric("collector_scrape_samples_dropped_total") == 7);
  CHECK(metric("prometheus_forwarded_samples_total") == 3);
  keeper().outcome = {};
  keeper().hold = true;
  give(a, 2);
  give(b, 3);
  loop.advance(10s);
  CHECK(a.taken == 1);
  CHECK(outlet()->unsettled == 1);
  keeper().held.clear();  // which abandons it
  loop.settle();
  CHECK(a.refused == 2);
  CHECK(b.refused == 2);
  CHECK(outlet()->unsettled == 0);
  CHECK(used() == idle);
}

TEST_CASE_METHOD(OutletBench, "what waits and what is on its way is on the account of memory") {
  Numbered a{"a", of_lane(0)}, b{"b", of_lane(16)};
  keeper().hold = true;
  give(a, 100);
  const std::uint64_t one = used() - idle;
  CHECK(one >= 100 * 20);
  give(b, 100);
  CHECK(used() - idle == 2 * one);
  loop.advance(1s);
  REQUIRE(keeper().held.size() == 1);
  CHECK(used() - idle == 2 * one);
  keeper().held.at(0).settle(Outcome::delivered());
  loop.settle();
  CHECK(used() == idle);
}

TEST_CASE_METHOD(OutletBench, "flush sends what waits at once, also from within itself") {
  Numbered a{"a", of_lane(0)}, b{"b", of_lane(1)}, c{"c", of_lane(2)};
  give(a, 1);
  give(b, 1);
  give(c, 1);
  keeper().on_batch = [this] { outlet()->flush(); };
  outlet()->flush();
  CHECK(keeper().kept.size() == 3);
  outlet()->flush();
  loop.advance(1s);
  CHECK(keeper().kept.size() == 3);
  CHECK(a.taken + b.taken + c.taken == 3);
}

TEST_CASE_METHOD(OutletBench,
                 "an outlet that is gone sends nothing, holds nothing and is not asked") {
  Numbered a{"a", of_lane(0)}, b{"b", of_lane(0)};
  keeper().hold = true;
  give(a, 1);
  loop.advance(250ms);
  give(b, 1);
  REQUIRE(keeper().held.size() == 1);
  outlet().reset();
  loop.advance(1s);
  CHECK(keeper().kept.size() == 1);
  keeper().held.at(0).settle(Outcome::delivered());
  loop.settle();
  CHECK(used() == idle);
}

TEST_CASE("any mixture of batches arrives whole and in order of each target") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    OutletBench bench;
    testing::SeededRandom random(seed);
    const auto below = [&](std::uint64_t n) { return random.next() % n; };
    const std::vector<std::shared_ptr<const std::vector<Metadata>>> lists{
        nullptr, list_of("x"), list_of("y"), list_of("z")};
    std::vector<Numbered> targets;
    for (std::uint64_t i = 0; i < 12; ++i)
      targets.push_back({"t" + std::to_string(i) + "_", of_lane(below(40))});
    struct Given {
      Instant at;
      ScrapeOutlet::Leisure leisure;
      std::shared_ptr<const std::vector<Metadata>> metadata;
      std::uint64_t lane = 0;
    };
    std::map<std::pair<std::string, std::uint64_t>, Given> given;  // by target and first sample
    for (int step = 0; step < 300; ++step) {
      Numbered& target = targets[below(targets.size())];
      bench.keeper().hold = below(4) == 0;
      bench.keeper().outcome = below(8) == 0 ? Outcome::retry("later", 1s) : Outcome::delivered();
      const std::uint64_t kind = below(20);
      std::size_t rows = 1 + below(below(3) == 0 ? 1000 : 30);
      ScrapeOutlet::Leisure leisure{below(2) == 0 ? 250ms : 20ms, 20ms};
      if (kind == 0) rows = 1001 + below(2000);
      if (kind == 1) leisure = {};
      if (kind == 2) target.phase = of_lane(below(40));
      const auto metadata = lists[below(8) == 0 ? below(4) : (target.phase >> 58) % 2];
      given[{target.name, target.next}] = {bench.loop.now(), leisure, metadata, target.phase >> 58};
      bench.give(target, rows, leisure, metadata);
      if (kind == 3) bench.outlet()->flush();
      if (below(3) == 0) bench.loop.advance(std::chrono::milliseconds(below(60)));
      if (below(5) == 0) {
        for (Ack& ack : bench.keeper().held) ack.settle(Outcome::delivered());
        bench.keeper().held.clear();
      }
    }
    bench.loop.advance(250ms);
    std::map<std::string, std::uint64_t> next;
    std::map<std::uint64_t, std::uint64_t> keys;  // by lane
    std::size_t bundles = 0;
    for (const Keeper::Kept& kept : bench.keeper().kept) {
      const MetricColumns& c = kept.batch.columns();
      std::size_t batches = 0;
      for (std::size_t i = 0; i < c.series.size(); ++i) {
        const std::string name = bench.controller->series().to_text(c.series[i]);
        REQUIRE(c.value[i] == static_cast<double>(next[name]));
        const auto one = given.find({name, next[name]++});
        if (one == given.end()) continue;
        ++batches;
        REQUIRE(c.metadata == one->second.metadata);
        REQUIRE(kept.at - one->second.at <= one->second.leisure.to_join);
        REQUIRE(kept.patience <= one->second.leisure.to_sync);
        REQUIRE(keys.try_emplace(one->second.lane, c.order_key).first->second == c.order_key);
      }
      REQUIRE((batches == 1 || c.series.size() <= kFull));
      if (batches > 1) ++bundles;
    }
    CHECK(bundles > 5);
    bench.keeper().held.clear();
    bench.loop.settle();
    for (const Numbered& target : targets) {
      CHECK(next[target.name] == target.next);
      CHECK(target.taken + target.refused == target.given);
    }
    CHECK(bench.outlet()->unsettled == 0);
    CHECK(bench.used() == bench.idle);
  }
}
