// What one sample costs on its way from an exposition to a remote-write body, and what one series
// costs in memory. Bodies are like node_exporter's in shape: families of labelled series, mostly
// integers. Figures are printed, nothing is asserted.
#include <collector/engine/testing.hpp>

#include "format/exposition.hpp"
#include "format/remote_write.hpp"
#include "format/remote_write_v2.hpp"
#include "format/remote_write_v2_edit.hpp"
#include "format/scrape_cache.hpp"
#include "model/relabel.hpp"
#include "model/relabel_cache.hpp"
#include "proto/metric_family.hpp"
#include "wire/compression.hpp"
#include "wire/reader.hpp"
#include "wire/writer.hpp"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iterator>

namespace {

using namespace collector;

/// `samples` lines in families of 20; `turn` changes the values, `churn` names a share of new
/// series.
std::string exposition(int samples, int turn, int churn_percent = 0) {
  std::string body;
  for (int i = 0; i < samples; ++i) {
    if (i % 20 == 0)
      body += fmt::format(
          "# HELP bench_family_{0}_total Things of kind {0}.\n"
          "# TYPE bench_family_{0}_total counter\n",
          i / 20);
    const bool fresh = churn_percent > 0 && i % 100 < churn_percent;
    const std::string pod = fresh ? fmt::format("pod-{}-{}", i, turn) : fmt::format("pod-{}", i);
    body += fmt::format("bench_family_{}_total{{device=\"eth{}\",mode=\"mode-{}\",pod=\"{}\"}} ",
                        i / 20, i % 7, i % 20, pod);
    body += i % 5 == 0 ? fmt::format("{}\n", 0.25 * (i + turn))
                       : fmt::format("{}\n", 1000LL * i + turn);
  }
  return body;
}

/// The same families and values as protobuf.
std::string protobuf_exposition(int samples, int turn) {
  namespace pb = proto::metric_family;
  wire::Arena arena;
  wire::Writer writer;
  std::deque<std::string> texts;
  const auto keep = [&](std::string text) {
    return std::string_view(texts.emplace_back(std::move(text)));
  };
  std::string body;
  for (int first = 0; first < samples; first += 20) {
    pb::MetricFamily family;
    family.has_name = family.has_type = true;
    family.name = keep(fmt::format("bench_family_{}_total", first / 20));
    for (int i = first; i < std::min(first + 20, samples); ++i) {
      pb::Metric* const metric = family.metric.add(arena);
      for (const auto& [name, value] : {std::pair("device", fmt::format("eth{}", i % 7)),
                                        std::pair("mode", fmt::format("mode-{}", i % 20)),
                                        std::pair("pod", fmt::format("pod-{}", i))}) {
        pb::LabelPair* const label = metric->label.add(arena);
        label->has_name = label->has_value = true;
        label->name = name;
        label->value = keep(value);
      }
      metric->counter = wire::present(metric->counter, arena);
      metric->counter->has_value = true;
      metric->counter->value = i % 5 == 0 ? 0.25 * (i + turn) : 1000.0 * i + turn;
    }
    const std::string_view message = wire::encode(family, writer);
    char length[10];
    body.append(length, wire::put_varint(length, message.size())).append(message);
  }
  return body;
}

/// The file that BENCH_EXPOSITION names, for the figures of a real target; else made up.
std::string body_to_encode(int samples) {
  const char* const path = std::getenv("BENCH_EXPOSITION");
  if (!path) return exposition(samples, 1);
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

format::ScrapeSettings settings() {
  format::ScrapeSettings s;
  s.labels = {{"cluster", "eu-1"}, {"env", "prod"}, {"instance", "10.1.2.3:9100"}, {"job", "node"}};
  return s;
}

void per_sample(benchmark::State& state, std::int64_t samples) {
  state.SetItemsProcessed(state.iterations() * samples);
  state.counters["time/sample"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(samples),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void parse(benchmark::State& state) {
  const std::string body = exposition(static_cast<int>(state.range(0)), 1);
  for (auto _ : state) {
    format::ExpositionReader reader(body, format::Exposition::text);
    for (;;) {
      auto line = reader.next();
      if (!line || !*line) break;
      benchmark::DoNotOptimize((*line)->value);
    }
  }
  per_sample(state, state.range(0));
}

/// Every scrape of a target whose series are known; range(1) is the percentage that are not.
void scrape(benchmark::State& state) {
  const int samples = static_cast<int>(state.range(0));
  testing::SeededRandom random(1);
  model::SeriesTable table(random);
  format::ScrapeCache cache(table, 1);
  const auto s = settings();
  std::vector<std::string> bodies;
  for (int turn = 0; turn < 16; ++turn)
    bodies.push_back(exposition(samples, turn, static_cast<int>(state.range(1))));
  std::int64_t now = 1'700'000'000'000;
  std::size_t turn = 0;
  MetricColumns columns;
  (void)cache.scrape(bodies[0], s, now, columns);
  for (auto _ : state) {
    columns.series.clear();
    columns.timestamp.clear();
    columns.value.clear();
    benchmark::DoNotOptimize(
        cache.scrape(bodies[++turn % bodies.size()], s, now += 15'000, columns));
  }
  per_sample(state, samples);
}

void scrape_protobuf(benchmark::State& state) {
  const int samples = static_cast<int>(state.range(0));
  testing::SeededRandom random(1);
  model::SeriesTable table(random);
  format::ScrapeCache cache(table, 1);
  auto s = settings();
  s.format = format::Exposition::protobuf;
  std::vector<std::string> bodies;
  for (int turn = 0; turn < 16; ++turn) bodies.push_back(protobuf_exposition(samples, turn));
  std::int64_t now = 1'700'000'000'000;
  std::size_t turn = 0;
  MetricColumns columns;
  if (!cache.scrape(bodies[0], s, now, columns)) state.SkipWithError("the body is not taken");
  for (auto _ : state) {
    columns.series.clear();
    columns.timestamp.clear();
    columns.value.clear();
    benchmark::DoNotOptimize(
        cache.scrape(bodies[++turn % bodies.size()], s, now += 15'000, columns));
  }
  per_sample(state, samples);
}

void relabel(benchmark::State& state) {
  const int samples = static_cast<int>(state.range(0));
  testing::SeededRandom random(1);
  model::SeriesTable table(random);
  format::ScrapeCache cache(table, 1);
  MetricColumns columns;
  (void)cache.scrape(exposition(samples, 1), settings(), 1, columns);
  model::RelabelRule rule;
  rule.target_label = "site";
  rule.replacement = "attic";
  auto compiled = model::RelabelRules::compile({rule});
  model::RelabelCache relabelled(table, std::move(*compiled));
  for (auto _ : state)
    for (const SeriesId id : columns.series) benchmark::DoNotOptimize(relabelled.map(id));
  per_sample(state, samples);
}

void encode(benchmark::State& state) {
  testing::SeededRandom random(1);
  model::SeriesTable table(random);
  format::ScrapeCache cache(table, 1);
  MetricColumns columns;
  (void)cache.scrape(body_to_encode(static_cast<int>(state.range(0))), settings(),
                     1'700'000'000'000, columns);
  const auto samples = static_cast<std::int64_t>(columns.series.size());
  std::size_t bytes = 0;
  std::string plain, body;
  for (auto _ : state) {
    plain.clear();
    body.clear();
    format::append_write_request(columns, {0, columns.series.size(), {}, {}}, table, plain);
    wire::snappy_compress(plain, body);
    bytes = body.size();
    benchmark::DoNotOptimize(body.data());
  }
  per_sample(state, samples);
  state.counters["bytes/sample"] = static_cast<double>(bytes) / static_cast<double>(samples);
}

void encode_v2(benchmark::State& state) {
  testing::SeededRandom random(1);
  model::SeriesTable table(random);
  format::ScrapeCache cache(table, 1);
  MetricColumns columns;
  (void)cache.scrape(body_to_encode(static_cast<int>(state.range(0))), settings(),
                     1'700'000'000'000, columns);
  const auto samples = static_cast<std::int64_t>(columns.series.size());
  format::RemoteWriteV2Encoder encoder;
  std::string body;
  for (auto _ : state) {
    body.clear();
    wire::snappy_compress(encoder.encode(columns, {0, columns.series.size(), {}, {}}, table), body);
    benchmark::DoNotOptimize(body.data());
  }
  per_sample(state, samples);
  state.counters["bytes/sample"] = static_cast<double>(body.size()) / static_cast<double>(samples);
}

/// Twenty small requests of 2.0 as one, as when their sources are scraped at about the same time.
void join_v2(benchmark::State& state) {
  constexpr int kBodies = 20;
  testing::SeededRandom random(1);
  model::SeriesTable table(random);
  std::vector<std::string> bodies;
  for (int i = 0; i < kBodies; ++i) {
    format::ScrapeCache cache(table, 1);
    MetricColumns columns;
    (void)cache.scrape(body_to_encode(static_cast<int>(state.range(0))), settings(),
                       1'700'000'000'000 + i, columns);
    format::RemoteWriteV2Encoder encoder;
    bodies.emplace_back(encoder.encode(columns, {0, columns.series.size(), {}, {}}, table));
  }
  const std::vector<std::string_view> views(bodies.begin(), bodies.end());
  format::RequestJoiner joiner;
  for (auto _ : state) {
    auto joined = joiner.join(views);
    benchmark::DoNotOptimize(joined);
  }
  per_sample(state, kBodies * state.range(0));
}

/// Memory of a scraped series: the table's account, and what the allocator says.
void series_memory(benchmark::State& state) {
  const int targets = 50, samples = 2000;
  for (auto _ : state) {
    const auto before = static_cast<double>(mallinfo2().uordblks);
    testing::SeededRandom random(1);
    model::SeriesTable table(random);
    std::vector<std::unique_ptr<format::ScrapeCache>> caches;
    const std::string body = exposition(samples, 1);
    for (int t = 0; t < targets; ++t) {
      auto s = settings();
      s.labels["instance"] = fmt::format("10.1.2.{}:9100", t);
      MetricColumns columns;
      caches.push_back(std::make_unique<format::ScrapeCache>(table, 1));
      (void)caches.back()->scrape(body, s, 1, columns);
    }
    malloc_trim(0);
    const double used = static_cast<double>(mallinfo2().uordblks) - before;
    state.counters["bytes/series"] = used / (targets * samples);
    state.counters["table bytes/series"] =
        static_cast<double>(table.memory_bytes()) / (targets * samples);
  }
}

BENCHMARK(parse)->Arg(1857)->Unit(benchmark::kMicrosecond);
BENCHMARK(scrape)
    ->Args({100, 0})
    ->Args({1857, 0})
    ->Args({20000, 0})
    ->Args({1857, 1})
    ->Args({1857, 10})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(scrape_protobuf)->Arg(1857)->Arg(20000)->Unit(benchmark::kMicrosecond);
BENCHMARK(relabel)->Arg(1857)->Unit(benchmark::kMicrosecond);
BENCHMARK(encode)->Arg(1857)->Arg(20000)->Unit(benchmark::kMicrosecond);
BENCHMARK(encode_v2)->Arg(1857)->Arg(20000)->Unit(benchmark::kMicrosecond);
BENCHMARK(join_v2)->Arg(100)->Unit(benchmark::kMicrosecond);
BENCHMARK(series_memory)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
