// Batches with their series exchanged. Pure.
#pragma once

#include <collector/engine/signals.hpp>

#include "model/relabel_cache.hpp"

namespace collector::model {

/// Every series of the batch becomes what `cache` makes of it; samples and exemplars of dropped
/// ones leave. False when no sample is left. A batch that no series changes in stays as it is.
bool rewrite_series(Metrics& batch, RelabelCache& cache, SeriesTable& series);
/// The same into `out`, replacing what it held of samples and exemplars.
void rewrite_series(const MetricColumns& from, RelabelCache& cache, MetricColumns& out);

}  // namespace collector::model
