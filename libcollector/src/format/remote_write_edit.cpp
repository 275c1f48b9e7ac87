#include "format/remote_write_edit.hpp"

#include "format/remote_write_v2_edit.hpp"
#include "format/wire_fields.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

namespace collector::format {
namespace {

// Fields of prometheus.WriteRequest and what it holds, as tags.
constexpr std::uint64_t kTimeSeries = 0x0a;          // WriteRequest.timeseries
constexpr std::uint64_t kSamples = 0x12;             // TimeSeries.samples
constexpr std::uint64_t kLabels = 0x0a;              // TimeSeries.labels
constexpr std::uint64_t kLabelName = 0x0a;           // Label.name
constexpr std::uint64_t kExemplars = 0x1a;           // TimeSeries.exemplars
constexpr std::uint64_t kHistograms = 0x22;          // TimeSeries.histograms
constexpr std::uint64_t kSampleTimestamp = 0x10;     // Sample.timestamp
constexpr std::uint64_t kExemplarTimestamp = 0x18;   // Exemplar.timestamp
constexpr std::uint64_t kHistogramTimestamp = 0x78;  // Histogram.timestamp

Status damaged() { return {Code::data_loss, "not a remote write request"}; }

/// Where `row` of a TimeSeries has its time, if it is one of what is counted.
std::uint64_t timestamp_tag(std::uint64_t row) {
  switch (row) {
    case kSamples:
      return kSampleTimestamp;
    case kExemplars:
      return kExemplarTimestamp;
    case kHistograms:
      return kHistogramTimestamp;
    default:
      return 0;
  }
}

std::optional<std::int64_t> timestamp_of(std::string_view row, std::uint64_t tag) {
  std::int64_t timestamp = 0;
  while (!row.empty()) {
    const auto field = take_field(row);
    if (!field) return std::nullopt;
    if (field->tag == tag) timestamp = static_cast<std::int64_t>(field->number);
  }
  return timestamp;
}

void count(RequestCounts& counts, std::uint64_t tag) {
  counts.samples += tag == kSamples ? 1 : 0;
  counts.exemplars += tag == kExemplars ? 1 : 0;
  counts.histograms += tag == kHistograms ? 1 : 0;
}

bool count_series(std::string_view series, RequestCounts& counts) {
  while (!series.empty()) {
    const auto field = take_field(series);
    if (!field) return false;
    count(counts, field->tag);
  }
  return true;
}

Result<RequestCounts> count_v1(std::string_view request) {
  RequestCounts counts;
  while (!request.empty()) {
    const auto field = take_field(request);
    if (!field) return damaged();
    if (field->tag == kTimeSeries && !count_series(field->content, counts)) return damaged();
  }
  return counts;
}

Result<RequestCounts> drop_older_v1(std::string& body, std::int64_t cutoff_ms) {
  std::string out, kept;
  RequestCounts dropped;
  for (std::string_view request = body; !request.empty();) {
    const auto field = take_field(request);
    if (!field) return damaged();
    if (field->tag != kTimeSeries) {
      out += field->whole;
      continue;
    }
    kept.clear();
    RequestCounts left, all;
    for (std::string_view series = field->content; !series.empty();) {
      const auto part = take_field(series);
      if (!part) return damaged();
      if (const std::uint64_t tag = timestamp_tag(part->tag)) {
        const auto timestamp = timestamp_of(part->content, tag);
        if (!timestamp) return damaged();
        count(all, part->tag);
        if (*timestamp < cutoff_ms) {
          count(dropped, part->tag);
          continue;
        }
        count(left, part->tag);
      }
      kept += part->whole;
    }
    // An exemplar goes with its sample, where it came with one.
    if (left.items() > 0 || (all.items() == 0 && left.exemplars > 0))
      append_delimited(out, kTimeSeries, kept);
    else
      dropped.exemplars += left.exemplars;
  }
  body = std::move(out);
  return dropped;
}

std::optional<SeriesSource> source_of(std::string_view series) {
  SeriesSource source;
  while (!series.empty()) {
    const auto field = take_field(series);
    if (!field) return std::nullopt;
    if (field->tag != kLabels) continue;
    std::string_view name, value;
    for (std::string_view label = field->content; !label.empty();) {
      const auto part = take_field(label);
      if (!part) return std::nullopt;
      (part->tag == kLabelName ? name : value) = part->content;
    }
    source.see(name, value);
  }
  return source;
}

Result<std::pair<RequestHalf, RequestHalf>> halve_v1(const std::string& body, CutAt at) {
  std::vector<WireField> series;
  std::vector<SeriesSource> sources;
  std::pair<RequestHalf, RequestHalf> halves;
  for (std::string_view request = body; !request.empty();) {
    const auto field = take_field(request);
    if (!field) return damaged();
    if (field->tag != kTimeSeries) continue;
    series.push_back(*field);
    sources.emplace_back();
    if (at == CutAt::series) continue;
    const auto source = source_of(field->content);
    if (!source) return damaged();
    sources.back() = *source;
  }
  const Halving halving = halving_of(sources, at);
  for (std::size_t i = 0; i < series.size(); ++i) {
    RequestHalf& half = i < halving.first ? halves.first : halves.second;
    const WireField& one = series[halving.order[i]];
    if (!count_series(one.content, half.counts)) return damaged();
    half.body += one.whole;
  }
  return halves;
}

}  // namespace

Result<RequestCounts> count_request(WriteVersion version, std::string_view body) {
  return version == WriteVersion::v2 ? count_v2(body) : count_v1(body);
}

Result<RequestCounts> drop_older(WriteVersion version, std::string& body, std::int64_t cutoff_ms) {
  return version == WriteVersion::v2 ? drop_older_v2(body, cutoff_ms)
                                     : drop_older_v1(body, cutoff_ms);
}

Halving halving_of(const std::vector<SeriesSource>& series, CutAt at) {
  const std::size_t n = series.size(), middle = (n + 1) / 2;
  Halving out{std::vector<std::uint32_t>(n), middle};
  std::iota(out.order.begin(), out.order.end(), 0U);
  if (at == CutAt::series) return out;
  std::stable_sort(out.order.begin(), out.order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return series[a] < series[b]; });
  const auto changes = [&](std::size_t i) {
    return i > 0 && i < n && series[out.order[i]] != series[out.order[i - 1]];
  };
  out.first = n;
  for (std::size_t away = 0; away <= middle && out.first == n; ++away) {
    if (changes(middle - away))
      out.first = middle - away;
    else if (changes(middle + away))
      out.first = middle + away;
  }
  return out;
}

Result<std::pair<RequestHalf, RequestHalf>> halve_request(WriteVersion version,
                                                          const std::string& body, CutAt at) {
  return version == WriteVersion::v2 ? halve_v2(body, at) : halve_v1(body, at);
}

}  // namespace collector::format
