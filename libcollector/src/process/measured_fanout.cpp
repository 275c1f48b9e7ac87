#include "process/series_rewrite.hpp"

#include <algorithm>

namespace collector::process {

bool rewrite_series(Metrics& batch, model::RelabelCache& cache, model::SeriesTable& series) {
  const std::size_t n = batch.size();
  std::size_t kept = 0;
  MetricColumns* columns = nullptr;
  for (std::size_t i = 0; i < n; ++i) {
    const SeriesId from = batch.columns().series[i];
    const auto to = cache.map(from);
    if (!columns && to && *to == from) {
      ++kept;
      continue;
    }
    if (!columns) columns = &batch.edit();
    if (!to) continue;
    columns->series[kept] = *to;
    columns->timestamp[kept] = columns->timestamp[i];
    columns->value[kept] = columns->value[i];
    ++kept;
  }
  if (columns) {
    if (!columns->lease) columns->lease = series.lease();
    columns->series.resize(kept);
    columns->timestamp.resize(kept);
    columns->value.resize(kept);
  }
  return kept > 0;
}

MeasuredFanout::MeasuredFanout(Context& context)
    : loop_(context.loop()),
      fanout_(context),
      forwarded_(context.metrics().counter("prometheus_forwarded_samples_total",
                                           "Samples that the receivers took.")),
      latency_(context.metrics().histogram("prometheus_fanout_latency",
                                           "Time until the receivers took a batch, in seconds.",
                                           {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10})) {}

void MeasuredFanout::consume(Metrics batch) {
  Ack ack(loop_, [this, weak = std::weak_ptr(alive_), n = batch.size(), begin = loop_.now(),
                  source = std::move(batch.ack)](Outcome outcome) mutable {
    if (!weak.expired()) {
      const Duration took = loop_.now() - begin;
      latency_.observe(std::chrono::duration<double>(took).count());
      std::size_t lost = outcome.kind == Outcome::Kind::retry ? n : 0;
      if (outcome.kind == Outcome::Kind::rejected)
        lost = std::min<std::size_t>(n, outcome.rejected_items);
      forwarded_.add(static_cast<double>(n - lost));
    }
    source.settle(std::move(outcome));
  });
  batch.ack = std::move(ack);
  fanout_.consume(std::move(batch));
}

}  // namespace collector::process
