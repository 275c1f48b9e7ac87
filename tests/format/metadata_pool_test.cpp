// Equal lists of metadata are one object for as long as somebody has it, and no longer.
#include "catch.hpp"

#include "format/metadata_pool.hpp"
#include "scrape_target.hpp"

#include <algorithm>
#include <set>

using namespace collector;

namespace {

using List = format::MetadataPool::List;
using Families = std::vector<Metadata>;

Families families(int n, const std::string& help = "help") {
  Families out;
  for (int i = 0; i < n; ++i)
    out.push_back({"family" + std::to_string(i), MetricType::counter, help, "unit"});
  return out;
}

}  // namespace

TEST_CASE("equal lists are one object, whatever they were made of") {
  format::MetadataPool pool;
  const List first = pool.share(families(3)), second = pool.share(families(3));
  CHECK(first == second);
  CHECK(*first == families(3));
  CHECK(pool.share({}) == pool.share(Families()));
  CHECK(pool.share({}) != nullptr);
  format::MetadataPool other;
  CHECK(other.share(families(3)) != first);
}

TEST_CASE("lists that differ in anything are different objects with what they were given") {
  std::vector<Families> all{families(2), families(3), families(2, "other help"), {}};
  for (int field = 0; field < 4; ++field) {
    Families changed = families(2);
    Metadata& m = changed[1];
    if (field == 0) m.family += "x";
    if (field == 1) m.type = MetricType::gauge;
    if (field == 2) m.unit = "";
    if (field == 3) std::swap(changed[0], changed[1]);
    all.push_back(changed);
  }
  // The same letters, cut elsewhere.
  all.push_back({{"ab", MetricType::gauge, "c", ""}});
  all.push_back({{"a", MetricType::gauge, "bc", ""}});
  all.push_back({{"a", MetricType::gauge, "b", "c"}});
  all.push_back({{"a", MetricType::gauge, "", "bc"}});
  format::MetadataPool pool;
  std::vector<List> shared;
  for (const Families& list : all) shared.push_back(pool.share(list));
  CHECK(std::set<List>(shared.begin(), shared.end()).size() == all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(*shared[i] == all[i]);
    CHECK(pool.share(all[i]) == shared[i]);
  }
}

TEST_CASE("a list that nobody has any more is gone, and comes back when it is needed") {
  format::MetadataPool pool;
  std::weak_ptr<const Families> gone = pool.share(families(5));
  CHECK(gone.expired());
  const List again = pool.share(families(5));
  CHECK(*again == families(5));
  CHECK(pool.share(families(5)) == again);
}

TEST_CASE("what is kept is found among ten thousand that went") {
  format::MetadataPool pool;
  std::vector<List> kept;
  for (int i = 0; i < 10'000; ++i) {
    const List list = pool.share(families(1, "help " + std::to_string(i)));
    if (i % 100 == 0) kept.push_back(list);
    CHECK(pool.size() <= std::max<std::size_t>(64, 2 * (kept.size() + 1)));
  }
  for (int i = 0; i < 100; ++i) {
    const List& list = kept[static_cast<std::size_t>(i)];
    CHECK(list.use_count() == 1);  // the pool does not own it
    CHECK(pool.share(families(1, "help " + std::to_string(100 * i))) == list);
  }
}

TEST_CASE("targets that say the same of their families share it, until one says something else") {
  const std::string same = "# HELP a What a is.\n# TYPE a gauge\na 1\n";
  testing::SeededRandom random(1);
  model::SeriesTable table(random);
  format::MetadataPool pool;
  format::ScrapeCache one(table, 1, &pool), two(table, 2, &pool), apart(table, 3);
  format::ScrapeSettings settings;
  const auto scrape = [&](format::ScrapeCache& cache, const std::string& body) {
    MetricColumns columns;
    REQUIRE(cache.scrape(body, settings, 1000, columns).has_value());
    return columns.metadata;
  };
  const List of_one = scrape(one, same);
  CHECK(of_one->at(0) == Metadata{"a", MetricType::gauge, "What a is.", ""});
  CHECK(scrape(two, same) == of_one);
  CHECK(scrape(one, same + "b 1\n") == of_one);
  CHECK(*scrape(apart, same) == *of_one);
  CHECK(scrape(apart, same) != of_one);
  const List changed = scrape(two, "# HELP a Another.\n# TYPE a gauge\na 1\n");
  CHECK(changed->at(0).help == "Another.");
  CHECK(of_one->at(0).help == "What a is.");
  CHECK(scrape(two, same) == of_one);
}
