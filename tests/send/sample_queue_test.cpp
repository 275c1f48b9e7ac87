#include "send/sample_queue.hpp"
#include "catch.hpp"

#include <map>

using namespace collector;
using send::SampleQueue;

namespace {

Metrics batch(std::uint64_t key, std::int64_t first, std::size_t n) {
  auto columns = std::make_shared<MetricColumns>();
  columns->order_key = key;
  for (std::size_t i = 0; i < n; ++i) {
    columns->series.push_back(SeriesId{0});
    columns->timestamp.push_back(first + static_cast<std::int64_t>(i));
    columns->value.push_back(0);
  }
  return Metrics(std::move(columns), Ack());
}
Instant at(int seconds) { return {std::chrono::seconds(seconds)}; }

std::vector<std::int64_t> stamps(const SampleQueue::Load& load) {
  std::vector<std::int64_t> out;
  for (const auto& s : load.slices)
    for (std::size_t i = s.begin; i < s.end; ++i) out.push_back(s.batch.columns().timestamp[i]);
  return out;
}

}  // namespace

TEST_CASE("small sources share a load, oldest first") {
  SampleQueue q;
  q.push(batch(1, 10, 2), at(1));
  q.push(batch(2, 20, 2), at(2));
  q.push(batch(3, 30, 2), at(3));
  CHECK(q.ready() == 6);
  CHECK(q.oldest_ready() == at(1));
  const auto load = q.take(5);
  CHECK(stamps(load) == std::vector<std::int64_t>{10, 11, 20, 21, 30});
  CHECK(q.ready() == 0);  // 31 waits for its source's other samples
  CHECK(q.samples() == 6);
  q.done(load);
  CHECK(q.ready() == 1);
  CHECK(stamps(q.take(5)) == std::vector<std::int64_t>{31});
}

TEST_CASE("a source with samples on their way gives no more") {
  SampleQueue q;
  q.push(batch(7, 0, 10), at(1));
  const auto first = q.take(4);
  CHECK(first.samples == 4);
  CHECK(q.take(4).samples == 0);
  q.push(batch(7, 10, 5), at(2));
  q.push(batch(8, 100, 1), at(3));
  CHECK(stamps(q.take(4)) == std::vector<std::int64_t>{100});
  q.done(first);
  const auto rest = q.take(100);
  CHECK(stamps(rest) == std::vector<std::int64_t>{4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14});
  CHECK(q.oldest_ready() == std::nullopt);
}

TEST_CASE("whatever the order of takes and ends, no source is reordered, lost or doubled") {
  SampleQueue q;
  std::map<std::uint64_t, std::int64_t> sent, seen;
  std::vector<SampleQueue::Load> out;
  std::uint64_t random = 88172645463325252ULL;
  auto next = [&random](std::uint64_t bound) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random % bound;
  };
  std::size_t pushed = 0, got = 0;
  auto end_one = [&](std::size_t i) {
    for (const auto& s : out[i].slices)
      for (std::size_t k = s.begin; k < s.end; ++k) {
        CHECK(s.batch.columns().timestamp[k] == seen[s.batch.columns().order_key]++);
        ++got;
      }
    q.done(out[i]);
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(i));
  };
  for (int step = 0; step < 5000; ++step) {
    switch (next(3)) {
      case 0: {
        const auto key = next(9);
        const auto n = 1 + next(20);
        q.push(batch(key, sent[key], n), at(step));
        sent[key] += static_cast<std::int64_t>(n);
        pushed += n;
        break;
      }
      case 1: {
        auto load = q.take(1 + next(30));
        if (load.samples > 0) out.push_back(std::move(load));
        break;
      }
      default:
        if (!out.empty()) end_one(next(out.size()));
    }
    REQUIRE(q.samples() == pushed - got);
  }
  while (!q.empty()) {
    auto load = q.take(50);
    if (load.samples > 0) out.push_back(std::move(load));
    if (!out.empty()) end_one(0);
  }
  CHECK(got == pushed);
}
