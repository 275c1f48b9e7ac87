// What libprotobuf reads of our 1.0 bodies, held to the columns that went in; and how batches are
// cut into requests.
#include "format/remote_write.hpp"

#include "wire/compression.hpp"
#include "write_bench.hpp"

using namespace collector;

TEST_CASE("remote write 1.0: samples, histograms and exemplars as libprotobuf reads them") {
  WriteBench b;
  for (const int n : {0, 1, 2, 30, 1000}) {
    CAPTURE(n);
    b.fill(n);
    std::string body = "";
    format::append_write_request(b.columns, b.whole({.custom_buckets = false}), b.table, body);
    const auto seen = read_v1(body);
    const auto want = b.want(false, false);
    REQUIRE(seen.size() == want.size());
    for (std::size_t i = 0; i < want.size(); ++i) REQUIRE((seen[i] == want[i]));
    // The generated writer gives the same bytes.
    wire::Arena arena;
    proto::remote_write_v1::WriteRequest ours;
    REQUIRE(wire::decode(body, ours, arena) == wire::DecodeError::none);
    wire::Writer writer;
    // Samples are written with their zeroes, which it leaves out.
    CHECK((read_v1(wire::encode(ours, writer)) == seen));
  }
}

TEST_CASE("remote write 1.0: what is appended one after the other is one request") {
  WriteBench b;
  b.fill(50);
  std::string body, whole;
  format::append_write_request(b.columns, b.whole({.custom_buckets = false}), b.table, whole);
  for (const auto& part : b.cutter.cut(b.columns, {.most = 7, .custom_buckets = false}))
    format::append_write_request(b.columns, part, b.table, body);
  const auto seen = read_v1(body), want = read_v1(whole);
  std::size_t samples = 0, histograms = 0, exemplars = 0;
  for (const auto& s : seen) {
    samples += s.samples.size();
    histograms += s.histograms.size();
    exemplars += s.exemplars.size();
  }
  CHECK(samples == b.columns.series.size());
  CHECK(histograms + b.cutter.custom_buckets_off() == b.columns.histograms.size());
  CHECK(exemplars + b.cutter.exemplars_alone() == b.columns.exemplars.size());
  CHECK(b.cutter.custom_buckets_off() > 0);
}

TEST_CASE("requests are cut at their most samples, exemplars go with their series") {
  WriteBench b;
  for (int i = 0; i < 5; ++i) b.add({{"__name__", "m" + std::to_string(i)}}, 1, 1);
  for (int i = 0; i < 4; ++i)
    b.columns.histograms.push_back({b.series({{"__name__", "h" + std::to_string(i)}}), 1, 0,
                                    std::make_shared<const NativeHistogram>()});
  const auto id = [&](const char* name) { return b.series({{"__name__", name}}); };
  b.columns.exemplars = {{id("h3"), 1, 1, {}}, {id("m4"), 2, 2, {}}, {id("alone"), 3, 3, {}},
                         {id("m0"), 4, 4, {}}, {id("h0"), 5, 5, {}}, {id("m4"), 6, 6, {}}};
  const auto& parts = b.cutter.cut(b.columns, {.most = 4});
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].items() == 4);
  CHECK(parts[1].items() == 4);
  CHECK(parts[1].end - parts[1].begin == 1);
  CHECK(parts[2].items() == 1);
  const auto rows = [](std::span<const std::uint32_t> span) {
    return std::vector<std::uint32_t>(span.begin(), span.end());
  };
  CHECK(rows(parts[0].exemplars) == std::vector<std::uint32_t>{3});
  CHECK(rows(parts[1].exemplars) == std::vector<std::uint32_t>{1, 5, 4});
  CHECK(rows(parts[2].exemplars) == std::vector<std::uint32_t>{0});
  CHECK(b.cutter.exemplars_alone() == 1);

  const auto& bare = b.cutter.cut(b.columns, {.histograms = false, .exemplars = false});
  REQUIRE(bare.size() == 1);
  CHECK(bare[0].items() == 5);
  CHECK(bare[0].exemplars.empty());
  CHECK(b.cutter.histograms_off() == 4);
  CHECK(b.cutter.exemplars_off() == 6);
  CHECK(b.cutter.exemplars_alone() == 0);
}

TEST_CASE("remote write 1.0: a body that is compressed as it is made is the same") {
  WriteBench b;
  std::string out;
  std::string scratch;
  for (const int n : {0, 1, 300, 5000}) {
    CAPTURE(n);
    b.fill(n);
    // One series longer than a block, and one whose samples are.
    b.add({{"__name__", "long"}, {"text", std::string(100'000, 'x') + std::to_string(n)}}, 1, 1);
    for (int i = 0; i < 6000; ++i) b.add({{"__name__", "many"}}, 1'700'000'000'000 + i / 3, i);
    for (const bool exemplars : {true, false}) {
      CAPTURE(exemplars);
      const format::CutOptions cut{.most = 3000, .custom_buckets = false, .exemplars = exemplars};
      for (const auto& part : b.cutter.cut(b.columns, cut)) {
        std::string plain;
        format::append_write_request(b.columns, part, b.table, plain);
        out = "before";
        REQUIRE(format::append_write_body(b.columns, part, b.table, 0, scratch, out));
        Reservation charge = Budget().charge(0, "body");
        const auto back =
            wire::snappy_uncompress(std::string_view(out).substr(6), 64U << 20, charge);
        REQUIRE(back.has_value());
        REQUIRE((*back == plain));
        out = "before";
        REQUIRE(
            !format::append_write_body(b.columns, part, b.table, plain.size() + 1, scratch, out));
        REQUIRE((out == "before" + plain));
      }
    }
  }
}

TEST_CASE("remote write 1.0: exemplars without a sample in the batch go in series of their own") {
  WriteBench b;
  for (const int n : {0, 1, 50}) {
    CAPTURE(n);
    b.fill(n);
    std::map<WrittenLabels, std::size_t> want;
    for (int i = 0; i < 7; ++i) {
      const SeriesId id = b.series({{"__name__", "lone"}, {"i", std::to_string(i % 3)}});
      b.columns.exemplars.insert(
          b.columns.exemplars.begin() +
              static_cast<std::ptrdiff_t>(b.below(b.columns.exemplars.size() + 1)),
          {id, 1'700'000'000'000 + i, static_cast<double>(i), {{"trace_id", std::to_string(i)}}});
      ++want[b.labels(id)];
    }
    const format::CutOptions options{.most = 9, .custom_buckets = false, .lone_exemplars = true};
    std::string body;
    for (const auto& part : b.cutter.cut(b.columns, options))
      format::append_write_request(b.columns, part, b.table, body);
    // What is not there belongs to histograms that 1.0 has no place for.
    std::size_t exemplars = 0;
    for (const auto& s : read_v1(body)) {
      exemplars += s.exemplars.size();
      if (s.labels.front().second != "lone") continue;
      CHECK((s.samples.empty() && s.histograms.empty()));
      CHECK(s.exemplars.size() == want[s.labels]);
      want.erase(s.labels);
    }
    CHECK(want.empty());
    CHECK(exemplars + b.cutter.exemplars_alone() == b.columns.exemplars.size());
  }
}
