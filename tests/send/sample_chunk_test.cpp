#include "send/sample_chunk.hpp"
#include "catch.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <random>

using collector::send::SampleChunk;

namespace {

void round_trip(const std::vector<std::pair<std::int64_t, double>>& want) {
  SampleChunk chunk;
  for (const auto& [t, v] : want) chunk.append(t, v);
  std::vector<std::pair<std::int64_t, double>> got;
  chunk.decode(got);
  REQUIRE(chunk.size() == want.size());
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    CHECK(got[i].first == want[i].first);
    CHECK(std::bit_cast<std::uint64_t>(got[i].second) ==
          std::bit_cast<std::uint64_t>(want[i].second));
  }
}

}  // namespace

TEST_CASE("a chunk gives back every bit of what it took") {
  constexpr auto kInt = std::numeric_limits<std::int64_t>::max();
  round_trip({});
  round_trip({{0, 0.0}});
  round_trip({{1700000000000, 1}, {1700000015000, 2}, {1700000030000, 3}, {1700000045000, 3}});
  round_trip({{-5, -0.0}, {-5, 0.0}, {kInt, std::nan("")}, {-kInt - 1, 1e308}, {kInt, -1e-308}});
  const double stale = std::bit_cast<double>(std::uint64_t{0x7ff0000000000002});
  round_trip({{10, 1}, {20, stale}, {30, std::numeric_limits<double>::infinity()}});
  std::mt19937_64 random(1);
  std::vector<std::pair<std::int64_t, double>> noise;
  for (int i = 0; i < 1000; ++i)
    noise.emplace_back(static_cast<std::int64_t>(random()), std::bit_cast<double>(random()));
  round_trip(noise);
}

TEST_CASE("a regular series of small integers takes few bytes") {
  SampleChunk chunk;
  for (int i = 0; i < 120; ++i) chunk.append(1700000000000 + 15000 * i, i % 7);
  chunk.seal();
  CHECK(chunk.bytes() < 120 * 5);
  CHECK(chunk.newest() == 1700000000000 + 15000 * 119);
}
