// What libprotobuf reads of remote write requests, in one form for 1.0 and 2.0.
#pragma once

#include <collector/engine/signals.hpp>

#include "catch.hpp"
#include "protobuf_oracle.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace collector {

using WrittenLabels = std::vector<std::pair<std::string, std::string>>;

struct WrittenHistogram {
  NativeHistogram value;
  std::int64_t ms = 0, start = 0;
  bool operator==(const WrittenHistogram&) const = default;
};

/// One TimeSeries.
struct WrittenSeries {
  WrittenLabels labels;
  std::vector<std::tuple<std::int64_t, std::uint64_t, std::int64_t>> samples;  ///< ms, bits, start
  std::vector<WrittenHistogram> histograms;
  std::vector<std::tuple<WrittenLabels, std::uint64_t, std::int64_t>> exemplars;
  int type = 0;
  std::string help, unit;
  bool operator==(const WrittenSeries&) const = default;
};

template <class Proto>
NativeHistogram histogram_of(const Proto& h) {
  NativeHistogram out;
  out.is_float = h.count_case() == Proto::kCountFloat;
  REQUIRE(h.count_case() != Proto::COUNT_NOT_SET);
  REQUIRE((h.zero_count_case() == Proto::kZeroCountFloat) == out.is_float);
  out.count = h.count_int();
  out.float_count = h.count_float();
  out.zero_count = h.zero_count_int();
  out.float_zero_count = h.zero_count_float();
  out.sum = h.sum();
  out.schema = h.schema();
  out.zero_threshold = h.zero_threshold();
  out.reset = static_cast<NativeHistogram::Reset>(h.reset_hint());
  for (const auto& span : h.negative_spans())
    out.negative.spans.push_back({span.offset(), span.length()});
  for (const auto& span : h.positive_spans())
    out.positive.spans.push_back({span.offset(), span.length()});
  out.negative.deltas.assign(h.negative_deltas().begin(), h.negative_deltas().end());
  out.negative.counts.assign(h.negative_counts().begin(), h.negative_counts().end());
  out.positive.deltas.assign(h.positive_deltas().begin(), h.positive_deltas().end());
  out.positive.counts.assign(h.positive_counts().begin(), h.positive_counts().end());
  out.custom_values.assign(h.custom_values().begin(), h.custom_values().end());
  return out;
}

inline std::vector<WrittenSeries> read_v1(std::string_view bytes) {
  prometheus::WriteRequest request;
  REQUIRE(oracle_parse(bytes, request));
  std::vector<WrittenSeries> out;
  for (const auto& series : request.timeseries()) {
    WrittenSeries one;
    for (const auto& label : series.labels()) one.labels.emplace_back(label.name(), label.value());
    for (const auto& sample : series.samples())
      one.samples.emplace_back(sample.timestamp(), std::bit_cast<std::uint64_t>(sample.value()), 0);
    for (const auto& h : series.histograms())
      one.histograms.push_back({histogram_of(h), h.timestamp(), 0});
    for (const auto& exemplar : series.exemplars()) {
      WrittenLabels labels;
      for (const auto& label : exemplar.labels()) labels.emplace_back(label.name(), label.value());
      one.exemplars.emplace_back(labels, std::bit_cast<std::uint64_t>(exemplar.value()),
                                 exemplar.timestamp());
    }
    out.push_back(std::move(one));
  }
  return out;
}

/// What the specification demands of every 2.0 body is checked here.
inline std::vector<WrittenSeries> read_v2(std::string_view bytes) {
  io::prometheus::write::v2::Request request;
  REQUIRE(oracle_parse(bytes, request));
  REQUIRE(request.symbols_size() > 0);
  CHECK(request.symbols(0).empty());
  std::map<std::string, int> distinct;
  for (const auto& symbol : request.symbols()) ++distinct[symbol];
  CHECK(static_cast<int>(distinct.size()) == request.symbols_size());
  std::vector<bool> used(static_cast<std::size_t>(request.symbols_size()));
  used[0] = true;
  const auto text = [&](std::uint32_t ref) {
    REQUIRE(ref < used.size());
    used[ref] = true;
    return request.symbols(static_cast<int>(ref));
  };
  const auto labels_of = [&](const auto& refs) {
    WrittenLabels labels;
    REQUIRE(refs.size() % 2 == 0);
    for (int i = 0; i < refs.size(); i += 2) labels.emplace_back(text(refs[i]), text(refs[i + 1]));
    return labels;
  };
  std::vector<WrittenSeries> out;
  for (const auto& series : request.timeseries()) {
    WrittenSeries one;
    one.labels = labels_of(series.labels_refs());
    CHECK(std::is_sorted(one.labels.begin(), one.labels.end()));
    CHECK((series.samples_size() > 0) != (series.histograms_size() > 0));
    for (const auto& sample : series.samples())
      one.samples.emplace_back(sample.timestamp(), std::bit_cast<std::uint64_t>(sample.value()),
                               sample.start_timestamp());
    for (const auto& h : series.histograms())
      one.histograms.push_back({histogram_of(h), h.timestamp(), h.start_timestamp()});
    for (const auto& exemplar : series.exemplars())
      one.exemplars.emplace_back(labels_of(exemplar.labels_refs()),
                                 std::bit_cast<std::uint64_t>(exemplar.value()),
                                 exemplar.timestamp());
    if (series.has_metadata()) {
      one.type = series.metadata().type();
      one.help = text(series.metadata().help_ref());
      one.unit = text(series.metadata().unit_ref());
    }
    out.push_back(std::move(one));
  }
  CHECK(std::find(used.begin(), used.end(), false) == used.end());
  return out;
}

}  // namespace collector
