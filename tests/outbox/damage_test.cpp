// Bytes that change on disk, anywhere in an outbox: each costs at most the frame that it hit. FLIPS
// says how many (default 2,000 over 4 MiB; from 100,000 on over 64 MiB).
#include "log_bench.hpp"

#include <cstdlib>
#include <iostream>

using namespace collector;

namespace {

struct Place {
  std::string file;
  std::uint64_t begin = 0, end = 0;
};

}  // namespace

TEST_CASE("each of many flipped bytes costs at most the frame that it hit") {
  const char* text = std::getenv("FLIPS");
  const std::uint64_t flips = text ? std::strtoull(text, nullptr, 10) : 2000;
  const std::uint64_t size = std::uint64_t{flips >= 100'000 ? 64U : 4U} << 20;
  constexpr std::uint64_t kRound = 100;  // bytes that change before the log is opened

  LogBench bench;
  bench.segment_size = size / 8;
  bench.most = size * 2;
  bench.open();
  testing::SeededRandom chance(flips);
  std::vector<Place> frames;
  while (bench.log->size() < size) {
    // Sizes of every order, 1 KiB to 128 KiB most often.
    const auto bytes = std::size_t{20} << chance.below(14);
    const auto stored = bench.append(frames.size(), bytes + chance.below(bytes));
    REQUIRE(stored.has_value());
    frames.push_back({kFolder + ("/" + outbox::segment_name(stored->segment)), stored->offset,
                      stored->offset + stored->size()});
  }
  bench.log.reset();
  std::map<std::string, std::string> pristine;
  std::vector<Place> files;
  std::uint64_t all = 0;
  for (const auto& entry : *bench.files.list(kFolder)) {
    const std::string path = kFolder + ("/" + entry.name);
    pristine[path] = *bench.files.read(path, 1 << 30);
    if (pristine[path].empty()) continue;  // the lock
    files.push_back({path, all, all + pristine[path].size()});
    all = files.back().end;
  }

  std::uint64_t lost = 0, damaged = 0, worst = 0;
  for (std::uint64_t done = 0; done < flips; done += kRound) {
    std::vector<bool> hit(frames.size());
    std::uint64_t frames_hit = 0;
    for (std::uint64_t i = 0; i < kRound; ++i) {
      const std::uint64_t at = chance.below(all);
      const auto file =
          std::find_if(files.begin(), files.end(), [&](auto& f) { return at < f.end; });
      const std::uint64_t offset = at - file->begin;
      bench.files.flip_bit(file->file, 8 * offset + chance.below(8));
      for (std::size_t n = 0; n < frames.size(); ++n)
        if (frames[n].file == file->file && frames[n].begin <= offset && offset < frames[n].end) {
          frames_hit += hit[n] ? 0 : 1;
          hit[n] = true;
        }
    }
    bench.open();
    std::vector<bool> there(frames.size());
    std::uint64_t found = 0;
    outbox::Position position;
    while (auto frame = bench.log->next(position))
      if (auto payload = bench.log->read(*frame)) {
        const auto n = static_cast<std::size_t>(frame->oldest_ms / 1000);
        REQUIRE(n < frames.size());
        if (hit[n] && *payload != body_of(n, payload->size())) FAIL("frame " << n << " changed");
        found += there[n] ? 0 : 1;
        there[n] = true;
      }
    for (std::size_t n = 0; n < frames.size(); ++n)
      if (!there[n] && !hit[n]) FAIL("frame " << n << " was lost and not hit");
    lost += frames.size() - found;
    damaged += bench.log->damage().frames;
    worst = std::max(worst, frames.size() - found);
    REQUIRE(frames.size() - found <= frames_hit);
    REQUIRE(bench.append(frames.size(), 100).has_value());  // and work goes on
    bench.log.reset();
    for (const auto& entry : *bench.files.list(kFolder)) {
      const std::string path = kFolder + ("/" + entry.name);
      if (!pristine.contains(path)) REQUIRE(bench.files.remove(path).ok());
    }
    for (const auto& [path, bytes] : pristine) bench.files.put(path, bytes);
  }
  CHECK(lost > flips / 20);  // they do hit
  CHECK(damaged > flips / 20);
  std::cout << flips << " flipped bytes over " << (all >> 20) << " MiB in " << frames.size()
            << " frames, " << kRound << " at a time: " << lost << " frames lost, all of them hit; "
            << damaged << " counted as damaged\n";
}
