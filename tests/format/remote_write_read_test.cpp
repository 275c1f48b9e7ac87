// Requests that libprotobuf wrote, read by us: the columns are what the messages say, what
// Prometheus' receiver refuses is refused and counted, and nothing else.
#include "remote_write_oracle.hpp"

#include "catch.hpp"

#include <limits>
#include <string>

using namespace collector;
using format::WriteFault;
namespace v2 = io::prometheus::write::v2;

namespace {

struct Bench {
  testing::SeededRandom random{1};
  model::SeriesTable table{random};
  Budget budget;
  format::ReceivedSeries known{table, 7, budget};
  format::RemoteWriteReader reader{known};
  format::MetadataBook book;
  format::RemoteWriteReader::Options options;
  MetricColumns columns;
  Reservation charge = budget.charge(0, "test");

  template <class Message>
  Result<format::WriteReport> read(const Message& message) {
    return read(oracle_bytes(message), std::is_same_v<Message, v2::Request>);
  }
  Result<format::WriteReport> read(const std::string& bytes, bool second) {
    columns = {};
    charge = budget.charge(0, "test");
    return second ? reader.read_v2(bytes, options, columns, charge)
                  : reader.read_v1(bytes, options, columns, charge);
  }
  /// Reads twice, the second time with known series; both times as libprotobuf has it.
  void agrees(const prometheus::WriteRequest& message) {
    for (int turn = 0; turn < 2; ++turn)
      CHECK(read_difference<proto::remote_write_v1::WriteRequest, prometheus::WriteRequest>(
                known, reader, oracle_bytes(message), false) == "");
  }
  void agrees(const v2::Request& message) {
    for (int turn = 0; turn < 2; ++turn)
      CHECK(read_difference<proto::remote_write_v2::Request, v2::Request>(
                known, reader, oracle_bytes(message), true) == "");
  }
};

std::uint64_t refused(const format::WriteReport& report, WriteFault fault) {
  return report.refused[static_cast<std::size_t>(fault)];
}

prometheus::TimeSeries& add(prometheus::WriteRequest& request, const LabelTexts& labels) {
  auto& ts = *request.add_timeseries();
  for (const auto& [name, value] : labels) {
    auto& label = *ts.add_labels();
    label.set_name(name);
    label.set_value(value);
  }
  return ts;
}

void add(prometheus::TimeSeries& ts, std::int64_t ms, double value) {
  auto& sample = *ts.add_samples();
  sample.set_timestamp(ms);
  sample.set_value(value);
}

/// A request of 2.0 under construction.
struct Request2 {
  Request2() { request.add_symbols(""); }
  std::uint32_t ref(const std::string& text) {
    for (int i = 0; i < request.symbols_size(); ++i)
      if (request.symbols(i) == text) return static_cast<std::uint32_t>(i);
    request.add_symbols(text);
    return static_cast<std::uint32_t>(request.symbols_size() - 1);
  }
  v2::TimeSeries& add(const LabelTexts& labels) {
    auto& ts = *request.add_timeseries();
    for (const auto& [name, value] : labels) {
      ts.add_labels_refs(ref(name));
      ts.add_labels_refs(ref(value));
    }
    return ts;
  }
  void describe(v2::TimeSeries& ts, v2::Metadata::MetricType type, const std::string& help,
                const std::string& unit) {
    ts.mutable_metadata()->set_type(type);
    ts.mutable_metadata()->set_help_ref(ref(help));
    ts.mutable_metadata()->set_unit_ref(ref(unit));
  }
  v2::Request request;
};

void add(v2::TimeSeries& ts, std::int64_t ms, double value, std::int64_t start = 0) {
  auto& sample = *ts.add_samples();
  sample.set_timestamp(ms);
  sample.set_value(value);
  sample.set_start_timestamp(start);
}

/// 3 + 2 observations in buckets, 1 in the zero bucket.
template <class Histogram>
void fill(Histogram& h, bool is_float, std::int64_t ms) {
  h.set_schema(3);
  h.set_sum(18.5);
  h.set_zero_threshold(1e-128);
  h.set_timestamp(ms);
  auto& span = *h.add_positive_spans();
  span.set_offset(-2);
  span.set_length(2);
  if (is_float) {
    h.set_count_float(6.5);
    h.set_zero_count_float(1.5);
    h.add_positive_counts(3);
    h.add_positive_counts(2);
  } else {
    h.set_count_int(6);
    h.set_zero_count_int(1);
    h.add_positive_deltas(3);
    h.add_positive_deltas(-1);
  }
}

template <class Histogram>
void fill_custom(Histogram& h, std::int64_t ms) {
  h.set_schema(-53);
  h.set_count_int(4);
  h.set_sum(9);
  h.set_timestamp(ms);
  for (const double bound : {0.5, 1.0, 2.5}) h.add_custom_values(bound);
  auto& span = *h.add_positive_spans();
  span.set_offset(1);
  span.set_length(2);
  h.add_positive_deltas(1);
  h.add_positive_deltas(2);
}

}  // namespace

TEST_CASE("1.0: samples of known and unknown series") {
  Bench b;
  prometheus::WriteRequest request;
  for (int i = 0; i < 300; ++i) {
    auto& ts = add(request, {{"__name__", "m"}, {"n", std::to_string(i)}});
    add(ts, 1000 + i, i);
    if (i % 3 == 0) add(ts, 2000 + i, -i);
  }
  add(add(request, {{"__name__", "zero"}}), 0, 0);
  add(add(request, {{"__name__", "stale"}}), -5, std::bit_cast<double>(kStaleNaN));
  add(add(request, {{"__name__", "long"}, {"v", std::string(70'000, 'x')}}), 1, 1);
  b.agrees(request);
  CHECK(b.known.size() == 303);
  // In another order, and with others between them.
  std::reverse(request.mutable_timeseries()->begin(), request.mutable_timeseries()->end());
  add(add(request, {{"__name__", "new"}}), 7, 7);
  b.agrees(request);
  CHECK(b.known.size() == 304);

  const auto report = b.read(request);
  REQUIRE(report.has_value());
  CHECK(report->samples == 404);
  CHECK(b.columns.lease);
  CHECK(b.charge.bytes() >= 404 * 20);
}

TEST_CASE("1.0: histograms and exemplars") {
  Bench b;
  prometheus::WriteRequest request;
  auto& ts = add(request, {{"__name__", "h"}});
  fill(*ts.add_histograms(), false, 1000);
  fill(*ts.add_histograms(), true, 2000);
  fill_custom(*ts.add_histograms(), 3000);
  ts.mutable_histograms(0)->set_reset_hint(prometheus::Histogram::NO);
  // Senders send exemplars as series of their own.
  auto& exemplar = *add(request, {{"__name__", "c_total"}}).add_exemplars();
  exemplar.set_value(0.25);
  exemplar.set_timestamp(900);
  auto& label = *exemplar.add_labels();
  label.set_name("trace_id");
  label.set_value("abc");
  b.agrees(request);
  const auto report = b.read(request);
  REQUIRE(report.has_value());
  CHECK(report->histograms == 3);
  CHECK(report->exemplars == 1);
  CHECK(report->first.empty());
  const NativeHistogram& h = *b.columns.histograms[0].histogram;
  CHECK(h.count == 6);
  CHECK(h.reset == NativeHistogram::Reset::no);
  CHECK(h.positive.spans[0].offset == -2);
  CHECK(b.columns.histograms[2].histogram->custom_values == std::vector<double>{0.5, 1.0, 2.5});
}

TEST_CASE("1.0: metadata goes into the sender's book") {
  Bench b;
  prometheus::WriteRequest request;
  auto& m = *request.add_metadata();
  m.set_metric_family_name("a_total");
  m.set_type(prometheus::MetricMetadata::COUNTER);
  m.set_help("Things.");
  m.set_unit("things");
  auto report = b.read(request);
  REQUIRE(report.has_value());
  CHECK(report->metadata_left_out == 1);
  b.options.metadata = &b.book;
  report = b.read(request);
  REQUIRE(report.has_value());
  CHECK(report->metadata_left_out == 0);
  const auto all = b.book.all();
  REQUIRE(all);
  REQUIRE(all->size() == 1);
  CHECK(all->at(0).family == "a_total");
  CHECK(all->at(0).type == MetricType::counter);
  CHECK(all->at(0).help == "Things.");
  CHECK(all->at(0).unit == "things");
  REQUIRE(b.read(request).has_value());
  CHECK(b.book.all() == all);  // nothing new
}

TEST_CASE("what Prometheus refuses is refused, the rest is taken") {
  const auto sentence = [](const LabelTexts& labels, std::string_view want) {
    for (const bool second : {false, true}) {
      Bench b;
      prometheus::WriteRequest one;
      Request2 two;
      add(add(one, {{"__name__", "good"}}), 1, 1);
      add(two.add({{"__name__", "good"}}), 1, 1);
      auto& bad = add(one, labels);
      add(bad, 1, 1);
      add(bad, 2, 2);
      auto& bad2 = two.add(labels);
      add(bad2, 1, 1);
      add(bad2, 2, 2);
      add(add(one, {{"__name__", "also"}}), 1, 1);
      add(two.add({{"__name__", "also"}}), 1, 1);
      for (int turn = 0; turn < 2; ++turn) {
        const auto report = second ? b.read(two.request) : b.read(one);
        REQUIRE(report.has_value());
        CHECK(report->samples == 2);
        CHECK(refused(*report, WriteFault::labels) == 2);
        CHECK(report->first == want);
      }
      CHECK(b.known.size() == 2);
    }
  };
  sentence({}, "there is no metric name, got {}");
  sentence({{"job", "a"}}, "there is no metric name, got {job=\"a\"}");
  sentence({{"__name__", ""}, {"job", "a"}},
           "there is no metric name, got {__name__=\"\", job=\"a\"}");
  sentence({{"__name__", "m"}, {"", "a"}}, "a label has no name, got {=\"a\", __name__=\"m\"}");
  sentence({{"__name__", "m"}, {"a", "1"}, {"a", "2"}},
           "label \"a\" is there twice, got {__name__=\"m\", a=\"1\", a=\"2\"}");
  sentence({{"__name__", "m"}, {"a", "\xff\x01\""}},
           "a label is not UTF-8, got {__name__=\"m\", a=\"\\xff\\x01\\\"\"}");
}

TEST_CASE("unsorted labels are sorted, empty ones are none") {
  Bench b;
  prometheus::WriteRequest request;
  add(add(request, {{"z", "1"}, {"__name__", "m"}, {"b", ""}, {"a", "2"}}), 1, 1);
  add(add(request, {{"__name__", "m"}, {"a", "2"}, {"z", "1"}}), 2, 1);
  b.agrees(request);
  REQUIRE(b.read(request).has_value());
  CHECK(b.columns.series[0] == b.columns.series[1]);
}

TEST_CASE("1.0: labels that stand apart are one series") {
  Bench b;
  prometheus::WriteRequest first, sample, last, whole;
  add(first, {{"__name__", "m"}});
  add(*sample.add_timeseries(), 5, 5);
  add(last, {{"a", "1"}});
  add(add(whole, {{"__name__", "m"}, {"a", "1"}}), 5, 5);
  // One series in three pieces: a message of one field appended to another is their merge.
  const std::string pieces = oracle_bytes(first.timeseries(0)) +
                             oracle_bytes(sample.timeseries(0)) + oracle_bytes(last.timeseries(0));
  std::string body = "\x0a";
  body += static_cast<char>(pieces.size());
  body += pieces;
  for (int turn = 0; turn < 2; ++turn) {
    CHECK(read_difference<proto::remote_write_v1::WriteRequest, prometheus::WriteRequest>(
              b.known, b.reader, body, false) == "");
    REQUIRE(b.read(body, false).has_value());
    REQUIRE(b.columns.series.size() == 1);
    const SeriesId apart = b.columns.series[0];
    REQUIRE(b.read(whole).has_value());
    CHECK(b.columns.series[0] == apart);
    // A known series that goes on: the labels of the first piece alone are known now.
    prometheus::WriteRequest shorter;
    add(add(shorter, {{"__name__", "m"}}), 1, 1);
    b.agrees(shorter);
  }
}

TEST_CASE("points too far ahead are refused by themselves") {
  Bench b;
  b.options.latest_ms = 1000;
  Request2 request;
  auto& ts = request.add({{"__name__", "m"}});
  add(ts, 1000, 1);
  add(ts, 1001, 2);
  fill(*request.add({{"__name__", "h"}}).add_histograms(), false, 5000);
  const auto report = b.read(request.request);
  REQUIRE(report.has_value());
  CHECK(report->samples == 1);
  CHECK(report->histograms == 0);
  CHECK(refused(*report, WriteFault::ahead) == 2);
  CHECK(report->first == "timestamp 1001 is too far in the future for series {__name__=\"m\"}");
}

TEST_CASE("histograms that contradict themselves are refused") {
  // Prometheus model/histogram, Validate.
  const auto fault = [](auto change) {
    prometheus::Histogram h;
    fill(h, false, 1);
    change(h);
    Bench b;
    prometheus::WriteRequest request;
    *add(request, {{"__name__", "h"}}).add_histograms() = h;
    const auto report = b.read(request);
    REQUIRE(report.has_value());
    CHECK(report->histograms + refused(*report, WriteFault::histogram) == 1);
    const std::string tail = " for series {__name__=\"h\"}";
    if (report->first.empty()) return std::string();
    REQUIRE(report->first.size() > tail.size());
    return report->first.substr(0, report->first.size() - tail.size());
  };
  using H = prometheus::Histogram;
  CHECK(fault([](H&) {}) == "");
  CHECK(fault([](H& h) { h.set_schema(20); }) == "");  // stored with less resolution
  CHECK(fault([](H& h) { h.set_schema(-5); }) == "there is no schema -5");
  CHECK(fault([](H& h) { h.set_schema(53); }) == "there is no schema 53");
  CHECK(fault([](H& h) { h.set_count_int(7); }) == "6 observations are in buckets, the count is 7");
  CHECK(fault([](H& h) {
          h.set_count_int(7);
          h.set_sum(std::numeric_limits<double>::quiet_NaN());
        }) == "");
  CHECK(fault([](H& h) { h.set_positive_deltas(1, -4); }) ==
        "positive: bucket number 2 has the negative count -1");
  CHECK(fault([](H& h) { h.add_positive_deltas(1); }) ==
        "positive: spans need 2 buckets, there are 3");
  CHECK(fault([](H& h) {
          auto& span = *h.add_positive_spans();
          span.set_offset(-1);
        }) == "positive: span number 2 has the negative offset -1");
  CHECK(fault([](H& h) { h.add_custom_values(1); }) == "exponential buckets have no custom bounds");
  CHECK(fault([](H& h) {
          h.Clear();
          fill(h, true, 1);
          h.set_zero_count_float(-1);
        }) == "the zero bucket has the negative count -1");
  const auto custom = [&](auto change) {
    return fault([&](H& h) {
      h.Clear();
      fill_custom(h, 1);
      change(h);
    });
  };
  CHECK(custom([](H&) {}) == "");
  CHECK(custom([](H& h) { h.set_custom_values(1, 0.5); }) == "custom bounds do not rise");
  CHECK(custom([](H& h) { h.set_custom_values(2, std::numeric_limits<double>::infinity()); }) ==
        "the last custom bound is +Inf");
  CHECK(custom([](H& h) { h.mutable_positive_spans(0)->set_offset(3); }) ==
        "3 custom bounds are too few for buckets up to 5");
  CHECK(custom([](H& h) { h.set_zero_threshold(1); }) == "custom buckets have no zero bucket");
}

TEST_CASE("2.0: samples, starts, histograms, exemplars, in one request and the next") {
  Bench b;
  Request2 r;
  for (int i = 0; i < 300; ++i) {
    auto& ts = r.add({{"__name__", "m_total"}, {"n", std::to_string(i)}});
    add(ts, 1000 + i, i, i % 2 == 0 ? 500 : 0);
  }
  auto& h = r.add({{"__name__", "h"}});
  fill(*h.add_histograms(), false, 10);
  fill(*h.add_histograms(), true, 20);
  fill_custom(*h.add_histograms(), 30);
  h.mutable_histograms(1)->set_start_timestamp(5);
  auto& e = *r.add({{"__name__", "m_total"}, {"n", "7"}}).add_exemplars();
  e.add_labels_refs(r.ref("trace_id"));
  e.add_labels_refs(r.ref("xyz"));
  e.set_value(1);
  e.set_timestamp(9);
  b.agrees(r.request);
  // The same series by other numbers.
  Request2 other;
  for (int i = 0; i < 1000; ++i) other.ref("padding " + std::to_string(i));
  for (int i = 299; i >= 0; --i)
    add(other.add({{"__name__", "m_total"}, {"n", std::to_string(i)}}), 2000, i);
  const std::size_t before = b.known.size();
  b.agrees(other.request);
  CHECK(b.known.size() == before);
}

TEST_CASE("2.0: the start of a series up to 2.0-rc.3") {
  Bench b;
  Request2 r;
  auto& ts = r.add({{"__name__", "m_total"}});
  add(ts, 1000, 1);
  add(ts, 2000, 2, 1500);
  ts.GetReflection()->MutableUnknownFields(&ts)->AddVarint(6, 500);
  b.agrees(r.request);
  REQUIRE(b.read(r.request).has_value());
  CHECK(b.columns.start_timestamp == std::vector<std::int64_t>{500, 1500});
}

TEST_CASE("2.0: references to nowhere, odd ones, and series without anything") {
  Bench b;
  Request2 r;
  add(r.add({{"__name__", "good"}}), 1, 1);
  auto& nowhere = r.add({{"__name__", "m"}});
  nowhere.add_labels_refs(99);
  nowhere.add_labels_refs(1);
  add(nowhere, 1, 1);
  auto& odd = r.add({{"__name__", "m"}});
  odd.add_labels_refs(1);
  add(odd, 1, 1);
  r.add({{"__name__", "empty"}});
  auto& undescribed = r.add({{"__name__", "m"}});
  undescribed.mutable_metadata()->set_unit_ref(1000);
  add(undescribed, 1, 1);
  auto& bad_exemplar = *r.add({{"__name__", "good"}}).add_exemplars();
  bad_exemplar.add_labels_refs(77);
  bad_exemplar.add_labels_refs(0);
  b.agrees(r.request);
  const auto report = b.read(r.request);
  REQUIRE(report.has_value());
  CHECK(report->samples == 1);
  CHECK(refused(*report, WriteFault::labels) == 2);
  CHECK(refused(*report, WriteFault::metadata) == 1);
  CHECK(refused(*report, WriteFault::empty) == 1);
  CHECK(refused(*report, WriteFault::exemplar) == 1);
  CHECK(report->first ==
        fmt::format("a reference is outside of the {} symbols", r.request.symbols_size()));
}

TEST_CASE("2.0: metadata is of families") {
  Bench b;
  b.options.metadata = &b.book;
  Request2 r;
  using Type = v2::Metadata;
  const auto described = [&](const std::string& name, v2::Metadata::MetricType type) {
    auto& ts = r.add({{"__name__", name}});
    add(ts, 1, 1);
    r.describe(ts, type, "Help of it.", "seconds");
  };
  described("a_seconds_bucket", Type::METRIC_TYPE_HISTOGRAM);
  described("a_seconds_sum", Type::METRIC_TYPE_HISTOGRAM);
  described("b_total", Type::METRIC_TYPE_COUNTER);
  described("c_count", Type::METRIC_TYPE_SUMMARY);
  described("d_gsum", Type::METRIC_TYPE_GAUGEHISTOGRAM);
  described("e_sum", Type::METRIC_TYPE_GAUGE);
  add(r.add({{"__name__", "undescribed"}}), 1, 1);
  const auto report = b.read(r.request);
  REQUIRE(report.has_value());
  CHECK(report->metadata_left_out == 0);
  std::vector<std::string> families;
  for (const Metadata& m : *b.book.all()) families.push_back(m.family);
  CHECK(families == std::vector<std::string>{"a_seconds", "b_total", "c", "d", "e_sum"});
  CHECK(b.book.all()->at(0).type == MetricType::histogram);
  CHECK(b.book.all()->at(0).help == "Help of it.");
}

TEST_CASE("2.0: type and unit as labels") {
  Bench b;
  b.options.type_and_unit_labels = true;
  Request2 r;
  auto& ts = r.add({{"__name__", "a_seconds_total"}, {"__type__", "gauge"}, {"job", "x"}});
  add(ts, 1, 1);
  r.describe(ts, v2::Metadata::METRIC_TYPE_COUNTER, "", "seconds");
  auto& plain = r.add({{"__name__", "plain"}, {"__type__", "kept"}});
  add(plain, 1, 1);
  for (int turn = 0; turn < 2; ++turn) {
    REQUIRE(b.read(r.request).has_value());
    REQUIRE(b.columns.series.size() == 2);
    CHECK(b.table.to_text(b.columns.series[0]) ==
          "a_seconds_total{__type__=\"counter\",__unit__=\"seconds\",job=\"x\"}");
    CHECK(b.table.to_text(b.columns.series[1]) == "plain{__type__=\"kept\"}");
  }
  // The same labels with another type are another series, and without the option a third.
  r.describe(*r.request.mutable_timeseries(0), v2::Metadata::METRIC_TYPE_GAUGE, "", "");
  REQUIRE(b.read(r.request).has_value());
  CHECK(b.table.to_text(b.columns.series[0]) == "a_seconds_total{__type__=\"gauge\",job=\"x\"}");
  b.options.type_and_unit_labels = false;
  r.describe(*r.request.mutable_timeseries(0), v2::Metadata::METRIC_TYPE_COUNTER, "", "seconds");
  REQUIRE(b.read(r.request).has_value());
  CHECK(b.table.to_text(b.columns.series[0]) == "a_seconds_total{__type__=\"gauge\",job=\"x\"}");
}

TEST_CASE("cut anywhere, a body is whole or refused as libprotobuf says") {
  prometheus::WriteRequest one;
  auto& ts = add(one, {{"__name__", "m"}, {"job", "a"}});
  add(ts, 1'700'000'000'000, 1.5);
  fill(*ts.add_histograms(), false, 1);
  auto& label = *ts.add_exemplars()->add_labels();
  label.set_name("t");
  one.add_metadata()->set_help("h");
  Request2 two;
  auto& ts2 = two.add({{"__name__", "m"}, {"job", "a"}});
  add(ts2, 1'700'000'000'000, 1.5, 7);
  fill(*ts2.add_histograms(), true, 1);
  two.describe(ts2, v2::Metadata::METRIC_TYPE_GAUGE, "h", "u");
  Bench b;
  const std::string first = oracle_bytes(one), second = oracle_bytes(two.request);
  for (std::size_t n = 0; n <= first.size(); ++n)
    CHECK(read_difference<proto::remote_write_v1::WriteRequest, prometheus::WriteRequest>(
              b.known, b.reader, first.substr(0, n), false) == "");
  for (std::size_t n = 0; n <= second.size(); ++n)
    CHECK(read_difference<proto::remote_write_v2::Request, v2::Request>(
              b.known, b.reader, second.substr(0, n), true) == "");
  const auto cut = b.read(first.substr(0, first.size() - 1), false);
  REQUIRE_FALSE(cut.has_value());
  CHECK(cut.error().code() == Code::data_loss);
  CHECK(cut.error().what() == "no whole protocol buffer: cut off");
  // Taken for the other kind a body is empty: the specification reserves 1.0's field numbers.
  const auto other = b.read(first, true);
  REQUIRE(other.has_value());
  CHECK(other->samples == 0);
}

TEST_CASE("what does not fit is no room, and takes none") {
  prometheus::WriteRequest request;
  for (int i = 0; i < 20'000; ++i) add(add(request, {{"__name__", "m"}}), i, i);
  Bench b;
  b.budget.set_limit(300'000);
  const auto report = b.read(request);
  REQUIRE_FALSE(report.has_value());
  CHECK(report.error().code() == Code::resource_exhausted);
  CHECK(b.budget.usage().peak <= 300'000);
  b.budget.set_limit(Budget::kNoLimit);
  CHECK(b.read(request).has_value());
}

TEST_CASE("more labels than a series can have") {
  Bench b;
  prometheus::WriteRequest one;
  Request2 two;
  LabelTexts labels{{"__name__", "m"}};
  for (int i = 0; i < 4096; ++i) labels.emplace_back(fmt::format("l{:04}", i), "v");
  add(add(one, labels), 1, 1);
  add(two.add(labels), 1, 1);
  for (const bool second : {false, true}) {
    const auto report = second ? b.read(two.request) : b.read(one);
    REQUIRE(report.has_value());
    CHECK(report->samples == 0);
    CHECK(report->first == "a series has more than 4096 labels");
  }
}
