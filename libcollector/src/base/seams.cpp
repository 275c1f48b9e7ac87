#include <collector/engine/seams.hpp>

#include <memory>

namespace collector {

Task<bool> sleep_for(Clock& clock, Duration delay, std::stop_token stop) {
  if (stop.stop_requested()) co_return false;
  struct Wait {
    Function<void(bool)> done;
    TimerId timer = TimerId::none;
  };
  auto wait = std::make_shared<Wait>();
  auto finish = [wait](bool slept) {
    if (auto done = std::exchange(wait->done, nullptr)) done(slept);
  };
  auto cancel = [&clock, wait, finish] {
    clock.disarm(wait->timer);
    finish(false);
  };
  wait->timer = clock.arm(delay, [finish]() mutable { finish(true); });
  std::stop_callback on_stop(stop, cancel);
  if (stop.stop_requested()) co_return false;
  const bool slept = co_await await_callback<bool>(
      [&](Function<void(bool)> done) { wait->done = std::move(done); });
  co_return slept;
}

Task<Result<std::vector<std::string>>> Network::addresses(std::string host, std::stop_token stop) {
  std::vector<std::string> found;
  Status failed;
  for (const RecordType type : {RecordType::a, RecordType::aaaa}) {
    auto records = co_await resolve(host, type, stop);
    if (!records) {
      if (failed.ok()) failed = records.error();
      continue;
    }
    for (DnsRecord& record : *records) found.push_back(std::move(record.target));
  }
  if (found.empty() && !failed.ok()) co_return failed;
  co_return found;
}

std::uint64_t Random::below(std::uint64_t bound) {
  // Lemire, "Fast random integer generation in an interval" (2019): unbiased by rejection.
  for (;;) {
    const unsigned __int128 product = static_cast<unsigned __int128>(next()) * bound;
    const auto low = static_cast<std::uint64_t>(product);
    if (low >= bound || low >= (-bound) % bound) return static_cast<std::uint64_t>(product >> 64);
  }
}

double Random::unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

}  // namespace collector
