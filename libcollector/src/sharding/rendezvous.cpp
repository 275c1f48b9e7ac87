#include <collector/engine/sharding.hpp>

#include "base/digest.hpp"
#include "base/hash.hpp"

#include <algorithm>
#include <numeric>

namespace collector::sharding {
namespace {

/// The finisher of SplitMix64 (Steele, Lea, Flood 2014): every bit of the sum moves every bit.
std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::uint64_t score(std::uint64_t seed, std::uint64_t key) { return mixed(mixed(key) ^ seed); }

}  // namespace

std::uint64_t hashmod(std::string_view text, std::uint64_t modulus) {
  return base::hashmod(text, modulus);
}

std::uint64_t key_of(std::string_view text) { return base::hash64(text, 0); }

Rendezvous::Rendezvous(std::span<const std::string> names) {
  seeds_.reserve(names.size());
  for (const std::string& name : names) seeds_.push_back(mixed(key_of(name)));
}

std::size_t Rendezvous::owner(std::uint64_t key) const {
  std::size_t best = 0;
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < seeds_.size(); ++i) {
    const std::uint64_t s = score(seeds_[i], key);
    // Equal scores: by seed, so that the order of the names does not matter.
    if (i == 0 || s > most || (s == most && seeds_[i] > seeds_[best])) {
      best = i;
      most = s;
    }
  }
  return best;
}

std::vector<std::size_t> Rendezvous::ranked(std::uint64_t key) const {
  std::vector<std::size_t> order(seeds_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const std::uint64_t x = score(seeds_[a], key), y = score(seeds_[b], key);
    return x != y ? x > y : seeds_[a] > seeds_[b];
  });
  return order;
}

}  // namespace collector::sharding
