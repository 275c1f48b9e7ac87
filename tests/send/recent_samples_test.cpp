#include "send/recent_samples.hpp"
#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "model/series_table.hpp"

using namespace collector;

namespace {
MetricColumns samples_of(const std::vector<SeriesId>& series, std::int64_t from, int n) {
  MetricColumns columns;
  for (int i = 0; i < n; ++i)
    for (const SeriesId id : series) {
      columns.series.push_back(id);
      columns.timestamp.push_back(from + i * 1000);
      columns.value.push_back(static_cast<double>(i) * 1.7 +
                              static_cast<double>(columns.series.size()));
    }
  return columns;
}
}  // namespace

TEST_CASE("the store takes no more than the budget has, and the oldest samples make way") {
  testing::SeededRandom random{1};
  model::SeriesTable table(random);
  std::vector<SeriesId> series;
  for (int i = 0; i < 50; ++i) {
    const std::string number = std::to_string(i);
    const std::vector<model::Label> labels{{"__name__", "m"}, {"n", number}};
    series.push_back(table.intern(labels));
    table.retain(series.back());
  }
  Budget budget(400'000);
  std::int64_t now = 1'700'000'000'000;
  {
    send::RecentSamples recent(table, budget);
    recent.limit({std::chrono::hours(24), std::size_t{1} << 30});
    recent.add(samples_of(series, now, 100));
    CHECK(recent.evicted() == 0);
    CHECK(recent.samples() == 5000);
    for (int round = 0; round < 20; ++round) {
      now += 100'000;
      recent.add(samples_of(series, now, 100));
      CHECK(recent.bytes() <= budget.usage().used);
      CHECK(budget.usage().used <= 400'000);
    }
    CHECK(recent.evicted() > 0);
    CHECK(recent.samples() + recent.evicted() == 21 * 5000);
    const auto page = recent.page({}, WallTime{(now + 100'000) * 1'000'000});
    REQUIRE(page.rows.size() == 50);
    CHECK(page.rows[0].points.back().first == now + 99'000);
    // Somebody else has taken what was left: the store goes on with what it holds.
    const auto held = budget.reserve(budget.left(), "other");
    recent.add(samples_of(series, now + 100'000, 100));
    CHECK(budget.usage().used == 400'000);
    // What is old leaves, and so does the charge.
    recent.expire(WallTime{(now + 200'000'000) * 1'000'000});
    CHECK(recent.samples() == 0);
    CHECK(budget.left() > 100'000);
  }
  CHECK(budget.usage().used == 0);
}

TEST_CASE("of a histogram the store keeps the count, of an exemplar nothing, and says so") {
  testing::SeededRandom random{1};
  model::SeriesTable table(random);
  const std::vector<model::Label> labels{{"__name__", "h"}};
  const SeriesId id = table.intern(labels);
  Budget budget;
  send::RecentSamples recent(table, budget);
  MetricColumns columns;
  auto h = std::make_shared<NativeHistogram>();
  h->count = 9;
  columns.histograms.push_back({id, 1'700'000'000'000, 0, h});
  columns.exemplars.push_back({id, 1'700'000'000'000, 1, {}});
  recent.add(columns);
  CHECK(recent.histograms() == 1);
  CHECK(recent.exemplars() == 1);
  const SeriesPage page = recent.page({}, WallTime{1'700'000'001'000'000'000});
  REQUIRE(page.rows.size() == 1);
  REQUIRE(page.rows[0].points.size() == 1);
  CHECK(page.rows[0].points[0].second == 9);
}
