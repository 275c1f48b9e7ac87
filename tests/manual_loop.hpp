// A loop on virtual time that a test steps by hand.
#pragma once

#include <collector/engine/seams.hpp>

#include <deque>
#include <map>
#include <utility>

namespace collector {

class ManualLoop final : public Loop {
 public:
  Instant now() const override { return now_; }
  WallTime wall() const override { return {1'700'000'000'000'000'000 + now_.since_origin.count()}; }
  TimerId arm(Duration delay, Function<void()> fire) override {
    const TimerId id{++last_};
    timers_.emplace(std::pair(now_ + delay, id), std::move(fire));
    when_.emplace(id, now_ + delay);
    return id;
  }
  void disarm(TimerId id) override {
    const auto at = when_.find(id);
    if (at == when_.end()) return;
    timers_.erase({at->second, id});
    when_.erase(at);
  }
  void post(Function<void()> f) override { posted_.push_back(std::move(f)); }
  void offload(Function<void()> work, Function<void()> done) override {
    post(std::move(work));
    post(std::move(done));
  }

  /// Runs what was posted, and what that posts.
  void settle() {
    while (!posted_.empty()) {
      auto f = std::move(posted_.front());
      posted_.pop_front();
      f();
    }
  }
  /// Lets time pass; timers fire in order, each followed by settle().
  void advance(Duration d) {
    const Instant end = now_ + d;
    settle();
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
      now_ = std::max(now_, timers_.begin()->first.first);
      auto fire = std::move(timers_.begin()->second);
      when_.erase(timers_.begin()->first.second);
      timers_.erase(timers_.begin());
      fire();
      settle();
    }
    now_ = end;
  }
  std::size_t armed() const { return timers_.size(); }

 private:
  Instant now_{std::chrono::seconds(1000)};
  std::uint64_t last_ = 0;
  std::map<std::pair<Instant, TimerId>, Function<void()>> timers_;
  std::map<TimerId, Instant> when_;
  std::deque<Function<void()>> posted_;
};

}  // namespace collector
