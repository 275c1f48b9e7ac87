// Several branches: each gets every batch once and in order, whatever one of them refuses.
#include "component_bench.hpp"
#include "process/components.hpp"

using namespace collector;
using namespace std::chrono_literals;

namespace {

constexpr const char* kBoth =
    "test.sink \"a\" { }\ntest.sink \"b\" { }\n"
    "prometheus.relabel \"r\" {\nforward_to = [test.sink.a.receiver, test.sink.b.receiver]\n}\n";

std::vector<double> values(const TestSink& sink) {
  std::vector<double> out;
  for (const SeenSample& s : sink.seen) out.push_back(s.value);
  return out;
}
std::vector<double> numbers(int n) {
  std::vector<double> out;
  for (int i = 0; i < n; ++i) out.push_back(i);
  return out;
}

}  // namespace

TEST_CASE(
    "a branch that refuses gets what it missed, once, in order; the other waits for nothing") {
  ComponentBench bench{process::prometheus_relabel()};
  bench.load(kBoth);
  TestSink& a = bench.sink("test.sink.a");
  TestSink& b = bench.sink("test.sink.b");
  int settled = 0;
  const auto give = [&](int i) {
    Metrics batch = bench.batch(1, {{"m", 1'700'000'000'000 + i, static_cast<double>(i)}});
    batch.ack = Ack(bench.loop, [&settled](Outcome o) {
      CHECK(o.kind == Outcome::Kind::delivered);
      ++settled;
    });
    bench.receiver("prometheus.relabel.r").consume(std::move(batch));
  };
  give(0);
  bench.loop.settle();
  CHECK(settled == 1);
  b.outcome = Outcome::retry("no room", 1s);
  for (int i = 1; i < 4; ++i) give(i);  // before any answer arrives
  bench.loop.settle();
  for (int i = 4; i < 6; ++i) {
    give(i);
    bench.loop.advance(300ms);
  }
  CHECK(values(a) == numbers(6));
  CHECK(values(b) == numbers(1));
  CHECK(settled == 1);
  bench.loop.advance(5s);
  CHECK(b.batches < 12);  // one at a time asks, not all of them
  b.outcome = Outcome::delivered();
  bench.loop.advance(1s);
  CHECK(values(b) == numbers(6));
  CHECK(values(a) == numbers(6));
  CHECK(settled == 6);
  give(6);
  bench.loop.settle();
  CHECK(settled == 7);
}

TEST_CASE("a lone branch that refuses tells the source") {
  ComponentBench bench{process::prometheus_relabel()};
  bench.load(
      "test.sink \"a\" { }\nprometheus.relabel \"r\" {\nforward_to = [test.sink.a.receiver]\n}\n");
  bench.sink("test.sink.a").outcome = Outcome::retry("no room", 1s);
  const auto outcome = bench.offer("prometheus.relabel.r", bench.batch(1, {{"m", 1, 1}}));
  REQUIRE(outcome);
  CHECK(outcome->kind == Outcome::Kind::retry);
  CHECK(outcome->reason == "no room");
}
