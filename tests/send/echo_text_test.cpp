// What prometheus.echo prints: OpenMetrics 1.0.0 and the text format, as Prometheus' expfmt writes
// them.
#include "send/echo_text.hpp"
#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "model/series_table.hpp"

using namespace collector;

namespace {

struct Bench {
  testing::SeededRandom random{1};
  model::SeriesTable table{random};
  std::shared_ptr<MetricColumns> columns = std::make_shared<MetricColumns>();

  SeriesId series(std::vector<model::Label> labels) { return table.intern(labels); }
  void sample(SeriesId id, double value) {
    columns->series.push_back(id);
    columns->timestamp.push_back(1500);
    columns->value.push_back(value);
  }
  std::string text(send::EchoFormat format) {
    return send::exposition_text(Metrics(columns, {}), table, format);
  }
};

}  // namespace

TEST_CASE("echo: exemplars, names beyond the legacy scheme, numbers") {
  Bench b;
  const SeriesId c = b.series({{"__name__", "c_total"}, {"x", "a\"b"}});
  const SeriesId g = b.series({{"__name__", "g.h"}, {"x.y", "1"}});
  b.sample(c, 7);
  b.sample(g, 1e6);
  b.columns->exemplars.push_back({c, 2250, 0.5, {{"t", "1"}}});
  b.columns->metadata = std::make_shared<const std::vector<Metadata>>(
      std::vector<Metadata>{{"c", MetricType::counter, "Help \"it\".", ""}});
  CHECK(b.text(send::EchoFormat::openmetrics) ==
        "# HELP c Help \\\"it\\\".\n"
        "# TYPE c counter\n"
        "c_total{x=\"a\\\"b\"} 7.0 1.5 # {t=\"1\"} 0.5 2.25\n"
        "# TYPE \"g.h\" unknown\n"
        "{\"g.h\",\"x.y\"=\"1\"} 1e+06 1.5\n"
        "# EOF\n");
  CHECK(b.text(send::EchoFormat::text) ==
        "# HELP c Help \"it\".\n"
        "# TYPE c counter\n"
        "c_total{x=\"a\\\"b\"} 7 1500\n"
        "# TYPE \"g.h\" untyped\n"
        "{\"g.h\",\"x.y\"=\"1\"} 1e+06 1500\n");
}

TEST_CASE("echo: a native histogram is shown as buckets") {
  Bench b;
  const SeriesId id = b.series({{"__name__", "h"}, {"x", "1"}});
  auto h = std::make_shared<NativeHistogram>();
  // Schema 0: bucket i ends at 2^i. Three below -1, one around zero, two up to 2, one up to 8.
  h->count = 7;
  h->sum = 4.5;
  h->zero_count = 1;
  h->zero_threshold = 0.25;
  h->negative = {{{1, 1}}, {3}, {}};
  h->positive = {{{1, 1}, {1, 1}}, {2, -1}, {}};
  b.columns->histograms.push_back({id, 1500, 0, h});
  b.columns->exemplars.push_back({id, 3000, 5, {{"t", "1"}}});
  CHECK(b.text(send::EchoFormat::openmetrics) ==
        "# TYPE h histogram\n"
        "h_bucket{x=\"1\",le=\"-1.0\"} 3.0 1.5\n"
        "h_bucket{x=\"1\",le=\"0.25\"} 4.0 1.5\n"
        "h_bucket{x=\"1\",le=\"2.0\"} 6.0 1.5\n"
        "h_bucket{x=\"1\",le=\"8.0\"} 7.0 1.5 # {t=\"1\"} 5.0 3\n"
        "h_bucket{x=\"1\",le=\"+Inf\"} 7.0 1.5\n"
        "h_sum{x=\"1\"} 4.5 1.5\n"
        "h_count{x=\"1\"} 7.0 1.5\n"
        "# EOF\n");
  h = std::make_shared<NativeHistogram>();
  h->is_float = true;
  h->schema = NativeHistogram::kCustomBuckets;
  h->custom_values = {0.5};
  h->float_count = 2.5;
  h->positive = {{{0, 2}}, {}, {1, 1.5}};
  b.columns->histograms[0].histogram = h;
  CHECK(b.text(send::EchoFormat::text) ==
        "# TYPE h histogram\n"
        "h_bucket{x=\"1\",le=\"0.5\"} 1 1500\n"
        "h_bucket{x=\"1\",le=\"+Inf\"} 2.5 1500\n"
        "h_sum{x=\"1\"} 0 1500\n"
        "h_count{x=\"1\"} 2.5 1500\n");
}
