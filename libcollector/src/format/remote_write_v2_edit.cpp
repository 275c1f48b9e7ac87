#include "format/remote_write_v2_edit.hpp"

#include "proto/remote_write_v1.hpp"
#include "proto/remote_write_v2.hpp"
#include "wire/reader.hpp"
#include "wire/writer.hpp"

namespace collector::format {
namespace {

namespace v1 = proto::remote_write_v1;
namespace v2 = proto::remote_write_v2;

constexpr std::int32_t kCustomBuckets = -53;  // Histogram.schema

Status damaged(std::string_view why) {
  return {Code::data_loss, "not a remote write 2.0 request: " + std::string(why)};
}

/// Rows for which `keep` holds.
template <class Row, class Keep>
wire::Repeated<Row> only(const wire::Repeated<Row>& rows, wire::Arena& arena, Keep keep) {
  wire::Repeated<Row> kept;
  for (const Row& row : rows)
    if (keep(row)) kept.add(arena, row);
  return kept;
}

RequestCounts counts_of(const v2::TimeSeries& series) {
  return {static_cast<std::uint32_t>(series.samples.size()),
          static_cast<std::uint32_t>(series.histograms.size()),
          static_cast<std::uint32_t>(series.exemplars.size())};
}
void add(RequestCounts& to, const RequestCounts& more) {
  to.samples += more.samples;
  to.histograms += more.histograms;
  to.exemplars += more.exemplars;
}

/// The request without symbols that nothing refers to.
Result<std::string> compact(const v2::Request& request) {
  wire::Writer writer;
  const std::string_view bytes = wire::encode(request, writer);
  return RequestJoiner().join({&bytes, 1});
}

Result<RequestHalf> half_of(const v2::Request& whole, std::span<const std::uint32_t> rows,
                            wire::Arena& arena) {
  v2::Request request = whole;
  RequestHalf half;
  request.timeseries = {};
  for (const std::uint32_t i : rows) {
    request.timeseries.add(arena, whole.timeseries[i]);
    add(half.counts, counts_of(whole.timeseries[i]));
  }
  auto body = compact(request);
  if (!body) return body.error();
  half.body = std::move(*body);
  return half;
}

wire::Repeated<v1::BucketSpan> spans(const wire::Repeated<v2::BucketSpan>& from,
                                     wire::Arena& arena) {
  wire::Repeated<v1::BucketSpan> to;
  for (const v2::BucketSpan& span : from) {
    v1::BucketSpan* const added = to.add(arena);
    added->offset = span.offset;
    added->length = span.length;
  }
  return to;
}

v1::Histogram histogram(const v2::Histogram& from, wire::Arena& arena) {
  v1::Histogram to;
  if (from.count_case == v2::Histogram::CountCase::count_float)
    to.set_count_float(from.count_float);
  else
    to.set_count_int(from.count_int);
  to.sum = from.sum;
  to.schema = from.schema;
  to.zero_threshold = from.zero_threshold;
  if (from.zero_count_case == v2::Histogram::ZeroCountCase::zero_count_float)
    to.set_zero_count_float(from.zero_count_float);
  else
    to.set_zero_count_int(from.zero_count_int);
  to.negative_spans = spans(from.negative_spans, arena);
  to.negative_deltas = from.negative_deltas;
  to.negative_counts = from.negative_counts;
  to.positive_spans = spans(from.positive_spans, arena);
  to.positive_deltas = from.positive_deltas;
  to.positive_counts = from.positive_counts;
  to.reset_hint = static_cast<v1::Histogram_ResetHint>(from.reset_hint);
  to.timestamp = from.timestamp;
  return to;
}

/// False when a reference leads nowhere.
bool labels(const wire::Repeated<std::uint32_t>& refs, const v2::Request& request,
            wire::Repeated<v1::Label>& to, wire::Arena& arena) {
  if (refs.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < refs.size(); i += 2) {
    if (refs[i] >= request.symbols.size() || refs[i + 1] >= request.symbols.size()) return false;
    v1::Label* const label = to.add(arena);
    label->name = request.symbols[refs[i]];
    label->value = request.symbols[refs[i + 1]];
  }
  return true;
}

}  // namespace

Result<RequestCounts> count_v2(std::string_view body) {
  wire::Arena arena;
  v2::Request request;
  if (const auto error = wire::decode(body, request, arena); error != wire::DecodeError::none)
    return damaged(to_string(error));
  RequestCounts counts;
  for (const v2::TimeSeries& series : request.timeseries) add(counts, counts_of(series));
  return counts;
}

Result<RequestCounts> drop_older_v2(std::string& body, std::int64_t cutoff_ms) {
  wire::Arena arena;
  v2::Request request;
  if (const auto error = wire::decode(body, request, arena); error != wire::DecodeError::none)
    return damaged(to_string(error));
  RequestCounts before, after;
  wire::Repeated<v2::TimeSeries> kept;
  const auto young = [&](const auto& row) { return row.timestamp >= cutoff_ms; };
  for (v2::TimeSeries series : request.timeseries) {
    add(before, counts_of(series));
    series.samples = only(series.samples, arena, young);
    series.histograms = only(series.histograms, arena, young);
    series.exemplars = only(series.exemplars, arena, [&](const v2::Exemplar& exemplar) {
      return exemplar.timestamp == 0 || young(exemplar);  // 0: not given
    });
    if (series.samples.empty() && series.histograms.empty()) continue;
    add(after, counts_of(series));
    kept.add(arena, series);
  }
  request.timeseries = kept;
  auto edited = compact(request);
  if (!edited) return edited.error();
  body = std::move(*edited);
  return RequestCounts{before.samples - after.samples, before.histograms - after.histograms,
                       before.exemplars - after.exemplars};
}

Result<std::pair<RequestHalf, RequestHalf>> halve_v2(const std::string& body, CutAt at) {
  wire::Arena arena;
  v2::Request request;
  if (const auto error = wire::decode(body, request, arena); error != wire::DecodeError::none)
    return damaged(to_string(error));
  std::vector<SeriesSource> sources;
  for (const v2::TimeSeries& series : request.timeseries) {
    SeriesSource& source = sources.emplace_back();
    const auto& refs = series.labels_refs;
    for (std::size_t i = 0; i + 1 < refs.size(); i += 2)
      if (refs[i] < request.symbols.size() && refs[i + 1] < request.symbols.size())
        source.see(request.symbols[refs[i]], request.symbols[refs[i + 1]]);
  }
  const Halving halving = halving_of(sources, at);
  const std::span<const std::uint32_t> rows(halving.order);
  auto first = half_of(request, rows.first(halving.first), arena);
  if (!first) return first.error();
  auto second = half_of(request, rows.subspan(halving.first), arena);
  if (!second) return second.error();
  return std::pair(std::move(*first), std::move(*second));
}

Result<Downgraded> to_version_1(std::string_view body) {
  wire::Arena arena;
  v2::Request request;
  if (const auto error = wire::decode(body, request, arena); error != wire::DecodeError::none)
    return damaged(to_string(error));
  Downgraded out;
  v1::WriteRequest older;
  for (const v2::TimeSeries& from : request.timeseries) {
    v1::TimeSeries to;
    if (!labels(from.labels_refs, request, to.labels, arena)) return damaged("labels");
    for (const v2::Sample& sample : from.samples) {
      v1::Sample* const added = to.samples.add(arena);
      added->value = sample.value;
      added->timestamp = sample.timestamp;
    }
    for (const v2::Histogram& one : from.histograms) {
      if (one.schema == kCustomBuckets)
        ++out.custom_buckets;
      else
        to.histograms.add(arena, histogram(one, arena));
    }
    if (to.samples.empty() && to.histograms.empty()) {
      out.lost_exemplars += static_cast<std::uint32_t>(from.exemplars.size());
      continue;
    }
    for (const v2::Exemplar& exemplar : from.exemplars) {
      v1::Exemplar* const added = to.exemplars.add(arena);
      if (!labels(exemplar.labels_refs, request, added->labels, arena)) return damaged("exemplars");
      added->value = exemplar.value;
      added->timestamp = exemplar.timestamp;
    }
    out.counts.samples += static_cast<std::uint32_t>(to.samples.size());
    out.counts.histograms += static_cast<std::uint32_t>(to.histograms.size());
    out.counts.exemplars += static_cast<std::uint32_t>(to.exemplars.size());
    older.timeseries.add(arena, to);
  }
  wire::Writer writer;
  out.body = wire::encode(older, writer);
  return out;
}

}  // namespace collector::format
