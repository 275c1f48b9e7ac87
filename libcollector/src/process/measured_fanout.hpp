// A fan-out that measures what the receivers took, for components that change labels. One thread.
#pragma once

#include <collector/engine/component.hpp>

#include "pipeline/own_metrics.hpp"

#include <memory>
#include <vector>

namespace collector::process {

/// A fan-out with Alloy's two metrics of it: prometheus_fanout_latency and
/// prometheus_forwarded_samples_total.
class MeasuredFanout {
 public:
  explicit MeasuredFanout(Context& context);
  void set(const std::vector<MetricsReceiver>& branches) { fanout_.set(branches); }
  void consume(Metrics batch);

 private:
  Loop& loop_;
  MetricsFanout fanout_;
  pipeline::Counter& forwarded_;
  pipeline::Histogram& latency_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace collector::process
