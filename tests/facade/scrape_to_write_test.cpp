// Small targets that leave prometheus.scrape together and what a server of remote write gets of
// them: each series with its own metadata, in order, and refused by itself.
#include <collector/engine/testing.hpp>

#include "component_bench.hpp"
#include "format/written_series.hpp"
#include "receive/components.hpp"
#include "receive/scrape_target.hpp"
#include "send/components.hpp"
#include "wire/compression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

using namespace collector;
using namespace std::chrono_literals;

namespace {

constexpr const char* kV2 = "protobuf_message = \"io.prometheus.write.v2.Request\"\n";

StringMap labels_of(int target) {
  const std::string n = std::to_string(target);
  return {{"__address__", "farm:1"}, {"__metrics_path__", "/" + n}, {"instance", n}};
}

/// Targets that a component named `p` scrapes within a fifth of a second, all of one lane.
const std::vector<int>& together() {
  static const std::vector<int> found = [] {
    receive::ScrapeArguments arguments;
    arguments.scrape_interval = 10s;
    arguments.scrape_timeout = 5s;
    for (int i = 0; i < 2'000; ++i) arguments.targets.push_back(labels_of(i));
    std::vector<int> out;
    for (const receive::ScrapeTarget& t :
         receive::build_targets(arguments, "prometheus.scrape.p").active)
      if (t.phase() >> 58 == 7) out.push_back(std::stoi(t.labels.at("instance")));
    return out;
  }();
  REQUIRE(found.size() > 20);
  return found;
}

/// Targets `farm:1/N`, whose answers are `exposition`'s, and a server whose answer is `judge`'s.
struct Chain : ComponentBench {
  using Series = std::vector<WrittenSeries>;
  Chain() : ComponentBench{receive::prometheus_scrape(), send::prometheus_remote_write()} {
    network.add("farm:1", [this](net::Request request) -> Task<net::Response> {
      const int target = std::stoi(request.target.substr(1));
      net::Response response;
      response.headers.set("Content-Type", "text/plain");
      response.body = exposition(target, ++scrapes[target]);
      if (response.body.empty()) response.status = 500;
      co_return response;
    });
    network.add("server:80", [this](net::Request request) -> Task<net::Response> {
      Reservation held = Budget().charge(0, "test");
      const auto plain = wire::snappy_uncompress(request.body, 64U << 20, held);
      REQUIRE(plain.has_value());
      const bool v2 = request.headers.get("Content-Type").find("v2") != std::string_view::npos;
      const Series series = v2 ? read_v2(*plain) : read_v1(*plain);
      if (!v2) {
        prometheus::WriteRequest read;
        REQUIRE(oracle_parse(*plain, read));
        for (const auto& m : read.metadata()) help[m.metric_family_name()] = m.help();
      }
      if (delay.count() > 0) {
        const bool slept = co_await sleep_for(loop, delay, {});
        (void)slept;
      }
      net::Response response;
      response.status = judge(series);
      std::size_t samples = 0;
      for (const WrittenSeries& s : series) samples += s.samples.size();
      response.headers.set("X-Prometheus-Remote-Write-Samples-Written", std::to_string(samples));
      response.headers.set("X-Prometheus-Remote-Write-Histograms-Written", "0");
      response.headers.set("X-Prometheus-Remote-Write-Exemplars-Written", "0");
      if (response.status / 100 == 2) got.insert(got.end(), series.begin(), series.end());
      co_return response;
    });
  }
  ~Chain() {
    if (!stopped) stop(5s);  // while there is what the handlers use
  }
  void start(const std::vector<int>& targets, const std::string& scrape,
             const std::string& endpoint, const std::string& name = "p") {
    std::string list;
    for (const int i : targets)
      list += fmt::format(
          "{{__address__ = \"farm:1\", __metrics_path__ = \"/{0}\", instance = \"{0}\"}},", i);
    load(
        fmt::format("prometheus.scrape \"{}\" {{\ntargets = [{}]\nforward_to = "
                    "[prometheus.remote_write.x.receiver]\nscrape_interval = \"10s\"\n"
                    "scrape_timeout = \"5s\"\n{}\n}}\nprometheus.remote_write \"x\" {{\nendpoint "
                    "{{\nurl = \"http://server/w\"\n{}\n}}\n}}\n",
                    name, list, scrape, endpoint));
  }
  /// The value of a label.
  static std::string of(const WrittenSeries& series, const std::string& label) {
    for (const auto& [name, value] : series.labels)
      if (name == label) return value;
    return {};
  }
  /// The values of `name`, by instance, in order of arrival, without stale markers.
  std::map<int, std::vector<double>> values(const std::string& name) const {
    std::map<int, std::vector<double>> out;
    for (const WrittenSeries& s : got)
      if (of(s, "__name__") == name)
        for (const auto& [ms, bits, start] : s.samples)
          if (bits != kStaleNaN)
            out[std::stoi(of(s, "instance"))].push_back(std::bit_cast<double>(bits));
    return out;
  }
  Ledger ledger() {
    return node("prometheus.remote_write.x").component().ledgers().begin()->second;
  }
  std::function<std::string(int target, int turn)> exposition = [](int, int turn) {
    return fmt::format("a {}\n", turn);
  };
  std::function<int(const Series&)> judge = [](const Series&) { return 204; };
  Duration delay{};
  std::map<int, int> scrapes;
  std::map<std::string, std::string> help;  ///< what 1.0 said of families
  Series got;
};

/// Three kinds of targets that say different things of a family of one name; the third fails every
/// other time.
std::string three_kinds(int target, int turn) {
  if (target % 3 == 2 && turn % 2 == 0) return {};
  return fmt::format(
      "# HELP f help {0}\n# TYPE f {1}\nf {2}\n# HELP only_{0} of {0}\nonly_{0} {2}\n", target % 3,
      target % 3 == 0 ? "counter" : "gauge", turn);
}

}  // namespace

TEST_CASE_METHOD(Chain, "remote write 2.0: targets that leave together keep their own metadata") {
  exposition = three_kinds;
  start(together(), "honor_metadata = true", kV2);
  loop.advance(65s);
  std::size_t with = 0, bare = 0;
  std::set<std::string> wrong;
  for (const WrittenSeries& s : got) {
    const std::string name = of(s, "__name__");
    const int kind = std::stoi(of(s, "instance")) % 3;
    const bool stale = std::get<1>(s.samples.at(0)) == kStaleNaN;
    std::string expected;
    if (name == "f") expected = fmt::format("help {}", kind);
    if (name.rfind("only_", 0) == 0) expected = fmt::format("of {}", kind);
    // Of what a scrape that failed leaves nothing is said.
    if (stale) expected.clear();
    if (s.help != expected) wrong.insert(fmt::format("{} of kind {}: {}", name, kind, s.help));
    if (name == "f" && !stale) CHECK(s.type == (kind == 0 ? 1 : 2));
    ++(s.help.empty() ? bare : with);
  }
  CHECK(wrong == std::set<std::string>{});
  CHECK(with > 200);
  CHECK(bare > 600);
  CHECK(metric("prometheus_fanout_latency_count") < 6 * 5);  // they did leave together
}

TEST_CASE_METHOD(Chain, "remote write 1.0: the metadata of every target arrives") {
  exposition = three_kinds;
  start(together(), "honor_metadata = true", "");
  loop.advance(65s);
  CHECK(help.at("only_0") == "of 0");
  CHECK(help.at("only_1") == "of 1");
  CHECK(help.at("only_2") == "of 2");
  CHECK(help.at("f").rfind("help ", 0) == 0);
}

TEST_CASE_METHOD(Chain,
                 "a server that fails now and then gets the samples of each target in order") {
  for (const bool out_of_order : {false, true}) {
    Chain chain;
    testing::SeededRandom random(out_of_order ? 5 : 6);
    chain.delay = 300ms;
    chain.judge = [&](const Series&) { return random.next() % 4 == 0 ? 503 : 204; };
    chain.start(together(), "",
                fmt::format("queue_config {{\nmax_samples_per_send = 70\nmin_shards = 8\n"
                            "batch_send_deadline = \"1s\"\n}}\noutbox {{\nout_of_order = {}\n}}\n",
                            out_of_order));
    chain.loop.advance(300s);
    CHECK(chain.stop(60s));
    std::size_t wrong = 0, samples = 0;
    for (const auto& [target, seen] : chain.values("a")) {
      for (std::size_t i = 0; i < seen.size(); ++i)
        if (seen[i] != static_cast<double>(i + 1)) ++wrong;
      samples += seen.size();
      CHECK(seen.size() == static_cast<std::size_t>(chain.scrapes[target]));
    }
    CHECK(wrong == 0);
    CHECK(samples >= 29 * together().size());
  }
}

TEST_CASE_METHOD(Chain, "a target whose samples are refused takes no neighbour's with it") {
  exposition = [](int target, int turn) {
    return target == together().front() ? "bad 1\n" : fmt::format("a {}\n", turn);
  };
  judge = [](const Series& series) {
    for (const WrittenSeries& s : series)
      if (of(s, "__name__") == "bad") return 400;
    return 204;
  };
  start(together(), "", "");
  loop.advance(120s);
  stop(60s);
  std::size_t lost = 0;
  auto seen = values("a");
  for (const auto& [target, times] : scrapes)
    if (target != together().front()) lost += static_cast<std::size_t>(times) - seen[target].size();
  CHECK(lost == 0);
}

TEST_CASE_METHOD(Chain, "targets that another component scrapes from now on keep their order") {
  testing::SeededRandom random(3);
  bool up = false;
  delay = 50ms;
  judge = [&](const Series&) { return up && random.next() % 3 != 0 ? 204 : 503; };
  for (const std::string name : {"p", "q"}) {
    start(together(), "job_name = \"j\"",
          "queue_config {\nmin_shards = 8\nmax_samples_per_send = 100\n}", name);
    loop.advance(120'007ms);  // not where a scrape is
  }
  up = true;
  loop.advance(120s);
  stop(60s);
  std::map<WrittenLabels, std::int64_t> newest;
  std::size_t samples = 0, late = 0;
  for (const WrittenSeries& s : got)
    for (const auto& [ms, bits, start] : s.samples) {
      std::int64_t& last = newest[s.labels];
      if (ms < last) ++late;
      last = std::max(last, ms);
      ++samples;
    }
  REQUIRE(samples > 100 * together().size());
  CHECK(late == 0);
}
