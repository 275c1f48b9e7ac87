#include "platform/credential_cache.hpp"

#include <algorithm>

namespace collector::platform {
namespace {

constexpr Duration kMargin = std::chrono::seconds(10);  // a request takes time, and clocks differ
constexpr Duration kYoung = std::chrono::minutes(1);
constexpr Duration kFirstQuiet = std::chrono::seconds(1), kMostQuiet = std::chrono::seconds(30);

}  // namespace

void CloudCredential::good_until(WallTime end, WallTime now, Duration early) {
  const std::int64_t left = std::max<std::int64_t>(end.unix_ns - now.unix_ns, 0);
  expires = WallTime{end.unix_ns - std::min<std::int64_t>(kMargin.count(), left / 2)};
  renew = WallTime{end.unix_ns - std::min<std::int64_t>(early.count(), left / 2)};
}

bool CredentialCache::good() const {
  return held_ && (!held_->expires || loop_.wall() < *held_->expires);
}
bool CredentialCache::fresh() const {
  return good() && (!held_->renew || loop_.wall() < *held_->renew);
}

Task<bool> CredentialCache::turn(std::stop_token stop) {
  if (stop.stop_requested()) co_return false;
  auto wait = std::make_shared<Wait>();
  waiting_.push_back(wait);
  auto cancel = [wait] {
    if (auto done = std::exchange(wait->done, nullptr)) done(false);
  };
  std::stop_callback on_stop(stop, cancel);
  auto until_woken = [&](Function<void(bool)> done) { wait->done = std::move(done); };
  const bool woken = co_await await_callback<bool>(until_woken);
  co_return woken;
}

Task<Result<CloudCredential>> CredentialCache::get(net::SendOptions options) {
  using Credential = Result<CloudCredential>;
  for (;;) {
    if (fresh()) co_return Credential(*held_);
    const bool quiet = loop_.now() < quiet_until_;
    if (good() && (fetching_ || quiet)) co_return Credential(*held_);
    if (!fetching_ && !quiet) break;
    if (!fetching_) co_return Credential(failure_);
    const bool woken = co_await turn(options.stop);
    if (!woken) co_return Credential(Status(Code::cancelled, "stopped"));
  }
  fetching_ = true;
  const std::stop_token stop = options.stop;
  auto fetched = co_await source_->fetch(std::move(options));
  fetching_ = false;
  if (fetched) {
    held_ = *fetched;
    fetched_at_ = loop_.now();
    quiet_ = Duration{};
    quiet_until_ = Instant{};
  } else if (!stop.stop_requested()) {  // else the failure is ours, and somebody else's turn
    failure_ = fetched.error();
    quiet_ = std::clamp(quiet_ * 2, kFirstQuiet, kMostQuiet);
    quiet_until_ = loop_.now() + quiet_;
    if (good()) fetched = *held_;
  }
  for (const auto& wait : std::exchange(waiting_, {}))
    if (auto done = std::exchange(wait->done, nullptr)) done(true);
  co_return fetched;
}

bool CredentialCache::drop() {
  if (!held_ || loop_.now() - fetched_at_ < kYoung) return false;
  held_.reset();
  return true;
}

}  // namespace collector::platform
