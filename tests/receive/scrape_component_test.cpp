// prometheus.scrape as a component: what it asks for, what it makes of answers, when it scrapes.
#include "catch.hpp"
#include "component_bench.hpp"

#include "receive/components.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

using namespace collector;
using namespace std::chrono_literals;

namespace {

struct ScrapeBench : ComponentBench {
  ScrapeBench() : ComponentBench{receive::prometheus_scrape()} {
    network.add("target:1", [this](net::Request request) -> Task<net::Response> {
      asked.push_back(std::move(request));
      net::Response response;
      response.headers.set("Content-Type", type);
      response.body = body;
      co_return response;
    });
  }
  /// Scrapes every ten seconds with `arguments`.
  void scrape(const std::string& arguments, const std::string& targets = "") {
    load(fmt::format(
        "test.sink \"s\" {{ }}\nprometheus.scrape \"p\" {{\ntargets = [{}]\nforward_to = "
        "[test.sink.s.receiver]\nscrape_interval = \"10s\"\nscrape_timeout = \"5s\"\n{}\n}}\n",
        targets.empty() ? "{__address__ = \"target:1\", job = \"j\", instance = \"i\"}" : targets,
        arguments));
  }
  TestSink& sink() { return ComponentBench::sink("test.sink.s"); }

  std::string type = "text/plain", body;
  std::vector<net::Request> asked;
};

/// One family `h` of one native histogram: nine observations, all in the zero bucket.
const std::string kNative(
    "\x18\x0a\x01h\x18\x04\x22\x11\x3a\x0f\x08\x09\x28\x02\x31\x00\x00\x00\x00\x00\x00\xe0\x3f\x38"
    "\x09",
    25);

}  // namespace

TEST_CASE("native histograms are asked for in protobuf, and arrive") {
  ScrapeBench bench;
  bench.type =
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
      "encoding=delimited";
  bench.body = kNative;
  bench.scrape("scrape_native_histograms = true\nhonor_metadata = true\n");
  bench.loop.advance(10s);
  REQUIRE(!bench.asked.empty());
  CHECK(bench.asked[0].headers.get("Accept").rfind(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
            "encoding=delimited;q=0.6,",
            0) == 0);
  REQUIRE(bench.sink().histograms.size() == 1);
  const HistogramSample& h = bench.sink().histograms[0];
  CHECK(bench.controller->series().to_text(h.series) == R"(h{instance="i",job="j"})");
  CHECK(h.histogram->count == 9);
  CHECK(h.histogram->zero_count == 9);
  CHECK(h.histogram->zero_threshold == 0.5);
  CHECK(h.histogram->schema == 1);
  REQUIRE(bench.sink().metadata);
  CHECK(bench.sink().metadata->at(0).type == MetricType::histogram);
  CHECK(bench.sink().of(R"(scrape_samples_scraped{instance="i",job="j"})").at(0).value == 1);
}

TEST_CASE("the protobuf exposition is a fallback like any other") {
  ScrapeBench bench;
  bench.type = "application/octet-stream";
  bench.body = kNative;
  bench.scrape("scrape_fallback_protocol = \"PrometheusProto\"\n");
  bench.loop.advance(10s);
  CHECK(bench.sink().of(R"(h_count{instance="i",job="j"})").at(0).value == 9);
  CHECK(bench.sink().of(R"(h_bucket{instance="i",job="j",le="+Inf"})").at(0).value == 9);
}

TEST_CASE("limits and what is left out are counted") {
  ScrapeBench bench;
  bench.type = "application/openmetrics-text";
  bench.body =
      "# TYPE c counter\nc_total 1 # {t=\"" + std::string(200, 'x') +
      "\"} 1\n# TYPE h histogram\n"
      "h_bucket{le=\"1\"} 1\nh_bucket{le=\"2\"} 3\nh_bucket{le=\"+Inf\"} 3\nh_count 3\nh_sum 1\n"
      "h_bucket{n=\"2\",le=\"+Inf\"} 1\nh_count{n=\"2\"} 2\n"
      "# EOF\n";
  bench.scrape("convert_classic_histograms_to_nhcb = true\n");
  bench.loop.advance(10s);
  CHECK(bench.metric("collector_scrape_exemplars_dropped_total") == 1);
  CHECK(bench.metric("collector_scrape_histograms_not_converted_total") == 1);
  CHECK(bench.sink().histograms.size() == 1);
  CHECK(bench.sink().of(R"(up{instance="i",job="j"})").back().value == 1);
  bench.scrape("convert_classic_histograms_to_nhcb = true\nnative_histogram_bucket_limit = 1\n");
  bench.loop.advance(10s);
  CHECK(bench.sink().of(R"(up{instance="i",job="j"})").back().value == 0);
  CHECK(bench.metric("prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total") ==
        1);
  CHECK(bench.metric("prometheus_target_scrapes_exceeded_sample_limit_total") == 0);
  CHECK(bench.sink().histograms.size() == 1);
}

TEST_CASE("type and unit labels, start times and zero samples") {
  ScrapeBench bench;
  bench.type = "application/openmetrics-text";
  // The manual loop begins at 1700001000 s.
  bench.body = "# TYPE c counter\nc_total 5\nc_created 1700000995\n# EOF\n";
  bench.scrape("enable_type_and_unit_labels = true\nstart_timestamp_zero_ingestion = true\n");
  bench.loop.advance(9s);
  const auto seen = bench.sink().of(R"(c_total{__type__="counter",instance="i",job="j"})");
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].value == 0);
  CHECK(seen[0].ms == 1'700'000'995'000);
  CHECK(seen[1].value == 5);
  // Without them `_created` is a series, and the labels are gone.
  bench.scrape("");
  bench.loop.advance(10s);
  CHECK(bench.sink().of(R"(c_created{instance="i",job="j"})").size() == 1);
  CHECK(bench.sink().of(R"(c_total{instance="i",job="j"})").size() == 1);
}

TEST_CASE("ten thousand targets: each in its own phase, which stays through updates") {
  constexpr std::size_t kTargets = 10'000;
  ScrapeBench bench;
  std::map<std::string, std::vector<Instant>> scrapes;
  std::string targets;
  bench.network.add("farm:1", [&](net::Request request) -> Task<net::Response> {
    scrapes[request.target].push_back(bench.loop.now());
    net::Response response;
    response.headers.set("Content-Type", "text/plain");
    response.body = "a 1\n";
    co_return response;
  });
  for (std::size_t i = 0; i < kTargets; ++i)
    targets += fmt::format("{{__address__ = \"farm:1\", __metrics_path__ = \"/{}\"}},", i);
  bench.loop.advance(7ms);  // no phase begins or ends with what is seen
  bench.scrape("", targets);
  bench.loop.advance(20s);
  bench.scrape("extra_metrics = true\n", targets);
  bench.loop.advance(10s);
  REQUIRE(scrapes.size() == kTargets);
  std::array<int, 10> per_second{};
  bool steady = true;
  for (const auto& [path, at] : scrapes) {
    ++per_second[static_cast<std::size_t>((at[0].since_origin / 1s) % 10)];
    steady = steady && at.size() == 3 && at[1] - at[0] == 10s && at[2] - at[1] == 10s;
  }
  CHECK(steady);
  // Evenly spread: six standard deviations of a binomial are 180.
  for (const int n : per_second) CHECK(std::abs(n - 1000) < 180);
  CHECK(bench.metric("prometheus_scrape_targets_gauge") == kTargets);
  CHECK(bench.sink().of("x").empty());
}

TEST_CASE("a scrape timeout holds, whatever the target does with the time") {
  ScrapeBench bench;
  int begun = 0;
  std::stop_source end;
  bench.network.add("slow:1", [&](net::Request) -> Task<net::Response> {
    ++begun;
    const bool slept = co_await sleep_for(bench.loop, 1h, end.get_token());
    (void)slept;
    co_return net::Response();
  });
  bench.scrape("", "{__address__ = \"slow:1\", job = \"j\", instance = \"i\"}");
  bench.loop.advance(60s);
  CHECK(begun == 6);
  const auto up = bench.sink().of(R"(up{instance="i",job="j"})");
  CHECK(up.size() >= 5);
  for (const SeenSample& s : up) CHECK(s.value == 0);
  for (const SeenSample& s : bench.sink().of(R"(scrape_duration_seconds{instance="i",job="j"})"))
    CHECK((s.value >= 5 && s.value < 5.1));
  for (std::size_t i = 1; i < up.size(); ++i) CHECK(up[i].ms - up[i - 1].ms == 10'000);
  end.request_stop();
  bench.loop.advance(1s);  // no answer is left hanging
}
