// Syncs that fail: of what waits for one all frames are kept or none, and nobody overtakes.
#include "log_bench.hpp"

#include <set>

using namespace collector;
using namespace std::chrono_literals;

namespace {

struct Told {
  int which = 0;
  bool ok = false;
  std::uint64_t items = 0;
  friend bool operator==(const Told&, const Told&) = default;
};
std::ostream& operator<<(std::ostream& out, const Told& t) {
  return out << t.which << (t.ok ? " ok " : " failed ") << t.items;
}

const Status kBroken(Code::unavailable, "I/O error");

struct SyncBench : LogBench {
  SyncBench() { open(); }
  /// Appends frames from..to, 1 to 5 items each, and waits for them together.
  void group(int which, std::uint64_t from, std::uint64_t to, std::size_t size = 600,
             Duration patience = {}) {
    std::vector<outbox::StoredFrame> frames;
    for (std::uint64_t n = from; n < to; ++n) {
      const auto stored = append(n, size);
      REQUIRE(stored.has_value());
      frames.push_back(*stored);
    }
    log->when_synced(frames, patience, [this, which](const Status& s, std::uint64_t items) {
      told.push_back({which, s.ok(), items});
    });
  }
  std::vector<Told> told;
};

std::uint64_t items_of(std::uint64_t from, std::uint64_t to) {
  std::uint64_t items = 0;
  for (std::uint64_t n = from; n < to; ++n) items += 1 + n % 5;
  return items;
}

}  // namespace

TEST_CASE("all frames of a batch are written again, over segments, and survive then") {
  SyncBench bench;
  bench.group(1, 0, 20);
  std::vector<std::uint64_t> moved;
  bench.log->watch({[&](const outbox::StoredFrame& f) {
                      moved.push_back(static_cast<std::uint64_t>(f.oldest_ms / 1000));
                    },
                    {}});
  bench.files.fail_call(2, kBroken);
  bench.loop.run_for(20ms);
  CHECK(bench.told == std::vector<Told>{{1, true, 0}});
  CHECK(moved.size() == 20);
  CHECK(std::is_sorted(moved.begin(), moved.end()));
  CHECK(bench.log->waiting().items == items_of(0, 20));
  bench.files.power_cut();
  bench.log.reset();
  bench.open();
  CHECK(bench.waiting() == moved);
}

TEST_CASE("a batch that cannot be written again is gone whole, and so is what came behind it") {
  SyncBench bench;
  bench.group(1, 0, 3);
  bench.group(2, 3, 9);
  bench.group(3, 9, 10);
  bench.files.fail_call(2, kBroken);
  // Room for three of them once more, each in a segment of its own: a segment is an eighth at most.
  bench.log->limit(bench.log->size() + 3 * 4800);
  bench.loop.run_for(20ms);
  CHECK(bench.told ==
        std::vector<Told>{{2, false, items_of(3, 9)}, {3, false, items_of(9, 10)}, {1, true, 0}});
  CHECK(bench.waiting() == std::vector<std::uint64_t>{0, 1, 2});
  CHECK(bench.log->waiting().items == items_of(0, 3));
}

TEST_CASE("a second failure ends it: everybody is told how much is gone, and the next is kept") {
  SyncBench bench;
  bench.group(1, 0, 4);
  bench.files.fail_call(2, kBroken);
  bench.loop.run_for(3ms);
  CHECK(bench.told.empty());
  outbox::Position position;
  REQUIRE(bench.log->acknowledge(*bench.log->next(position)));  // delivered meanwhile
  bench.files.fail_call(2, kBroken);
  bench.loop.run_for(20ms);
  CHECK(bench.told == std::vector<Told>{{1, false, items_of(1, 4)}});
  CHECK(bench.waiting().empty());
  CHECK(bench.log->waiting().items == 0);
  bench.group(2, 4, 6);
  bench.loop.run_for(20ms);
  CHECK(bench.told.back() == Told{2, true, 0});
}

TEST_CASE("an answer for the number that a frame had before it moved counts, once") {
  SyncBench bench;
  const auto frame = *bench.append(1, 50);
  bench.log->when_synced({frame}, {}, [](auto&&...) {});
  bench.files.fail_call(2, kBroken);
  bench.loop.run_for(20ms);
  bool fired = false;
  bench.log->when_acknowledged(bench.log->next_sequence() - 1, [&] { fired = true; });
  CHECK(bench.log->acknowledge(frame));
  CHECK(fired);
  CHECK(!bench.log->acknowledge(frame));
  CHECK(bench.waiting().empty());
  CHECK(bench.log->waiting().items == 0);
}

TEST_CASE("who waits for a frame that is gone already is told at once") {
  SyncBench bench;
  const auto frame = *bench.append(1, 50);
  bench.log->drop_oldest();
  bool fired = false;
  bench.log->when_acknowledged(frame.sequence, [&] { fired = true; });
  CHECK(fired);
}

TEST_CASE("a segment that is gone is not synced any more") {
  SyncBench bench;
  std::set<std::string> synced;
  bench.files.ignore_syncs([&](const std::string& path) {
    synced.insert(path);
    return false;
  });
  for (std::uint64_t n = 0; n < 20; ++n) REQUIRE(bench.append(n, 1000).has_value());
  const auto first = bench.segment_files().front();
  for (int i = 0; i < 8; ++i) bench.log->drop_oldest();
  bench.group(1, 20, 21);
  bench.loop.run_for(20ms);
  REQUIRE(bench.told.size() == 1);
  CHECK(!synced.contains(first));
  CHECK(synced.contains(bench.segment_files().back()));
}

TEST_CASE("who is patient shares a sync with others") {
  SyncBench bench;
  int syncs = 0;
  bench.files.ignore_syncs([&](const std::string& path) {
    syncs += path.ends_with(".seg");
    return false;
  });
  bench.group(1, 0, 1, 100, 100ms);
  bench.loop.run_for(40ms);
  bench.group(2, 1, 2, 100, 100ms);
  bench.loop.run_for(50ms);
  CHECK(syncs == 0);
  CHECK(bench.told.empty());
  bench.loop.run_for(30ms);
  CHECK(syncs == 1);
  CHECK(bench.told == std::vector<Told>{{1, true, 0}, {2, true, 0}});
  // Who is not takes the others along.
  bench.group(3, 2, 3, 100, 10s);
  bench.group(4, 3, 4, 100);
  bench.loop.run_for(20ms);
  CHECK(syncs == 2);
  CHECK(bench.told.size() == 4);
  // And who is less patient than the one before is not made to wait for it.
  bench.group(5, 4, 5, 100, 10s);
  bench.group(6, 5, 6, 100, 100ms);
  bench.loop.run_for(120ms);
  CHECK(syncs == 3);
  CHECK(bench.told.size() == 6);
  bench.loop.run_for(20s);
  CHECK(syncs == 3);
  bench.files.power_cut();
  bench.log.reset();
  bench.open();
  CHECK(bench.waiting() == std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("what is delivered before its sync begins needs none") {
  SyncBench bench;
  int syncs = 0;
  bench.files.ignore_syncs([&](const std::string& path) {
    syncs += path.ends_with(".seg");
    return false;
  });
  bench.group(1, 0, 2, 600, 100ms);
  bench.group(2, 2, 3, 600, 200ms);
  outbox::Position position;
  for (int i = 0; i < 2; ++i) REQUIRE(bench.log->acknowledge(*bench.log->next(position)));
  bench.loop.run_for(120ms);
  CHECK(syncs == 0);
  CHECK(bench.told == std::vector<Told>{{1, true, 0}});
  bench.loop.run_for(100ms);
  CHECK(syncs == 1);
  CHECK(bench.told.size() == 2);
  // A log may go while somebody waits.
  bench.group(3, 3, 4, 600, 100ms);
  bench.log.reset();
  bench.loop.run_for(1s);
  CHECK(bench.told.size() == 2);
}
