// The log on disk: what it keeps over a restart, damage, full disks and syncs that fail.
#include "log_bench.hpp"

#include "outbox/format.hpp"

#include <algorithm>
#include <numeric>

using namespace collector;
using namespace std::chrono_literals;

namespace {

std::vector<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> out(to - from);
  std::iota(out.begin(), out.end(), from);
  return out;
}

/// Acknowledges the frames that `which` names.
void acknowledge(outbox::Log& log, const std::vector<std::uint64_t>& which) {
  outbox::Position position;
  while (position.sequence + 1 < log.next_sequence()) {
    const auto frame = log.next(position);
    if (!frame) continue;
    const auto n = static_cast<std::uint64_t>(frame->oldest_ms / 1000);
    if (std::find(which.begin(), which.end(), n) != which.end()) log.acknowledge(*frame);
  }
}

}  // namespace

TEST_CASE("what is appended is read in order, over a restart as well") {
  LogBench bench;
  bench.open();
  for (std::uint64_t n = 0; n < 50; ++n)
    REQUIRE(bench.append(n, 20 + 37 * n, "tenant").has_value());
  CHECK(bench.waiting() == numbers(0, 50));
  CHECK(bench.log->waiting().frames == 50);
  const std::uint64_t items = bench.log->waiting().items;
  CHECK(items == 150);
  CHECK(bench.segment_files().size() > 3);
  bench.log.reset();
  bench.open();
  CHECK(bench.waiting() == numbers(0, 50));
  CHECK(bench.log->waiting().items == items);
  CHECK(bench.log->damage().frames == 0);
  CHECK(bench.log->destination().name == "e");
}

TEST_CASE("acknowledged frames are not read again, and segments go when all of theirs are") {
  LogBench bench;
  bench.open();
  for (std::uint64_t n = 0; n < 50; ++n) REQUIRE(bench.append(n, 1000).has_value());
  const auto before = bench.segment_files();
  std::vector<std::uint64_t> most = numbers(0, 50);
  std::erase(most, 3);
  std::erase(most, 48);
  acknowledge(*bench.log, most);
  CHECK(bench.waiting() == std::vector<std::uint64_t>{3, 48});
  CHECK(bench.segment_files().size() == 2);  // that of 3, and the one that is written
  bench.log.reset();
  bench.open();
  CHECK(bench.waiting() == std::vector<std::uint64_t>{3, 48});
  acknowledge(*bench.log, {3, 48});
  CHECK(bench.log->waiting().frames == 0);
  CHECK(bench.log->waiting().bytes == 0);
  bench.log.reset();
  CHECK(bench.segment_files().empty());
  bench.open();
  REQUIRE(bench.append(50, 10).has_value());
  CHECK(bench.waiting() == numbers(50, 51));
}

TEST_CASE("a killed process loses nothing, and sends again at most a second of acknowledgements") {
  LogBench bench;
  bench.open();
  for (std::uint64_t n = 0; n < 20; ++n) REQUIRE(bench.append(n, 100).has_value());
  acknowledge(*bench.log, numbers(0, 10));
  bench.loop.run_for(2s);
  acknowledge(*bench.log, numbers(10, 15));
  bench.files.process_killed();
  bench.log.reset();
  bench.open();
  CHECK(bench.waiting() == numbers(10, 20));
}

TEST_CASE(
    "a frame whose numbers a cursor remembers and the disk forgot is not taken for a new one") {
  LogBench bench;
  bench.open();
  for (std::uint64_t n = 0; n < 5; ++n) REQUIRE(bench.append(n, 100).has_value());
  acknowledge(*bench.log, numbers(0, 5));
  bench.log->save();
  const auto segments = bench.segment_files();
  REQUIRE(segments.size() == 1);
  bench.files.process_killed();
  bench.log.reset();
  REQUIRE(bench.files.remove(segments[0]).ok());  // as if its name had never been synced
  bench.open();
  REQUIRE(bench.append(7, 100).has_value());
  CHECK(bench.waiting() == numbers(7, 8));
  bench.log.reset();
  bench.open();
  CHECK(bench.waiting() == numbers(7, 8));
}

TEST_CASE("a full outbox refuses, and has room again when its oldest segment is delivered") {
  LogBench bench;
  bench.most = 64 << 10;
  bench.open();
  std::uint64_t n = 0;
  while (bench.append(n, 1000).has_value()) ++n;
  CHECK(bench.append(n, 1000).error().code() == Code::resource_exhausted);
  CHECK(bench.log->size() <= bench.most);
  CHECK(n > 20);
  acknowledge(*bench.log, numbers(0, 10));
  CHECK(bench.append(n, 1000).has_value());
  CHECK(bench.waiting() == numbers(10, n + 1));
}

TEST_CASE("dropping the oldest makes room and says how many items went") {
  LogBench bench;
  bench.most = 64 << 10;
  bench.open();
  std::uint64_t n = 0, dropped = 0;
  for (; n < 200; ++n) {
    while (!bench.append(n, 1000).has_value()) {
      const auto items = bench.log->drop_oldest();
      REQUIRE(items > 0);
      dropped += items;
    }
  }
  CHECK(dropped + bench.log->waiting().items == 600);  // 1 to 5 a frame, 3 on average
  const auto left = bench.waiting();
  CHECK(left.back() == 199);
  CHECK(left == numbers(left.front(), 200));
}

TEST_CASE("a disk that is full at any byte costs nothing that was taken, and work goes on after") {
  for (std::uint64_t room = 8192; room < 8192 + 3 * 4200; ++room) {
    LogBench bench(room);
    bench.files.capacity(room);
    auto opened = bench.try_open();
    if (!opened) continue;
    bench.log = std::move(*opened);
    std::vector<std::uint64_t> taken;
    for (std::uint64_t n = 0; n < 8; ++n)
      if (bench.append(n, 700).has_value()) taken.push_back(n);
    CHECK(taken.size() < 8);
    CHECK(bench.waiting() == taken);
    bench.files.process_killed();
    bench.log.reset();
    bench.open();
    CHECK(bench.waiting() == taken);
    bench.files.capacity(1 << 20);
    REQUIRE(bench.append(100, 700).has_value());
    taken.push_back(100);
    CHECK(bench.waiting() == taken);
    bench.log.reset();
    bench.open();
    CHECK(bench.waiting() == taken);
  }
}

TEST_CASE("a flipped bit costs at most the frame it hit, wherever it is") {
  std::size_t lost = 0, counted = 0;
  for (std::uint64_t round = 0; round < 400; ++round) {
    LogBench bench(round);
    bench.open();
    for (std::uint64_t n = 0; n < 30; ++n) REQUIRE(bench.append(n, 300 + 40 * (n % 9)).has_value());
    bench.log.reset();
    const auto segments = bench.segment_files();
    const std::string& hit = segments[bench.random.below(segments.size())];
    bench.files.flip_bit(hit, bench.random.below(bench.files.info(hit)->size * 8));
    bench.open();
    std::uint64_t unreadable = 0;
    outbox::Position position;
    std::vector<std::uint64_t> left;
    while (auto frame = bench.log->next(position)) {
      if (bench.log->read(*frame))
        left.push_back(static_cast<std::uint64_t>(frame->oldest_ms / 1000));
      else
        ++unreadable;
    }
    CHECK(left.size() >= 29);
    CHECK(left.size() + unreadable <= 30);
    CHECK(std::is_sorted(left.begin(), left.end()));
    if (left.size() < 30) ++lost;
    counted += bench.log->damage().frames;
    // Only a lost last frame of the last segment looks like one that was never finished.
    if (left.size() < 30 && bench.log->damage().frames == 0) CHECK(left.back() == 28);
    REQUIRE(bench.append(30, 300).has_value());
    CHECK(bench.waiting().back() == 30);
  }
  CHECK(lost > 100);  // the flips do hit frames
  CHECK(counted > 100);
}

TEST_CASE("a missing segment costs its frames, counted, and no other") {
  LogBench bench;
  bench.open();
  for (std::uint64_t n = 0; n < 40; ++n) REQUIRE(bench.append(n, 1000).has_value());
  bench.log.reset();
  const auto segments = bench.segment_files();
  REQUIRE(segments.size() > 4);
  const auto from = *outbox::parse_segment_name(segments[2].substr(segments[2].rfind('/') + 1)) - 1;
  const auto to = *outbox::parse_segment_name(segments[3].substr(segments[3].rfind('/') + 1)) - 1;
  REQUIRE(bench.files.remove(segments[2]).ok());
  bench.open();
  auto expected = numbers(0, from);
  for (const std::uint64_t n : numbers(to, 40)) expected.push_back(n);
  CHECK(bench.waiting() == expected);
  CHECK(bench.log->damage().frames == to - from);
  std::uint64_t items = 0;
  for (const std::uint64_t n : numbers(from, to)) items += 1 + n % 5;
  CHECK(bench.log->damage().items == items);
}

TEST_CASE("a later version's segment is left alone") {
  LogBench bench;
  bench.open();
  REQUIRE(bench.append(0, 100).has_value());
  bench.log.reset();
  std::string page = *bench.files.read(bench.segment_files()[0], 1 << 20);
  page[32] = 2;  // the version
  // A page of version 2 with a good checksum, by another implementation of CRC-32.
  std::uint32_t crc = 0xffffffff;
  for (std::size_t i = 0; i < 4092; ++i) {
    crc ^= static_cast<unsigned char>(page[i]);
    for (int k = 0; k < 8; ++k) crc = crc & 1 ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
  }
  crc = ~crc;
  for (std::size_t i = 0; i < 4; ++i) page[4092 + i] = static_cast<char>(crc >> (8 * i));
  bench.files.put(bench.segment_files()[0], page);
  auto opened = bench.try_open();
  REQUIRE(opened.has_error());
  CHECK(opened.error().code() == Code::failed_precondition);
  CHECK(*bench.files.read(bench.segment_files()[0], 1 << 20) == page);
}

TEST_CASE("group commit: a sync runs alone, and what came meanwhile is the next group") {
  LogBench bench;
  bench.open();
  std::vector<int> synced;
  const auto add = [&](int n) {
    const auto stored = bench.append(static_cast<std::uint64_t>(n), 50);
    REQUIRE(stored.has_value());
    bench.log->when_synced({*stored}, {}, [&synced, n](const Status& s, std::uint64_t) {
      CHECK(s.ok());
      synced.push_back(n);
    });
  };
  add(0);
  add(1);
  CHECK(synced.empty());
  bench.loop.run_for(1ms);
  add(2);
  bench.loop.run_for(1500us);
  CHECK(synced == std::vector<int>{0});  // the sync began with the first
  bench.loop.run_for(2ms);
  CHECK(synced == std::vector<int>{0, 1, 2});
}

TEST_CASE("after a sync that failed the frames are written elsewhere, or the waiting are told") {
  for (const bool twice : {false, true}) {
    LogBench bench;
    bench.open();
    const auto stored = bench.append(0, 50);
    REQUIRE(stored.has_value());
    std::vector<Status> outcome;
    bench.log->when_synced({*stored}, {},
                           [&](const Status& s, std::uint64_t) { outcome.push_back(s); });
    // The calls of the sync: the folder, then the file.
    bench.files.fail_call(2, Status(Code::unavailable, "I/O error"));
    bench.loop.run_for(3ms);
    CHECK(bench.log->damage().syncs == 1);
    CHECK(outcome.empty());
    CHECK(bench.segment_files().size() == 1);
    if (twice) bench.files.fail_call(2, Status(Code::unavailable, "I/O error"));
    bench.loop.run_for(10ms);
    REQUIRE(outcome.size() == 1);
    CHECK(outcome[0].ok() == !twice);
    CHECK(bench.waiting() == (twice ? std::vector<std::uint64_t>{} : numbers(0, 1)));
    CHECK(bench.log->waiting().items == (twice ? 0 : 1));
    if (twice) continue;
    bench.files.power_cut();
    bench.log.reset();
    bench.open();
    CHECK(bench.waiting() == numbers(0, 1));
  }
}

TEST_CASE("a rejected frame is kept with its reason") {
  LogBench bench;
  bench.open();
  const auto stored = bench.append(1, 40, "ctx");
  REQUIRE(stored.has_value());
  REQUIRE(bench.log->quarantine(*stored, "server returned HTTP status 400: no").ok());
  const auto kept = bench.files.list(std::string(kFolder) + "/quarantine");
  REQUIRE(kept.has_value());
  REQUIRE(kept->size() == 1);
  CHECK(*bench.files.read(std::string(kFolder) + "/quarantine/" + (*kept)[0].name, 1000) ==
        "server returned HTTP status 400: no\n\n" + body_of(1, 40));
}

TEST_CASE("what killed runs reserved is given back") {
  LogBench bench;
  bench.files.reserves(true);
  for (std::uint64_t n = 0; n < 20; ++n) {
    bench.open();
    REQUIRE(bench.append(n, 100).has_value());
    bench.files.process_killed();
    bench.log.reset();
  }
  bench.open();
  std::uint64_t sum = 0;
  for (const auto& path : bench.segment_files()) sum += bench.files.info(path)->size;
  bench.files.capacity(1 << 20);
  const auto usage = bench.files.usage(kFolder);
  CHECK((1 << 20) - usage->free == sum + 8192);  // and the cursor
}

TEST_CASE("a request of more than 64 MiB is refused for good, and the log is as before") {
  LogBench bench;
  bench.most = std::uint64_t{1} << 30;
  bench.open();
  std::string buffer;
  outbox::Log::begin(buffer, "");
  buffer.resize(buffer.size() + outbox::kMaxPayload + 1);
  CHECK(bench.log->append({}, buffer).error().code() == Code::invalid_argument);
  CHECK(bench.log->next_sequence() == 1);
  CHECK(bench.segment_files().empty());
}

TEST_CASE("a folder has one log at a time") {
  LogBench bench;
  bench.open();
  const auto second = bench.try_open();
  REQUIRE(second.has_error());
  CHECK(second.error().code() == Code::already_exists);
  bench.log.reset();
  bench.open();
}

TEST_CASE("a disk that fails while a log is opened takes no segment away") {
  for (std::uint64_t call = 1; call < 60; ++call) {
    LogBench bench;
    bench.open();
    for (std::uint64_t n = 0; n < 12; ++n) REQUIRE(bench.append(n, 2000).has_value());
    bench.log.reset();
    const auto before = bench.segment_files();
    bench.files.fail_call(call, Status(Code::unavailable, "I/O error"));
    (void)bench.try_open();
    bench.files.fail_call(0, {});
    CHECK(bench.segment_files() == before);
    INFO("call " << call);
    bench.open();
    CHECK(bench.waiting() == numbers(0, 12));
    REQUIRE(bench.append(12, 100).has_value());
    CHECK(bench.waiting() == numbers(0, 13));
  }
}

TEST_CASE("the first frame that is damaged does not count what was delivered before it") {
  LogBench bench;
  bench.open();
  for (std::uint64_t n = 0; n < 40; ++n) REQUIRE(bench.append(n, 1000).has_value());
  acknowledge(*bench.log, numbers(0, 20));
  bench.log.reset();
  const auto first = bench.segment_files().front();
  const auto n = *outbox::parse_segment_name(first.substr(first.rfind('/') + 1)) - 1;
  bench.files.flip_bit(first, (outbox::kSegmentHeader + 3) * 8);
  bench.open();
  CHECK(bench.log->damage().frames <= 1);
  CHECK(bench.log->damage().items <= 1 + n % 5);
}

TEST_CASE("at zero bytes free what waits is found, delivered and forgotten; then there is room") {
  // Where overwriting takes room nothing could be noted without the reserve.
  for (const std::size_t reserve : {std::size_t{16384}, std::size_t{0}}) {
    LogBench bench;
    bench.reserve = reserve;
    bench.files.copies_on_write(true);
    bench.open();
    for (std::uint64_t n = 0; n < 40; ++n) REQUIRE(bench.append(n, 1000).has_value());
    bench.files.process_killed();
    bench.log.reset();
    bench.files.capacity(1 << 20);
    bench.files.capacity((1 << 20) - bench.files.usage(kFolder)->free);
    CHECK(bench.files.usage(kFolder)->free == 0);
    bench.open();
    CHECK(bench.waiting() == numbers(0, 40));
    CHECK(bench.append(40, 1000).error().code() == Code::resource_exhausted);
    CHECK(bench.log->size() > 40'000);
    acknowledge(*bench.log, numbers(0, 2));  // no segment goes yet: only the cursor says it
    bench.loop.run_for(2s);
    CHECK(!bench.files.info(kFolder + std::string("/reserve")));
    // Nothing of its own takes what the reserve gave.
    CHECK(bench.append(40, 10).error().code() == Code::resource_exhausted);
    bench.files.process_killed();
    bench.log.reset();
    bench.open();
    if (reserve == 0) {
      CHECK(bench.waiting() == numbers(0, 40));  // they will be sent twice
      continue;
    }
    CHECK(bench.waiting() == numbers(2, 40));
    acknowledge(*bench.log, numbers(2, 40));
    CHECK(bench.segment_files().empty());
    bench.files.capacity(1 << 20);
    bench.loop.run_for(2s);
    REQUIRE(bench.append(40, 1000).has_value());
    CHECK(bench.files.info(kFolder + std::string("/reserve"))->size == reserve);
    CHECK(bench.waiting() == numbers(40, 41));
  }
}

TEST_CASE("the number of a frame that could not be written is not used again") {
  LogBench bench;
  bench.open();
  REQUIRE(bench.append(0, 100).has_value());
  const std::uint64_t number = bench.log->next_sequence();
  bench.files.fail_call(1, Status(Code::unavailable, "I/O error"));
  REQUIRE(bench.append(1, 100).has_error());
  const auto stored = bench.append(2, 100);
  REQUIRE(stored.has_value());
  CHECK(stored->sequence > number);
  CHECK(bench.waiting() == std::vector<std::uint64_t>{0, 2});
}

TEST_CASE("a file that has the name of the next segment does not stop the log") {
  LogBench bench;
  bench.open();
  bench.files.put(kFolder + ("/" + outbox::segment_name(1)), "rubbish");
  CHECK(bench.append(0, 100).error().code() == Code::already_exists);
  REQUIRE(bench.append(0, 100).has_value());
  CHECK(bench.waiting() == numbers(0, 1));
}

TEST_CASE("a segment that cannot be read when the log is opened stays, and the counts are right") {
  LogBench bench;
  bench.open();
  for (std::uint64_t n = 0; n < 30; ++n) REQUIRE(bench.append(n, 3000).has_value());
  bench.log.reset();
  const auto segments = bench.segment_files();
  REQUIRE(segments.size() == 30);
  std::map<std::size_t, std::string> readable;
  for (const std::size_t i : {4, 29}) {
    readable[i] = *bench.files.read(segments[i], 1 << 20);
    bench.files.bad_sector(segments[i], 4096);
  }
  bench.open();
  auto expected = numbers(0, 29);
  std::erase(expected, 4);
  CHECK(bench.waiting() == expected);
  CHECK(bench.log->waiting().frames == 28);
  REQUIRE(bench.append(30, 100).has_value());
  expected.push_back(30);
  CHECK(bench.waiting() == expected);
  acknowledge(*bench.log, expected);
  CHECK(bench.log->waiting().frames == 0);
  CHECK(bench.log->waiting().items == 0);
  CHECK(bench.files.info(segments[29]).has_value());
  CHECK(bench.files.info(segments[4]).has_value());
  // The disk can be read again: so are they, and nothing else.
  bench.log.reset();
  for (const std::size_t i : {4, 29}) bench.files.put(segments[i], readable[i]);
  bench.open();
  CHECK(bench.waiting() == std::vector<std::uint64_t>{4, 29});
  CHECK(bench.log->waiting().frames == 2);
}
