// Edits of encoded requests, held to what libprotobuf reads before and after.
#include "format/remote_write_edit.hpp"
#include "format/remote_write.hpp"
#include "format/remote_write_v2.hpp"
#include "format/remote_write_v2_edit.hpp"

#include "write_bench.hpp"

using namespace collector;
using format::WriteVersion;

namespace {

std::string body_of(WriteBench& b, WriteVersion version) {
  std::string body;
  if (version == WriteVersion::v2)
    body = format::RemoteWriteV2Encoder().encode(b.columns, b.whole(), b.table);
  else
    format::append_write_request(b.columns, b.whole({.custom_buckets = false}), b.table, body);
  return body;
}
std::vector<WrittenSeries> read(WriteVersion version, std::string_view body) {
  return version == WriteVersion::v2 ? read_v2(body) : read_v1(body);
}
format::RequestCounts counts(const std::vector<WrittenSeries>& all) {
  format::RequestCounts out;
  for (const auto& s : all) {
    out.samples += static_cast<std::uint32_t>(s.samples.size());
    out.histograms += static_cast<std::uint32_t>(s.histograms.size());
    out.exemplars += static_cast<std::uint32_t>(s.exemplars.size());
  }
  return out;
}
/// Bit patterns: stale markers and other NaN are compared as well.
bool same(const std::vector<WrittenSeries>& a, const std::vector<WrittenSeries>& b) {
  return a == b;
}

}  // namespace

TEST_CASE("requests are counted") {
  WriteBench b;
  for (const auto version : {WriteVersion::v1, WriteVersion::v2}) {
    b.fill(200);
    const std::string body = body_of(b, version);
    const auto seen = format::count_request(version, body);
    REQUIRE(seen.has_value());
    CHECK(*seen == counts(read(version, body)));
    CHECK(seen->exemplars > 0);
  }
}

TEST_CASE("what is too old leaves a request, and series that have nothing left") {
  WriteBench b;
  const std::int64_t cutoff = 1'700'000'050'000;
  for (const auto version : {WriteVersion::v1, WriteVersion::v2}) {
    b.fill(300);
    std::string body = body_of(b, version);
    const auto before = read(version, body);
    std::vector<WrittenSeries> want;
    for (WrittenSeries s : before) {
      std::erase_if(s.samples, [&](const auto& row) { return std::get<0>(row) < cutoff; });
      std::erase_if(s.histograms, [&](const auto& row) { return row.ms < cutoff; });
      std::erase_if(s.exemplars, [&](const auto& row) {
        const auto ms = std::get<2>(row);
        return ms < cutoff && !(version == WriteVersion::v2 && ms == 0);
      });
      if (!s.samples.empty() || !s.histograms.empty()) want.push_back(std::move(s));
    }
    const auto gone = format::drop_older(version, body, cutoff);
    REQUIRE(gone.has_value());
    CHECK(same(read(version, body), want));
    const auto was = counts(before), is = counts(want);
    CHECK(gone->samples == was.samples - is.samples);
    CHECK(gone->histograms == was.histograms - is.histograms);
    CHECK(gone->exemplars == was.exemplars - is.exemplars);
    CHECK(gone->samples > 0);
  }
}

TEST_CASE("an exemplar in a series of its own goes by its own age") {
  WriteBench b;
  for (const std::int64_t ms : {100, 200, 300})
    b.columns.exemplars.push_back({b.series({{"__name__", "lone"}}), ms, 1, {}});
  b.columns.exemplars.push_back({b.series({{"__name__", "old"}}), 100, 1, {}});
  std::string body;
  format::append_write_request(b.columns, b.whole({.lone_exemplars = true}), b.table, body);
  const auto gone = format::drop_older(WriteVersion::v1, body, 200);
  REQUIRE(gone.has_value());
  CHECK(gone->exemplars == 2);
  CHECK(gone->items() == 0);
  const auto left = read_v1(body);
  REQUIRE(left.size() == 1);
  CHECK(left[0].exemplars.size() == 2);
}

TEST_CASE("two halves are the whole, each with the symbols it needs") {
  WriteBench b;
  for (const auto version : {WriteVersion::v1, WriteVersion::v2}) {
    for (const int n : {1, 2, 201}) {
      b.fill(n, false);
      const std::string body = body_of(b, version);
      const auto before = read(version, body);
      const auto halves = format::halve_request(version, body);
      REQUIRE(halves.has_value());
      auto after = read(version, halves->first.body);
      CHECK(counts(after) == halves->first.counts);
      CHECK(after.size() == (before.size() + 1) / 2);
      const auto second = halves->second.body.empty() ? std::vector<WrittenSeries>{}
                                                      : read(version, halves->second.body);
      CHECK(counts(second) == halves->second.counts);
      after.insert(after.end(), second.begin(), second.end());
      CHECK(same(after, before));
    }
  }
}

TEST_CASE("a request is cut between sources, until each is by itself") {
  for (const auto version : {WriteVersion::v1, WriteVersion::v2}) {
    WriteBench b(version == WriteVersion::v1 ? 3 : 4);
    // Sources of 1 to 20 series; the second has no label `job`.
    std::vector<std::map<std::string, std::string>> sources;
    for (int source = 0; source < 9; ++source) {
      std::map<std::string, std::string> labels{{"job", "j"}, {"instance", std::to_string(source)}};
      if (source == 1) labels.erase("job");
      for (std::uint64_t i = 1 + b.below(20); i > 0; --i) {
        labels["__name__"] = "m" + std::to_string(i);
        b.add(labels, 1'700'000'000'000, 1);
      }
      sources.push_back(labels);
    }
    // In any order, as of a sender that sorts by name.
    for (std::size_t i = b.columns.series.size(); i > 1; --i)
      std::swap(b.columns.series[i - 1], b.columns.series[b.below(i)]);
    std::vector<std::string> todo{body_of(b, version)};
    auto before = read(version, todo[0]);
    std::vector<WrittenSeries> after;
    std::size_t parts = 0;
    while (!todo.empty()) {
      const std::string body = std::move(todo.back());
      todo.pop_back();
      const auto halves = format::halve_request(version, body, format::CutAt::source);
      REQUIRE(halves.has_value());
      if (halves->second.counts.items() > 0) {
        CHECK(halves->first.counts.items() > 0);
        todo.push_back(halves->second.body);
        todo.push_back(halves->first.body);
        continue;
      }
      ++parts;
      const auto series = read(version, halves->first.body);
      CHECK(counts(series) == halves->first.counts);
      after.insert(after.end(), series.begin(), series.end());
    }
    CHECK(parts == sources.size());
    const auto by_labels = [](const WrittenSeries& x, const WrittenSeries& y) {
      return x.labels < y.labels;
    };
    std::sort(before.begin(), before.end(), by_labels);
    std::sort(after.begin(), after.end(), by_labels);
    CHECK(same(after, before));
  }
}

TEST_CASE("2.0 requests are joined to one with one table of symbols") {
  WriteBench b;
  format::RequestJoiner joiner;
  for (const int round : {0, 1, 2}) {
    std::vector<std::string> bodies;
    std::vector<WrittenSeries> want;
    for (int i = 0; i < 9; ++i) {
      b.fill(i == 4 ? 0 : 1 + round * 40 + i);
      bodies.push_back(body_of(b, WriteVersion::v2));
      const auto one = read_v2(bodies.back());
      want.insert(want.end(), one.begin(), one.end());
    }
    const std::vector<std::string_view> views(bodies.begin(), bodies.end());
    const auto joined = joiner.join(views);
    REQUIRE(joined.has_value());
    CHECK(same(read_v2(*joined), want));
    std::size_t apart = 0;
    for (const auto& body : bodies) apart += body.size();
    CHECK(joined->size() < apart);
  }
  // Labels that are not packed, which proto3 parsers must take.
  const std::string unpacked(
      "\x22\x00\x22\x01n\x22\x01v\x2a\x09\x08\x01\x08\x02\x12\x03\x10\x96\x01", 19);
  const std::string_view view = unpacked;
  const auto joined = joiner.join({&view, 1});
  REQUIRE(joined.has_value());
  CHECK(read_v2(*joined).front().labels == WrittenLabels{{"n", "v"}});
}

TEST_CASE("a 2.0 request as 1.0 is what 1.0 would have been") {
  WriteBench b;
  for (const int n : {0, 1, 400}) {
    b.fill(n);
    const std::string body = body_of(b, WriteVersion::v2);
    const auto older = format::to_version_1(body);
    REQUIRE(older.has_value());
    const auto seen = read_v1(older->body), want = read_v1(body_of(b, WriteVersion::v1));
    // A TimeSeries whose custom buckets went may have stood between two of another series.
    CHECK(same(seen, want));
    CHECK(older->counts == counts(seen));
    CHECK(older->custom_buckets == b.cutter.custom_buckets_off());
    CHECK(older->lost_exemplars == b.cutter.exemplars_alone());
  }
}

TEST_CASE("damaged requests are refused, whatever is done to them") {
  WriteBench b;
  b.fill(5);
  for (const auto version : {WriteVersion::v1, WriteVersion::v2}) {
    const std::string body = body_of(b, version);
    std::size_t refused = 0;
    for (std::size_t cut = 0; cut < body.size(); ++cut) {
      std::string part = body.substr(0, cut);
      const bool counted = format::count_request(version, part).has_value();
      CHECK(format::halve_request(version, part).has_value() == counted);
      const std::string before = part;
      if (!format::drop_older(version, part, 1'700'000'050'000)) CHECK(part == before);
      refused += counted ? 0 : 1;
      if (version == WriteVersion::v2) {
        const std::string_view view = before;
        CHECK(format::to_version_1(view).has_value() == counted);
        CHECK(format::RequestJoiner().join({&view, 1}).has_value() == counted);
      }
    }
    CHECK(refused > body.size() / 2);
  }
  // References to symbols that are not there.
  const std::string_view stray("\x22\x00\x2a\x06\x0a\x02\x01\x02\x12\x00", 10);
  CHECK(!format::RequestJoiner().join({&stray, 1}).has_value());
  CHECK(!format::to_version_1(stray).has_value());
}
