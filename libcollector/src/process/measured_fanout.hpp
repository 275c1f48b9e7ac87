// What components that change labels share: batches with their series exchanged, and a fan-out that
// measures what the receivers took. One thread.
#pragma once

#include <collector/engine/component.hpp>

#include "model/relabel_cache.hpp"
#include "pipeline/own_metrics.hpp"

#include <memory>
#include <vector>

namespace collector::process {

/// Every series of the batch becomes what `cache` makes of it; samples of dropped ones leave. False
/// when nothing is left. A batch that no series changes in stays as it is.
bool rewrite_series(Metrics& batch, model::RelabelCache& cache, model::SeriesTable& series);

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
