// Reading and writing remote-write bodies of 2000 series, one sample each: our generated codecs and
// libprotobuf's with arenas, from the same bytes.
#include "proto/remote_write_v1.hpp"
#include "proto/remote_write_v2.hpp"
#include "wire/reader.hpp"
#include "wire/writer.hpp"

#include "remote_write_v1.pb.h"
#include "remote_write_v2.pb.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <google/protobuf/arena.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace collector;

constexpr int kSeries = 2000;
constexpr std::int64_t kTime = 1'700'000'000'000;

/// Ten labels, sorted, as a scraped and relabelled node_exporter series has them.
std::map<std::string, std::string> labels(int i) {
  return {{"__name__", fmt::format("node_family_{}_total", i / 20)},
          {"cluster", "eu-1"},
          {"container", "node-exporter"},
          {"device", fmt::format("eth{}", i % 7)},
          {"env", "production"},
          {"instance", "10.1.2.3:9100"},
          {"job", "node"},
          {"mode", fmt::format("mode-{}", i % 20)},
          {"namespace", "monitoring"},
          {"pod", fmt::format("node-exporter-{}", i)}};
}

std::string body_v1() {
  prometheus::WriteRequest request;
  for (int i = 0; i < kSeries; ++i) {
    auto* const series = request.add_timeseries();
    for (const auto& [name, value] : labels(i)) {
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

std::string body_v2() {
  io::prometheus::write::v2::Request request;
  std::map<std::string, std::uint32_t> symbols;
  const auto symbol = [&](const std::string& text) {
    const auto [it, fresh] = symbols.emplace(text, request.symbols_size());
    if (fresh) request.add_symbols(text);
    return it->second;
  };
  symbol("");
  for (int i = 0; i < kSeries; ++i) {
    auto* const series = request.add_timeseries();
    for (const auto& [name, value] : labels(i)) {
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

void per_sample(benchmark::State& state, const std::string& body) {
  state.counters["time/sample"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kSeries,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["bytes/sample"] = static_cast<double>(body.size()) / kSeries;
}

template <class Message>
void decode_ours(benchmark::State& state, std::string (*make)()) {
  const std::string body = make();
  wire::Arena arena;
  for (auto _ : state) {
    arena.reset();
    Message message;
    if (wire::decode(body, message, arena) != wire::DecodeError::none) std::abort();
    benchmark::DoNotOptimize(message);
  }
  per_sample(state, body);
  state.counters["arena/sample"] = static_cast<double>(arena.used()) / kSeries;
}

template <class Message>
void decode_libprotobuf(benchmark::State& state, std::string (*make)()) {
  const std::string body = make();
  std::vector<char> block(16U << 20);
  google::protobuf::ArenaOptions options;
  options.initial_block = block.data();
  options.initial_block_size = block.size();
  google::protobuf::Arena arena(options);
  for (auto _ : state) {
    auto* const message = google::protobuf::Arena::CreateMessage<Message>(&arena);
    if (!message->ParseFromString(body)) std::abort();
    benchmark::DoNotOptimize(message);
    arena.Reset();
  }
  per_sample(state, body);
  (void)google::protobuf::Arena::CreateMessage<Message>(&arena)->ParseFromString(body);
  state.counters["arena/sample"] = static_cast<double>(arena.SpaceUsed()) / kSeries;
}

template <class Message>
void encode_ours(benchmark::State& state, std::string (*make)()) {
  const std::string body = make();
  wire::Arena arena;
  Message message;
  if (wire::decode(body, message, arena) != wire::DecodeError::none) std::abort();
  wire::Writer writer;
  for (auto _ : state) benchmark::DoNotOptimize(wire::encode(message, writer));
  per_sample(state, body);
}

template <class Message>
void encode_libprotobuf(benchmark::State& state, std::string (*make)()) {
  const std::string body = make();
  google::protobuf::Arena arena;
  auto* const message = google::protobuf::Arena::CreateMessage<Message>(&arena);
  if (!message->ParseFromString(body)) std::abort();
  std::string out;
  for (auto _ : state) {
    if (!message->SerializeToString(&out)) std::abort();
    benchmark::DoNotOptimize(out.data());
  }
  per_sample(state, body);
}

using V1 = proto::remote_write_v1::WriteRequest;
using V2 = proto::remote_write_v2::Request;
using TheirV1 = prometheus::WriteRequest;
using TheirV2 = io::prometheus::write::v2::Request;

template <class Run>
void add(const char* name, Run run, std::string (*make)()) {
  benchmark::RegisterBenchmark(name, run, make)->Unit(benchmark::kMicrosecond);
}

}  // namespace

int main(int argc, char** argv) {
  add("read 1.0, ours", decode_ours<V1>, body_v1);
  add("read 1.0, libprotobuf", decode_libprotobuf<TheirV1>, body_v1);
  add("write 1.0, ours", encode_ours<V1>, body_v1);
  add("write 1.0, libprotobuf", encode_libprotobuf<TheirV1>, body_v1);
  add("read 2.0, ours", decode_ours<V2>, body_v2);
  add("read 2.0, libprotobuf", decode_libprotobuf<TheirV2>, body_v2);
  add("write 2.0, ours", encode_ours<V2>, body_v2);
  add("write 2.0, libprotobuf", encode_libprotobuf<TheirV2>, body_v2);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
