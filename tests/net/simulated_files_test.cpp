// The modelled file system keeps what was synced and no more.
#include "catch.hpp"

#include <collector/engine/testing.hpp>

using namespace collector;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST_CASE("synced content survives a power cut, an unsynced tail may not") {
  std::size_t longest = 0, shortest = 100;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    testing::SimulatedLoop loop;
    testing::SeededRandom random(seed);
    testing::SimulatedFiles files(loop, random);
    REQUIRE(files.make_directories("/d").ok());
    REQUIRE(files.sync_directory("/").ok());
    auto file = files.open("/d/log", Files::Mode::create_new);
    REQUIRE(file.has_value());
    REQUIRE((*file)->append(bytes("synced")).ok());
    REQUIRE((*file)->sync().ok());
    REQUIRE(files.sync_directory("/d").ok());
    REQUIRE((*file)->append(bytes(" and not")).ok());
    files.power_cut();
    CHECK(!(*file)->append(bytes("x")).ok());
    const auto text = files.read("/d/log", 100);
    REQUIRE(text.has_value());
    CHECK(text->substr(0, 6) == "synced");
    longest = std::max(longest, text->size());
    shortest = std::min(shortest, text->size());
  }
  CHECK(shortest == 6);
  CHECK(longest == 14);
}

TEST_CASE("a name survives once its directory was synced") {
  int kept = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    testing::SimulatedLoop loop;
    testing::SeededRandom random(seed);
    testing::SimulatedFiles files(loop, random);
    files.put("/d/a", "1");
    auto file = files.open("/d/b", Files::Mode::create_new);
    REQUIRE(file.has_value());
    files.power_cut();
    CHECK(files.read("/d/a", 10).has_value());
    if (files.info("/d/b")) ++kept;
  }
  CHECK(kept > 0);
  CHECK(kept < 50);
}

TEST_CASE("the n-th call fails, and a full disk takes a prefix") {
  testing::SimulatedLoop loop;
  testing::SeededRandom random(1);
  testing::SimulatedFiles files(loop, random);
  files.fail_call(2, Status(Code::unavailable, "I/O error"));
  CHECK(files.make_directories("/d").ok());
  CHECK(!files.open("/d/x", Files::Mode::create_new).has_value());
  auto file = files.open("/d/x", Files::Mode::create_new);
  REQUIRE(file.has_value());
  files.capacity(4);
  CHECK((*file)->append(bytes("abcdef")).code() == Code::resource_exhausted);
  CHECK(*files.read("/d/x", 100) == "abcd");
}

TEST_CASE("a directory survives once its parent was synced") {
  int kept = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    testing::SimulatedLoop loop;
    testing::SeededRandom random(seed);
    testing::SimulatedFiles files(loop, random);
    REQUIRE(files.make_directories("/a/b").ok());
    REQUIRE(files.sync_directory("/").ok());
    files.power_cut();
    CHECK(files.info("/a").has_value());
    if (files.info("/a/b")) ++kept;
  }
  CHECK(kept > 0);
  CHECK(kept < 50);
}

TEST_CASE("overwriting tears at sectors until it is synced") {
  int old_first = 0, new_first = 0, mixed = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    testing::SimulatedLoop loop;
    testing::SeededRandom random(seed);
    testing::SimulatedFiles files(loop, random);
    files.put("/f", std::string(1024, 'o'));
    auto file = files.open("/f", Files::Mode::modify);
    REQUIRE(file.has_value());
    REQUIRE((*file)->write_at(0, bytes(std::string(1024, 'n'))).ok());
    if (seed % 2 == 0) REQUIRE((*file)->sync().ok());
    files.power_cut();
    const auto text = files.read("/f", 2000);
    REQUIRE(text.has_value());
    REQUIRE(text->size() == 1024);
    if (seed % 2 == 0) {
      CHECK(*text == std::string(1024, 'n'));
      continue;
    }
    const auto first = text->substr(0, 512);
    if (first == std::string(512, 'o')) ++old_first;
    if (first == std::string(512, 'n')) ++new_first;
    if (first != text->substr(512)) ++mixed;
  }
  CHECK(old_first > 0);
  CHECK(new_first > 0);
  CHECK(mixed > 0);
}

TEST_CASE("a lock is held by one, until it dies with its process") {
  testing::SimulatedLoop loop;
  testing::SeededRandom random(1);
  testing::SimulatedFiles files(loop, random);
  auto lock = files.lock("/lock");
  REQUIRE(lock.has_value());
  CHECK(files.lock("/lock").error().code() == Code::failed_precondition);
  lock->reset();
  auto second = files.lock("/lock");
  REQUIRE(second.has_value());
  files.process_killed();
  CHECK(files.lock("/lock").has_value());
}
