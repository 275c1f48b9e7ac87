// Batches of metrics, one behind the other.
#pragma once

#include <collector/engine/signals.hpp>

namespace collector::model {

/// Appends the rows of `from`, which is the younger of the two: what keeps the ids of `to` from
/// being reused keeps those of `from` as well. Metadata: that of `to`, unless it has none.
void join_columns(MetricColumns& to, const MetricColumns& from);

}  // namespace collector::model
