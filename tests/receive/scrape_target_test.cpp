// Expected values: Prometheus scrape/target_test.go's rules, and RFC 3986.
#include "receive/scrape_target.hpp"
#include "catch.hpp"

using namespace collector;
using namespace collector::receive;
using std::chrono::seconds;

namespace {

ScrapeTarget only(const ScrapeArguments& a) {
  const auto built = build_targets(a, "prometheus.scrape.x");
  REQUIRE(built.active.size() == 1);
  return built.active[0];
}
ScrapeArguments with(StringMap target) {
  ScrapeArguments a;
  a.targets = {std::move(target)};
  return a;
}
std::string why(StringMap target) {
  const auto built = build_targets(with(std::move(target)), "c");
  REQUIRE(built.active.empty());
  return built.dropped.at(0).why;
}

}  // namespace

TEST_CASE("defaults of a target") {
  const auto t = only(with({{"__address__", "host:9100"}, {"__meta_x", "y"}, {"env", "test"}}));
  CHECK(t.url == "http://host:9100/metrics");
  CHECK(t.labels ==
        StringMap{{"env", "test"}, {"instance", "host:9100"}, {"job", "prometheus.scrape.x"}});
  CHECK(t.interval == seconds(60));
  CHECK(t.timeout == seconds(10));
  CHECK(t.discovered.at("__meta_x") == "y");
  CHECK(t.discovered.at("__scrape_interval__") == "1m");
}

TEST_CASE("labels of the target decide over the arguments") {
  ScrapeArguments a = with({{"__address__", "h:1"},
                            {"__scheme__", "https"},
                            {"__metrics_path__", "probe me"},
                            {"__param_target", "a b&c"},
                            {"__scrape_interval__", "1m30s"},
                            {"__scrape_timeout__", "500ms"},
                            {"job", "j"},
                            {"instance", "i"},
                            {"__tmp", "gone"},
                            {"empty", ""}});
  a.params = {{"target", {"x", "second"}}, {"module", {"http_2xx"}}};
  a.job_name = "other";
  const auto t = only(a);
  CHECK(t.url == "https://h:1/probe%20me?module=http_2xx&target=a+b%26c&target=second");
  CHECK(t.labels == StringMap{{"instance", "i"}, {"job", "j"}});
  CHECK(t.interval == seconds(90));
  CHECK(t.timeout == std::chrono::milliseconds(500));
}

TEST_CASE("labels of the target decide over its histograms") {
  ScrapeArguments a = with({{"__address__", "h:1"},
                            {"__scrape_native_histograms__", "1"},
                            {"__convert_classic_histograms_to_nhcb__", "false"}});
  a.convert_classic_histograms_to_nhcb = true;
  a.scrape_classic_histograms = true;
  const auto t = only(a);
  CHECK(t.native_histograms);
  CHECK(t.classic_histograms);
  CHECK(!t.convert_histograms);
  CHECK(t.labels.size() == 2);
  CHECK(why({{"__address__", "h"}, {"__scrape_native_histograms__", "maybe"}}) ==
        "error parsing scrape native histograms: \"maybe\"");
}

TEST_CASE("what cannot be scraped says why") {
  CHECK(why({}) == "no address");
  CHECK(why({{"__address__", "http://h/"}}).find("not a valid hostname") != std::string::npos);
  CHECK(why({{"__address__", "h"}, {"__scheme__", "ftp"}}).find("ftp") != std::string::npos);
  CHECK(why({{"__address__", "h"}, {"__scrape_interval__", "1.5s"}}).find("parsing") !=
        std::string::npos);
  CHECK(why({{"__address__", "h"}, {"__scrape_interval__", "0"}}) == "scrape interval cannot be 0");
  CHECK(why({{"__address__", "h"}, {"__scrape_timeout__", "2m"}}).find("greater") !=
        std::string::npos);
  CHECK(why({{"__address__", "h"}, {"bad", "\xff"}}).find("UTF-8") != std::string::npos);
}

TEST_CASE("equal targets are scraped once") {
  ScrapeArguments a;
  a.targets = {{{"__address__", "h:1"}},
               {{"__address__", "h:1"}, {"__meta_a", "b"}},
               {{"__address__", "h:2"}}};
  CHECK(build_targets(a, "c").active.size() == 2);
}

TEST_CASE("durations of labels") {
  const auto ms = [](std::int64_t n) { return std::optional<Duration>(Duration(n * 1'000'000)); };
  CHECK(parse_prometheus_duration("0") == ms(0));
  CHECK(parse_prometheus_duration("15s") == ms(15'000));
  CHECK(parse_prometheus_duration("1d2h3m4s5ms") == ms(93'784'005));
  CHECK(parse_prometheus_duration("1w") == ms(604'800'000));
  CHECK(parse_prometheus_duration("1y") == ms(365LL * 86'400'000));
  for (const char* bad : {"", "1", "s", "1.5s", "-1s", "1s1m", "1s1s", "1x", "99999999999y", " 1s"})
    CHECK(parse_prometheus_duration(bad) == std::nullopt);
}

TEST_CASE("the phase of a target does not depend on when it is asked") {
  const auto t = only(with({{"__address__", "h:1"}}));
  const std::int64_t interval = t.interval.count();
  const WallTime now{1'700'000'000'123'456'789};
  const Duration offset = scrape_offset(t, now);
  CHECK(offset.count() >= 0);
  CHECK(offset.count() < interval);
  for (std::int64_t later : {std::int64_t{1}, std::int64_t{777'777}, 5 * interval + 3})
    CHECK((now.unix_ns + later + scrape_offset(t, {now.unix_ns + later}).count()) % interval ==
          (now.unix_ns + offset.count()) % interval);
  const auto other = only(with({{"__address__", "h:2"}}));
  CHECK(scrape_offset(other, now) != offset);
  // On a grid, so that neighbours are scraped in one go.
  CHECK((now.unix_ns + offset.count()) % 20'000'000 == 0);
}

TEST_CASE("Accept is Prometheus'") {
  ScrapeArguments a;
  CHECK(accept_header(a) ==
        "application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,"
        "text/plain;version=1.0.0;escaping=underscores;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2");
  a.scrape_protocols = {"PrometheusText0.0.4"};
  CHECK(accept_header(a) == "text/plain;version=0.0.4;q=0.6,*/*;q=0.5");
  // Protobuf comes first where native histograms are asked for; its term has no escaping.
  a = {};
  a.scrape_native_histograms = true;
  a.metric_name_escaping_scheme = "dots";
  CHECK(accept_header(a) ==
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
        "encoding=delimited;q=0.6,"
        "application/openmetrics-text;version=1.0.0;escaping=dots;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,"
        "text/plain;version=1.0.0;escaping=dots;q=0.3,"
        "text/plain;version=0.0.4;q=0.2,*/*;q=0.1");
}

TEST_CASE("rules that span arguments") {
  ScrapeArguments a;
  CHECK(a.validate().ok());
  a.scrape_timeout = seconds(61);
  CHECK(a.validate().what().find("greater than scrape_interval") != std::string::npos);
  a = {};
  a.scrape_native_histograms = true;
  CHECK(a.validate().ok());
  a.scrape_protocols = {"PrometheusText0.0.4"};
  CHECK(a.validate().what().find("PrometheusProto is not in scrape_protocols") !=
        std::string::npos);
  a = {};
  a.enable_protobuf_negotiation = true;
  CHECK(a.validate().ok());
  CHECK(a.native_histograms());
  a.scrape_protocols = {"PrometheusProto"};
  CHECK(a.validate().what().find("only one can be set") != std::string::npos);
  a = {};
  a.scrape_fallback_protocol = "PrometheusProto";
  CHECK(a.validate().ok());
  a.scrape_protocols = {"PrometheusProto", "Nonsense"};
  CHECK(a.validate().what().find("invalid scrape_protocols \"Nonsense\"") != std::string::npos);
  a.scrape_protocols = {"PrometheusText0.0.4", "PrometheusText0.0.4"};
  CHECK(a.validate().what().find("duplicate") != std::string::npos);
  a = {};
  a.metric_name_escaping_scheme = "allow-utf-8";
  CHECK(!a.validate().ok());
  a.metric_name_validation_scheme = "utf8";
  CHECK(a.validate().ok());
}
