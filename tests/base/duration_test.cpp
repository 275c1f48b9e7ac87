// Expected values: what Go's time.ParseDuration and Duration.String document and its tests list.
#include "catch.hpp"

#include "base/duration.hpp"

using namespace collector;
using base::parse_duration;

TEST_CASE("durations parse as in Go") {
  const auto f = [](const char* text, std::int64_t ns) {
    INFO(text);
    const auto d = parse_duration(text);
    REQUIRE(d);
    CHECK(d->count() == ns);
  };
  f("0", 0);
  f("5s", 5'000'000'000);
  f("30s", 30'000'000'000);
  f("-5s", -5'000'000'000);
  f("+5s", 5'000'000'000);
  f("5.0s", 5'000'000'000);
  f("5.s", 5'000'000'000);
  f(".5s", 500'000'000);
  f("1.004s", 1'004'000'000);
  f("100.00100s", 100'001'000'000);
  f("10ns", 10);
  f("11us", 11'000);
  f("12\u00b5s", 12'000);
  f("13ms", 13'000'000);
  f("3h30m", 12'600'000'000'000);
  f("10.5s4m", 250'500'000'000);
  f("-2m3.4s", -123'400'000'000);
  f("0.3333333333333333333h", 1'200'000'000'000);
  f("9223372036854775807ns", 9'223'372'036'854'775'807);
}

TEST_CASE("what is no duration in Go is none here") {
  for (const char* text : {"", "3", "-", "s", ".", "-.", ".s", "+.s", "1d", "5 s",
                           "9223372036854775810ns", "3000000h"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("durations print as in Go") {
  const auto f = [](std::int64_t ns, const char* text) {
    CHECK(base::to_text(Duration(ns)) == text);
  };
  f(0, "0s");
  f(1, "1ns");
  f(1'100, "1.1\u00b5s");
  f(2'200'000, "2.2ms");
  f(3'300'000'000, "3.3s");
  f(245'000'000'000, "4m5s");
  f(245'001'000'000, "4m5.001s");
  f(18'367'001'000'000, "5h6m7.001s");
  f(60'000'000'000, "1m0s");
  f(-1'500'000'000, "-1.5s");
}
