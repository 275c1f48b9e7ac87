// What a collector says about itself as a whole, under the peer's names where it has one, so that
// dashboards and alerts made for Alloy work. One thread.
#pragma once

#include "pipeline/own_metrics.hpp"

#include <collector/engine/seams.hpp>

#include <functional>
#include <optional>
#include <string_view>

namespace collector::pipeline {

class Node;

class ControllerMetrics {
 public:
  using Visit = std::function<void(const std::function<void(Node&)>&)>;
  /// `each_running` shows the running components to what it is given.
  ControllerMetrics(MetricRoot& root, Seams& seams, Visit each_running);

  /// A load ended; `hash` stands for the text that it was about.
  void loaded(bool ok, WallTime at, std::string_view hash);
  /// Arguments of a component were evaluated and given to it.
  void evaluated(Duration took) {
    evaluation_.observe(std::chrono::duration<double>(took).count());
  }

 private:
  void show_memory();
  void show_components();
  void show_process();

  Seams& seams_;
  Visit each_running_;
  OwnMetrics own_;
  OwnMetrics graph_;  ///< with Alloy's labels of the root's controller
  Histogram& evaluation_;
  std::optional<OwnMetrics> hash_;  ///< of the configuration in force: gone with it
};

}  // namespace collector::pipeline
