#include "pipeline/controller_metrics.hpp"

#include "pipeline/node.hpp"

#include <unistd.h>

#include <array>
#include <charconv>
#include <limits>
#include <string>

namespace collector::pipeline {
namespace {

constexpr std::size_t kMostOfProc = 64 << 10;

/// The n-th field of /proc/PID/stat, counted from 1 as in proc(5); only behind the name, which is
/// the second and may hold blanks. 0 when there is none.
double stat_field(std::string_view stat, int n) {
  std::size_t at = stat.rfind(')');
  if (at == std::string_view::npos) return 0;
  for (int field = 2; field < n; ++field) {
    at = stat.find(' ', at + 1);
    if (at == std::string_view::npos) return 0;
  }
  double value = 0;
  std::from_chars(stat.data() + at + 1, stat.data() + stat.size(), value);
  return value;
}

}  // namespace

ControllerMetrics::ControllerMetrics(MetricRoot& root, Seams& seams, Visit each_running)
    : seams_(seams),
      each_running_(std::move(each_running)),
      own_(root, {}),
      graph_(root, {{"controller_id", ""}, {"controller_path", "/"}}),
      evaluation_(graph_.histogram("alloy_component_evaluation_seconds",
                                   "Time that the arguments of a component took to take effect.",
                                   {.005, .025, .1, .5, 1, 5, 10, 30, 60, 120, 300, 600})) {
  own_.gauge("alloy_build_info", "Which version this is; always 1.",
             {{"version", "v" COLLECTOR_VERSION}})
      .set(1);
  own_.before_write([this] {
    show_memory();
    show_components();
    show_process();
  });
}

void ControllerMetrics::loaded(bool ok, WallTime at, std::string_view hash) {
  own_.gauge("alloy_config_last_load_successful", "Whether the last configuration was loaded.")
      .set(ok ? 1 : 0);
  if (ok)
    own_.gauge("alloy_config_last_load_success_timestamp_seconds",
               "When a configuration was last loaded.")
        .set(static_cast<double>(at.unix_ns) * 1e-9);
  own_.counter("alloy_config_load_failures_total", "Configurations that were refused.")
      .add(ok ? 0 : 1);
  if (!ok) return;
  hash_.reset();
  hash_.emplace(own_.root(), StringMap{{"sha256", std::string(hash)}});
  hash_->gauge("alloy_config_hash", "Which configuration is in force; always 1.").set(1);
}

void ControllerMetrics::show_memory() {
  const Budget::Usage usage = seams_.budget.usage();
  const double limit = usage.limit == Budget::kNoLimit ? std::numeric_limits<double>::infinity()
                                                       : static_cast<double>(usage.limit);
  own_.gauge("collector_memory_budget_limit_bytes",
             "Memory that may be taken for what arrives and is stored.")
      .set(limit);
  own_.gauge("collector_memory_budget_used_bytes", "Memory of the budget that is taken.")
      .set(static_cast<double>(usage.used));
  own_.gauge("collector_memory_budget_peak_bytes", "Most that was taken at any time.")
      .set(static_cast<double>(usage.peak));
  for (const auto& [key, n] : usage.refused)
    own_.counter("collector_memory_budget_refusals_total",
                 "How often the budget gave no memory, by who asked and why not.",
                 {{"purpose", key.first}, {"reason", std::string(to_string(key.second))}})
        .value = static_cast<double>(n);
}

void ControllerMetrics::show_components() {
  constexpr std::array kStates{HealthReport::State::healthy, HealthReport::State::unhealthy,
                               HealthReport::State::exited, HealthReport::State::unknown};
  std::array<double, kStates.size()> count{};
  each_running_([&](Node& node) {
    const HealthReport report = node.health().report(seams_.loop);
    for (std::size_t i = 0; i < kStates.size(); ++i) count[i] += report.state == kStates[i];
    node.metrics()
        .gauge("collector_component_healthy", "Whether the component makes progress.")
        .set(report.state == HealthReport::State::healthy ? 1 : 0);
  });
  for (std::size_t i = 0; i < kStates.size(); ++i)
    graph_
        .gauge("alloy_component_controller_running_components", "Components, by health.",
               {{"health_type", std::string(to_string(kStates[i]))}})
        .set(count[i]);
}

/// Of the process that the collector lives in: proc(5). Nothing where that cannot be read.
void ControllerMetrics::show_process() {
  const auto stat = seams_.files.read("/proc/self/stat", kMostOfProc);
  if (!stat) return;
  const auto tick = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  const double cpu = (stat_field(*stat, 14) + stat_field(*stat, 15)) / tick;
  const double virtual_memory = stat_field(*stat, 23);
  const double resident = stat_field(*stat, 24) * page;
  for (const std::string_view prefix : {"process_", "alloy_resources_process_"}) {
    const std::string p(prefix);
    own_.counter(p + "cpu_seconds_total", "User and system time of the process.").value = cpu;
    own_.gauge(p + "virtual_memory_bytes", "Address space of the process.").set(virtual_memory);
    own_.gauge(p + "resident_memory_bytes", "Memory of the process that is in RAM.").set(resident);
  }
  own_.gauge("process_threads", "Threads of the process.").set(stat_field(*stat, 20));
  if (const auto open = seams_.files.list("/proc/self/fd"))
    own_.gauge("process_open_fds", "Open file descriptors of the process.")
        .set(static_cast<double>(open->size()));
}

}  // namespace collector::pipeline
