// What libprotobuf reads of our 2.0 bodies, held to the specification
// (prometheus.io/docs/specs/prw/remote_write_spec_2_0) and to the columns that went in.
#include "format/remote_write_v2.hpp"

#include "write_bench.hpp"

#include <bit>
#include <map>
#include <string>
#include <vector>

using namespace collector;

namespace {

using Bench = WriteBench;
using Seen = WrittenSeries;

std::vector<Seen> read(std::string_view bytes) {
  // The generated writer gives the same bytes.
  wire::Arena arena;
  proto::remote_write_v2::Request ours;
  REQUIRE(wire::decode(bytes, ours, arena) == wire::DecodeError::none);
  wire::Writer writer;
  CHECK((wire::encode(ours, writer) == bytes));
  return read_v2(bytes);
}

void expect_columns(const Bench& b, const std::vector<Seen>& seen) {
  std::size_t at = 0;
  for (const Seen& s : seen) {
    REQUIRE(at < b.columns.series.size());
    REQUIRE(s.labels == b.labels(b.columns.series[at]));
    for (const auto& [ms, bits, start] : s.samples) {
      REQUIRE(at < b.columns.series.size());
      REQUIRE(ms == b.columns.timestamp[at]);
      REQUIRE(bits == std::bit_cast<std::uint64_t>(b.columns.value[at]));
      ++at;
    }
  }
  CHECK(at == b.columns.series.size());
}

}  // namespace

TEST_CASE("remote write 2.0: labels, samples and symbols") {
  Bench b;
  b.add({{"__name__", "up"}, {"instance", "a:1"}, {"job", "up"}}, 1'700'000'000'000, 1);
  b.add({{"__name__", "up"}, {"instance", "a:1"}, {"job", "up"}}, 1'700'000'015'000, 0);
  b.add({{"__name__", "temp"}, {"instance", "b:1"}, {"job", "up"}}, -5, -0.0);
  b.add({{"__name__", "temp"}, {"instance", "b:1"}, {"job", "up"}}, 0,
        std::bit_cast<double>(kStaleNaN));
  format::RemoteWriteV2Encoder encoder;
  const auto seen = read(encoder.encode(b.columns, b.whole(), b.table));
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].samples.size() == 2);
  CHECK(seen[0].labels == WrittenLabels{{"__name__", "up"}, {"instance", "a:1"}, {"job", "up"}});
  expect_columns(b, seen);
}

TEST_CASE("remote write 2.0: an empty body has the empty symbol") {
  Bench b;
  format::RemoteWriteV2Encoder encoder;
  CHECK(encoder.encode(b.columns, b.whole(), b.table) == std::string_view("\x22\x00", 2));
}

TEST_CASE("remote write 2.0: histograms, exemplars and start timestamps beside samples") {
  Bench b(3);
  format::RemoteWriteV2Encoder encoder;
  for (const int n : {1, 2, 30, 1000}) {
    CAPTURE(n);
    b.fill(n);
    const auto seen = read(encoder.encode(b.columns, b.whole(), b.table));
    const auto want = b.want(true);
    REQUIRE(seen.size() == want.size());
    for (std::size_t i = 0; i < want.size(); ++i) REQUIRE((seen[i] == want[i]));
  }
  for (const Seen& s :
       read(encoder.encode(b.columns, b.whole({.exemplars = false}), b.table, false)))
    CHECK((s.type == 0 && s.help.empty() && s.exemplars.empty()));
}

TEST_CASE("remote write 2.0: each series has the metadata of its family") {
  Bench b;
  b.know({{"requests", MetricType::counter, "Requests.", ""},
          {"latency", MetricType::histogram, "How long.", "seconds"},
          {"sizes", MetricType::summary, "", "bytes"},
          {"temp", MetricType::gauge, "Warmth.", "celsius"},
          {"temp_total", MetricType::gauge, "Of its own.", ""},
          {"waiting", MetricType::gauge_histogram, "Requests.", ""},
          {"build", MetricType::info, "Build.", ""},
          {"states", MetricType::stateset, "", ""},
          {"mute", MetricType::unknown, "", ""},
          {"unused", MetricType::counter, "Never sent.", "parsecs"}});
  const std::vector<std::tuple<std::string, int, std::string, std::string>> want = {
      {"requests_total", 1, "Requests.", ""},
      {"requests_created", 1, "Requests.", ""},
      {"requests_sum", 0, "", ""},
      {"latency_bucket", 3, "How long.", "seconds"},
      {"latency_count", 3, "How long.", "seconds"},
      {"latency_sum", 3, "How long.", "seconds"},
      {"latency_gsum", 0, "", ""},
      {"sizes", 5, "", "bytes"},
      {"sizes_sum", 5, "", "bytes"},
      {"temp", 2, "Warmth.", "celsius"},
      {"temp_total", 2, "Of its own.", ""},
      {"temp_sum", 0, "", ""},
      {"waiting_gcount", 4, "Requests.", ""},
      {"build_info", 6, "Build.", ""},
      {"states", 7, "", ""},
      {"mute", 0, "", ""},
      {"up", 0, "", ""},
  };
  for (const auto& w : want) b.add({{"__name__", std::get<0>(w)}, {"x", "y"}}, 7, 1);
  b.add({{"x", "requests_total"}}, 7, 1);  // a value that is no name
  format::RemoteWriteV2Encoder encoder;
  const auto seen = read(encoder.encode(b.columns, b.whole(), b.table));
  REQUIRE(seen.size() == want.size() + 1);
  for (std::size_t i = 0; i < want.size(); ++i) {
    CAPTURE(std::get<0>(want[i]));
    CHECK(seen[i].type == std::get<1>(want[i]));
    CHECK(seen[i].help == std::get<2>(want[i]));
    CHECK(seen[i].unit == std::get<3>(want[i]));
  }
  CHECK(seen.back().type == 0);
  expect_columns(b, seen);
}

TEST_CASE("remote write 2.0: bodies of any size, one after the other, from one encoder") {
  format::RemoteWriteV2Encoder encoder;
  testing::SeededRandom random(7);
  Bench b;
  for (const int series : {3, 2000, 1, 30'000, 500}) {
    CAPTURE(series);
    b.columns = {};
    if (series != 500)
      b.know({{"family_1", MetricType::counter, "One.", ""},
              {"family_2", MetricType::gauge, "Two.", "bytes"}});
    for (int i = 0; i < series; ++i) {
      std::map<std::string, std::string> labels = {
          {"__name__", "family_" + std::to_string(random.next() % 5)},
          {"job", "node"},
          {"pod", "pod-" + std::to_string(i) + "-" + std::to_string(series)}};
      for (std::uint64_t n = random.next() % 4; n > 0; --n)
        labels["l" + std::to_string(random.next() % 50)] = std::to_string(random.next() % 90);
      for (std::uint64_t n = 1 + random.next() % 2; n > 0; --n)
        b.add(labels, static_cast<std::int64_t>(random.next() >> (random.next() % 64)),
              std::bit_cast<double>(random.next()));
    }
    const std::string bytes(encoder.encode(b.columns, b.whole(), b.table));
    const auto seen = read(bytes);
    CHECK(static_cast<int>(seen.size()) == series);
    expect_columns(b, seen);
    for (const Seen& s : seen) {
      const bool known = series != 500;
      CHECK(s.help == (known && s.labels[0].second == "family_1"   ? "One."
                       : known && s.labels[0].second == "family_2" ? "Two."
                                                                   : ""));
    }
  }
}
