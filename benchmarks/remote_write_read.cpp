// What a received sample costs: from the uncompressed body of a request to the columns of a batch.
// 2000 series of ten labels with one sample each, as Prometheus sends them. Figures are printed,
// nothing is asserted.
#include <collector/engine/testing.hpp>

#include "format/remote_write_read.hpp"
#include "wire/compression.hpp"

#include "remote_write_v1.pb.h"
#include "remote_write_v2.pb.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <malloc.h>

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

using namespace collector;

constexpr int kSeries = 2000;
constexpr std::int64_t kTime = 1'700'000'000'000;

std::map<std::string, std::string> labels(int body, int i) {
  return {{"__name__", fmt::format("node_family_{}_total", i / 20)},
          {"cluster", "eu-1"},
          {"container", "node-exporter"},
          {"device", fmt::format("eth{}", i % 7)},
          {"env", "production"},
          {"instance", fmt::format("10.1.{}.{}:9100", body / 250, body % 250)},
          {"job", "node"},
          {"mode", fmt::format("mode-{}", i % 20)},
          {"namespace", "monitoring"},
          {"pod", fmt::format("node-exporter-{}", i)}};
}

/// Of the series of one target; each of them is another series.
std::string body_v1(int body, int first = 0) {
  prometheus::WriteRequest request;
  for (int n = 0; n < kSeries; ++n) {
    const int i = (first + n) % kSeries;
    auto* const series = request.add_timeseries();
    for (const auto& [name, value] : labels(body, i)) {
      auto* const label = series->add_labels();
      label->set_name(name);
      label->set_value(value);
    }
    auto* const sample = series->add_samples();
    sample->set_value(1000.0 * i);
    sample->set_timestamp(kTime);
  }
  return request.SerializeAsString();
}

std::string body_v2(int body, int first = 0) {
  io::prometheus::write::v2::Request request;
  std::unordered_map<std::string, std::uint32_t> symbols;
  const auto symbol = [&](const std::string& text) {
    const auto [it, fresh] = symbols.emplace(text, request.symbols_size());
    if (fresh) request.add_symbols(text);
    return it->second;
  };
  symbol("");
  for (int n = 0; n < kSeries; ++n) {
    const int i = (first + n) % kSeries;
    auto* const series = request.add_timeseries();
    for (const auto& [name, value] : labels(body, i)) {
      series->add_labels_refs(symbol(name));
      series->add_labels_refs(symbol(value));
    }
    auto* const sample = series->add_samples();
    sample->set_value(1000.0 * i);
    sample->set_timestamp(kTime);
    series->mutable_metadata()->set_type(
        io::prometheus::write::v2::Metadata_MetricType_METRIC_TYPE_COUNTER);
    series->mutable_metadata()->set_help_ref(symbol("Things that were counted."));
  }
  return request.SerializeAsString();
}

struct Bench {
  testing::SeededRandom random{1};
  model::SeriesTable table{random};
  Budget budget;
  format::ReceivedSeries known{table, 7, budget};
  format::RemoteWriteReader reader{known};

  void read(const std::string& body, bool v2) {
    MetricColumns columns;
    Reservation charge = budget.charge(0, "bench");
    const auto report =
        v2 ? reader.read_v2(body, {}, columns, charge) : reader.read_v1(body, {}, columns, charge);
    if (!report || report->samples != kSeries) std::abort();
    benchmark::DoNotOptimize(columns.value.data());
  }
};

void per_sample(benchmark::State& state, std::size_t bytes) {
  const auto samples = static_cast<double>(state.iterations()) * kSeries;
  state.counters["time/sample"] =
      benchmark::Counter(samples, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["bytes/sample"] = static_cast<double>(bytes) / kSeries;
}

/// range(0) bodies of known series in turn, each in its order of before, or begun elsewhere.
void known(benchmark::State& state, bool v2, bool shifted) {
  Bench bench;
  std::vector<std::string> bodies;
  for (int n = 0; n < state.range(0); ++n) {
    bench.read(v2 ? body_v2(n) : body_v1(n), v2);
    const int first = shifted ? 1000 : 0;
    bodies.push_back(v2 ? body_v2(n, first) : body_v1(n, first));
  }
  std::size_t next = 0;
  for (auto _ : state) {
    bench.read(bodies[next], v2);
    next = (next + 1) % bodies.size();
  }
  per_sample(state, bodies[0].size());
}
void read_v1(benchmark::State& state) { known(state, false, false); }
void read_v1_shifted(benchmark::State& state) { known(state, false, true); }
void read_v2(benchmark::State& state) { known(state, true, false); }

/// The same with snappy before it: the whole way of a body.
void read_body(benchmark::State& state, bool v2) {
  Bench bench;
  const std::string plain = v2 ? body_v2(1) : body_v1(1);
  std::string body;
  wire::snappy_compress(plain, body);
  for (auto _ : state) {
    Reservation charge = bench.budget.charge(0, "bench");
    const auto made = wire::snappy_uncompress(body, 64U << 20, charge);
    bench.read(*made, v2);
  }
  per_sample(state, body.size());
}
void read_body_v1(benchmark::State& state) { read_body(state, false); }
void read_body_v2(benchmark::State& state) { read_body(state, true); }

/// Series that were never seen.
void first_sight(benchmark::State& state, bool v2) {
  const std::string body = v2 ? body_v2(1) : body_v1(1);
  for (auto _ : state) {
    state.PauseTiming();
    auto bench = std::make_unique<Bench>();
    state.ResumeTiming();
    bench->read(body, v2);
    state.PauseTiming();
    bench.reset();
    state.ResumeTiming();
  }
  per_sample(state, body.size());
}
void first_sight_v1(benchmark::State& state) { first_sight(state, false); }
void first_sight_v2(benchmark::State& state) { first_sight(state, true); }

/// Memory of a series that was received: the cache, the table, and what the allocator says.
void received_memory(benchmark::State& state) {
  constexpr int kBodies = 100;
  for (auto _ : state) {
    const auto before = static_cast<double>(mallinfo2().uordblks);
    auto bench = std::make_unique<Bench>();
    for (int n = 0; n < kBodies; ++n) bench->read(body_v1(n), false);
    malloc_trim(0);
    const double used = static_cast<double>(mallinfo2().uordblks) - before;
    const double series = static_cast<double>(kBodies) * kSeries;
    state.counters["bytes/series"] = used / series;
    state.counters["cache bytes/series"] =
        static_cast<double>(bench->known.memory_bytes()) / series;
    state.counters["table bytes/series"] =
        static_cast<double>(bench->table.memory_bytes()) / series;
  }
}

BENCHMARK(read_v1)->Arg(1)->Arg(100)->Unit(benchmark::kMicrosecond);
BENCHMARK(read_v1_shifted)->Arg(100)->Unit(benchmark::kMicrosecond);
BENCHMARK(read_v2)->Arg(1)->Arg(100)->Unit(benchmark::kMicrosecond);
BENCHMARK(read_body_v1)->Unit(benchmark::kMicrosecond);
BENCHMARK(read_body_v2)->Unit(benchmark::kMicrosecond);
BENCHMARK(first_sight_v1)->Unit(benchmark::kMicrosecond);
BENCHMARK(first_sight_v2)->Unit(benchmark::kMicrosecond);
BENCHMARK(received_memory)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
