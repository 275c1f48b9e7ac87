// write_bodies FOLDER NOW_MS: request bodies of our encoders for a server to store: FOLDER/v1 and
// FOLDER/v2, which differ in the label `proto` and in what 1.0 has no place for.
#include "format/remote_write.hpp"
#include "format/remote_write_v2.hpp"
#include "wire/compression.hpp"

#include <collector/engine/testing.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

using namespace collector;

namespace {

struct Batch {
  testing::SeededRandom random{1};
  model::SeriesTable table{random};
  MetricColumns columns;
  std::string proto;
  std::int64_t now;

  Batch(std::string proto_, std::int64_t now_) : proto(std::move(proto_)), now(now_) {
    columns.metadata = std::make_shared<const std::vector<Metadata>>(
        std::vector<Metadata>{{"rw_requests", MetricType::counter, "Requests.", ""},
                              {"rw_temperature_celsius", MetricType::gauge, "Warmth.", "celsius"},
                              {"rw_integer", MetricType::histogram, "Sizes.", "bytes"}});
  }
  SeriesId series(const char* name) {
    const model::Label labels[] = {{"__name__", name}, {"proto", proto}};
    return table.intern(labels);
  }
  void add(const char* name, double value, std::int64_t start) {
    columns.series.push_back(series(name));
    columns.timestamp.push_back(now);
    columns.value.push_back(value);
    columns.start_timestamp.push_back(start);
  }
  void add(const char* name, NativeHistogram histogram) {
    columns.histograms.push_back({series(name), now, now - 60'000,
                                  std::make_shared<const NativeHistogram>(std::move(histogram))});
  }
  void exemplar(const char* name, double value, const char* trace) {
    columns.exemplars.push_back({series(name), now, value, {{"trace_id", trace}}});
  }
};

void fill(Batch& batch, bool v2) {
  batch.add("rw_requests_total", 42, batch.now - 60'000);
  batch.add("rw_temperature_celsius", 21.5, 0);
  NativeHistogram h;
  h.schema = 1;
  h.zero_threshold = 0.001;
  h.zero_count = 2;
  h.count = 12;
  h.sum = 18.5;
  h.positive = {{{0, 2}, {1, 1}}, {2, 1, -2}, {}};
  h.negative = {{{-1, 1}}, {4}, {}};
  h.count = 2 + (2 + 3 + 1) + 4;
  batch.add("rw_integer", h);
  NativeHistogram f;
  f.is_float = true;
  f.reset = NativeHistogram::Reset::gauge;
  f.schema = 0;
  f.float_count = 4.5;
  f.float_zero_count = 1;
  f.zero_threshold = 0.5;
  f.sum = -2;
  f.positive = {{{1, 2}}, {}, {1.5, 2}};
  batch.add("rw_float", f);
  if (v2) {
    NativeHistogram custom;
    custom.schema = NativeHistogram::kCustomBuckets;
    custom.custom_values = {0.1, 1, 10};
    custom.count = 6;
    custom.sum = 25;
    custom.positive = {{{0, 2}, {1, 1}}, {1, 1, 1}, {}};
    batch.add("rw_custom", custom);
  }
  batch.exemplar("rw_requests_total", 1, "aaa");
  batch.exemplar("rw_integer", 2.5, "bbb");
}

void write(const std::string& path, std::string_view plain) {
  std::string body;
  wire::snappy_compress(plain, body);
  std::ofstream(path, std::ios::binary) << body;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string folder = argv[1];
  for (const bool v2 : {false, true}) {
    Batch batch(v2 ? "2.0" : "1.0", std::atoll(argv[2]));
    fill(batch, v2);
    format::RequestCutter cutter;
    const format::RequestPart part = cutter.cut(batch.columns, {}).front();
    std::string plain;
    if (v2)
      plain = format::RemoteWriteV2Encoder().encode(batch.columns, part, batch.table);
    else
      format::append_write_request(batch.columns, part, batch.table, plain);
    write(folder + (v2 ? "/v2" : "/v1"), plain);
  }
  return 0;
}
