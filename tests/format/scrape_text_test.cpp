// What text and OpenMetrics say beside samples. Rules: OpenMetrics 1.0.0; Prometheus,
// model/textparse (openmetricsparse.go, nhcbparse.go) and scrape/scrape.go.
#include "catch.hpp"
#include "scrape_target.hpp"

using namespace collector;

namespace {

struct OpenTarget : Target {
  OpenTarget() {
    settings.format = format::Exposition::open_metrics;
    settings.labels = {};
  }
};

}  // namespace

TEST_CASE("exemplars of OpenMetrics") {
  OpenTarget t;
  const std::string body =
      "# TYPE a counter\n"
      "a_total 1 # {trace=\"x\\\"y\",id=\"1\"} 0.5 1.25\n"
      "a_total{n=\"2\"} 1 3 # {} 7\n"
      "a_total{n=\"3\"} 1\n"
      "# EOF\n";
  const Samples expected{"a_total 0.5@1250 id=1 trace=x\"y", "a_total{n=\"2\"} 7@3000"};
  t.scrape(body, 9);
  CHECK(t.exemplars() == expected);
  t.scrape(body, 9);  // of lines that are known
  CHECK(t.exemplars() == expected);
  t.settings.honor_timestamps = false;
  t.scrape(body, 9);
  CHECK(t.exemplars().at(1) == "a_total{n=\"2\"} 7@9");
}

TEST_CASE("exemplars that are left out, and lines that are wrong") {
  OpenTarget t;
  const auto with = [&](const std::string& exemplar) {
    t.scrape("a_total 1 # " + exemplar + "\n# EOF\n", 1);
    return t.columns.exemplars.size();
  };
  // 128 characters of UTF-8, name and value together.
  std::string text;
  for (int i = 0; i < 127; ++i) text += "é";
  CHECK(with("{a=\"" + text + "\"} 1") == 1);
  CHECK(with("{a=\"" + text + "x\"} 1") == 0);
  CHECK(t.cache.last().long_exemplars == 1);
  CHECK(t.error.empty());
  CHECK(with("{a=\"1\",a=\"2\"} 1") == 0);
  CHECK(t.cache.last().invalid_exemplars == 1);
  CHECK(with("{a=\"\"} 1") == 1);
  CHECK(t.columns.exemplars[0].labels.empty());
  for (const char* bad : {"{a=\"1\"}", "{a=\"1\"} x", "{a=\"1\"} 1 x", "{a=\"1\"} 1 2 3", "a 1"}) {
    INFO(bad);
    with(bad);
    CHECK(!t.error.empty());
  }
  Target plain;
  plain.scrape("a 1 # {} 1\n", 1);
  CHECK(!plain.error.empty());
}

TEST_CASE("a void scrape leaves no exemplar") {
  OpenTarget t;
  t.settings.sample_limit = 1;
  t.scrape("a_total 1 # {} 1\nb 1\n# EOF\n", 1);
  CHECK(t.columns.exemplars.empty());
}

TEST_CASE("bounds and quantiles are spelled as OpenMetrics does, in both formats") {
  Target t;
  t.settings.labels = {};
  CHECK(t.scrape("h_bucket{le=\"1\"} 1\n"  // of no histogram, as far as is known
                 "# TYPE h histogram\n"
                 "h_bucket{le=\"1\"} 1\nh_bucket{le=\"1000000\"} 1\nh_bucket{le=\"+Inf\"} 1\n"
                 "h_bucket{le=\"x\"} 1\nh_bucket{quantile=\"1\"} 1\n"
                 "# TYPE s summary\n"
                 "s{quantile=\"0\"} 2\ns{le=\"1\"} 2\n",
                 1) == Samples{R"(h_bucket{le="1"} 1@1)", R"(h_bucket{le="1.0"} 1@1)",
                               R"(h_bucket{le="1e+06"} 1@1)", R"(h_bucket{le="+Inf"} 1@1)",
                               R"(h_bucket{le="x"} 1@1)", R"(h_bucket{quantile="1"} 1@1)",
                               R"(s{quantile="0.0"} 2@1)", R"(s{le="1"} 2@1)"});
}

TEST_CASE("type and unit as labels") {
  OpenTarget t;
  t.settings.type_and_unit_labels = true;
  const char* body =
      "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n"
      "a_seconds_total{__unit__=\"theirs\"} 1\n"
      "# TYPE b unknown\nb{__type__=\"theirs\"} 2\n# EOF\n";
  CHECK(t.scrape(body, 1) ==
        Samples{R"(a_seconds_total{__type__="counter",__unit__="seconds"} 1@1)",
                R"(b{__type__="theirs"} 2@1)"});
  CHECK(t.scrape(body, 2).size() == 2);
  CHECK(t.cache.last().series_added == 0);
  // Another type is another series.
  CHECK(t.scrape("# TYPE a_seconds gauge\na_seconds_total 3\n# EOF\n", 3) ==
        Samples{R"(a_seconds_total{__type__="gauge"} 3@3)",
                R"(a_seconds_total{__type__="counter",__unit__="seconds"} stale@3)",
                R"(b{__type__="theirs"} stale@3)"});
  t.settings.label_limit = 1;
  t.scrape("# TYPE a_seconds gauge\na_seconds_total 4\n# EOF\n", 4);
  CHECK(t.error.empty());  // known: limits are looked at once
  t.scrape("# TYPE c gauge\nc 4\n# EOF\n", 5);
  CHECK(t.error.find("label_limit exceeded (2 labels") != std::string::npos);
}

TEST_CASE("start times are lines of their own, which count for what stands before them") {
  OpenTarget t;
  const char* body =
      "# TYPE a counter\n"
      "a_total{n=\"1\"} 1\na_created{n=\"1\"} 1.5\n"
      "a_total{n=\"2\"} 2\n"
      "# TYPE h histogram\n"
      "h_bucket{le=\"+Inf\"} 3\nh_count 3\nh_sum 4\nh_created 2\n"
      "# TYPE g gauge\n"
      "g_created 5\n# EOF\n";
  CHECK(t.scrape(body, 10'000).size() == 8);  // unless they are asked for
  t.settings.start_timestamps = true;
  const Samples expected{R"(a_total{n="1"} 1@10001 from 1500)",
                         R"(a_total{n="2"} 2@10001)",
                         R"(h_bucket{le="+Inf"} 3@10001 from 2000)",
                         R"(h_count 3@10001 from 2000)",
                         R"(h_sum 4@10001 from 2000)",
                         R"(g_created 5@10001)"};
  Samples first = t.scrape(body, 10'001);
  first.resize(6);  // then markers for the lines that were series
  CHECK(first == expected);
  CHECK(t.scrape(body, 10'001) == expected);
  CHECK(t.cache.last().scraped == 6);
  CHECK(t.scrape("# TYPE a counter\na_total{n=\"2\"} 1\na_created{n=\"2\"} 15\n# EOF\n", 20'000)
            .at(0) == R"(a_total{n="2"} 0@15000)");
}

TEST_CASE("what a line is goes by the type that its family has now") {
  OpenTarget t;
  t.settings.start_timestamps = true;
  CHECK(t.scrape("# TYPE a counter\na_created 5\n# EOF\n", 10'000) == Samples{});
  CHECK(t.scrape("# TYPE a gauge\na_created 6\n# EOF\n", 20'000) == Samples{"a_created 6@20000"});
  CHECK(t.scrape("# TYPE a counter\na_created 7\n# EOF\n", 30'000) ==
        Samples{"a_created stale@30000"});
}

TEST_CASE("classic histograms with custom buckets instead") {
  OpenTarget t;
  t.settings.convert_histograms = true;
  t.settings.start_timestamps = true;
  const char* body =
      "# TYPE h histogram\n"
      "h_bucket{n=\"1\",le=\"0.5\"} 1 # {t=\"a\"} 0.3 7\n"
      "h_bucket{n=\"1\",le=\"1\"} 3 # {t=\"b\"} 0.7\n"
      "h_bucket{n=\"1\",le=\"+Inf\"} 4\n"
      "h_count{n=\"1\"} 4\nh_sum{n=\"1\"} 5.5\nh_created{n=\"1\"} 2\n"
      "h_bucket{n=\"2\",le=\"+Inf\"} 1\nh_count{n=\"2\"} 2\n"
      "# TYPE c counter\nc_total 1\n"
      "# EOF\n";
  for (const std::int64_t now : {10'000, 20'000}) {
    CHECK(t.scrape(body, now) == Samples{"c_total 1@" + std::to_string(now)});
    REQUIRE(t.columns.histograms.size() == 1);
    const HistogramSample& s = t.columns.histograms[0];
    CHECK(t.table.to_text(s.series) == R"(h{n="1"})");
    CHECK(s.timestamp == now);
    CHECK(s.start_timestamp == 2000);
    CHECK(s.histogram->custom_values == std::vector<double>{0.5, 1});
    CHECK(s.histogram->positive.deltas == std::vector<std::int64_t>{1, 1, -1});
    CHECK(s.histogram->count == 4);
    CHECK(s.histogram->sum == 5.5);
    CHECK(t.exemplars() == Samples{R"(h{n="1"} 0.3@7000 t=a)"});
    CHECK(t.cache.last().scraped == 2);
    CHECK(t.cache.last().unconverted == 1);  // n="2": one or two?
    CHECK(t.cache.last().timeless_exemplars == 1);
  }
  CHECK(t.scrape("# EOF\n", 30'000) == Samples{R"(h{n="1"} stale@30000)", "c_total stale@30000"});
  t.settings.classic_histograms = true;
  CHECK(t.scrape(body, 40'000).size() == 8);
  CHECK(t.columns.histograms.size() == 1);
  t.settings.sample_limit = 8;  // and the histogram is one too many
  CHECK(t.scrape(body, 50'000) == Samples{});
  CHECK(t.columns.histograms.empty());
  CHECK(t.cache.last().over_samples);
  t.settings.sample_limit = 9;
  CHECK(t.scrape(body, 60'000).size() == 8);
}

TEST_CASE("help text without its escapes") {
  OpenTarget t;
  t.scrape("# TYPE a gauge\n# HELP a x\\ny \\\\ \\\"q\\\" \\z\na 1\n# EOF\n", 1);
  REQUIRE(t.columns.metadata);
  CHECK(t.columns.metadata->at(0).help == "x\ny \\ \"q\" \\z");
  Target plain;
  plain.scrape("# HELP a \\\"q\\\" \\\\\na 1\n", 1);
  CHECK(plain.columns.metadata->at(0).help == "\\\"q\\\" \\");
}
