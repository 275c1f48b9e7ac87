// What is remembered of each series, over series that come and go.
#include <collector/engine/testing.hpp>

#include "catch.hpp"
#include "model/relabel_cache.hpp"

using namespace collector;

namespace {

struct Fixture {
  testing::SeededRandom random{1};
  model::SeriesTable table{random};
  model::RelabelCache cache{table, [](model::LabelsBuilder& labels) {
                              labels.set("site", "attic");
                              return true;
                            }};

  SeriesId id(const std::string& name) {
    model::LabelsBuilder labels;
    labels.set("__name__", name);
    return table.intern(labels);
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "what was computed is counted, whatever is forgotten meanwhile") {
  for (int i = 0; i < 1000; ++i) {
    const SeriesId series = id("m" + std::to_string(i));
    (void)cache.map(series);
    (void)cache.map(series);
    table.release(series);  // its id is used again, and its result forgotten then
  }
  CHECK(cache.computed() == 1000);
  CHECK(cache.size() < 1000);
}

TEST_CASE_METHOD(Fixture, "only results of series that nobody refers to are forgotten") {
  const SeriesId stays = id("stays"), leaves = id("leaves");
  const auto mapped = cache.map(stays);
  (void)cache.map(leaves);
  table.release(leaves);
  cache.forget_retired();
  CHECK(cache.size() == 1);
  CHECK(cache.map(stays) == mapped);
  CHECK(cache.computed() == 2);
}
