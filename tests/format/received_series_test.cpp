// Series are remembered while they come, and given up when they do not.
#include "format/received_series.hpp"

#include <collector/engine/testing.hpp>

#include "catch.hpp"

#include <string>
#include <vector>

using namespace collector;

namespace {

struct Bench {
  testing::SeededRandom random{1};
  model::SeriesTable table{random};
  Budget budget;
  format::ReceivedSeries known;

  explicit Bench(format::ReceivedSeries::Limits limits = {}) : known(table, 3, budget, limits) {}
  static std::string text(int i) { return "series " + std::to_string(i); }
  base::Hash128 hash(int i) const { return base::hash128(text(i), known.seed()); }
  SeriesId add(int i) {
    const std::string value = text(i);
    const std::vector<model::Label> labels{{"__name__", value}};
    const SeriesId id = table.intern(labels);
    known.add(hash(i), value.size(), id);
    return id;
  }
  void pass() {
    known.next_turn();
    known.sweep(1'000'000);
  }
};

}  // namespace

TEST_CASE("the one after the last is expected") {
  Bench b;
  std::vector<SeriesId> ids;
  for (int i = 0; i < 10'000; ++i) ids.push_back(b.add(i));
  CHECK(b.known.size() == 10'000);
  for (int i = 0; i < 10'000; ++i)
    REQUIRE(b.known.find(b.hash(i)) == ids[static_cast<std::size_t>(i)]);
  REQUIRE(b.known.find(b.hash(5000)) == ids[5000]);
  CHECK(b.known.expected_length() == b.text(5001).size());
  CHECK(b.known.expected(b.hash(5000)) == std::nullopt);
  CHECK(b.known.expected(b.hash(5001)) == ids[5001]);
  CHECK(b.known.find(b.hash(10'000)) == std::nullopt);
  CHECK(b.known.memory_bytes() < 10'000 * 60);
}

TEST_CASE("what was not seen for long is given up, and its series with it") {
  Bench b({1000, 2});
  const SeriesId kept = b.add(1), left = b.add(2);
  CHECK(b.table.references(left) == 1);
  for (int turn = 0; turn < 3; ++turn) {
    CHECK(b.known.find(b.hash(1)) == kept);
    b.pass();
  }
  CHECK(b.known.size() == 1);
  CHECK(b.known.find(b.hash(2)) == std::nullopt);
  CHECK(b.table.references(left) == 0);
  CHECK(b.table.references(kept) == 1);
  // The free place is used again.
  b.add(3);
  CHECK(b.known.find(b.hash(3)));
  for (int turn = 0; turn < 3; ++turn) b.pass();
  CHECK(b.known.size() == 0);
  CHECK(b.budget.usage().used == 0);
  b.add(4);
  CHECK(b.known.find(b.hash(4)));
}

TEST_CASE("beyond the limits series are not remembered, and leave no reference") {
  Bench b({4096, 2});
  for (int i = 0; i < 4096; ++i) b.add(i);
  const SeriesId beyond = b.add(5000);
  CHECK(b.known.size() == 4096);
  CHECK(b.known.find(b.hash(5000)) == std::nullopt);
  CHECK(b.table.references(beyond) == 0);

  Bench poor;
  poor.budget.set_limit(100);
  const SeriesId id = poor.add(1);
  CHECK(poor.known.size() == 0);
  CHECK(poor.table.references(id) == 0);
}

TEST_CASE("at the end every reference is given back") {
  testing::SeededRandom random(1);
  model::SeriesTable table(random);
  SeriesId id{};
  {
    format::ReceivedSeries known(table, 3, Budget());
    const std::vector<model::Label> labels{{"__name__", "a"}};
    id = table.intern(labels);
    known.add({1, 2}, 5, id);
    CHECK(table.references(id) == 1);
  }
  CHECK(table.references(id) == 0);
}
