// Discovery that asks its source again and again. What was known stays in force while the source
// cannot be asked. One thread.
#pragma once

#include <collector/engine/component.hpp>

#include "base/log.hpp"
#include "discover/exports.hpp"
#include "discover/pause.hpp"
#include "net/http.hpp"

#include <vector>

namespace collector::discover {

template <class Args>
class RefreshingDiscovery : public Component<Args, TargetExports> {
 public:
  using Component<Args, TargetExports>::Component;

  Task<Status> run() override {
    Context& context = this->context();
    while (!context.stop().stop_requested()) {
      pause_.forget();
      const std::uint64_t epoch = epoch_;
      auto targets = co_await refresh();
      if (epoch != epoch_) continue;  // the arguments changed meanwhile
      if (targets) {
        known_ = std::move(*targets);
        context.work_completed();
        this->set_exports({known_});
      } else if (!context.stop().stop_requested()) {
        context.work_waiting(1, "refresh_failed: " + targets.error().what());
        context.log().error("targets cannot be refreshed", {{"err", targets.error().what()}});
      }
      co_await pause_.wait(context.loop(), interval_, context.stop());
    }
    co_return Status();
  }

 protected:
  /// One round with the arguments as they are now; what it uses across a co_await it keeps alive
  /// itself, because update() may replace it.
  virtual Task<Result<std::vector<StringMap>>> refresh() = 0;

  /// To be called at the end of update(). `forget`: what is known is of another source.
  void changed(Duration interval, bool forget) {
    ++epoch_;
    interval_ = interval;
    if (forget) known_.clear();
    this->context().expect_progress_every(interval);
    this->set_exports({known_});
    pause_.wake();
  }
  net::SendOptions send_options(Duration timeout) {
    net::SendOptions options;
    options.timeout = timeout;
    options.stop = this->context().stop();
    return options;
  }

 private:
  std::uint64_t epoch_ = 0;
  Duration interval_{};
  std::vector<StringMap> known_;
  Pause pause_;
};

}  // namespace collector::discover
