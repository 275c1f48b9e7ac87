// Ranges against a plain set.
#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "outbox/sequence_set.hpp"

#include <set>

using namespace collector;

TEST_CASE("ranges say what a plain set says") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    testing::SeededRandom random(seed);
    outbox::SequenceSet set;
    std::set<std::uint64_t> plain;
    for (int i = 0; i < 30; ++i) {
      const std::uint64_t first = 1 + random.below(60), last = first + random.below(5);
      set.add(first, last);
      for (std::uint64_t n = first; n <= last; ++n) plain.insert(n);
      const std::uint64_t from = 1 + random.below(60), to = from + random.below(20);
      std::uint64_t inside = 0, missing = from;
      for (std::uint64_t n = from; n <= to; ++n) inside += plain.count(n);
      while (plain.contains(missing)) ++missing;
      REQUIRE(set.contains(from) == plain.contains(from));
      REQUIRE(set.covers(from, to) == (inside == to - from + 1));
      REQUIRE(set.count(from, to) == inside);
      REQUIRE(set.next_missing(from) == missing);
      REQUIRE(set.last() == *plain.rbegin());
      REQUIRE(set.size() == plain.size());
      const outbox::SequenceSet absent = set.missing(from, to);
      for (std::uint64_t n = 0; n < 100; ++n)
        REQUIRE(absent.contains(n) == (from <= n && n <= to && !plain.contains(n)));
      outbox::SequenceSet other;
      other.add(from, to);
      const outbox::SequenceSet rest = set.without(other);
      for (std::uint64_t n = 0; n < 100; ++n)
        REQUIRE(rest.contains(n) == (plain.contains(n) && (n < from || n > to)));
    }
    for (const auto& [first, last] : set.ranges()) {
      CHECK(!plain.contains(first - 1));
      CHECK(!plain.contains(last + 1));
    }
  }
}
