// Batches joined: the rows of the one, then those of the other, whatever columns either has.
#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "model/join_columns.hpp"
#include "model/series_table.hpp"

#include <algorithm>
#include <deque>

using namespace collector;

namespace {

using List = std::shared_ptr<const std::vector<Metadata>>;

/// A batch row by row, without columns.
struct Rows {
  struct Sample {
    SeriesId series{};
    std::int64_t ms = 0, start = 0;
    double value = 0;
    bool operator==(const Sample&) const = default;
  };
  std::vector<Sample> samples;
  /// series, ms, start, which histogram
  std::vector<std::tuple<SeriesId, std::int64_t, std::int64_t, const NativeHistogram*>> histograms;
  std::vector<std::tuple<SeriesId, std::int64_t, double, std::string>> exemplars;

  void add(const Rows& more) {
    samples.insert(samples.end(), more.samples.begin(), more.samples.end());
    histograms.insert(histograms.end(), more.histograms.begin(), more.histograms.end());
    exemplars.insert(exemplars.end(), more.exemplars.begin(), more.exemplars.end());
  }
  bool operator==(const Rows&) const = default;
};

/// What a reader sees, and that the columns are of equal length.
Rows rows_of(const MetricColumns& c) {
  Rows out;
  REQUIRE(c.timestamp.size() == c.series.size());
  REQUIRE(c.value.size() == c.series.size());
  if (!c.start_timestamp.empty()) REQUIRE(c.start_timestamp.size() == c.series.size());
  for (std::size_t i = 0; i < c.series.size(); ++i)
    out.samples.push_back({c.series[i], c.timestamp[i],
                           c.start_timestamp.empty() ? 0 : c.start_timestamp[i], c.value[i]});
  for (const HistogramSample& h : c.histograms)
    out.histograms.emplace_back(h.series, h.timestamp, h.start_timestamp, h.histogram.get());
  for (const Exemplar& e : c.exemplars) {
    std::string labels;
    for (const auto& [name, value] : e.labels) labels.append(name).append("=").append(value);
    out.exemplars.emplace_back(e.series, e.timestamp, e.value, labels);
  }
  return out;
}

List list_of(const std::string& family) {
  return std::make_shared<const std::vector<Metadata>>(
      std::vector<Metadata>{{family, MetricType::gauge, "help", ""}});
}

MetricColumns floats(std::int64_t first, int n, bool starts) {
  MetricColumns c;
  for (int i = 0; i < n; ++i) {
    c.series.push_back(SeriesId{static_cast<std::uint32_t>(first + i)});
    c.timestamp.push_back(first + i);
    c.value.push_back(static_cast<double>(first + i));
    if (starts) c.start_timestamp.push_back(first + i + 1000);
  }
  return c;
}

/// Any batch: of no rows too, with or without each of the side columns.
MetricColumns any(Random& random, std::int64_t turn) {
  MetricColumns c = floats(100 * turn, static_cast<int>(random.next() % 4), random.next() % 2 == 0);
  for (auto n = random.next() % 3; n > 0; --n)
    c.histograms.push_back({SeriesId{static_cast<std::uint32_t>(100 * turn + 50)}, turn,
                            static_cast<std::int64_t>(n),
                            std::make_shared<const NativeHistogram>()});
  for (auto n = random.next() % 3; n > 0; --n)
    c.exemplars.push_back({SeriesId{static_cast<std::uint32_t>(100 * turn)},
                           turn,
                           static_cast<double>(n),
                           {{"trace_id", std::to_string(n)}}});
  return c;
}

}  // namespace

TEST_CASE("start timestamps are unknown where only the other batch has them") {
  MetricColumns without = floats(1, 2, false);
  model::join_columns(without, floats(3, 2, true));
  CHECK(without.start_timestamp == std::vector<std::int64_t>{0, 0, 1003, 1004});
  MetricColumns with = floats(1, 2, true);
  model::join_columns(with, floats(3, 2, false));
  CHECK(with.start_timestamp == std::vector<std::int64_t>{1001, 1002, 0, 0});
  CHECK(with.value == std::vector<double>{1, 2, 3, 4});
  // Where nobody knows any there is no column, and it does not come into being.
  MetricColumns neither = floats(1, 2, false);
  model::join_columns(neither, floats(3, 2, false));
  CHECK(neither.start_timestamp.empty());
  CHECK(neither.series.size() == 4);
}

TEST_CASE("of metadata and lease the first stay, and the other's come where there are none") {
  testing::SeededRandom random(1);
  model::SeriesTable table(random);
  const List old = list_of("old"), young = list_of("young");
  MetricColumns from = floats(1, 1, false);
  from.metadata = young;
  from.lease = table.lease();
  MetricColumns bare = floats(2, 1, false);
  model::join_columns(bare, from);
  CHECK(bare.metadata == young);
  CHECK(bare.lease == from.lease);
  MetricColumns full = floats(3, 1, false);
  full.metadata = old;
  model::join_columns(full, from);
  CHECK(full.metadata == old);
  MetricColumns nothing;
  model::join_columns(full, nothing);
  CHECK(full.metadata == old);
  CHECK(full.lease == from.lease);
}

TEST_CASE("the older lease keeps the series of the younger batch, also of those made since") {
  testing::SeededRandom random(1);
  model::SeriesTable table(random);
  const auto intern = [&](const std::string& name) {
    model::LabelsBuilder labels;
    labels.set("__name__", name);
    return table.intern(labels);
  };
  MetricColumns joined;
  joined.lease = table.lease();
  table.release(intern("before"));  // which ends the lease's epoch
  {
    MetricColumns young;
    young.lease = table.lease();
    REQUIRE(young.lease != joined.lease);
    const SeriesId id = intern("young");
    young.series = {id};
    young.timestamp = {1};
    young.value = {1};
    model::join_columns(joined, young);
    table.release(id);
  }
  for (int i = 0; i < 100; ++i) table.release(intern("later" + std::to_string(i)));
  CHECK(table.to_text(joined.series.at(0)) == "young");
  // Without any lease the place is used again, or the check above says nothing.
  const SeriesId id = joined.series[0];
  joined.lease = nullptr;
  bool used_again = false;
  for (int i = 0; i < 200 && !used_again; ++i)
    used_again = intern("after" + std::to_string(i)) == id;
  CHECK(used_again);
}

TEST_CASE("batches joined one behind the other are the rows one behind the other") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    testing::SeededRandom random(seed);
    MetricColumns joined;
    Rows expected;
    std::deque<MetricColumns> given;  // their histograms live as long as they are compared
    const auto n = static_cast<std::int64_t>(1 + random.next() % 6);
    for (std::int64_t turn = 1; turn <= n; ++turn) {
      given.push_back(any(random, turn));
      expected.add(rows_of(given.back()));
      const Rows before = rows_of(given.back());
      model::join_columns(joined, given.back());
      REQUIRE(rows_of(joined) == expected);
      REQUIRE(rows_of(given.back()) == before);
    }
    const bool starts = std::any_of(given.begin(), given.end(), [](const MetricColumns& c) {
      return !c.start_timestamp.empty();
    });
    CHECK((joined.start_timestamp.empty() || starts));
  }
}
