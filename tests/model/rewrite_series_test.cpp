// Batches with their series exchanged: every kind of row follows its series.
#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "model/rewrite_series.hpp"

using namespace collector;

namespace {

struct Fixture {
  testing::SeededRandom random{1};
  model::SeriesTable table{random};

  SeriesId id(std::string_view name) {
    model::LabelsBuilder labels;
    labels.set("__name__", name);
    return table.intern(labels);
  }
  model::RelabelCache rules(std::string drop, std::string rename) {
    return model::RelabelCache(table, [=](model::LabelsBuilder& labels) {
      if (labels.get("__name__") == drop) return false;
      if (labels.get("__name__") == rename) labels.set("renamed", "yes");
      return true;
    });
  }
  static HistogramSample histogram(SeriesId id) {
    return {id, 1, 0, std::make_shared<const NativeHistogram>()};
  }
  Metrics batch() {
    auto columns = std::make_shared<MetricColumns>();
    columns->series = {id("a"), id("b"), id("c")};
    columns->timestamp = {1, 2, 3};
    columns->value = {10, 20, 30};
    columns->start_timestamp = {100, 200, 300};
    columns->histograms = {histogram(id("h")), histogram(id("b"))};
    columns->exemplars = {{id("b"), 5, 1, {{"trace_id", "x"}}}, {id("c"), 6, 2, {}}};
    return Metrics(columns, {});
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a dropped series takes its histograms and exemplars along") {
  auto cache = rules("b", "c");
  Metrics given = batch();
  const SeriesId a = given.columns().series[0], c = given.columns().series[2];
  MetricColumns copied;
  model::rewrite_series(given.columns(), cache, copied);
  REQUIRE(model::rewrite_series(given, cache, table));
  for (const MetricColumns* got : {&given.columns(), static_cast<const MetricColumns*>(&copied)}) {
    REQUIRE(got->series.size() == 2);
    CHECK(got->series[0] == a);
    CHECK(got->series[1] != c);
    CHECK(table.to_text(got->series[1]) == "c{renamed=\"yes\"}");
    CHECK(got->timestamp == std::vector<std::int64_t>{1, 3});
    CHECK(got->value == std::vector<double>{10, 30});
    CHECK(got->start_timestamp == std::vector<std::int64_t>{100, 300});
    REQUIRE(got->histograms.size() == 1);
    CHECK(table.to_text(got->histograms[0].series) == "h");
    REQUIRE(got->exemplars.size() == 1);
    CHECK(got->exemplars[0].series == got->series[1]);
    CHECK(got->exemplars[0].timestamp == 6);
  }
  CHECK(given.size() == 3);
}

TEST_CASE_METHOD(Fixture, "a batch in which only histograms change is changed") {
  auto cache = rules("none", "h");
  Metrics given = batch();
  const Metrics other = given.with({});
  REQUIRE(model::rewrite_series(given, cache, table));
  CHECK(table.to_text(given.columns().histograms[0].series) == "h{renamed=\"yes\"}");
  CHECK(table.to_text(other.columns().histograms[0].series) == "h");
}

TEST_CASE_METHOD(Fixture,
                 "a batch in which nothing changes stays shared; one of nothing is empty") {
  auto nothing = rules("none", "none");
  Metrics given = batch();
  const Metrics other = given.with({});
  REQUIRE(model::rewrite_series(given, nothing, table));
  CHECK(&given.columns() == &other.columns());
  auto all = model::RelabelCache(table, [](model::LabelsBuilder&) { return false; });
  CHECK_FALSE(model::rewrite_series(given, all, table));
  CHECK(given.columns().exemplars.empty());
}
