// The protobuf exposition. Bodies are written by libprotobuf's classes of the same schema; what
// they mean: Prometheus, model/textparse/protobufparse.go and its documentation.
#include "catch.hpp"
#include "metric_family.pb.h"
#include "scrape_target.hpp"

#include <cmath>
#include <limits>

using namespace collector;
namespace pb = io::prometheus::client;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

pb::MetricFamily family(const char* name, pb::MetricType type) {
  pb::MetricFamily f;
  f.set_name(name);
  f.set_type(type);
  return f;
}
pb::Metric* metric(pb::MetricFamily& f, std::vector<std::pair<const char*, const char*>> labels) {
  pb::Metric* const m = f.add_metric();
  for (const auto& [name, value] : labels) {
    pb::LabelPair* const l = m->add_label();
    l->set_name(name);
    l->set_value(value);
  }
  return m;
}
std::string delimited(std::initializer_list<pb::MetricFamily> families) {
  std::string out;
  for (const pb::MetricFamily& f : families) {
    const std::string bytes = f.SerializeAsString();
    std::size_t n = bytes.size();
    for (; n >= 0x80; n >>= 7) out += static_cast<char>(n | 0x80);
    out += static_cast<char>(n);
    out += bytes;
  }
  return out;
}
void exemplar(pb::Exemplar* e, double value, std::int64_t seconds, const char* trace) {
  e->set_value(value);
  if (seconds != 0) e->mutable_timestamp()->set_seconds(seconds);
  pb::LabelPair* const l = e->add_label();
  l->set_name("trace");
  l->set_value(trace);
}
/// Buckets 0.5: 1, 2: 3, and no +Inf; as a native one: 1 and 2 observations in buckets 0 and 2.
pb::Metric* histogram(pb::MetricFamily& f) {
  pb::Metric* const m = metric(f, {{"x", "1"}});
  pb::Histogram* const h = m->mutable_histogram();
  h->set_sample_count(4);
  h->set_sample_sum(7.5);
  for (const auto& [bound, count] : {std::pair(0.5, 1), std::pair(2.0, 3)}) {
    pb::Bucket* const b = h->add_bucket();
    b->set_upper_bound(bound);
    b->set_cumulative_count(static_cast<std::uint64_t>(count));
  }
  return m;
}
void make_native(pb::Histogram* h) {
  h->set_schema(1);
  h->set_zero_threshold(0.001);
  h->set_zero_count(1);
  for (const int offset : {0, 1}) {
    pb::BucketSpan* const s = h->add_positive_span();
    s->set_offset(offset);
    s->set_length(1);
  }
  h->add_positive_delta(1);
  h->add_positive_delta(1);
}

struct ProtobufTarget : Target {
  ProtobufTarget() {
    settings.format = format::Exposition::protobuf;
    settings.labels = {};
  }
};

const Samples kClassic{R"(h_count{x="1"} 4@1)", R"(h_sum{x="1"} 7.5@1)",
                       R"(h_bucket{le="0.5",x="1"} 1@1)", R"(h_bucket{le="2.0",x="1"} 3@1)",
                       R"(h_bucket{le="+Inf",x="1"} 4@1)"};

}  // namespace

TEST_CASE("protobuf: every simple type, labels of the target, timestamps") {
  auto counter = family("c_total", pb::COUNTER);
  metric(counter, {{"x", "1"}})->mutable_counter()->set_value(5);
  auto gauge = family("g", pb::GAUGE);
  pb::Metric* const g = metric(gauge, {{"job", "theirs"}});
  g->mutable_gauge()->set_value(-1.5);
  g->set_timestamp_ms(500);
  auto untyped = family("u", pb::UNTYPED);
  metric(untyped, {})->mutable_untyped()->set_value(kInfinity);
  auto summary = family("s", pb::SUMMARY);
  pb::Summary* const s = metric(summary, {})->mutable_summary();
  s->set_sample_count(3);
  s->set_sample_sum(4.5);
  pb::Quantile* const q = s->add_quantile();
  q->set_quantile(1);
  q->set_value(2);
  const auto body = delimited({counter, gauge, untyped, summary, family("empty", pb::GAUGE)});
  ProtobufTarget t;
  t.settings.labels = {{"job", "j"}};
  const Samples expected{
      R"(c_total{job="j",x="1"} 5@1)", R"(g{exported_job="theirs",job="j"} -1.5@500)",
      R"(u{job="j"} inf@1)",           R"(s_count{job="j"} 3@1)",
      R"(s_sum{job="j"} 4.5@1)",       R"(s{job="j",quantile="1.0"} 2@1)"};
  CHECK(t.scrape(body, 1) == expected);
  CHECK(t.cache.last().series_added == 6);
  CHECK(t.scrape(body, 1) == expected);  // all of it known
  CHECK(t.cache.last().series_added == 0);
  CHECK(t.cache.last().scraped == 6);
}

TEST_CASE(
    "protobuf: what is gone becomes stale, order does not matter, what comes twice counts once") {
  auto f = family("g", pb::GAUGE);
  metric(f, {{"x", "1"}})->mutable_gauge()->set_value(1);
  metric(f, {{"x", "2"}})->mutable_gauge()->set_value(2);
  auto turned = family("g", pb::GAUGE);
  metric(turned, {{"x", "2"}})->mutable_gauge()->set_value(3);
  metric(turned, {{"x", "1"}})->mutable_gauge()->set_value(4);
  metric(turned, {{"x", "1"}})->mutable_gauge()->set_value(5);
  auto one = family("g", pb::GAUGE);
  metric(one, {{"x", "1"}})->mutable_gauge()->set_value(6);
  ProtobufTarget t;
  t.scrape(delimited({f}), 1);
  CHECK(t.scrape(delimited({turned}), 2) == Samples{R"(g{x="2"} 3@2)", R"(g{x="1"} 4@2)"});
  CHECK(t.cache.last().duplicates == 1);
  CHECK(t.scrape(delimited({one}), 3) == Samples{R"(g{x="1"} 6@3)", R"(g{x="2"} stale@3)"});
}

TEST_CASE("protobuf and text of one target are the same series") {
  auto f = family("g", pb::GAUGE);
  metric(f, {{"x", "1"}})->mutable_gauge()->set_value(1);
  ProtobufTarget t;
  t.scrape(delimited({f}), 1);
  t.settings.format = format::Exposition::text;
  CHECK(t.scrape("g{x=\"1\"} 2\n", 2) == Samples{R"(g{x="1"} 2@2)"});
  t.settings.format = format::Exposition::protobuf;
  CHECK(t.scrape(delimited({f}), 3) == Samples{R"(g{x="1"} 1@3)"});
}

TEST_CASE("protobuf: a classic histogram has a bucket for everything") {
  auto f = family("h", pb::HISTOGRAM);
  histogram(f);
  ProtobufTarget t;
  CHECK(t.scrape(delimited({f}), 1) == kClassic);
  auto g = family("h", pb::GAUGE_HISTOGRAM);
  histogram(g);
  CHECK(t.scrape(delimited({g}), 1) == kClassic);
}

TEST_CASE("protobuf: a native histogram, with and without its classic form") {
  auto f = family("h", pb::HISTOGRAM);
  pb::Histogram* const h = histogram(f)->mutable_histogram();
  make_native(h);
  const auto body = delimited({f});
  ProtobufTarget t;
  CHECK(t.scrape(body, 1) == kClassic);  // nobody asked for the native form
  CHECK(t.columns.histograms.empty());

  ProtobufTarget native;
  native.settings.native_histograms = true;
  CHECK(native.scrape(body, 1) == Samples{});
  REQUIRE(native.columns.histograms.size() == 1);
  const HistogramSample& sample = native.columns.histograms[0];
  CHECK(native.table.to_text(sample.series) == R"(h{x="1"})");
  CHECK(sample.timestamp == 1);
  CHECK(sample.histogram->count == 4);
  CHECK(sample.histogram->zero_count == 1);
  CHECK(sample.histogram->sum == 7.5);
  CHECK(sample.histogram->positive.spans == std::vector<NativeHistogram::Span>{{0, 1}, {1, 1}});
  CHECK(sample.histogram->positive.deltas == std::vector<std::int64_t>{1, 1});
  CHECK(sample.histogram->reset == NativeHistogram::Reset::unknown);
  CHECK(native.cache.last().scraped == 1);
  // The series ends like any other.
  CHECK(native.scrape("", 2) == Samples{R"(h{x="1"} stale@2)"});

  ProtobufTarget both;
  both.settings.native_histograms = both.settings.classic_histograms = true;
  CHECK(both.scrape(body, 1) == kClassic);
  CHECK(both.columns.histograms.size() == 1);

  auto gauge = family("h", pb::GAUGE_HISTOGRAM);
  make_native(histogram(gauge)->mutable_histogram());
  native.scrape(delimited({gauge}), 3);
  CHECK(native.columns.histograms.at(0).histogram->reset == NativeHistogram::Reset::gauge);

  h->set_sample_count(5);  // one more than the buckets hold
  CHECK(native.scrape(delimited({f}), 4) == Samples{});
  CHECK(native.error.find("the count is 5") != std::string::npos);
  CHECK(native.columns.histograms.empty());
}

TEST_CASE("protobuf: float histograms") {
  auto f = family("h", pb::HISTOGRAM);
  pb::Histogram* const h = metric(f, {})->mutable_histogram();
  h->set_sample_count_float(2.5);
  h->set_zero_count_float(1);
  h->set_zero_threshold(0.5);
  pb::BucketSpan* const s = h->add_negative_span();
  s->set_offset(1);
  s->set_length(2);
  h->add_negative_count(1.5);
  h->add_negative_count(0);
  ProtobufTarget t;
  t.settings.native_histograms = true;
  t.scrape(delimited({f}), 1);
  REQUIRE(t.columns.histograms.size() == 1);
  const NativeHistogram& n = *t.columns.histograms[0].histogram;
  CHECK(n.is_float);
  CHECK(n.float_count == 2.5);
  CHECK(n.negative.spans == std::vector<NativeHistogram::Span>{{1, 1}});
  CHECK(n.negative.counts == std::vector<double>{1.5});
}

TEST_CASE("protobuf: conversion to custom buckets") {
  auto f = family("h", pb::HISTOGRAM);
  pb::Metric* const m = histogram(f);
  ProtobufTarget t;
  t.settings.convert_histograms = true;
  CHECK(t.scrape(delimited({f}), 1) == Samples{});
  REQUIRE(t.columns.histograms.size() == 1);
  const NativeHistogram& n = *t.columns.histograms[0].histogram;
  CHECK(n.schema == -53);
  CHECK(n.custom_values == std::vector<double>{0.5, 2});
  CHECK(n.positive.deltas == std::vector<std::int64_t>{1, 1, -1});  // 1 2 1
  t.settings.classic_histograms = true;
  CHECK(t.scrape(delimited({f}), 1) == kClassic);
  CHECK(t.columns.histograms.size() == 1);
  // A native form is better, and is taken as it is.
  t.settings.classic_histograms = false;
  t.settings.native_histograms = true;
  make_native(m->mutable_histogram());
  t.scrape(delimited({f}), 1);
  CHECK(t.columns.histograms.at(0).histogram->schema == 1);
}

TEST_CASE("protobuf: exemplars") {
  auto c = family("c_total", pb::COUNTER);
  pb::Counter* const counter = metric(c, {})->mutable_counter();
  exemplar(counter->mutable_exemplar(), 2, 0, "a");
  auto f = family("h", pb::HISTOGRAM);
  pb::Histogram* const h = histogram(f)->mutable_histogram();
  exemplar(h->mutable_bucket(0)->mutable_exemplar(), 0.25, 9, "b");
  exemplar(h->mutable_bucket(1)->mutable_exemplar(), 1, 0, "c");
  ProtobufTarget t;
  t.scrape(delimited({c, f}), 7);
  CHECK(t.exemplars() == Samples{"c_total 2@7 trace=a",
                                 R"(h_bucket{le="0.5",x="1"} 0.25@9000 trace=b)",
                                 R"(h_bucket{le="2.0",x="1"} 1@7 trace=c)"});
  // Of a native histogram: its own with a time, else those of the buckets.
  make_native(h);
  t.settings.native_histograms = true;
  t.scrape(delimited({f}), 7);
  CHECK(t.exemplars() == Samples{R"(h{x="1"} 0.25@9000 trace=b)"});
  CHECK(t.cache.last().timeless_exemplars == 1);
  exemplar(h->add_exemplars(), 3, 8, "late");
  exemplar(h->add_exemplars(), 4, 6, "early");
  t.scrape(delimited({f}), 7);
  CHECK(t.exemplars() ==
        Samples{R"(h{x="1"} 4@6000 trace=early)", R"(h{x="1"} 3@8000 trace=late)"});
}

TEST_CASE("protobuf: start times, and the zero that belongs there") {
  auto c = family("c_total", pb::COUNTER);
  pb::Counter* const counter = metric(c, {})->mutable_counter();
  counter->set_value(5);
  counter->mutable_created_timestamp()->set_seconds(100);
  auto f = family("h", pb::HISTOGRAM);
  pb::Histogram* const h = metric(f, {})->mutable_histogram();
  make_native(h);
  h->set_sample_count(4);
  h->mutable_created_timestamp()->set_seconds(100);
  ProtobufTarget t;
  t.settings.native_histograms = true;
  CHECK(t.scrape(delimited({c}), 105'000) == Samples{"c_total 5@105000"});  // not asked for
  t.settings.start_timestamps = true;
  t.settings.interval_ms = 10'000;
  CHECK(t.scrape(delimited({c, f}), 110'000) == Samples{"c_total 5@110000 from 100000"});
  CHECK(t.columns.histograms.at(0).start_timestamp == 100'000);
  // Begun anew since the scrape before.
  counter->set_value(1);
  counter->mutable_created_timestamp()->set_seconds(115);
  h->mutable_created_timestamp()->set_seconds(115);
  CHECK(t.scrape(delimited({c, f}), 120'000) ==
        Samples{"c_total 0@115000", "c_total 1@120000 from 115000"});
  REQUIRE(t.columns.histograms.size() == 2);
  CHECK(t.columns.histograms[0].timestamp == 115'000);
  CHECK(t.columns.histograms[0].histogram->count == 0);
  CHECK(t.columns.histograms[0].histogram->schema == 1);
  CHECK(t.columns.histograms[1].timestamp == 120'000);
  CHECK(t.scrape(delimited({c}), 130'000) ==
        Samples{"c_total 1@130000 from 115000", "h stale@130000"});
  // At the first scrape of a target: within one interval.
  ProtobufTarget first;
  first.settings = t.settings;
  CHECK(first.scrape(delimited({c}), 124'000) ==
        Samples{"c_total 0@115000", "c_total 1@124000 from 115000"});
  ProtobufTarget late;
  late.settings = t.settings;
  CHECK(late.scrape(delimited({c}), 126'000) == Samples{"c_total 1@126000 from 115000"});
}

TEST_CASE("protobuf: limits") {
  auto f = family("g", pb::GAUGE);
  metric(f, {{"x", "1"}})->mutable_gauge()->set_value(1);
  metric(f, {{"x", "2"}})->mutable_gauge()->set_value(2);
  ProtobufTarget t;
  t.settings.sample_limit = 1;
  CHECK(t.scrape(delimited({f}), 1) == Samples{});
  CHECK(t.error.find("sample limit exceeded: 2 samples, limit 1") != std::string::npos);
  CHECK(t.cache.last().over_samples);

  auto h = family("h", pb::HISTOGRAM);
  make_native(histogram(h)->mutable_histogram());
  ProtobufTarget buckets;
  buckets.settings.native_histograms = true;
  buckets.settings.bucket_limit = 1;  // buckets 0 and 2 meet at no schema above -4 ...
  CHECK(buckets.scrape(delimited({h}), 1) == Samples{});
  CHECK(buckets.cache.last().over_buckets);
  buckets.settings.bucket_limit = 2;
  buckets.scrape(delimited({h}), 2);
  REQUIRE(buckets.columns.histograms.size() == 1);
  buckets.settings.finest_schema = 0;
  buckets.scrape(delimited({h}), 3);
  CHECK(buckets.columns.histograms.at(0).histogram->schema == 0);
  CHECK(buckets.columns.histograms.at(0).histogram->positive.spans ==
        std::vector<NativeHistogram::Span>{{0, 2}});
}

TEST_CASE("protobuf: type, unit and metadata") {
  auto f = family("c_seconds_total", pb::COUNTER);
  f.set_unit("seconds");
  f.set_help("what \\n it is");
  metric(f, {{"__type__", "mine"}})->mutable_counter()->set_value(1);
  auto u = family("u", pb::UNTYPED);
  metric(u, {{"__type__", "mine"}})->mutable_untyped()->set_value(1);
  ProtobufTarget t;
  t.settings.type_and_unit_labels = true;
  CHECK(t.scrape(delimited({f, u}), 1) ==
        Samples{R"(c_seconds_total{__type__="counter",__unit__="seconds"} 1@1)",
                R"(u{__type__="mine"} 1@1)"});
  REQUIRE(t.columns.metadata);
  REQUIRE(t.columns.metadata->size() == 2);
  const Metadata& m = t.columns.metadata->front();
  CHECK(m.family == "c_seconds_total");
  CHECK(m.type == MetricType::counter);
  CHECK(m.unit == "seconds");
  CHECK(m.help == "what \\n it is");
}

TEST_CASE("protobuf: names beyond the legacy scheme") {
  auto f = family("g.h", pb::GAUGE);
  metric(f, {{"x.y", "1"}})->mutable_gauge()->set_value(1);
  ProtobufTarget t;
  CHECK(t.scrape(delimited({f}), 1) == Samples{});
  CHECK(t.error.find("legacy") != std::string::npos);
  t.settings.utf8_names = true;
  t.scrape(delimited({f}), 1);
  REQUIRE(t.columns.series.size() == 1);
  CHECK(t.table.value_of(t.columns.series[0], "__name__") == "g.h");
  CHECK(t.table.value_of(t.columns.series[0], "x.y") == "1");
}

TEST_CASE("protobuf: a body that is cut at any byte is refused or a whole number of families") {
  auto f = family("g", pb::GAUGE);
  metric(f, {{"x", "1"}})->mutable_gauge()->set_value(1);
  auto h = family("h", pb::HISTOGRAM);
  make_native(histogram(h)->mutable_histogram());
  const std::string one = delimited({f}), body = delimited({f, h});
  for (std::size_t n = 0; n < body.size(); ++n) {
    INFO(n);
    ProtobufTarget t;
    t.settings.native_histograms = true;
    t.scrape(std::string_view(body).substr(0, n), 1);
    CHECK(t.error.empty() == (n == 0 || n == one.size()));
    CHECK(t.columns.series.size() == (n == one.size() ? 1 : 0));
    CHECK(t.columns.histograms.empty());
  }
  ProtobufTarget t;
  auto bad = family("g", pb::GAUGE);
  metric(bad, {{"x", "\xff"}})->mutable_gauge()->set_value(1);
  t.scrape(delimited({bad}), 1);
  CHECK(t.error.find("not UTF-8") != std::string::npos);
  auto nameless = family("g", pb::GAUGE);
  metric(nameless, {{"", "1"}})->mutable_gauge()->set_value(1);
  t.settings.utf8_names = true;
  t.scrape(delimited({nameless}), 1);
  CHECK(t.error.find("a label has no name") != std::string::npos);
}
