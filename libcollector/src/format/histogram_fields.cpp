#include "format/histogram_fields.hpp"

#include <bit>

namespace collector::format {
namespace {

// Fields of prometheus.Histogram and io.prometheus.write.v2.Histogram, as tags.
constexpr std::uint32_t kCountInt = 0x08;
constexpr std::uint32_t kCountFloat = 0x11;
constexpr std::uint32_t kSum = 0x19;
constexpr std::uint32_t kSchema = 0x20;  // sint32
constexpr std::uint32_t kZeroThreshold = 0x29;
constexpr std::uint32_t kZeroCountInt = 0x30;
constexpr std::uint32_t kZeroCountFloat = 0x39;
constexpr std::uint32_t kNegativeSpans = 0x42;
constexpr std::uint32_t kNegativeDeltas = 0x4a;  // packed sint64
constexpr std::uint32_t kNegativeCounts = 0x52;  // packed double
constexpr std::uint32_t kPositiveSpans = 0x5a;
constexpr std::uint32_t kPositiveDeltas = 0x62;
constexpr std::uint32_t kPositiveCounts = 0x6a;
constexpr std::uint32_t kResetHint = 0x70;
constexpr std::uint32_t kTimestamp = 0x78;
constexpr std::uint32_t kCustomValues = 0x82;    // field 16, packed double
constexpr std::uint32_t kStartTimestamp = 0x88;  // field 17, 2.0 only
constexpr std::uint32_t kSpanOffset = 0x08;      // BucketSpan.offset, sint32
constexpr std::uint32_t kSpanLength = 0x10;      // BucketSpan.length
constexpr std::size_t kMostScalars = 10 * (2 + 10);

template <std::uint32_t tag>
char* put_double(char* p, double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return bits == 0 ? p : wire::put_tag<tag>(wire::put_fixed(p, bits));
}

template <std::uint32_t tag>
char* put_doubles(char* p, const std::vector<double>& values, wire::Writer& writer) {
  if (values.empty()) return p;
  const std::size_t size = values.size() * sizeof(double);
  p = writer.room(p, size + wire::kMostVarint + wire::kMostTag) - size;
  std::memcpy(p, values.data(), size);
  return wire::put_tag<tag>(wire::put_before(p, size));
}

template <std::uint32_t tag>
char* put_deltas(char* p, const std::vector<std::int64_t>& deltas, wire::Writer& writer) {
  if (deltas.empty()) return p;
  p = writer.room(p, (deltas.size() + 1) * wire::kMostVarint + wire::kMostTag);
  char* const stop = p;
  for (std::size_t i = deltas.size(); i-- > 0;) p = wire::put_before(p, wire::zigzag64(deltas[i]));
  return wire::put_tag<tag>(wire::put_before(p, static_cast<std::size_t>(stop - p)));
}

template <std::uint32_t tag>
char* put_spans(char* p, const std::vector<NativeHistogram::Span>& spans, wire::Writer& writer) {
  p = writer.room(p, spans.size() * 2 * (wire::kMostVarint + wire::kMostTag));
  for (std::size_t i = spans.size(); i-- > 0;) {
    char* const stop = p;
    if (spans[i].length) p = wire::put_tag<kSpanLength>(wire::put_before(p, spans[i].length));
    if (spans[i].offset)
      p = wire::put_tag<kSpanOffset>(wire::put_before(p, wire::zigzag32(spans[i].offset)));
    p = wire::put_tag<tag>(wire::put_before(p, static_cast<std::size_t>(stop - p)));
  }
  return p;
}

std::uint64_t wire_reset(NativeHistogram::Reset reset) {
  switch (reset) {
    case NativeHistogram::Reset::unknown:
      return 0;
    case NativeHistogram::Reset::yes:
      return 1;
    case NativeHistogram::Reset::no:
      return 2;
    case NativeHistogram::Reset::gauge:
      return 3;
  }
  return 0;
}

}  // namespace

char* put_histogram(char* p, const HistogramSample& sample, bool start, wire::Writer& writer) {
  const NativeHistogram& h = *sample.histogram;
  p = writer.room(p, kMostScalars);
  if (start && sample.start_timestamp)
    p = wire::put_tag<kStartTimestamp>(
        wire::put_before(p, wire::signed_varint(sample.start_timestamp)));
  p = put_doubles<kCustomValues>(p, h.custom_values, writer);
  p = writer.room(p, kMostScalars);
  if (sample.timestamp)
    p = wire::put_tag<kTimestamp>(wire::put_before(p, wire::signed_varint(sample.timestamp)));
  if (const std::uint64_t reset = wire_reset(h.reset))
    p = wire::put_tag<kResetHint>(wire::put_before(p, reset));
  if (h.is_float) {
    p = put_doubles<kPositiveCounts>(p, h.positive.counts, writer);
    p = put_spans<kPositiveSpans>(p, h.positive.spans, writer);
    p = put_doubles<kNegativeCounts>(p, h.negative.counts, writer);
  } else {
    p = put_deltas<kPositiveDeltas>(p, h.positive.deltas, writer);
    p = put_spans<kPositiveSpans>(p, h.positive.spans, writer);
    p = put_deltas<kNegativeDeltas>(p, h.negative.deltas, writer);
  }
  p = put_spans<kNegativeSpans>(p, h.negative.spans, writer);
  p = writer.room(p, kMostScalars);
  // Which of the two counts is there says what kind of histogram it is: also when it is 0.
  if (h.is_float)
    p = wire::put_tag<kZeroCountFloat>(wire::put_fixed(p, h.float_zero_count));
  else
    p = wire::put_tag<kZeroCountInt>(wire::put_before(p, h.zero_count));
  p = put_double<kZeroThreshold>(p, h.zero_threshold);
  if (h.schema) p = wire::put_tag<kSchema>(wire::put_before(p, wire::zigzag32(h.schema)));
  p = put_double<kSum>(p, h.sum);
  if (h.is_float) return wire::put_tag<kCountFloat>(wire::put_fixed(p, h.float_count));
  return wire::put_tag<kCountInt>(wire::put_before(p, h.count));
}

}  // namespace collector::format
