// Health from progress: what a component says about its work, judged by the clock. One thread.
#pragma once

#include <collector/engine/seams.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace collector::pipeline {

struct HealthReport {
  enum class State : std::uint8_t { unknown, healthy, unhealthy, exited };
  State state = State::unknown;
  std::string reason;  ///< machine-readable first word(s): `no_progress: ...`, `update_failed: ...`
  WallTime since;
};
std::string_view to_string(HealthReport::State state);

class Health {
 public:
  void started(const Clock& clock) { set(clock, HealthReport::State::healthy, "started"); }
  void exited(const Clock& clock, std::string why) {
    set(clock, HealthReport::State::exited, std::move(why));
    fixed_ = true;
  }
  /// An update or evaluation failed (or, with an empty text, went well again).
  void update_failed(const Clock& clock, std::string why);
  void work_waiting(const Clock& clock, std::size_t items, std::string reason);
  void work_completed(const Clock& clock);
  void expect_progress_every(Duration interval) { interval_ = interval; }
  HealthReport report(const Clock& clock) const;

 private:
  void set(const Clock& clock, HealthReport::State state, std::string reason) {
    base_ = {state, std::move(reason), clock.wall()};
  }
  HealthReport base_;
  bool fixed_ = false;
  std::string update_error_;
  WallTime update_error_since_;
  std::size_t waiting_ = 0;
  std::string waiting_reason_;
  Instant waiting_since_;
  Instant last_completed_;
  WallTime waiting_since_wall_;
  Duration interval_{};
};

}  // namespace collector::pipeline
