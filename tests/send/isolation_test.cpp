// A dead endpoint and one that drips do not slow a healthy one down.
#include <collector/engine/testing.hpp>

#include "catch.hpp"
#include "component_bench.hpp"
#include "send/components.hpp"
#include "write_request.hpp"

#include <algorithm>
#include <numeric>

using namespace collector;
using namespace std::chrono_literals;

namespace {

struct Figures {
  std::size_t samples = 0;
  double p99 = 0, mean = 0;  // ms from the offer to the arrival
};

std::string endpoint(const std::string& name) {
  return "endpoint {\nname = \"" + name + "\"\nurl = \"http://" + name +
         "/w\"\nremote_timeout = \"10s\"\nqueue_config {\nbatch_send_deadline = \"200ms\"\n"
         "max_samples_per_send = 500\n}\noutbox {\nsize = \"32MiB\"\nfull = "
         "\"drop_oldest\"\n}\n}\n";
}

/// Ten minutes of 20 sources with 50 samples every second.
Figures run(bool with_the_others) {
  testing::SimulatedLoop time_of_files;
  testing::SeededRandom random(3);
  testing::SimulatedFiles files(time_of_files, random);
  files.put("/data/present", "");
  ComponentBench bench({send::prometheus_remote_write()}, "/data", &files);
  std::vector<double> delays;
  const auto now_ms = [&] {
    return static_cast<double>(bench.loop.now().since_origin.count()) / 1e6;
  };
  bench.network.add("healthy:80", [&](net::Request request) -> Task<net::Response> {
    const bool slept = co_await sleep_for(bench.loop, 20ms, {});
    (void)slept;
    for (const auto& s : decode_write_request(request.body)) delays.push_back(now_ms() - s.value);
    net::Response response;
    response.status = 204;
    co_return response;
  });
  // One byte a second: an answer that nobody waits for to the end.
  std::stop_source end;
  bench.network.add("drip:80", [&](net::Request) -> Task<net::Response> {
    const bool slept = co_await sleep_for(bench.loop, 300s, end.get_token());
    (void)slept;
    co_return net::Response();
  });
  bench.load("prometheus.remote_write \"x\" {\n" + endpoint("healthy") +
             (with_the_others ? endpoint("dead") + endpoint("drip") : "") + "}\n");
  for (int second = 0; second < 600; ++second) {
    for (std::uint64_t source = 0; source < 20; ++source) {
      std::vector<SeenSample> samples;
      for (int i = 0; i < 50; ++i)
        samples.push_back({"m" + std::to_string(i), 1'700'000'000'000 + second, now_ms()});
      const auto outcome = bench.offer("prometheus.remote_write.x", bench.batch(source, samples));
      REQUIRE(outcome);
      REQUIRE(outcome->kind == Outcome::Kind::delivered);
      bench.loop.advance(50ms);
    }
  }
  bench.loop.advance(1s);
  Figures f;
  end.request_stop();
  f.samples = delays.size();
  std::sort(delays.begin(), delays.end());
  REQUIRE(!delays.empty());
  f.p99 = delays[delays.size() * 99 / 100];
  f.mean = std::accumulate(delays.begin(), delays.end(), 0.0) / static_cast<double>(f.samples);
  bench.loop.advance(1s);  // no answer is left hanging
  return f;
}

}  // namespace

TEST_CASE("beside a dead endpoint and one that drips the healthy one keeps pace and delay") {
  const Figures alone = run(false), beside = run(true);
  CHECK(alone.samples == 600 * 1000);
  CHECK(beside.samples == alone.samples);
  INFO("p99 " << alone.p99 << " ms alone, " << beside.p99 << " ms beside the others");
  CHECK(alone.p99 < 400);
  CHECK(beside.p99 <= alone.p99 * 1.05);
  CHECK(beside.mean <= alone.mean * 1.05);
}
