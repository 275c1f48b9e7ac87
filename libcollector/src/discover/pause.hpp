// The wait between two rounds of a component, which a change of its arguments or a notification
// ends early. One thread.
#pragma once

#include <collector/engine/seams.hpp>

#include <optional>

namespace collector::discover {

class Pause {
 public:
  /// Returns after `delay`, after wake(), also one from before the call, or when `stop` is
  /// requested.
  Task<void> wait(Clock& clock, Duration delay, std::stop_token stop) {
    if (woken_ || stop.stop_requested()) {
      woken_ = false;
      co_return;
    }
    early_.emplace();
    {
      auto pass_on = [this] { early_->request_stop(); };
      const std::stop_callback on_stop(stop, pass_on);
      const bool slept = co_await sleep_for(clock, delay, early_->get_token());
      (void)slept;
    }
    early_.reset();
    woken_ = false;
  }
  /// What woke it before does not count: the round that begins sees it all.
  void forget() { woken_ = false; }
  void wake() {
    woken_ = true;
    if (early_) std::stop_source(*early_).request_stop();
  }

 private:
  std::optional<std::stop_source> early_;
  bool woken_ = false;
};

}  // namespace collector::discover
