#include "format/request_parts.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace collector::format {

void RequestCutter::choose_histograms(const MetricColumns& columns, const CutOptions& options) {
  histograms_.clear();
  histograms_off_ = custom_buckets_off_ = 0;
  for (std::uint32_t i = 0; i < columns.histograms.size(); ++i) {
    if (!options.histograms)
      ++histograms_off_;
    else if (!options.custom_buckets &&
             columns.histograms[i].histogram->schema == NativeHistogram::kCustomBuckets)
      ++custom_buckets_off_;
    else
      histograms_.push_back(i);
  }
}

void RequestCutter::take_exemplars(const MetricColumns& columns, SeriesId series) {
  const auto& rows = columns.exemplars;
  auto at = std::lower_bound(by_series_.begin(), by_series_.end(), series,
                             [&](std::uint32_t row, SeriesId id) { return rows[row].series < id; });
  for (; at != by_series_.end() && rows[*at].series == series; ++at) {
    const auto place = static_cast<std::size_t>(at - by_series_.begin());
    if (taken_[place]) return;  // an earlier run of the series has them all
    taken_[place] = true;
    exemplars_.push_back(*at);
  }
}

void RequestCutter::place_exemplars(const MetricColumns& columns) {
  by_series_.resize(columns.exemplars.size());
  std::iota(by_series_.begin(), by_series_.end(), 0U);
  std::sort(by_series_.begin(), by_series_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(columns.exemplars[a].series, a) < std::pair(columns.exemplars[b].series, b);
  });
  taken_.assign(by_series_.size(), false);
  exemplars_.clear();
  exemplars_.reserve(by_series_.size());  // parts point into it
  for (RequestPart& part : parts_) {
    const std::size_t first = exemplars_.size();
    for (std::size_t i = part.begin; i < part.end; ++i) take_exemplars(columns, columns.series[i]);
    for (const std::uint32_t row : part.histograms)
      take_exemplars(columns, columns.histograms[row].series);
    part.exemplars = std::span(exemplars_).subspan(first);
  }
  exemplars_alone_ = by_series_.size() - exemplars_.size();
}

void RequestCutter::place_lone_exemplars(const MetricColumns& columns) {
  std::vector<SeriesId> left_out;
  if (histograms_off_ + custom_buckets_off_ > 0)
    for (const HistogramSample& h : columns.histograms) left_out.push_back(h.series);
  std::sort(left_out.begin(), left_out.end());
  const std::size_t before = exemplars_.size();
  for (std::size_t i = 0; i < by_series_.size(); ++i)
    if (!taken_[i] && !std::binary_search(left_out.begin(), left_out.end(),
                                          columns.exemplars[by_series_[i]].series))
      exemplars_.push_back(by_series_[i]);
  if (exemplars_.size() == before) return;
  exemplars_alone_ -= exemplars_.size() - before;
  if (parts_.empty()) parts_.emplace_back();
  auto& last = parts_.back().exemplars;
  last = std::span(exemplars_).subspan(before - last.size());
}

const std::vector<RequestPart>& RequestCutter::cut(const MetricColumns& columns,
                                                   const CutOptions& options) {
  choose_histograms(columns, options);
  parts_.clear();
  const std::size_t floats = columns.series.size();
  std::size_t at = 0, histogram = 0;
  while (at < floats || histogram < histograms_.size()) {
    RequestPart part;
    part.begin = at;
    part.end = at = std::min(floats, at + options.most);
    const std::size_t left =
        std::min(histograms_.size() - histogram, options.most - (part.end - part.begin));
    if (at == floats) {
      part.histograms = std::span(histograms_).subspan(histogram, left);
      histogram += left;
    }
    parts_.push_back(part);
  }
  exemplars_off_ = exemplars_alone_ = 0;
  if (!options.exemplars)
    exemplars_off_ = columns.exemplars.size();
  else if (!columns.exemplars.empty())
    place_exemplars(columns);
  if (options.lone_exemplars && exemplars_alone_ > 0) place_lone_exemplars(columns);
  return parts_;
}

}  // namespace collector::format
