#include "format/native_histogram_check.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace collector::format {
namespace {

using Buckets = NativeHistogram::Buckets;

constexpr std::int32_t kLeastSchema = -4, kMostSchema = 52;

std::string fault_of_spans(const Buckets& buckets, bool first_may_be_negative) {
  std::uint64_t wanted = 0;
  for (std::size_t i = 0; i < buckets.spans.size(); ++i) {
    const NativeHistogram::Span& span = buckets.spans[i];
    if (span.offset < 0 && (i > 0 || !first_may_be_negative))
      return fmt::format("span number {} has the negative offset {}", i + 1, span.offset);
    wanted += span.length;
  }
  const std::size_t have = buckets.deltas.size() + buckets.counts.size();
  if (wanted != have) return fmt::format("spans need {} buckets, there are {}", wanted, have);
  return {};
}

/// Adds the counts to `sum`, with Go's arithmetic: it wraps.
std::string fault_of_counts(const Buckets& buckets, std::uint64_t& sum) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < buckets.deltas.size(); ++i) {
    count += static_cast<std::uint64_t>(buckets.deltas[i]);
    if (static_cast<std::int64_t>(count) < 0)
      return fmt::format("bucket number {} has the negative count {}", i + 1,
                         static_cast<std::int64_t>(count));
    sum += count;
  }
  for (std::size_t i = 0; i < buckets.counts.size(); ++i)
    if (buckets.counts[i] < 0)
      return fmt::format("bucket number {} has the negative count {}", i + 1, buckets.counts[i]);
  return {};
}

std::string fault_of_bounds(const NativeHistogram& h) {
  for (std::size_t i = 0; i < h.custom_values.size(); ++i) {
    if (std::isnan(h.custom_values[i])) return "a custom bound is not a number";
    if (i > 0 && h.custom_values[i] <= h.custom_values[i - 1]) return "custom bounds do not rise";
  }
  if (!h.custom_values.empty() && h.custom_values.back() == std::numeric_limits<double>::infinity())
    return "the last custom bound is +Inf";
  std::uint64_t covered = 0;
  for (const NativeHistogram::Span& span : h.positive.spans)
    covered += std::uint64_t{span.length} + static_cast<std::uint64_t>(span.offset);
  if (h.custom_values.size() + 1 < covered)
    return fmt::format("{} custom bounds are too few for buckets up to {}", h.custom_values.size(),
                       covered);
  if (h.zero_count != 0 || h.float_zero_count != 0 || h.zero_threshold != 0)
    return "custom buckets have no zero bucket";
  if (!h.negative.spans.empty() || !h.negative.deltas.empty() || !h.negative.counts.empty())
    return "custom buckets have no negative side";
  return {};
}

}  // namespace

std::string fault_of(const NativeHistogram& h) {
  const bool custom = h.schema == NativeHistogram::kCustomBuckets;
  if (!custom && (h.schema < kLeastSchema || h.schema > kMostSchema))
    return fmt::format("there is no schema {}", h.schema);
  if (std::string s = fault_of_spans(h.positive, !custom); !s.empty()) return "positive: " + s;
  if (std::string s = fault_of_spans(h.negative, !custom); !s.empty()) return "negative: " + s;
  if (custom) {
    if (std::string s = fault_of_bounds(h); !s.empty()) return s;
  } else if (!h.custom_values.empty()) {
    return "exponential buckets have no custom bounds";
  }
  std::uint64_t sum = h.zero_count;
  if (std::string s = fault_of_counts(h.positive, sum); !s.empty()) return "positive: " + s;
  if (std::string s = fault_of_counts(h.negative, sum); !s.empty()) return "negative: " + s;
  if (h.is_float) {
    if (h.float_count < 0) return fmt::format("the count {} is negative", h.float_count);
    if (h.float_zero_count < 0)
      return fmt::format("the zero bucket has the negative count {}", h.float_zero_count);
    return {};
  }
  // Observations that are not a number are in the count and in no bucket.
  if (std::isnan(h.sum) ? sum > h.count : sum != h.count)
    return fmt::format("{} observations are in buckets, the count is {}", sum, h.count);
  return {};
}

}  // namespace collector::format
