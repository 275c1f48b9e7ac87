// An endpoint that is down for three days while the collector is stopped, killed and loses power a
// hundred times; then it comes back and takes little at a time.
#include <collector/engine/testing.hpp>

#include "catch.hpp"
#include "component_bench.hpp"
#include "send/components.hpp"
#include "write_request.hpp"

#include <map>
#include <optional>
#include <set>

using namespace collector;
using namespace std::chrono_literals;

namespace {

constexpr const char* kId = "prometheus.remote_write.x";
constexpr std::int64_t kStep = 15'000;  // ms between samples
constexpr int kRestarts = 100;
constexpr std::int64_t kOutage = std::int64_t{72} * 3'600'000;
constexpr std::size_t kSources = 2;

/// One life after the other over the same disk; time goes on in between.
class Days {
 public:
  explicit Days(bool out_of_order) : out_of_order_(out_of_order) {
    files_.put("/data/present", "");
    begin();
  }
  ~Days() { end(); }

  /// A sample of each source now, and then time until the next.
  void step() {
    for (std::size_t source = 0; source < kSources; ++source) {
      const auto value = static_cast<double>(now_);
      auto answer = std::make_shared<std::optional<Outcome>>();
      Metrics batch = bench_->batch(source, {{"m" + std::to_string(source), now_, value}});
      batch.ack = Ack(bench_->loop, [answer](Outcome o) { *answer = std::move(o); });
      bench_->receiver(kId).consume(std::move(batch));
      bench_->loop.settle();
      REQUIRE(*answer);
      REQUIRE((*answer)->kind == Outcome::Kind::delivered);
      ++accepted_;
    }
    bench_->loop.advance(std::chrono::milliseconds(kStep));
    now_ += kStep;
  }
  void restart(int how) {
    if (how == 0) bench_->stop(1s);
    if (how == 1) files_.process_killed();
    if (how == 2) files_.power_cut();
    end();
    begin();
  }
  std::uint64_t waiting() { return bench_->node(kId).component().ledgers().at("e").waiting; }
  /// How old the newest sample is that has arrived.
  std::int64_t lag() const { return newest_ ? now_ - *newest_ : now_; }

  bool up = false;
  std::vector<std::vector<std::int64_t>> got{kSources};
  std::uint64_t accepted() const { return accepted_; }
  std::int64_t now() const { return now_; }

 private:
  void begin() {
    bench_ = std::make_unique<ComponentBench>(
        std::initializer_list<Definition>{send::prometheus_remote_write()}, "/data", &files_);
    bench_->network.add("server:80", [this](net::Request r) { return answer(std::move(r)); });
    bench_->load(std::string("prometheus.remote_write \"x\" {\nendpoint {\nname = \"e\"\n"
                             "url = \"http://server/w\"\nqueue_config {\n"
                             "batch_send_deadline = \"1s\"\nmax_samples_per_send = 50\n"
                             "max_backoff = \"30s\"\nmax_shards = 2\n}\noutbox {\n"
                             "size = \"64MiB\"\nout_of_order = ") +
                 (out_of_order_ ? "true" : "false") + "\n}\n}\n}\n");
  }
  void end() { bench_.reset(); }
  Task<net::Response> answer(net::Request request) {
    net::Response response;
    response.status = up ? 204 : 503;
    if (up) {
      const bool slept = co_await sleep_for(bench_->loop, 3s, {});
      (void)slept;
      for (const auto& s : decode_write_request(request.body)) {
        const auto value = static_cast<std::int64_t>(s.value);
        got[s.labels.at("__name__") == "m0" ? 0 : 1].push_back(value);
        newest_ = std::max(newest_.value_or(0), value);
      }
    }
    co_return response;
  }

  testing::SimulatedLoop time_of_files_;
  testing::SeededRandom random_{7};
  testing::SimulatedFiles files_{time_of_files_, random_};
  bool out_of_order_;
  std::int64_t now_ = 1'700'000'000'000;
  std::uint64_t accepted_ = 0;
  std::optional<std::int64_t> newest_;
  std::unique_ptr<ComponentBench> bench_;
};

}  // namespace

TEST_CASE("three days of outage and a hundred restarts: no gap, strict order, nothing twice") {
  Days days(false);
  const std::int64_t began = days.now();
  for (int life = 1; life <= kRestarts; ++life) {
    while (days.now() - began < kOutage * life / (kRestarts + 1)) days.step();
    days.restart(life % 3);
  }
  while (days.now() - began < kOutage) days.step();
  days.up = true;
  for (int i = 0; i < 4000 && days.waiting() > 10; ++i) days.step();
  CHECK(days.waiting() <= 10);
  for (const auto& source : days.got) {
    REQUIRE(source.size() > kOutage / kStep);
    for (std::size_t i = 0; i < source.size(); ++i)
      if (source[i] != began + static_cast<std::int64_t>(i) * kStep)
        FAIL("sample " << i << " is " << source[i]);
  }
}

TEST_CASE("out_of_order: while three days drain the newest samples are under a minute old") {
  Days days(true);
  const std::int64_t began = days.now();
  for (int life = 1; life <= kRestarts; ++life) {
    while (days.now() - began < kOutage * life / (kRestarts + 1)) days.step();
    days.restart(life % 3);
  }
  while (days.now() - began < kOutage) days.step();
  days.up = true;
  std::int64_t worst = 0;
  int steps = 0;
  for (; steps < 4000 && days.waiting() > 10; ++steps) {
    days.step();
    // The first ones find lanes that wait for their next try, up to 30 s.
    if (steps > 4) worst = std::max(worst, days.lag());
  }
  CHECK(days.waiting() <= 10);
  CHECK(steps > 50);  // it took a while
  CHECK(worst < 60'000);
  for (auto source : days.got) {
    const std::set<std::int64_t> seen(source.begin(), source.end());
    CHECK(seen.size() == source.size());  // nothing twice
    CHECK(*seen.begin() == began);
    // No gap.
    CHECK(*seen.rbegin() == began + static_cast<std::int64_t>(seen.size() - 1) * kStep);
  }
}
