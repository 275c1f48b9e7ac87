// Power that is lost at every call of a generated workload; and that the suite notices when a sync
// is left out.
#include "log_bench.hpp"

#include <cctype>
#include <map>
#include <memory>
#include <set>

using namespace collector;
using namespace std::chrono_literals;

namespace {

struct Known {
  std::set<std::uint64_t> issued, synced, delivered;
};

/// Appends, syncs and acknowledges by chance for a while; stops early when the disk is gone.
void work(LogBench& bench, Known& known, testing::SeededRandom& chance) {
  for (int step = 0; step < 40; ++step) {
    const std::uint64_t n = known.issued.empty() ? 0 : *known.issued.rbegin() + 1;
    if (chance.below(3) > 0) {
      known.issued.insert(n);
      const auto stored = bench.append(n, 100 + chance.below(1200));
      if (!stored) continue;
      bench.log->when_synced({*stored}, {}, [&known, n](const Status& s, std::uint64_t) {
        if (s.ok()) known.synced.insert(n);
      });
    } else {
      outbox::Position position;
      const auto skip = chance.below(4);
      auto frame = bench.log->next(position);
      for (std::uint64_t i = 0; frame && i < skip; ++i) frame = bench.log->next(position);
      if (frame && bench.log->read(*frame)) {
        known.delivered.insert(static_cast<std::uint64_t>(frame->oldest_ms / 1000));
        bench.log->acknowledge(*frame);
      }
    }
    bench.loop.run_for(std::chrono::milliseconds(chance.below(4)));
  }
}

/// What is wrong after a workload of `seed` whose power was lost in its `cut`-th call; empty when
/// all that was synced is there or was delivered, and nothing else came up.
std::string broken_after(std::uint64_t seed, std::uint64_t cut, const std::string& ignored,
                         std::uint64_t* calls = nullptr, std::set<std::string>* synced = nullptr) {
  LogBench bench(seed);
  bench.reserve = 4096;
  testing::SeededRandom chance(seed);
  const auto site = [](const std::string& path) {
    std::string out;
    for (const char c : path)
      if (!std::isdigit(static_cast<unsigned char>(c))) out += c;
    return out;
  };
  bench.files.ignore_syncs([=](const std::string& path) {
    if (synced) synced->insert(site(path));
    return site(path) == ignored;
  });
  bench.files.cut_at_call(cut);
  Known known;
  if (auto opened = bench.try_open()) {
    bench.log = std::move(*opened);
    work(bench, known, chance);
  }
  if (calls) *calls = bench.files.calls();
  if (cut == 0) bench.files.power_cut();
  bench.log.reset();
  bench.files.power_on();
  bench.files.ignore_syncs(nullptr);
  auto again = bench.try_open();
  if (!again) return "it does not open: " + again.error().what();
  bench.log = std::move(*again);
  std::set<std::uint64_t> there;
  outbox::Position position;
  std::uint64_t last = 0;
  while (auto frame = bench.log->next(position)) {
    const auto n = static_cast<std::uint64_t>(frame->oldest_ms / 1000);
    if (!there.empty() && n <= last) return "the order changed";
    last = n;
    if (!known.issued.contains(n)) return "something was invented";
    auto payload = bench.log->read(*frame);
    if (payload && *payload == body_of(n, payload->size())) there.insert(n);
  }
  for (const std::uint64_t n : known.synced)
    if (!there.contains(n) && !known.delivered.contains(n))
      return "frame " + std::to_string(n) + " was synced and is gone";
  return {};
}

}  // namespace

TEST_CASE("power lost at any call loses nothing that was synced and invents nothing") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    std::uint64_t calls = 0;
    CHECK(broken_after(seed, 0, "", &calls) == "");
    CHECK(calls > 60);
    for (std::uint64_t cut = 1; cut <= calls; ++cut) {
      INFO("seed " << seed << ", call " << cut);
      CHECK(broken_after(seed, cut, "") == "");
    }
  }
}

TEST_CASE("leaving out any one sync shows") {
  std::set<std::string> sites;
  std::uint64_t calls = 0;
  REQUIRE(broken_after(1, 0, "", &calls, &sites) == "");
  CHECK(sites.size() >= 4);  // the file, its folder, and the folders above
  for (const std::string& site : sites) {
    std::string found;
    for (std::uint64_t seed = 0; seed < 40 && found.empty(); ++seed)
      for (std::uint64_t cut = 1; cut <= calls && found.empty(); ++cut)
        found = broken_after(seed, cut, site);
    INFO("syncs of " << site);
    CHECK(found != "");
  }
}

TEST_CASE("a folder that was made by its owner, who syncs nothing, survives as well") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    LogBench bench(seed);
    const std::string folder = kFolder;
    REQUIRE(bench.files.make_directories(folder.substr(0, folder.rfind('/'))).ok());
    bench.open();
    const auto stored = bench.append(7, 100);
    REQUIRE(stored.has_value());
    bool synced = false;
    bench.log->when_synced({*stored}, {}, [&](const Status& s, std::uint64_t) { synced = s.ok(); });
    bench.loop.run_for(10ms);
    REQUIRE(synced);
    bench.files.power_cut();
    bench.log.reset();
    bench.open();
    CHECK(bench.waiting() == std::vector<std::uint64_t>{7});
  }
}
