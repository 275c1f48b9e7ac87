#include "catch.hpp"

#include "base/byte_size.hpp"

using collector::base::parse_bytes;

TEST_CASE("sizes with and without units, all in powers of two") {
  const auto f = [](std::string_view text, std::int64_t want) {
    std::int64_t got = -1;
    CHECK(parse_bytes(text, got));
    CHECK(got == want);
  };
  f("0", 0);
  f("1048576", 1 << 20);
  f("10B", 10);
  f("512MiB", 512LL << 20);
  f("512MB", 512LL << 20);
  f("1.5KiB", 1536);
  f("2GiB", 2LL << 30);
  for (const char* bad : {"", "MiB", "-1", "10 MB", "10M", "10mb", "10MiBs", "9999999EiB"}) {
    std::int64_t untouched = 7;
    CHECK_FALSE(parse_bytes(bad, untouched));
    CHECK(untouched == 7);
  }
}
