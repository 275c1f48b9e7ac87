// Native histograms on their way in: what is valid, and fewer buckets where there are too many
// (prometheus.io/docs/specs/native_histograms; Prometheus, model/histogram). Pure.
#pragma once

#include <collector/engine/signals.hpp>

#include <cstddef>
#include <cstdint>

namespace collector::format {

/// Schemas of exponential buckets: bounds grow by 2^(2^-schema).
inline constexpr std::int32_t kCoarsestSchema = -4, kFinestSchema = 8;
/// Schemas up to this one are known and must be read at kFinestSchema.
inline constexpr std::int32_t kFinestReserved = 52;

/// Spans and counts fit each other, nothing is negative, the buckets add up to the count, bounds
/// rise. A histogram that passes is safe for the functions below.
Status check(const NativeHistogram& histogram);

/// Without empty buckets; up to `most_empty` in a row stay between two that are not.
void compact(NativeHistogram& histogram, std::uint32_t most_empty);

/// Merges buckets until the schema is `schema`, which is coarser than it was.
void reduce_resolution(NativeHistogram& histogram, std::int32_t schema);

std::size_t bucket_count(const NativeHistogram& histogram);

/// The finest schema whose buckets grow by at least `factor`; kFinestSchema up to 1.
std::int32_t schema_for(double factor);

/// The upper bound of a positive bucket; the last one of custom buckets is infinite.
double upper_bound(const NativeHistogram& histogram, std::int64_t index);

/// Calls `each(index, count)` for every bucket of a side, in order; counts are absolute.
template <class Each>
void for_each_bucket(const NativeHistogram& histogram, const NativeHistogram::Buckets& side,
                     Each&& each) {
  std::int64_t index = 0;
  std::uint64_t absolute = 0;  // wraps where check() would have refused
  std::size_t at = 0;
  for (const NativeHistogram::Span& span : side.spans) {
    index += span.offset;
    for (std::uint32_t i = 0; i < span.length; ++i, ++index, ++at) {
      if (histogram.is_float) {
        if (at < side.counts.size()) each(index, side.counts[at]);
      } else if (at < side.deltas.size()) {
        absolute += static_cast<std::uint64_t>(side.deltas[at]);
        each(index, static_cast<double>(static_cast<std::int64_t>(absolute)));
      } else {
        return;
      }
    }
  }
}

}  // namespace collector::format
