// A look from outside: what the log itself says, and damage with its place.
#include "log_bench.hpp"

#include "outbox/folder.hpp"
#include "outbox/inspect.hpp"

using namespace collector;

TEST_CASE("a look says what waits, beside the writer, and changes nothing") {
  LogBench bench;
  bench.open();
  for (std::uint64_t n = 0; n < 40; ++n) REQUIRE(bench.append(n, 500).has_value());
  outbox::Position position;
  for (int i = 0; i < 12; ++i) bench.log->acknowledge(*bench.log->next(position));
  bench.log->save();
  const auto before = *bench.files.list(kFolder);
  const auto seen = outbox::inspect_log(bench.files, kFolder, true);
  CHECK(seen.waiting.frames == bench.log->waiting().frames);
  CHECK(seen.waiting.items == bench.log->waiting().items);
  CHECK(seen.waiting.bytes == bench.log->waiting().bytes);
  CHECK(seen.size == bench.log->size());
  CHECK(seen.oldest_ms == 12'000);
  CHECK(seen.newest_ms == 39'000);
  CHECK(seen.problems.empty());
  REQUIRE(seen.destination);
  CHECK(*seen.destination == bench.log->destination());
  const auto after = *bench.files.list(kFolder);
  REQUIRE(after.size() == before.size());
  CHECK(bench.log->waiting().frames == 28);
}

TEST_CASE("verify names the damaged request, and the missing ones") {
  LogBench bench;
  bench.open();
  for (std::uint64_t n = 0; n < 40; ++n) REQUIRE(bench.append(n, 500).has_value());
  bench.log.reset();
  const auto segments = bench.segment_files();
  bench.files.flip_bit(segments[0], (4096 + 64 + 10) * 8);  // the first payload
  REQUIRE(bench.files.remove(segments[2]).ok());
  const auto quick = outbox::inspect_log(bench.files, kFolder, false);
  CHECK(quick.problems.size() == 1);
  const auto whole = outbox::inspect_log(bench.files, kFolder, true);
  REQUIRE(whole.problems.size() == 2);
  CHECK(whole.problems[0] == "00000000000000000001.seg: a damaged request at byte 4096");
  CHECK(whole.problems[1].find("requests are missing before at byte 4096") != std::string::npos);
}

TEST_CASE("folders: the first that is free, the others when their process is gone") {
  LogBench bench;
  const std::string root = "/data/outbox/component";
  auto first = outbox::Folder::claim(bench.files, root);
  REQUIRE(first.has_value());
  auto second = outbox::Folder::claim(bench.files, root);
  REQUIRE(second.has_value());
  CHECK(first->path() == root + "/0");
  CHECK(second->path() == root + "/1");
  CHECK(outbox::Folder::abandoned(bench.files, root).empty());
  bench.files.process_killed();
  auto next = outbox::Folder::claim(bench.files, root);
  REQUIRE(next.has_value());
  CHECK(next->path() == root + "/0");
  const auto left = outbox::Folder::abandoned(bench.files, root);
  REQUIRE(left.size() == 1);
  CHECK(left[0].path() == root + "/1");
}
