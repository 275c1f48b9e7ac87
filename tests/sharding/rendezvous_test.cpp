// hashmod against Prometheus' definition, and what consistent hashing promises: every machine
// decides alike, a change moves only what it must, and no node gets much more keys than another.
#include "catch.hpp"

#include <collector/engine/sharding.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>

using namespace collector;
using namespace collector::sharding;

namespace {

std::vector<std::string> node_names(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(fmt::format("collector-{}", i));
  return names;
}

std::vector<std::uint64_t> keys(std::size_t count) {
  std::vector<std::uint64_t> all;
  for (std::size_t i = 0; i < count; ++i)
    all.push_back(key_of(fmt::format("10.{}.{}.{}:9100", i >> 16, i >> 8 & 255, i & 255)));
  return all;
}

std::string owner_name(const std::vector<std::string>& names, std::uint64_t key) {
  return names[Rendezvous(names).owner(key)];
}

}  // namespace

TEST_CASE("hashmod is the last eight bytes of MD5, big endian, modulo") {
  // int.from_bytes(hashlib.md5(text).digest()[8:], "big") % modulus, by Python.
  struct Vector {
    std::string_view text;
    std::uint64_t mod3, mod8, mod1000, mod_2_32, mod_most;
  };
  for (const Vector& v : std::vector<Vector>{
           {"", 1, 6, 958, 3975692926, 16825458760271544958U},
           {"a", 1, 1, 697, 1769416289, 3585878926028121697U},
           {"localhost:9100", 1, 7, 751, 185904975, 9302587803962748751U},
           {"foo;bar", 0, 6, 750, 2649956158, 15973639978189266750U},
           {"node-1.example.com:9100", 0, 4, 572, 1677038812, 14691794351931364572U},
           {"\xc3\xa9t\xc3\xa9", 2, 2, 994, 3795671250, 13988715418944886994U},
           {"host-042:9100", 2, 2, 378, 202739626, 7398016042973630378U}}) {
    INFO(v.text);
    CHECK(hashmod(v.text, 1) == 0);
    CHECK(hashmod(v.text, 3) == v.mod3);
    CHECK(hashmod(v.text, 8) == v.mod8);
    CHECK(hashmod(v.text, 1000) == v.mod1000);
    CHECK(hashmod(v.text, 1ULL << 32) == v.mod_2_32);
    CHECK(hashmod(v.text, ~0ULL) == v.mod_most);
  }
}

TEST_CASE("the order of names decides nothing") {
  std::vector<std::string> names = node_names(7);
  std::vector<std::string> turned(names.rbegin(), names.rend());
  const Rendezvous one(names), other(turned);
  for (const std::uint64_t key : keys(2000)) {
    CHECK(names[one.owner(key)] == turned[other.owner(key)]);
    const auto a = one.ranked(key), b = other.ranked(key);
    REQUIRE(a.size() == 7);
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(names[a[i]] == turned[b[i]]);
  }
}

TEST_CASE("the ranked heirs are those who own when the ones before are gone") {
  const std::vector<std::string> names = node_names(6);
  for (const std::uint64_t key : keys(300)) {
    std::vector<std::string> left = names;
    for (const std::size_t next : Rendezvous(names).ranked(key)) {
      CHECK(owner_name(left, key) == names[next]);
      std::erase(left, names[next]);
    }
  }
}

TEST_CASE("who leaves moves its own keys only, who joins takes its share from all") {
  for (const std::size_t n : {1U, 2U, 3U, 5U, 10U, 30U}) {
    const std::vector<std::string> names = node_names(n), more = node_names(n + 1);
    const Rendezvous before(names), after(more);
    std::map<std::size_t, std::size_t> lost;
    std::size_t moved = 0;
    constexpr std::size_t kKeys = 50'000;
    for (const std::uint64_t key : keys(kKeys)) {
      const std::size_t was = before.owner(key), is = after.owner(key);
      if (was == is) continue;
      CHECK(is == n);  // read backwards: the leaving of node n moves its keys and no others
      ++moved;
      ++lost[was];
    }
    INFO(n);
    CHECK(static_cast<double>(moved) <= 1.2 / static_cast<double>(n + 1) * kKeys);
    CHECK(static_cast<double>(moved) >= 0.8 / static_cast<double>(n + 1) * kKeys);
    CHECK(lost.size() == n);
  }
}

TEST_CASE("without weights the nodes get nearly equal shares") {
  for (const std::size_t n : {2U, 3U, 8U, 25U}) {
    const Rendezvous nodes(node_names(n));
    std::vector<double> share(n);
    constexpr double kKeys = 100'000;
    for (const std::uint64_t key : keys(static_cast<std::size_t>(kKeys)))
      share[nodes.owner(key)] += 1;
    // Five standard deviations of a fair draw.
    const double mean = kKeys / static_cast<double>(n);
    for (const double s : share) CHECK(std::abs(s - mean) < 5 * std::sqrt(mean));
  }
}

TEST_CASE("the empty text's key is XXH3's published hash of it") {
  CHECK(key_of("") == 0x2d06800538d394c2);
}
