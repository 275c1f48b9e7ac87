#include "format/native_histogram.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

namespace collector::format {
namespace {

using Buckets = NativeHistogram::Buckets;

Status bad(std::string what) { return Status(Code::data_loss, std::move(what)); }

/// A side with the number and the absolute count of each bucket.
template <class Count>
struct Sparse {
  std::vector<std::int64_t> index;
  std::vector<Count> count;
};

template <class Count>
Sparse<Count> expand(const Buckets& side) {
  Sparse<Count> out;
  std::int64_t index = 0;
  Count absolute{};
  std::size_t at = 0;
  for (const NativeHistogram::Span& span : side.spans) {
    index += span.offset;
    for (std::uint32_t i = 0; i < span.length; ++i, ++index, ++at) {
      if constexpr (std::is_same_v<Count, double>)
        absolute = side.counts[at];
      else
        absolute += side.deltas[at];
      out.index.push_back(index);
      out.count.push_back(absolute);
    }
  }
  return out;
}

template <class Count>
void compress(const Sparse<Count>& from, std::uint32_t most_empty, bool drop_empty, Buckets& out) {
  out = {};
  std::int64_t next = 0;  // the number behind the last bucket
  Count last{};
  const auto put = [&](Count count) {
    if constexpr (std::is_same_v<Count, double>)
      out.counts.push_back(count);
    else
      out.deltas.push_back(count - std::exchange(last, count));
    ++out.spans.back().length;
    ++next;
  };
  for (std::size_t i = 0; i < from.index.size(); ++i) {
    if (drop_empty && from.count[i] == Count{}) continue;
    const std::int64_t gap = from.index[i] - next;
    if (out.spans.empty() || gap > most_empty) {
      out.spans.push_back({static_cast<std::int32_t>(gap), 0});
      next = from.index[i];
    } else {
      for (std::int64_t n = 0; n < gap; ++n) put(Count{});
    }
    put(from.count[i]);
  }
}

template <class Count>
void compact_side(Buckets& side, std::uint32_t most_empty) {
  if (!side.spans.empty()) compress(expand<Count>(side), most_empty, true, side);
}

template <class Count>
void merge_side(Buckets& side, std::int32_t steps) {
  const Sparse<Count> fine = expand<Count>(side);
  Sparse<Count> coarse;
  for (std::size_t i = 0; i < fine.index.size(); ++i) {
    // Bucket i ends at base^i, and a coarser bucket ends where one of the finer ones does.
    const std::int64_t index = ((fine.index[i] - 1) >> steps) + 1;
    if (coarse.index.empty() || coarse.index.back() != index) {
      coarse.index.push_back(index);
      coarse.count.push_back(fine.count[i]);
    } else {
      coarse.count.back() += fine.count[i];
    }
  }
  compress(coarse, 0, false, side);
}

Status check_spans(std::string_view name, const Buckets& side, std::size_t buckets) {
  std::uint64_t length = 0;
  std::int64_t index = 0;
  for (std::size_t i = 0; i < side.spans.size(); ++i) {
    if (i > 0 && side.spans[i].offset < 0)
      return bad(fmt::format("{} side: a span begins before the end of the one before", name));
    length += side.spans[i].length;
    index += std::int64_t{side.spans[i].offset} + side.spans[i].length;
    if (index > std::numeric_limits<std::int32_t>::max())
      return bad(fmt::format("{} side: the number of a bucket is out of range", name));
  }
  if (length == buckets) return {};
  return bad(fmt::format("{} side: spans need {} buckets, there are {}", name, length, buckets));
}

/// Adds the buckets up; `float_sum` is only compared with 0.
Status check_counts(std::string_view name, const NativeHistogram& h, const Buckets& side,
                    std::uint64_t& sum) {
  const auto negative = [&] {
    return bad(fmt::format("{} side: a bucket has a count below 0", name));
  };
  if (h.is_float) {
    for (const double count : side.counts)
      if (count < 0) return negative();
    return {};
  }
  std::int64_t absolute = 0;
  for (const std::int64_t delta : side.deltas) {
    if (__builtin_add_overflow(absolute, delta, &absolute) || absolute < 0) return negative();
    if (__builtin_add_overflow(sum, static_cast<std::uint64_t>(absolute), &sum))
      return bad(fmt::format("{} side: the counts are out of range", name));
  }
  return {};
}

Status check_custom(const NativeHistogram& h) {
  for (std::size_t i = 0; i < h.custom_values.size(); ++i)
    if (std::isnan(h.custom_values[i]) || (i > 0 && h.custom_values[i] <= h.custom_values[i - 1]))
      return bad("custom bounds do not rise");
  if (!h.custom_values.empty() && h.custom_values.back() == HUGE_VAL)
    return bad("the infinite bound is not one of the custom bounds");
  if (h.zero_count != 0 || h.float_zero_count != 0 || h.zero_threshold != 0)
    return bad("custom buckets have no zero bucket");
  if (!h.negative.spans.empty()) return bad("custom buckets have no negative side");
  std::int64_t end = 0;
  for (const NativeHistogram::Span& span : h.positive.spans) {
    if (span.offset < 0) return bad("a span of custom buckets begins before the first bucket");
    end += std::int64_t{span.offset} + span.length;
  }
  if (end > static_cast<std::int64_t>(h.custom_values.size()) + 1)
    return bad("there are more custom buckets than bounds");
  return {};
}

}  // namespace

Status check(const NativeHistogram& h) {
  const auto size = [&](const Buckets& side) {
    return h.is_float ? side.counts.size() : side.deltas.size();
  };
  if (h.schema == NativeHistogram::kCustomBuckets) {
    if (Status s = check_custom(h); !s.ok()) return s;
  } else if (h.schema < kCoarsestSchema || h.schema > kFinestReserved) {
    return bad(fmt::format("{} is no schema of a native histogram", h.schema));
  }
  if (Status s = check_spans("positive", h.positive, size(h.positive)); !s.ok()) return s;
  if (Status s = check_spans("negative", h.negative, size(h.negative)); !s.ok()) return s;
  std::uint64_t sum = 0;
  if (Status s = check_counts("positive", h, h.positive, sum); !s.ok()) return s;
  if (Status s = check_counts("negative", h, h.negative, sum); !s.ok()) return s;
  if (h.is_float) {
    if (h.float_count < 0 || h.float_zero_count < 0) return bad("a count is below 0");
    return {};
  }
  if (__builtin_add_overflow(sum, h.zero_count, &sum)) return bad("the counts are out of range");
  // What is not a number is observed and in no bucket, and makes the sum NaN for good.
  if (std::isnan(h.sum) ? sum > h.count : sum != h.count)
    return bad(fmt::format("the buckets hold {} observations, the count is {}", sum, h.count));
  return {};
}

void compact(NativeHistogram& h, std::uint32_t most_empty) {
  for (Buckets* side : {&h.positive, &h.negative})
    h.is_float ? compact_side<double>(*side, most_empty)
               : compact_side<std::int64_t>(*side, most_empty);
}

void reduce_resolution(NativeHistogram& h, std::int32_t schema) {
  const std::int32_t steps = h.schema - schema;
  for (Buckets* side : {&h.positive, &h.negative})
    h.is_float ? merge_side<double>(*side, steps) : merge_side<std::int64_t>(*side, steps);
  h.schema = schema;
}

std::size_t bucket_count(const NativeHistogram& h) {
  return h.is_float ? h.positive.counts.size() + h.negative.counts.size()
                    : h.positive.deltas.size() + h.negative.deltas.size();
}

std::int32_t schema_for(double factor) {
  if (!(factor > 1)) return kFinestSchema;
  const double schema = std::floor(-std::log2(std::log2(factor)));
  return static_cast<std::int32_t>(
      std::clamp(schema, double{kCoarsestSchema}, double{kFinestSchema}));
}

double upper_bound(const NativeHistogram& h, std::int64_t index) {
  if (h.schema == NativeHistogram::kCustomBuckets)
    return index >= 0 && static_cast<std::size_t>(index) < h.custom_values.size()
               ? h.custom_values[static_cast<std::size_t>(index)]
               : HUGE_VAL;
  return std::exp2(std::ldexp(static_cast<double>(index), -h.schema));
}

}  // namespace collector::format
