// What a scrape becomes. Rules: Prometheus, scrape/scrape.go and its documentation of staleness,
// honor_labels, honor_timestamps and limits.
#include "catch.hpp"

#include "format/remote_write.hpp"
#include "scrape_target.hpp"
#include "write_request.hpp"

#include <array>
#include <cmath>

using namespace collector;

TEST_CASE("labels of the target are added, timestamps are the scrape's") {
  Target t;
  CHECK(
      t.scrape("a{x=\"1\"} 5\nb 6\n", 1000) ==
      Samples{R"(a{instance="i:1",job="j",x="1"} 5@1000)", R"(b{instance="i:1",job="j"} 6@1000)"});
}

TEST_CASE("a conflicting label moves to exported_, or wins with honor_labels") {
  Target t;
  const char* body = "a{job=\"theirs\",exported_instance=\"x\",instance=\"y\"} 1\n";
  CHECK(
      t.scrape(body, 1) ==
      Samples{
          R"(a{exported_exported_instance="y",exported_instance="x",exported_job="theirs",instance="i:1",job="j"} 1@1)"});
  Target honest;
  honest.settings.honor_labels = true;
  CHECK(honest.scrape(body, 1) ==
        Samples{R"(a{exported_instance="x",instance="y",job="theirs"} 1@1)"});
}

TEST_CASE("a series that is gone gets one stale marker") {
  Target t;
  t.scrape("a 1\nb 1\n", 1000);
  CHECK(t.scrape("a 2\n", 2000) ==
        Samples{R"(a{instance="i:1",job="j"} 2@2000)", R"(b{instance="i:1",job="j"} stale@2000)"});
  CHECK(t.scrape("a 3\n", 3000) == Samples{R"(a{instance="i:1",job="j"} 3@3000)"});
  CHECK(t.scrape("b 4\na 5\n", 4000) ==
        Samples{R"(b{instance="i:1",job="j"} 4@4000)", R"(a{instance="i:1",job="j"} 5@4000)"});
}

TEST_CASE("timestamps of the exposition: kept and not tracked, unless told otherwise") {
  Target t;
  CHECK(t.scrape("a 1 500\n", 1000) == Samples{R"(a{instance="i:1",job="j"} 1@500)"});
  CHECK(t.scrape("", 2000) == Samples{});
  Target tracked;
  tracked.settings.track_timestamps_staleness = true;
  tracked.scrape("a 1 500\n", 1000);
  CHECK(tracked.scrape("", 2000) == Samples{R"(a{instance="i:1",job="j"} stale@2000)"});
  Target ignored;
  ignored.settings.honor_timestamps = false;
  CHECK(ignored.scrape("a 1 500\n", 1000) == Samples{R"(a{instance="i:1",job="j"} 1@1000)"});
}

TEST_CASE("an error or a limit voids the whole scrape") {
  Target t;
  t.scrape("a 1\n", 1000);
  CHECK(t.scrape("a 2\ngarbage{{{\n", 2000) == Samples{});
  CHECK(t.error.find("line 2") != std::string::npos);
  CHECK(t.scrape("a 3\n", 3000) == Samples{R"(a{instance="i:1",job="j"} 3@3000)"});
  t.settings.sample_limit = 1;
  CHECK(t.scrape("a 4\nb 4\n", 4000) == Samples{});
  CHECK(!t.error.empty());
  Target named;
  named.settings.label_limit = 3;
  CHECK(named.scrape("a 1\n", 1).size() == 1);
  CHECK(named.scrape("a{x=\"1\"} 1\n", 2) == Samples{});
  Target valued;
  valued.settings.label_value_length_limit = 4;
  CHECK(valued.scrape("a{x=\"12345\"} 1\n", 1) == Samples{});
  CHECK(valued.error.find("label_value_length_limit") != std::string::npos);
}

TEST_CASE("the same series twice in one exposition counts once") {
  Target t;
  CHECK(t.scrape("a 1\na 2\n", 1) == Samples{R"(a{instance="i:1",job="j"} 1@1)"});
}

TEST_CASE("a void target: everything that was current becomes stale") {
  Target t;
  t.scrape("a 1\nb 1\n", 1000);
  MetricColumns columns;
  t.cache.stale(2000, columns);
  CHECK(columns.series.size() == 2);
  for (const double v : columns.value) CHECK(is_stale(v));
}

TEST_CASE("an encoded request decodes to the same samples") {
  Target t;
  MetricColumns columns;
  REQUIRE(t.cache.scrape("a{x=\"1\"} 5\nb -0.5\nc NaN\nd +Inf\n", t.settings, 1234, columns)
              .has_value());
  std::string plain, body;
  format::append_write_request(columns, {0, columns.series.size(), {}, {}}, t.table, plain);
  wire::snappy_compress(plain, body);
  const auto decoded = decode_write_request(body);
  REQUIRE(decoded.size() == 4);
  CHECK(decoded[0].series == "__name__=a,instance=i:1,job=j,x=1");
  CHECK(decoded[0].value == 5);
  CHECK(decoded[0].ms == 1234);
  CHECK(decoded[1].value == -0.5);
  CHECK(std::isnan(decoded[2].value));
  CHECK(std::isinf(decoded[3].value));
}

TEST_CASE("with honor_labels a label that is exposed as empty keeps the target's away") {
  Target t;
  t.settings.honor_labels = true;
  CHECK(t.scrape("a{instance=\"\"} 1\nb 2\n", 1) ==
        Samples{R"(a{job="j"} 1@1)", R"(b{instance="i:1",job="j"} 2@1)"});
}

TEST_CASE("what a failed scrape says of its samples") {
  // Prometheus, scrapeLoop.append: a sample whose labels break a limit is scraped and not added,
  // one that does not parse is neither, and beyond sample_limit counting goes on.
  auto counts = [](const Target& t) {
    const auto& s = t.cache.last();
    return std::array{s.scraped, s.added, s.series_added};
  };
  using Three = std::array<std::uint64_t, 3>;
  Target limited;
  limited.settings.label_limit = 3;
  limited.scrape("a 1\nb{x=\"1\"} 2\nc 3\n", 1);
  CHECK(counts(limited) == Three{2, 1, 0});
  Target garbage;
  garbage.scrape("a 1\nb{x=\"\xff\"} 2\n", 1);
  CHECK(counts(garbage) == Three{1, 1, 0});
  Target many;
  many.settings.sample_limit = 2;
  CHECK(many.scrape("a 1\nb 1\n", 1).size() == 2);
  CHECK(counts(many) == Three{2, 2, 2});
  CHECK(many.scrape("a 2\nb 2\nc 2\nd 2\n", 2) == Samples{});
  CHECK(many.error.find("sample limit exceeded: 4 samples, limit 2") != std::string::npos);
  CHECK(counts(many) == Three{4, 4, 0});
  many.scrape("a 3\na 3\nb 3\n", 3);
  CHECK(many.error == "");
  CHECK(counts(many) == Three{3, 3, 0});
}

TEST_CASE("one series in two spellings is a duplicate") {
  Target t;
  const std::string one = R"(d{instance="i:1",job="j",x="1",y="2"})";
  for (int n = 1; n < 4; ++n) {
    INFO(n);
    CHECK(t.scrape("d{x=\"1\",y=\"2\"} 1\nd{y=\"2\",x=\"1\"} 2\n", n) ==
          Samples{one + " 1@" + std::to_string(n)});
    CHECK(t.cache.last().duplicates == 1);
  }
  CHECK(t.scrape("d{y=\"2\",x=\"1\"} 5\n", 9) == Samples{one + " 5@9"});
  // The other spelling comes back, then goes for good: no marker beside a sample.
  CHECK(t.scrape("d{x=\"1\",y=\"2\"} 6\n", 10) == Samples{one + " 6@10"});
  CHECK(t.scrape("", 11) == Samples{one + " stale@11"});
}

TEST_CASE("after forget() series that have no line any more become stale, the others go on") {
  Target t;
  t.scrape("a{job=\"x\"} 1\nb 1\n", 1);
  t.settings.honor_labels = true;
  t.cache.forget();
  CHECK(t.scrape("a{job=\"x\"} 2\nb 2\n", 2) ==
        Samples{R"(a{instance="i:1",job="x"} 2@2)", R"(b{instance="i:1",job="j"} 2@2)",
                R"(a{exported_job="x",instance="i:1",job="j"} stale@2)"});
  CHECK(t.scrape("a{job=\"x\"} 3\nb 3\n", 3).size() == 2);
  CHECK(t.cache.size() == 2);
  t.cache.forget();
  CHECK(t.scrape("b 4\n!", 4) == Samples{});
  MetricColumns gone;
  t.cache.stale(5, gone);
  CHECK(gone.series.size() == 2);
  CHECK(t.scrape("b 6\n", 6) == Samples{R"(b{instance="i:1",job="j"} 6@6)"});
}

TEST_CASE("a timestamp more than ten minutes ahead is left out, its series stays as it is") {
  Target t;
  CHECK(t.scrape("a 1 600000\nb 1 600002\nc 1\n", 1) ==
        Samples{R"(a{instance="i:1",job="j"} 1@600000)", R"(c{instance="i:1",job="j"} 1@1)"});
  CHECK(t.cache.last().out_of_bounds == 1);
  CHECK(t.cache.last().added == 3);
  CHECK(t.scrape("c 2\n", 2) == Samples{R"(c{instance="i:1",job="j"} 2@2)"});
}
