#include "catch.hpp"

#include "wire/compression.hpp"

#include <string>

using namespace collector;
using namespace collector::wire;

TEST_CASE("what comes out is paid for before there is memory for it") {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i) + ",";
  std::string snapped;
  snappy_compress(text, snapped);
  const std::string zipped = gzip(text);
  const auto f = [&](auto&& decode) {
    Budget poor(text.size() - 1);
    Reservation little = poor.charge(0, "decoded");
    const auto refused = decode(text.size() * 2, little);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code() == Code::resource_exhausted);
    CHECK(poor.usage().used == 0);
    Budget budget(text.size());
    Reservation charge = budget.charge(0, "decoded");
    const auto plain = decode(text.size() * 2, charge);
    REQUIRE(plain.has_value());
    CHECK(*plain == text);
    CHECK(charge.bytes() == text.size());
    Reservation capped = Budget().charge(0, "decoded");
    const auto over = decode(text.size() - 1, capped);
    REQUIRE_FALSE(over.has_value());
    CHECK(over.error().code() == Code::out_of_range);
    CHECK(capped.bytes() == 0);
  };
  f([&](std::size_t most, Reservation& r) { return gunzip(zipped, most, r); });
  f([&](std::size_t most, Reservation& r) { return snappy_uncompress(snapped, most, r); });
  const std::string packed = zstd(text);
  f([&](std::size_t most, Reservation& r) { return unzstd(packed, most, r); });
}

TEST_CASE("gzip: several members, sizes that lie, damage") {
  const auto f = [](const std::string& in, std::size_t most = 1U << 20) {
    Budget budget;
    Reservation charge = budget.charge(0, "decoded");
    auto out = gunzip(in, most, charge);
    if (!out) CHECK(budget.usage().used == 0);
    if (out) CHECK(budget.usage().used >= out->size());
    return out;
  };
  std::string a;
  for (int i = 0; i < 20'000; ++i) a += std::to_string(i);
  const std::string b = "bcd";
  CHECK(*f(gzip(a) + gzip(b) + gzip(a)) == a + b + a);
  CHECK(*f(gzip("")) == "");
  // A member whose last four bytes name another size than the one it has is damaged (RFC 1952).
  std::string lies = gzip(b);
  lies[lies.size() - 1] = '\x7f';
  CHECK_FALSE(f(lies).has_value());
  std::string cut = gzip(a);
  cut.resize(cut.size() - 9);
  CHECK(f(cut).error().code() == Code::data_loss);
  CHECK(f(gzip(a), a.size() - 1).error().code() == Code::out_of_range);
  // Zeros compress a thousand times; 200 is the most that is taken.
  CHECK(f(gzip(std::string(10U << 20, '\0')), 100U << 20).error().code() == Code::out_of_range);
}

TEST_CASE("zstd: several frames, frames without a size, some to skip, damage") {
  const auto f = [](const std::string& in, std::size_t most = 1U << 20) {
    Budget budget;
    Reservation charge = budget.charge(0, "decoded");
    auto out = unzstd(in, most, charge);
    if (!out) CHECK(budget.usage().used == 0);
    if (out) CHECK(budget.usage().used >= out->size());
    return out;
  };
  std::string a;
  for (int i = 0; i < 20'000; ++i) a += std::to_string(i);
  CHECK(*f(zstd(a)) == a);
  CHECK(*f(zstd("")) == "");
  CHECK(*f("") == "");
  // What zstd(1) makes of its input when it cannot know its size, and a frame to skip (RFC 8878,
  // 3.1.2).
  const std::string up("\x28\xb5\x2f\xfd\x04\x68\x29\x00\x00\x75\x70\x20\x31\x0a\xa5\x09\x7b\x32",
                       18);
  const std::string skipped("\x53\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);
  CHECK(*f(up) == "up 1\n");
  CHECK(*f(skipped + up + skipped + zstd(a) + up) == "up 1\n" + a + "up 1\n");
  CHECK(f(zstd(a), a.size()).has_value());
  CHECK(f(zstd(a), a.size() - 1).error().code() == Code::out_of_range);
  CHECK(f(up, 4).error().code() == Code::out_of_range);
  CHECK(f(zstd(std::string(10U << 20, '\0')), 100U << 20).error().code() == Code::out_of_range);
  for (std::size_t cut = 1; cut < up.size(); ++cut)
    CHECK(f(up.substr(0, cut)).error().code() == Code::data_loss);
  for (std::size_t at = 0; at < up.size(); ++at) {
    std::string wrong = up;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x40);
    const auto out = f(wrong);
    CHECK((!out || *out == "up 1\n"));
  }
  CHECK(f("plain text").error().code() == Code::data_loss);
}
