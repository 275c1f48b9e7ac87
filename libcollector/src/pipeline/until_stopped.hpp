// What the run() of a component awaits when its work comes to it.
#pragma once

#include <collector/engine/seams.hpp>

namespace collector::pipeline {

inline Task<void> until_stopped(Clock& clock, std::stop_token stop) {
  while (!stop.stop_requested()) {
    const bool slept = co_await sleep_for(clock, std::chrono::hours(24), stop);
    if (!slept) co_return;
  }
}

}  // namespace collector::pipeline
