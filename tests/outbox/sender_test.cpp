// The sender over a log on disk: what happens to requests that are on their way while the log
// changes beneath them, and disks that cannot be read. Every item is counted once.
#include "log_bench.hpp"

#include "outbox/sender.hpp"

#include <set>

using namespace collector;
using namespace std::chrono_literals;

namespace {

/// Takes requests, slowly; what it got is in `got`.
class Endpoint final : public outbox::Courier {
 public:
  explicit Endpoint(testing::SimulatedLoop& loop) : loop_(loop) {}

  Task<outbox::Answer> attempt(std::vector<outbox::Parcel>& parcels, int,
                               std::stop_token stop) override {
    std::vector<std::uint64_t> numbers;
    for (const auto& p : parcels) numbers.push_back(number_of(p.body));
    outbox::Answer answer;
    const bool slept = co_await sleep_for(loop_, takes, stop);
    if (!slept) answer.verdict = outbox::Answer::Verdict::stopped;
    if (!slept || !up) co_return answer;
    got.insert(got.end(), numbers.begin(), numbers.end());
    answer.verdict = outbox::Answer::Verdict::delivered;
    co_return answer;
  }
  std::uint32_t drop_older(outbox::Parcel&, std::int64_t) override { return 0; }
  std::vector<outbox::Parcel> split(const outbox::Parcel&) override { return {}; }
  std::vector<outbox::Parcel> divide(const outbox::Parcel&) override { return {}; }
  bool fall_back() override { return false; }
  void delivered(std::uint64_t items, std::int64_t) override { delivered_items += items; }
  void dropped(std::uint64_t items, std::string_view why, const std::string&) override {
    dropped_items[std::string(why)] += items;
  }
  void will_retry(std::uint64_t, const outbox::Answer&) override { ++retries; }
  void changed() override {}

  Duration takes = 1ms;
  bool up = true;
  std::vector<std::uint64_t> got;
  std::uint64_t delivered_items = 0, retries = 0;
  std::map<std::string, std::uint64_t> dropped_items;

 private:
  testing::SimulatedLoop& loop_;
};

struct SenderBench : LogBench {
  explicit SenderBench(std::uint64_t seed = 1) : LogBench(seed) { open(); }
  ~SenderBench() {
    if (sender) {
      bool done = false;
      spawn(outbox::Sender::drain(sender, loop.now()), [&] { done = true; });
      loop.run_until([&] { return done; }, 10s);
    }
  }
  void start() {
    sender = std::make_shared<outbox::Sender>(loop, random, *log, endpoint);
    outbox::SenderLimits limits;
    limits.linger = 0s;
    limits.max_lanes = 1;
    limits.bytes = 1500;
    sender->configure(limits);
    sender->start();
  }
  outbox::StoredFrame push(std::uint64_t n, std::size_t size = 100, std::uint8_t key = 0) {
    std::string buffer;
    outbox::Log::begin(buffer, "");
    buffer += body_of(n, size);
    outbox::Frame frame;
    frame.items = 2;
    frame.order_key = key;
    frame.oldest_ms = frame.newest_ms = static_cast<std::int64_t>(1000 * n);
    const auto stored = log->append(frame, buffer);
    REQUIRE(stored.has_value());
    if (sender) sender->appended(*stored);
    return *stored;
  }
  std::uint64_t dropped() const {
    std::uint64_t n = 0;
    for (const auto& [why, items] : endpoint.dropped_items) n += items;
    return n;
  }

  Endpoint endpoint{loop};
  std::shared_ptr<outbox::Sender> sender;
};

}  // namespace

TEST_CASE("a request that is on its way while its frame moves is delivered and counted once") {
  SenderBench bench;
  bench.endpoint.takes = 50ms;
  bench.start();
  std::vector<Status> told;
  for (std::uint64_t n = 0; n < 6; ++n) {
    bench.log->when_synced({bench.push(n)}, {},
                           [&](const Status& s, std::uint64_t) { told.push_back(s); });
  }
  bench.files.fail_call(2, Status(Code::unavailable, "I/O error"));  // the folder, then the file
  bench.loop.run_for(1s);
  CHECK(bench.log->damage().syncs == 1);
  CHECK(told.size() == 6);
  for (const Status& s : told) CHECK(s.ok());
  CHECK(bench.endpoint.got == std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5});
  CHECK(bench.endpoint.delivered_items == 12);
  CHECK(bench.log->waiting().frames == 0);
  CHECK(bench.log->waiting().items == 0);
}

TEST_CASE("frames that moved are sent, once and in order, when the endpoint comes back") {
  SenderBench bench;
  bench.endpoint.up = false;
  bench.start();
  for (std::uint64_t n = 0; n < 5; ++n)
    bench.log->when_synced({bench.push(n)}, {}, [](auto&&...) {});
  bench.files.fail_call(2, Status(Code::unavailable, "I/O error"));
  bench.loop.run_for(100ms);
  for (std::uint64_t n = 5; n < 8; ++n) bench.push(n);
  bench.endpoint.up = true;
  bench.loop.run_for(20s);
  CHECK(bench.endpoint.got == std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(bench.endpoint.delivered_items == 16);
  CHECK(bench.log->waiting().frames == 0);
}

TEST_CASE("what is dropped for room while it is on its way is counted as one of both") {
  SenderBench bench;
  bench.endpoint.takes = 50ms;
  bench.start();
  for (std::uint64_t n = 0; n < 3; ++n) bench.push(n);
  bench.loop.run_for(10ms);
  const std::uint64_t gone = bench.log->drop_oldest();
  CHECK(gone == 6);
  bench.loop.run_for(1s);
  CHECK(bench.endpoint.delivered_items == 0);
  CHECK(bench.log->waiting().items == 0);
}

TEST_CASE("a segment that somebody takes away is counted as lost, and what follows is sent") {
  SenderBench bench;
  for (std::uint64_t n = 0; n < 40; ++n) bench.push(n, 1000);
  const auto segments = bench.segment_files();
  REQUIRE(segments.size() > 4);
  REQUIRE(bench.files.remove(segments[1]).ok());
  bench.start();
  bench.loop.run_for(5s);
  const std::uint64_t lost = bench.dropped();
  CHECK(lost > 2);
  CHECK(lost < 20);
  CHECK(bench.endpoint.dropped_items.at("damaged") == lost);
  CHECK(bench.endpoint.delivered_items + lost == 80);
  CHECK(bench.endpoint.delivered_items == 2 * bench.endpoint.got.size());
  CHECK(bench.log->waiting().frames == 0);
  CHECK(bench.log->waiting().items == 0);
  CHECK(bench.segment_files().size() == 1);
}

TEST_CASE("a header that breaks while the collector runs costs its frame, counted") {
  SenderBench bench;
  std::vector<outbox::StoredFrame> frames;
  for (std::uint64_t n = 0; n < 40; ++n) frames.push_back(bench.push(n, 1000));
  const std::string file = kFolder + ("/" + outbox::segment_name(frames[9].segment));
  bench.files.flip_bit(file, frames[9].offset * 8);
  const std::string last = kFolder + ("/" + outbox::segment_name(frames[39].segment));
  bench.files.flip_bit(last, frames[39].offset * 8);
  bench.start();
  bench.loop.run_for(5s);
  CHECK(bench.endpoint.got.size() == 38);
  CHECK(bench.dropped() == 4);
  CHECK(bench.log->waiting().frames == 0);
  CHECK(bench.log->waiting().items == 0);
}

TEST_CASE("a disk that cannot be read for a moment costs nothing") {
  for (std::uint64_t call = 1; call < 40; ++call) {
    SenderBench bench;
    for (std::uint64_t n = 0; n < 30; ++n) bench.push(n, 1000);
    bench.files.fail_call(call, Status(Code::resource_exhausted, "Too many open files"));
    bench.start();
    bench.loop.run_for(20s);
    INFO("call " << call);
    CHECK(bench.endpoint.got.size() == 30);
    CHECK(bench.dropped() == 0);
    CHECK(std::is_sorted(bench.endpoint.got.begin(), bench.endpoint.got.end()));
  }
}

TEST_CASE("a bad sector costs the frames on it after a few tries, and holds nobody up") {
  SenderBench bench;
  for (std::uint64_t n = 0; n < 30; ++n) bench.push(n, 1000);
  const auto segments = bench.segment_files();
  bench.files.bad_sector(segments[2], 4096);
  bench.start();
  bench.loop.run_for(20s);
  CHECK(bench.endpoint.got.size() >= 24);
  CHECK(bench.endpoint.delivered_items + bench.dropped() == 60);
  CHECK(bench.log->waiting().frames == 0);
}
