#include "model/sparse_array.hpp"

#include "catch.hpp"

#include <map>
#include <random>

TEST_CASE("a sparse array is a map whose missing numbers are 0") {
  collector::model::SparseArray array;
  std::map<std::size_t, std::uint32_t> want;
  std::mt19937 random(1);
  for (int i = 0; i < 5000; ++i) {
    const std::size_t at = random() % (1U << (1 + random() % 20));
    const auto value = static_cast<std::uint32_t>(random() % 3);
    array.set(at, value);
    want[at] = value;
  }
  for (std::size_t i = 0; i < (1U << 20) + 5000; ++i) {
    const auto at = want.find(i);
    if (array.get(i) != (at == want.end() ? 0 : at->second)) FAIL(i);
  }
  CHECK(array.bound() > want.rbegin()->first);
}
