#include "catch.hpp"

#include "base/civil_time.hpp"

using namespace collector;
using namespace collector::base;

TEST_CASE("times of RFC 3339") {
  const auto f = [](std::string_view text) {
    const auto time = parse_rfc3339(text);
    return time ? time->unix_ns : -1;
  };
  // RFC 3339, 5.8; seconds as date(1) counts them.
  CHECK(f("1985-04-12T23:20:50.52Z") == 482196050520000000);
  CHECK(f("1996-12-19T16:39:57-08:00") == 851042397000000000);
  CHECK(f("1937-01-01T12:00:27.87+00:20") == -1041337172130000000);
  CHECK(f("2000-02-29T00:00:00Z") == 951782400000000000);
  CHECK(f("2026-11-24t10:00:00z") == 1795514400000000000);
  for (const char* bad :
       {"", "2026-11-24", "2026-11-24T10:00:00", "2026-11-24 10:00:00Z", "2026-13-24T10:00:00Z",
        "2026-11-24T24:00:00Z", "2026-11-24T10:00:00.Z", "2026-11-24T10:00:00+1:00",
        "2026-11-24T10:00:00Zx", "+026-11-24T10:00:00Z"})
    CHECK(f(bad) == -1);
  CHECK(basic_utc({1440938160123456789}) == "20150830T123600Z");
}
