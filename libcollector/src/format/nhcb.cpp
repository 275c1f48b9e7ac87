#include "format/nhcb.hpp"

#include "format/native_histogram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace collector::format {
namespace {

/// So many empty buckets in a row are cheaper than another span: what Prometheus leaves too.
constexpr std::uint32_t kMostEmpty = 2;

/// Below 2^63, so that it is a number of observations.
bool whole(double count) { return count < 0x1p63 && std::floor(count) == count; }

}  // namespace

void ClassicHistogram::clear() {
  buckets_.clear();
  count_.reset();
  sum_ = 0;
  error_.clear();
}

void ClassicHistogram::bucket(double bound, double count) {
  if (!error_.empty()) return;
  if (std::isnan(bound) || count < 0) {
    error_ = fmt::format("le={} has the count {}", bound, count);
    return;
  }
  const auto at = std::lower_bound(buckets_.begin(), buckets_.end(), bound,
                                   [](const Bucket& b, double value) { return b.bound < value; });
  if (at != buckets_.end() && at->bound == bound) return;
  if ((at != buckets_.begin() && count < (at - 1)->count) ||
      (at != buckets_.end() && count > at->count)) {
    error_ = fmt::format("le={} has the count {}, which is not cumulative", bound, count);
    return;
  }
  buckets_.insert(at, {bound, count});
}

void ClassicHistogram::count(double count) {
  if (!error_.empty()) return;
  if (count < 0)
    error_ = fmt::format("the count is {}", count);
  else
    count_ = count;
}

Result<NativeHistogram> ClassicHistogram::convert() {
  if (!error_.empty()) return Status(Code::data_loss, error_);
  const double count = count_ ? *count_ : buckets_.empty() ? 0 : buckets_.back().count;
  if (buckets_.empty() || buckets_.back().bound != HUGE_VAL) buckets_.push_back({HUGE_VAL, count});
  if (!(count == buckets_.back().count))
    return Status(Code::data_loss, fmt::format("the count is {}, that of le=+Inf is {}", count,
                                               buckets_.back().count));
  NativeHistogram h;
  h.schema = NativeHistogram::kCustomBuckets;
  h.sum = sum_;
  h.is_float = !std::all_of(buckets_.begin(), buckets_.end(),
                            [](const Bucket& b) { return whole(b.count); });
  h.positive.spans = {{0, static_cast<std::uint32_t>(buckets_.size())}};
  double below = 0;
  std::int64_t last = 0;
  for (const Bucket& b : buckets_) {
    if (b.bound != HUGE_VAL) h.custom_values.push_back(b.bound);
    if (h.is_float) {
      h.positive.counts.push_back(b.count - below);
    } else {
      // Not a difference of doubles: above 2^53 that would be rounded.
      const std::int64_t own =
          static_cast<std::int64_t>(b.count) - static_cast<std::int64_t>(below);
      h.positive.deltas.push_back(own - std::exchange(last, own));
    }
    below = b.count;
  }
  if (h.is_float)
    h.float_count = count;
  else
    h.count = static_cast<std::uint64_t>(count);
  if (Status s = check(h); !s.ok()) return s;
  compact(h, h.is_float ? 0 : kMostEmpty);
  return h;
}

}  // namespace collector::format
