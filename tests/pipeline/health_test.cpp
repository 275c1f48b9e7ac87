// Health from progress, and the text of own metrics.
#include "catch.hpp"

#include "manual_loop.hpp"
#include "pipeline/health.hpp"
#include "pipeline/own_metrics.hpp"

using namespace collector;
using namespace std::chrono_literals;
using State = pipeline::HealthReport::State;

TEST_CASE("work that waits without progress turns unhealthy, and heals by itself") {
  ManualLoop loop;
  pipeline::Health health;
  health.started(loop);
  CHECK(health.report(loop).state == State::healthy);
  health.work_waiting(loop, 5, "endpoint_down");
  loop.advance(29s);
  CHECK(health.report(loop).state == State::healthy);
  loop.advance(2s);
  CHECK(health.report(loop).state == State::unhealthy);
  CHECK(health.report(loop).reason.find("endpoint_down") != std::string::npos);
  health.work_completed(loop);
  CHECK(health.report(loop).state == State::healthy);
}

TEST_CASE("a component with a long interval has two of them") {
  ManualLoop loop;
  pipeline::Health health;
  health.started(loop);
  health.expect_progress_every(1min);
  health.work_waiting(loop, 1, "slow");
  loop.advance(110s);
  CHECK(health.report(loop).state == State::healthy);
  loop.advance(20s);
  CHECK(health.report(loop).state == State::unhealthy);
}

TEST_CASE("own metrics as text: families once, sorted, with the owners' labels") {
  pipeline::MetricRoot root;
  pipeline::OwnMetrics a(root, {{"component_id", "a"}}), b(root, {{"component_id", "b \"x\""}});
  a.counter("z_total", "Things.").add(2);
  b.counter("z_total", "Things.").add(0.5);
  a.gauge("g", "Now.", {{"k", "v"}}).set(-1);
  a.histogram("h", "Spread.", {1, 2}).observe(1.5);
  std::string text;
  root.write(text);
  CHECK(text ==
        "# HELP g Now.\n# TYPE g gauge\ng{component_id=\"a\",k=\"v\"} -1\n"
        "# HELP h Spread.\n# TYPE h histogram\n"
        "h_bucket{component_id=\"a\",le=\"1\"} 0\nh_bucket{component_id=\"a\",le=\"2\"} 1\n"
        "h_bucket{component_id=\"a\",le=\"+Inf\"} 1\nh_sum{component_id=\"a\"} 1.5\n"
        "h_count{component_id=\"a\"} 1\n"
        "# HELP z_total Things.\n# TYPE z_total counter\n"
        "z_total{component_id=\"a\"} 2\nz_total{component_id=\"b \\\"x\\\"\"} 0.5\n");
}
