// prometheus.enrich. Expected labels follow from Alloy's reference page of the component.
#include "catch.hpp"
#include "component_bench.hpp"

#include "process/components.hpp"

using namespace collector;

namespace {

const std::string kTargets = R"(
  targets = [
    {"__address__" = "h1:1", "hostname" = "one", "zone" = "a", "rack" = "7"},
    {"__address__" = "h2:1", "hostname" = "two", "zone" = "b"},
    {"__address__" = "h3:1", "hostname" = "two", "zone" = "c"},
    {"__address__" = "h4:1", "zone" = "d"},
  ]
  forward_to = [test.sink.s.receiver]
)";

struct World {
  ComponentBench bench{process::prometheus_enrich()};

  explicit World(const std::string& arguments) {
    bench.load("test.sink \"s\" { }\nprometheus.enrich \"e\" {" + kTargets + arguments + "}\n");
  }
  /// What becomes of one sample with these labels.
  std::string enriched(const StringMap& labels) {
    auto columns = std::make_shared<MetricColumns>();
    columns->lease = bench.controller->series().lease();
    columns->series = {bench.series(labels)};
    columns->timestamp = {1000};
    columns->value = {5};
    const auto outcome = bench.offer("prometheus.enrich.e", Metrics(std::move(columns), Ack()));
    REQUIRE(outcome);
    REQUIRE(outcome->kind == Outcome::Kind::delivered);
    auto& seen = bench.sink("test.sink.s").seen;
    REQUIRE(!seen.empty());
    CHECK(seen.back().ms == 1000);
    CHECK(seen.back().value == 5);
    return seen.back().series;
  }
};

}  // namespace

TEST_CASE("a series gets all labels of the target that it matches") {
  World w(R"(target_to_metric_match = {"hostname" = "host"})");
  CHECK(w.enriched({{"__name__", "up"}, {"host", "one"}}) ==
        R"(up{__address__="h1:1",host="one",hostname="one",rack="7",zone="a"})");
  // Of two targets that match, the last counts.
  CHECK(w.enriched({{"__name__", "up"}, {"host", "two"}}) ==
        R"(up{__address__="h3:1",host="two",hostname="two",zone="c"})");
  CHECK(w.enriched({{"__name__", "up"}, {"host", "three"}}) == R"(up{host="three"})");
  CHECK(w.enriched({{"__name__", "up"}, {"hostname", "one"}}) == R"(up{hostname="one"})");
  CHECK(w.bench.metric("prometheus_target_cache_size{") == 2);
  CHECK(w.bench.metric("prometheus_forwarded_samples_total{") == 4);
  CHECK(w.bench.metric("prometheus_fanout_latency_count{") == 4);
}

TEST_CASE("all entries of the match must fit, and only some labels are copied") {
  World w(R"(
  target_to_metric_match = {"hostname" = "host", "zone" = "az"}
  target_match_label     = "rack"
  labels_to_copy         = ["__address__", "rack", "absent"]
)");
  CHECK(w.enriched({{"__name__", "m"}, {"az", "a"}, {"host", "one"}}) ==
        R"(m{__address__="h1:1",az="a",host="one",rack="7"})");
  CHECK(w.enriched({{"__name__", "m"}, {"az", "b"}, {"host", "two"}}) ==
        R"(m{__address__="h2:1",az="b",host="two"})");
  CHECK(w.enriched({{"__name__", "m"}, {"az", "b"}, {"host", "one"}}) == R"(m{az="b",host="one"})");
  // The values are told apart: "on" + "ea" is not "one" + "a".
  CHECK(w.enriched({{"__name__", "m"}, {"az", "ea"}, {"host", "on"}}) == R"(m{az="ea",host="on"})");
}

TEST_CASE("the deprecated pair of labels, and new targets") {
  World w(R"(
  target_match_label  = "hostname"
  metrics_match_label = "instance"
  labels_to_copy      = ["zone"]
)");
  CHECK(w.enriched({{"__name__", "m"}, {"instance", "one"}}) == R"(m{instance="one",zone="a"})");
  w.bench.load(R"(
test.sink "s" { }
prometheus.enrich "e" {
  targets            = [{"hostname" = "one", "zone" = "moved"}]
  target_match_label = "hostname"
  labels_to_copy     = ["zone"]
  forward_to         = [test.sink.s.receiver]
}
)");
  CHECK(w.enriched({{"__name__", "m"}, {"instance", "one"}}) == R"(m{instance="one"})");
  CHECK(w.enriched({{"__name__", "m"}, {"hostname", "one"}}) ==
        R"(m{hostname="one",zone="moved"})");
}
