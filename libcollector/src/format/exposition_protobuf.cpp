#include "format/exposition_protobuf.hpp"

#include "format/native_histogram.hpp"
#include "wire/reader.hpp"

#include <fmt/format.h>

#include <optional>

namespace collector::format {
namespace {

namespace pb = proto::metric_family;
using wire::DecodeError;

// Tags of MetricFamily and Metric.
constexpr std::uint32_t kName = 1 << 3 | 2, kHelp = 2 << 3 | 2, kType = 3 << 3,
                        kMetric = 4 << 3 | 2, kUnit = 5 << 3 | 2;
constexpr char kLabel = 1 << 3 | 2;

std::optional<MetricType> type_of(std::uint64_t type) {
  switch (static_cast<pb::MetricType>(type)) {
    case pb::MetricType::counter:
      return MetricType::counter;
    case pb::MetricType::gauge:
      return MetricType::gauge;
    case pb::MetricType::summary:
      return MetricType::summary;
    case pb::MetricType::untyped:
      return MetricType::unknown;
    case pb::MetricType::histogram:
      return MetricType::histogram;
    case pb::MetricType::gauge_histogram:
      return MetricType::gauge_histogram;
  }
  return std::nullopt;
}

/// Behind the value of a field that is of no interest; null after setting the error.
const char* skip_field(const char* p, const char* end, std::uint32_t tag, wire::Reader& r) {
  std::uint64_t v = 0;
  std::string_view bytes;
  const auto fixed = [&](std::ptrdiff_t size) {
    return end - p < size ? r.fail(DecodeError::truncated) : p + size;
  };
  switch (tag & 7) {
    case 0:
      return wire::read_varint(p, end, v, r);
    case 1:
      return fixed(8);
    case 2:
      return wire::read_bytes(p, end, bytes, r);
    case 5:
      return fixed(4);
    case 3:
    case 4:
      return r.fail(DecodeError::group);
    default:
      return r.fail(DecodeError::wire_type);
  }
}

template <class Span>
std::vector<NativeHistogram::Span> spans_of(const wire::Repeated<Span>& spans) {
  std::vector<NativeHistogram::Span> out;
  out.reserve(spans.size());
  for (const Span& span : spans) out.push_back({span.offset, span.length});
  return out;
}

}  // namespace

Status ProtobufReader::error(std::string_view what) const {
  if (family_.empty())
    return Status(Code::data_loss, fmt::format("protobuf at byte {}: {}", at_ - begin_, what));
  return Status(Code::data_loss, fmt::format("protobuf, metric \"{}\": {}", family_, what));
}

Result<bool> ProtobufReader::next_family() {
  wire::Reader r{arena_};
  for (;;) {
    family_ = help_ = unit_ = {};
    if (at_ == end_) return false;
    std::string_view message;
    const char* p = wire::read_bytes(at_, end_, message, r);
    if (!p) return error(wire::to_string(r.error));
    const char* const end = message.data() + message.size();
    metric_at_ = nullptr;
    std::uint64_t type = 0;
    for (const char* q = message.data(); q < end;) {
      const char* const field = q;
      std::uint32_t tag = 0;
      q = wire::read_tag(q, end, tag, r);
      if (q && tag == kName)
        q = wire::read_bytes(q, end, family_, r);
      else if (q && tag == kHelp)
        q = wire::read_bytes(q, end, help_, r);
      else if (q && tag == kUnit)
        q = wire::read_bytes(q, end, unit_, r);
      else if (q && tag == kType)
        q = wire::read_varint(q, end, type, r);
      else if (q)
        q = skip_field(q, end, tag, r);
      if (!q) return error(wire::to_string(r.error));
      if (tag == kMetric && !metric_at_) metric_at_ = field;
    }
    at_ = p;
    if (!metric_at_) continue;  // Prometheus knows no family without a metric either
    family_end_ = end;
    if (family_.empty() || !wire::is_utf8(family_)) return error("the name is not valid");
    if (!wire::is_utf8(help_)) return error("the help text is not UTF-8");
    if (!wire::is_utf8(unit_)) return error("the unit is not UTF-8");
    const auto known = type_of(type);
    if (!known) return error(fmt::format("{} is no type of metric", type));
    type_ = *known;
    return true;
  }
}

Result<bool> ProtobufReader::next_metric() {
  arena_.reset();
  wire::Reader r{arena_};
  while (metric_at_ < family_end_) {
    std::uint32_t tag = 0;
    const char* p = wire::read_tag(metric_at_, family_end_, tag, r);
    if (tag != kMetric) {  // the fields were walked before: there is no error here
      metric_at_ = skip_field(p, family_end_, tag, r);
      continue;
    }
    std::string_view message;
    metric_at_ = wire::read_bytes(p, family_end_, message, r);
    const char* const end = message.data() + message.size();
    const char* labels_end = message.data();
    while (labels_end < end && *labels_end == kLabel) {
      std::string_view label;
      labels_end = wire::read_bytes(labels_end + 1, end, label, r);
      if (!labels_end) return error(wire::to_string(r.error));
    }
    labels_ = {message.data(), static_cast<std::size_t>(labels_end - message.data())};
    metric_ = {};
    const DecodeError bad = wire::decode(message.substr(labels_.size()), metric_, arena_);
    if (bad != DecodeError::none) return error(wire::to_string(bad));
    return true;
  }
  return false;
}

Status ProtobufReader::read_labels(
    std::vector<std::pair<std::string_view, std::string_view>>& out) {
  out.clear();
  pb::Metric first;
  const DecodeError bad = wire::decode(labels_, first, arena_);
  if (bad != DecodeError::none) return error(wire::to_string(bad));
  for (const auto* labels : {&first.label, &metric_.label})
    for (const pb::LabelPair& label : *labels) {
      if (label.name.empty()) return error("a label has no name");
      if (!wire::is_utf8(label.name) || !wire::is_utf8(label.value))
        return error("a label is not UTF-8");
      out.emplace_back(label.name, label.value);
    }
  return {};
}

bool is_native(const pb::Histogram& h) {
  return !h.positive_span.empty() || !h.negative_span.empty() || h.zero_threshold > 0 ||
         h.zero_count > 0;
}

Result<NativeHistogram> native_histogram(const pb::Histogram& from, bool is_gauge) {
  NativeHistogram h;
  // Counts that are all zero are floats too.
  h.is_float = from.sample_count_float > 0 || from.zero_count_float > 0 ||
               !from.positive_count.empty() || !from.negative_count.empty();
  if (is_gauge) h.reset = NativeHistogram::Reset::gauge;
  h.schema = from.schema;
  h.zero_threshold = from.zero_threshold;
  h.sum = from.sample_sum;
  h.positive.spans = spans_of(from.positive_span);
  h.negative.spans = spans_of(from.negative_span);
  if (h.is_float) {
    h.float_count = from.sample_count_float;
    h.float_zero_count = from.zero_count_float;
    h.positive.counts.assign(from.positive_count.begin(), from.positive_count.end());
    h.negative.counts.assign(from.negative_count.begin(), from.negative_count.end());
  } else {
    h.count = from.sample_count;
    h.zero_count = from.zero_count;
    h.positive.deltas.assign(from.positive_delta.begin(), from.positive_delta.end());
    h.negative.deltas.assign(from.negative_delta.begin(), from.negative_delta.end());
  }
  if (h.schema == NativeHistogram::kCustomBuckets)
    return Status(Code::data_loss, "custom buckets have no form in the protobuf exposition");
  if (Status s = check(h); !s.ok()) return s;
  compact(h, 0);
  return h;
}

std::int64_t milliseconds(const pb::Timestamp* timestamp) {
  constexpr std::int64_t kMost = 9'000'000'000'000;
  if (!timestamp || timestamp->seconds > kMost || timestamp->seconds < -kMost) return 0;
  return timestamp->seconds * 1000 + timestamp->nanos / 1'000'000;
}

}  // namespace collector::format
