#include "pipeline/health.hpp"

#include "base/duration.hpp"

#include <fmt/format.h>

namespace collector::pipeline {
namespace {
constexpr Duration kPatience = std::chrono::seconds(30);
}

std::string_view to_string(HealthReport::State state) {
  switch (state) {
    case HealthReport::State::healthy:
      return "healthy";
    case HealthReport::State::unhealthy:
      return "unhealthy";
    case HealthReport::State::exited:
      return "exited";
    case HealthReport::State::unknown:
      break;
  }
  return "unknown";
}

void Health::update_failed(const Clock& clock, std::string why) {
  if (why != update_error_) update_error_since_ = clock.wall();
  update_error_ = std::move(why);
}

void Health::work_waiting(const Clock& clock, std::size_t items, std::string reason) {
  if (items > 0 && waiting_ == 0) {
    waiting_since_ = clock.now();
    waiting_since_wall_ = clock.wall();
  }
  waiting_ = items;
  waiting_reason_ = std::move(reason);
}

void Health::work_completed(const Clock& clock) {
  last_completed_ = clock.now();
  waiting_since_wall_ = clock.wall();
}

HealthReport Health::report(const Clock& clock) const {
  if (fixed_) return base_;
  if (!update_error_.empty())
    return {HealthReport::State::unhealthy, "update_failed: " + update_error_, update_error_since_};
  const Duration limit = std::max(kPatience, 2 * interval_);
  if (waiting_ > 0 && clock.now() - std::max(waiting_since_, last_completed_) > limit)
    return {HealthReport::State::unhealthy,
            fmt::format("no_progress: {} waiting, nothing completed for more than {}{}{}", waiting_,
                        base::to_text(limit), waiting_reason_.empty() ? "" : ": ", waiting_reason_),
            waiting_since_wall_};
  return base_;
}

}  // namespace collector::pipeline
