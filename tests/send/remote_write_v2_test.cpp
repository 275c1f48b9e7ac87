// Remote write 2.0 and what it carries, against servers that libprotobuf reads for: headers,
// partial writes, servers that only know 1.0, and requests that another configuration left in the
// outbox. Rules: prometheus.io/docs/specs/prw/remote_write_spec_2_0, prometheus/prometheus
// storage/remote.
#include "component_bench.hpp"
#include "format/written_series.hpp"
#include "send/components.hpp"
#include "wire/compression.hpp"

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <set>

using namespace collector;
using namespace std::chrono_literals;

namespace {

constexpr const char* kId = "prometheus.remote_write.x";
constexpr const char* kV2 = "protobuf_message = \"io.prometheus.write.v2.Request\"\n";
constexpr std::int64_t kNow = 1'700'000'000'000;

struct Received {
  bool v2 = false;
  std::vector<WrittenSeries> series;
  net::Headers headers;
  bool metadata_only = false;  ///< of 1.0

  std::size_t samples() const { return sum(&WrittenSeries::samples); }
  std::size_t histograms() const { return sum(&WrittenSeries::histograms); }
  std::size_t exemplars() const { return sum(&WrittenSeries::exemplars); }
  bool has(const std::string& name) const {
    return std::any_of(series.begin(), series.end(),
                       [&](const WrittenSeries& s) { return s.labels.front().second == name; });
  }

 private:
  template <class Rows>
  std::size_t sum(Rows WrittenSeries::* rows) const {
    std::size_t n = 0;
    for (const auto& s : series) n += (s.*rows).size();
    return n;
  }
};

net::Response status(int code) {
  net::Response response;
  response.status = code;
  response.body = "because\n";
  return response;
}
net::Response wrote(int code, std::size_t samples, std::size_t histograms, std::size_t exemplars) {
  net::Response response = status(code);
  response.headers.set("X-Prometheus-Remote-Write-Samples-Written", std::to_string(samples));
  response.headers.set("X-Prometheus-Remote-Write-Histograms-Written", std::to_string(histograms));
  response.headers.set("X-Prometheus-Remote-Write-Exemplars-Written", std::to_string(exemplars));
  return response;
}
/// As Prometheus 3 answers.
net::Response takes_all(const Received& r) {
  if (!r.v2) return status(204);
  return wrote(204, r.samples(), r.histograms(), r.exemplars());
}

struct Receiver {
  using Judge = std::function<net::Response(const Received&)>;
  explicit Receiver(ComponentBench& bench, Judge j = takes_all) : judge(std::move(j)) {
    bench.network.add("server:80", [this, &bench](net::Request r) { return answer(bench, r); });
  }
  Task<net::Response> answer(ComponentBench& bench, net::Request request) {
    Received received;
    received.headers = request.headers;
    const std::string type(request.headers.get("Content-Type"));
    const std::string version(request.headers.get("X-Prometheus-Remote-Write-Version"));
    received.v2 = type == "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    CHECK((received.v2 || type == "application/x-protobuf"));
    CHECK(version == (received.v2 ? "2.0.0" : "0.1.0"));
    CHECK(request.headers.get("Content-Encoding") == "snappy");
    Reservation held = Budget().charge(0, "test");
    const auto plain = wire::snappy_uncompress(request.body, 64U << 20, held);
    REQUIRE(plain.has_value());
    received.series = received.v2 ? read_v2(*plain) : read_v1(*plain);
    received.metadata_only = received.series.empty();
    if (delay.count() > 0) {
      const bool slept = co_await sleep_for(bench.loop, delay, {});
      (void)slept;
    }
    net::Response response = judge(received);
    if (response.status / 100 == 2 && (!received.v2 || takes_v2))
      for (const auto& s : received.series) got.push_back(s);
    requests.push_back(std::move(received));
    co_return response;
  }
  std::set<double> values() const {
    std::set<double> out;
    for (const auto& s : got)
      for (const auto& [ms, bits, start] : s.samples) out.insert(std::bit_cast<double>(bits));
    return out;
  }
  std::string versions() const {
    std::string out;
    for (const Received& r : requests) out += r.v2 ? '2' : '1';
    return out;
  }
  Judge judge;
  bool takes_v2 = true;
  Duration delay{};
  std::vector<Received> requests;
  std::vector<WrittenSeries> got;
};

std::string config(const std::string& inside) {
  return "prometheus.remote_write \"x\" {\nendpoint {\nname = \"e\"\nurl = \"http://server/w\"\n" +
         inside + "\n}\n}\n";
}
constexpr const char* kAtOnce = "queue_config {\nbatch_send_deadline = \"0s\"\n}\n";

Ledger ledger(ComponentBench& bench) { return bench.node(kId).component().ledgers().at("e"); }
void balanced(const Ledger& l) {
  std::uint64_t dropped = 0;
  for (const auto& [reason, n] : l.dropped) dropped += n;
  CHECK(l.accepted == l.delivered + l.waiting + dropped);
  CHECK(l.waiting == 0);
}
std::vector<SeenSample> samples(const std::string& name, int first, int n) {
  std::vector<SeenSample> out;
  for (int i = first; i < first + n; ++i) out.push_back({name, kNow + i, static_cast<double>(i)});
  return out;
}
double metric(ComponentBench& bench, const std::string& name) {
  return bench.metric("prometheus_remote_storage_" + name);
}

NativeHistogram a_histogram(std::int32_t schema) {
  NativeHistogram h;
  h.schema = schema;
  h.count = 6;
  h.sum = 18.5;
  h.positive.spans = {{0, 2}, {1, 1}};
  h.positive.deltas = {1, 1, 1};
  if (schema == NativeHistogram::kCustomBuckets) h.custom_values = {1, 2, 5};
  return h;
}
/// Two floats, a histogram, one with custom buckets, and an exemplar for each.
Metrics everything(ComponentBench& bench) {
  Metrics batch = bench.batch(1, samples("m", 0, 2));
  MetricColumns& c = batch.edit();
  c.start_timestamp = {kNow - 5000, 0};
  const auto named = [&](const char* name) { return bench.series({{"__name__", name}}); };
  c.histograms = {
      {named("h"), kNow, kNow - 7000, std::make_shared<const NativeHistogram>(a_histogram(3))},
      {named("c"), kNow, 0,
       std::make_shared<const NativeHistogram>(a_histogram(NativeHistogram::kCustomBuckets))}};
  c.exemplars = {{named("h"), kNow, 2.5, {{"trace_id", "7"}}},
                 {named("m"), kNow, 0.5, {{"trace_id", "8"}}},
                 {named("c"), kNow, 0.5, {{"trace_id", "9"}}}};
  c.metadata = std::make_shared<const std::vector<Metadata>>(std::vector<Metadata>{
      {"m", MetricType::counter, "Ems.", ""}, {"h", MetricType::histogram, "Aitches.", "seconds"}});
  return batch;
}

struct Scratch {
  std::string path;
  Scratch() {
    char name[] = "/tmp/collector-outbox-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Scratch() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("2.0: small requests are joined to one, with one table of symbols") {
  ComponentBench bench{send::prometheus_remote_write()};
  Receiver server(bench);
  bench.load(config(kV2));
  for (int source = 0; source < 9; ++source)
    bench.offer(kId, bench.batch(static_cast<std::uint64_t>(source), samples("m", source * 10, 3)));
  bench.loop.advance(6s);
  REQUIRE(server.versions() == "2");
  CHECK(server.requests[0].samples() == 27);
  CHECK(server.values().size() == 27);
  CHECK(ledger(bench).delivered == 27);
  balanced(ledger(bench));
  CHECK(metric(bench, "samples_total") == 27);
}

TEST_CASE("2.0: histograms, exemplars, start timestamps and metadata arrive, also relabelled") {
  for (const bool relabelled : {false, true}) {
    ComponentBench bench{send::prometheus_remote_write()};
    Receiver server(bench);
    bench.load(config(std::string(kV2) + "send_native_histograms = true\n" + kAtOnce +
                      (relabelled ? "write_relabel_config {\ntarget_label = \"site\"\n"
                                    "replacement = \"attic\"\n}\n"
                                  : "")));
    bench.offer(kId, everything(bench));
    bench.loop.advance(2min);
    REQUIRE(server.versions() == "2");  // and no metadata apart
    std::map<std::string, WrittenSeries> got;
    for (const auto& s : server.got) got[s.labels.front().second] = s;
    REQUIRE(got.size() == 3);
    for (const auto& [name, series] : got) CHECK(series.labels.size() == (relabelled ? 2 : 1));
    CHECK(std::get<2>(got["m"].samples.at(0)) == kNow - 5000);
    CHECK(got["m"].type == 1);
    CHECK(got["m"].help == "Ems.");
    CHECK(got["h"].type == 3);
    CHECK(got["h"].unit == "seconds");
    CHECK(got["h"].histograms.at(0) == WrittenHistogram{a_histogram(3), kNow, kNow - 7000});
    CHECK(got["c"].histograms.at(0).value == a_histogram(NativeHistogram::kCustomBuckets));
    for (const char* name : {"m", "h", "c"}) CHECK(got[name].exemplars.size() == 1);
    CHECK(std::get<0>(got["h"].exemplars[0]) == WrittenLabels{{"trace_id", "7"}});
    CHECK(metric(bench, "samples_total") == 2);
    CHECK(metric(bench, "histograms_total") == 2);
    CHECK(metric(bench, "histograms_in_total") == 2);
    CHECK(metric(bench, "exemplars_total") == 3);
    CHECK(ledger(bench).delivered == 4);
    balanced(ledger(bench));
  }
}

TEST_CASE("1.0 has no custom buckets: they are dropped and counted, the rest arrives") {
  ComponentBench bench{send::prometheus_remote_write()};
  Receiver server(bench);
  bench.load(config(std::string("send_native_histograms = true\n") + kAtOnce));
  bench.offer(kId, everything(bench));
  bench.loop.advance(1s);
  REQUIRE(server.versions() == "1");
  CHECK(server.requests[0].samples() == 2);
  CHECK(server.requests[0].histograms() == 1);
  CHECK(server.requests[0].exemplars() == 2);
  CHECK(metric(bench, "samples_total") == 2);
  CHECK(metric(bench, "histograms_total") == 1);
  CHECK(metric(bench, "exemplars_total") == 2);
  CHECK(bench.metric("prometheus_remote_storage_histograms_dropped_total") == 1);
  CHECK(ledger(bench).accepted == 4);
  CHECK(ledger(bench).delivered == 3);
  CHECK(ledger(bench).dropped.at("custom buckets in remote write 1.0") == 1);
  balanced(ledger(bench));
}

TEST_CASE("a source that is refused costs no other that is in its request") {
  for (const bool v2 : {false, true}) {
    for (const std::size_t size : {std::size_t{3}, std::size_t{80}}) {  // the larger is compressed
      ComponentBench bench{send::prometheus_remote_write()};
      Receiver server(bench);
      int answers = 0;
      const auto bad = [](const WrittenSeries& s) {
        return std::any_of(s.labels.begin(), s.labels.end(),
                           [](const auto& l) { return l.second == "bad3" || l.second == "bad17"; });
      };
      server.judge = [&](const Received& r) {
        if (++answers % 3 == 0) return status(503);
        return std::any_of(r.series.begin(), r.series.end(), bad) ? status(400) : takes_all(r);
      };
      // So much is known of a server of 2.0 that its 400 is about the data.
      bench.load(
          config((v2 ? kV2 : "") + std::string("send_native_histograms = true\n") + kAtOnce));
      bench.offer(kId, bench.batch(1, samples("first", 0, 1)));
      bench.loop.advance(1s);
      Metrics batch = bench.batch(1, {});
      MetricColumns& c = batch.edit();
      const auto h = std::make_shared<const NativeHistogram>(a_histogram(2));
      for (int source = 0; source < 20; ++source) {
        const bool refused = source == 3 || source == 17;
        for (std::size_t i = 0; i < size; ++i) {
          c.series.push_back(bench.series(
              {{"__name__", "metric_of_a_name_that_takes_some_room_" + std::to_string(i)},
               {"instance", (refused ? "bad" : "good") + std::to_string(source)},
               {"job", "j"}}));
          c.timestamp.push_back(kNow);
          c.value.push_back(static_cast<double>(source));
        }
        c.histograms.push_back(
            {bench.series({{"__name__", "h"},
                           {"instance", (refused ? "bad" : "good") + std::to_string(source)},
                           {"job", "j"}}),
             kNow, 0, h});
      }
      bench.offer(kId, std::move(batch));
      bench.loop.advance(1min);
      std::size_t floats = 0, histograms = 0;
      for (const auto& s : server.got) {
        CHECK(!bad(s));
        floats += s.samples.size();
        histograms += s.histograms.size();
      }
      CHECK(floats == 1 + 18 * size);
      CHECK(histograms == 18);
      CHECK(metric(bench, "samples_total") == 1 + 18.0 * static_cast<double>(size));
      CHECK(metric(bench, "histograms_total") == 18);
      CHECK(metric(bench, "histograms_failed_total") == 2);
      CHECK(metric(bench, "samples_failed_total") == 2.0 * static_cast<double>(size));
      CHECK(ledger(bench).dropped.at("refused by the endpoint") == 2 * (size + 1));
      CHECK(answers < 80);
      balanced(ledger(bench));
    }
  }
}

TEST_CASE("what is refused for something else than the data is not cut") {
  ComponentBench bench{send::prometheus_remote_write()};
  Receiver server(bench);
  server.judge = [](const Received&) { return status(404); };
  bench.load(config("send_native_histograms = true\n" + std::string(kAtOnce)));
  Metrics batch = bench.batch(1, {});
  MetricColumns& c = batch.edit();
  for (int source = 0; source < 20; ++source) {
    c.series.push_back(bench.series({{"__name__", "m"}, {"instance", std::to_string(source)}}));
    c.timestamp.push_back(kNow);
    c.value.push_back(1);
  }
  c.histograms.push_back({bench.series({{"__name__", "h"}}), kNow, 0,
                          std::make_shared<const NativeHistogram>(a_histogram(2))});
  bench.offer(kId, std::move(batch));
  bench.loop.advance(10s);
  CHECK(server.requests.size() == 1);
  CHECK(metric(bench, "samples_failed_total") == 20);
  CHECK(metric(bench, "histograms_failed_total") == 1);
  CHECK(ledger(bench).dropped.at("refused by the endpoint") == 21);
  balanced(ledger(bench));
}

TEST_CASE("exemplars that come without a sample: 1.0 carries them, 2.0 has no place for them") {
  for (const bool v2 : {false, true}) {
    ComponentBench bench{send::prometheus_remote_write()};
    Receiver server(bench);
    bench.load(config((v2 ? kV2 : "") + std::string(kAtOnce)));
    for (const int n : {0, 2}) {
      Metrics batch = bench.batch(1, samples("m", 0, n));
      batch.edit().exemplars = {
          {bench.series({{"__name__", "e"}}), kNow, 2.5, {{"trace_id", "7"}}},
          {bench.series({{"__name__", "e"}}), kNow + 1, 3, {{"trace_id", "8"}}}};
      bench.offer(kId, std::move(batch));
      bench.loop.advance(1s);
    }
    REQUIRE(server.requests.size() == (v2 ? 1 : 2));
    std::size_t got = 0;
    for (const Received& request : server.requests) got += request.exemplars();
    CHECK(got == (v2 ? 0 : 4));
    CHECK(metric(bench, "exemplars_in_total") == 4);
    CHECK(metric(bench, "exemplars_total") == (v2 ? 0 : 4));
    CHECK(metric(bench, "exemplars_dropped_total") == (v2 ? 4 : 0));
    CHECK(metric(bench, "samples_total") == 2);
    CHECK(ledger(bench).accepted == 2);
    balanced(ledger(bench));
  }
}

TEST_CASE(
    "a request of exemplars only survives an endpoint that is away, and a refusal is counted") {
  ComponentBench bench{send::prometheus_remote_write()};
  Receiver server(bench);
  int answers = 0;
  server.judge = [&](const Received&) { return status(++answers < 3 ? 503 : 400); };
  bench.load(config(kAtOnce));
  Metrics batch = bench.batch(1, {});
  batch.edit().exemplars = {{bench.series({{"__name__", "e"}}), kNow, 2.5, {{"trace_id", "7"}}}};
  bench.offer(kId, std::move(batch));
  bench.loop.advance(1min);
  CHECK(answers == 3);
  CHECK(metric(bench, "exemplars_retried_total") == 2);
  CHECK(metric(bench, "exemplars_failed_total") == 1);
  CHECK(metric(bench, "exemplars_total") == 0);
  balanced(ledger(bench));
}

TEST_CASE(
    "histograms are sent where they are asked for, exemplars and metadata unless they are not") {
  for (const bool v2 : {false, true}) {
    ComponentBench bench{send::prometheus_remote_write()};
    Receiver server(bench);
    const std::string version = v2 ? kV2 : "";
    bench.load(config(version + kAtOnce));
    bench.offer(kId, everything(bench));
    bench.loop.advance(1s);
    REQUIRE(server.requests.size() == 1);
    CHECK(server.requests[0].histograms() == 0);
    CHECK(server.requests[0].exemplars() == 1);
    CHECK(metric(bench, "histograms_dropped_total") == 2);
    CHECK(metric(bench, "exemplars_dropped_total") == 2);  // those of the histograms
    bench.load(
        config(version + "send_exemplars = false\nmetadata_config {\nsend = false\n}\n" + kAtOnce));
    bench.offer(kId, everything(bench));
    bench.loop.advance(2min);
    REQUIRE(server.requests.size() == 2);
    CHECK(server.requests[1].exemplars() == 0);
    CHECK(server.requests[1].series.at(0).type == 0);
    CHECK(metric(bench, "exemplars_dropped_total") == 5);
    balanced(ledger(bench));
  }
}

TEST_CASE("what a 2.0 server did not write is dropped and counted, and is not sent again") {
  for (const int code : {204, 400}) {
    CAPTURE(code);
    ComponentBench bench{send::prometheus_remote_write()};
    Receiver server(bench, [&](const Received& r) {
      return wrote(code, r.samples() - 1, r.histograms() - 1, r.exemplars() - 2);
    });
    bench.load(config(std::string(kV2) + "send_native_histograms = true\n" + kAtOnce));
    bench.offer(kId, everything(bench));
    bench.loop.advance(5s);
    CHECK(server.versions() == "2");
    CHECK(ledger(bench).delivered == 2);
    CHECK(ledger(bench).dropped.at("refused by the endpoint") == 2);
    balanced(ledger(bench));
    CHECK(metric(bench, "samples_total") == 1);
    CHECK(metric(bench, "samples_failed_total") == 1);
    CHECK(metric(bench, "histograms_total") == 1);
    CHECK(metric(bench, "histograms_failed_total") == 1);
    CHECK(metric(bench, "exemplars_total") == 1);
    CHECK(metric(bench, "exemplars_failed_total") == 2);
    if (code == 400) CHECK(bench.log.text.find("because") != std::string::npos);
  }
}

TEST_CASE("a server that only takes 1.0 gets 1.0: nothing is lost, and it is asked again") {
  for (const char* how : {"415", "2xx without the headers", "400"}) {
    CAPTURE(how);
    ComponentBench bench{send::prometheus_remote_write()};
    bool old = true;
    Receiver server(bench, [&](const Received& r) {
      if (!r.v2 || !old) return takes_all(r);
      return status(how[0] == '2' ? 204 : std::atoi(how));
    });
    server.takes_v2 = false;
    bench.load(config(std::string(kV2) + "send_native_histograms = true\n" + kAtOnce));
    bench.offer(kId, everything(bench));
    bench.loop.advance(5s);
    CHECK(server.versions() == "21");
    CHECK(server.values() == std::set<double>{0, 1});
    CHECK(server.requests[1].histograms() == 1);
    CHECK(server.requests[1].exemplars() == 2);
    CHECK(ledger(bench).delivered == 3);
    CHECK(ledger(bench).dropped.at("custom buckets in remote write 1.0") == 1);
    balanced(ledger(bench));
    // It is remembered; and metadata goes apart.
    bench.offer(kId, everything(bench));
    bench.loop.advance(2min);
    CHECK(server.versions() == "2111");
    CHECK(server.requests[3].metadata_only);
    CHECK(ledger(bench).dropped.at("custom buckets in remote write 1.0") == 2);
    // After an hour it is asked again, by a request that does not get lost.
    bench.loop.advance(1h);
    const std::size_t before = server.requests.size();
    bench.offer(kId, bench.batch(1, samples("m", 50, 1)));
    bench.loop.advance(5s);
    CHECK(server.versions().substr(before) == "21");
    old = false;
    server.takes_v2 = true;
    bench.loop.advance(1h);
    bench.offer(kId, bench.batch(1, samples("m", 60, 1)));
    bench.loop.advance(5s);
    CHECK(server.versions().substr(before + 2) == "2");
    CHECK(server.values() == std::set<double>{0, 1, 50, 60});
    balanced(ledger(bench));
  }
}

TEST_CASE("400 to both versions is about the data: it is given up, and 2.0 is spoken") {
  ComponentBench bench{send::prometheus_remote_write()};
  Receiver server(bench,
                  [](const Received& r) { return r.has("bad") ? status(400) : takes_all(r); });
  bench.load(config(std::string(kV2) + kAtOnce));
  bench.offer(kId, bench.batch(1, samples("bad", 0, 1)));
  bench.loop.advance(1s);
  CHECK(server.versions() == "21");
  bench.offer(kId, bench.batch(1, samples("good", 1, 1)));
  bench.offer(kId, bench.batch(1, samples("bad", 2, 1)));
  bench.loop.advance(1s);
  CHECK(server.versions() == "2122");
  CHECK(server.values() == std::set<double>{1});
  CHECK(ledger(bench).dropped.at("refused by the endpoint") == 2);
  CHECK(metric(bench, "samples_failed_total") == 2);
  balanced(ledger(bench));
}

TEST_CASE("2.0: of a joined request that is refused only the part at fault is given up") {
  ComponentBench bench{send::prometheus_remote_write()};
  Receiver server(
      bench, [](const Received& r) { return r.has("bad") ? wrote(400, 0, 0, 0) : takes_all(r); });
  bench.load(config(kV2));
  for (int source = 0; source < 9; ++source)
    bench.offer(kId, bench.batch(static_cast<std::uint64_t>(source),
                                 samples(source == 4 ? "bad" : "good", source * 10, 3)));
  bench.loop.advance(10s);
  CHECK(server.values().size() == 24);
  CHECK(ledger(bench).dropped.at("refused by the endpoint") == 3);
  CHECK(server.versions().find('1') == std::string::npos);
  balanced(ledger(bench));
}

TEST_CASE("2.0: a request that is too large is halved, also where the server turns out to be old") {
  for (const bool old : {false, true}) {
    ComponentBench bench{send::prometheus_remote_write()};
    Receiver server(bench, [&](const Received& r) {
      if (r.samples() > 4) return status(413);
      return old && r.v2 ? status(415) : takes_all(r);
    });
    bench.load(config(std::string(kV2) + kAtOnce));
    std::vector<SeenSample> batch;
    for (int i = 0; i < 8; ++i) batch.push_back({"m" + std::to_string(i), kNow, 1.0 * i});
    bench.offer(kId, bench.batch(1, batch));
    bench.loop.advance(5s);
    CHECK(server.versions() == (old ? "2211" : "222"));
    CHECK(server.values().size() == 8);
    CHECK(ledger(bench).delivered == 8);
    balanced(ledger(bench));
  }
}

TEST_CASE("what got too old is taken out of requests of either version, histograms as well") {
  for (const bool v2 : {false, true}) {
    ComponentBench bench{send::prometheus_remote_write()};
    bool up = false;
    Receiver server(bench, [&](const Received& r) { return up ? takes_all(r) : status(503); });
    bench.load(
        config(std::string(v2 ? kV2 : "") +
               "send_native_histograms = true\nqueue_config {\nbatch_send_deadline = \"0s\"\n"
               "sample_age_limit = \"1m\"\n}"));
    const std::int64_t now = bench.loop.wall().unix_ms();
    Metrics batch = bench.batch(1, {{"m", now, 1}, {"n", now + 50'000, 2}});
    MetricColumns& c = batch.edit();
    const auto h = std::make_shared<const NativeHistogram>(a_histogram(2));
    c.histograms = {{bench.series({{"__name__", "h"}}), now + 100, 0, h},
                    {bench.series({{"__name__", "k"}}), now + 60'000, 0, h}};
    bench.offer(kId, std::move(batch));
    bench.loop.advance(80s);
    up = true;
    bench.loop.advance(10s);
    CHECK(server.values() == std::set<double>{2});
    CHECK(ledger(bench).dropped.at("too old") == 2);
    CHECK(ledger(bench).delivered == 2);
    CHECK(metric(bench, "histograms_total") == 1);
    balanced(ledger(bench));
  }
}

TEST_CASE("what got too old while a part of its request waited is not sent") {
  for (const bool v2 : {false, true}) {
    for (const int whole : {400, 413}) {
      ComponentBench bench{send::prometheus_remote_write()};
      bool up = false;
      Receiver server(bench, [&](const Received& r) {
        if (r.series.size() == 4) return whole == 413 ? status(413) : wrote(400, 0, 0, 0);
        return up ? takes_all(r) : status(503);
      });
      bench.load(config(std::string(v2 ? kV2 : "") +
                        "queue_config {\nbatch_send_deadline = \"0s\"\n"
                        "sample_age_limit = \"1m\"\n}"));
      const std::int64_t now = bench.loop.wall().unix_ms();
      Metrics batch = bench.batch(1, {});
      MetricColumns& c = batch.edit();
      for (int i = 0; i < 4; ++i) {
        c.series.push_back(bench.series({{"__name__", "m" + std::to_string(i)},
                                         {"instance", i < 2 ? "a" : "b"},
                                         {"job", "j"}}));
        c.timestamp.push_back(now + (i % 2) * 60'000);
        c.value.push_back(i);
      }
      bench.offer(kId, std::move(batch));
      bench.loop.advance(80s);
      up = true;
      bench.loop.advance(10s);
      CHECK(server.values() == std::set<double>{1, 3});
      CHECK(ledger(bench).dropped.at("too old") == 2);
      CHECK(ledger(bench).delivered == 2);
      balanced(ledger(bench));
    }
  }
}

TEST_CASE("of exemplars that come without a sample only those that got too old are left out") {
  ComponentBench bench{send::prometheus_remote_write()};
  bool up = false;
  Receiver server(bench, [&](const Received& r) { return up ? takes_all(r) : status(503); });
  bench.load(
      config("queue_config {\nbatch_send_deadline = \"0s\"\n"
             "sample_age_limit = \"1m\"\n}"));
  const std::int64_t now = bench.loop.wall().unix_ms();
  Metrics batch = bench.batch(1, {});
  batch.edit().exemplars = {
      {bench.series({{"__name__", "e"}}), now, 2.5, {{"trace_id", "7"}}},
      {bench.series({{"__name__", "e"}}), now + 60'000, 3, {{"trace_id", "8"}}}};
  bench.offer(kId, std::move(batch));
  bench.loop.advance(80s);
  up = true;
  bench.loop.advance(10s);
  REQUIRE(server.got.size() == 1);
  CHECK(server.got[0].exemplars.size() == 1);
  CHECK(metric(bench, "exemplars_total") == 1);
  balanced(ledger(bench));
}

TEST_CASE("requests of another version than is configured are sent all the same") {
  for (const bool first_v2 : {false, true}) {
    Scratch scratch;
    {
      ComponentBench bench({send::prometheus_remote_write()}, scratch.path);
      bench.load(config(std::string(first_v2 ? kV2 : "") + "send_native_histograms = true"));
      for (int i = 0; i < 5; ++i) bench.offer(kId, bench.batch(1, samples("m", i, 1)));
      bench.offer(kId, everything(bench));
      // A request of its own, compressed when it is stored.
      std::vector<SeenSample> large;
      for (int i = 0; i < 1900; ++i)
        large.push_back({"a_long_name_of_a_series_" + std::to_string(i * 7919), kNow, 1.0 * i});
      bench.offer(kId, bench.batch(1, large));
      bench.stop(1s);
    }
    ComponentBench next({send::prometheus_remote_write()}, scratch.path);
    Receiver server(next);
    next.load(config(first_v2 ? "" : kV2));
    next.loop.advance(10s);
    CHECK(server.versions().find(first_v2 ? '2' : '1') == (first_v2 ? std::string::npos : 0));
    CHECK(server.values().size() == 1900);
    CHECK(ledger(next).accepted == (first_v2 ? 1909 : 1908));
    CHECK(ledger(next).delivered == 1908);
    balanced(ledger(next));
    next.stop(1s);
  }
}

TEST_CASE("requests in flight rise with the backlog and fall again") {
  ComponentBench bench{send::prometheus_remote_write()};
  bool up = true;
  Receiver server(bench, [&](const Received& r) { return up ? takes_all(r) : status(503); });
  server.delay = 200ms;
  bench.load(config(std::string(kV2) +
                    "queue_config {\nbatch_send_deadline = \"1s\"\nmax_samples_per_send = 10\n"
                    "max_shards = 20\ncapacity = 100000\nmax_backoff = \"1s\"\n}"));
  int at = 0;
  const auto run = [&](int seconds) {
    double most = 0;
    for (int i = 0; i < seconds; ++i) {
      for (int source = 0; source < 40; ++source)
        bench.offer(kId, bench.batch(static_cast<std::uint64_t>(source), samples("m", at++, 1)));
      bench.loop.advance(1s);
      most = std::max(most, metric(bench, "shards{"));
    }
    return most;
  };
  CHECK(run(60) <= 2);  // 40 a second, 10 a request, 0.2 s each: less than one at a time
  up = false;
  run(120);
  up = true;
  CHECK(ledger(bench).waiting > 4000);
  CHECK(run(60) >= 4);
  run(240);
  CHECK(ledger(bench).waiting < 200);
  CHECK(run(60) <= 2);
  CHECK(server.values().size() == static_cast<std::size_t>(ledger(bench).delivered));
  CHECK(ledger(bench).dropped.empty());
}
