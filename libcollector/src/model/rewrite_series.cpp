#include "model/rewrite_series.hpp"

#include <algorithm>

namespace collector::model {
namespace {

/// Rows of which `series` is a member.
template <class Row>
void rewrite_rows(std::vector<Row>& rows, RelabelCache& cache) {
  std::erase_if(rows, [&](Row& row) {
    const auto to = cache.map(row.series);
    if (to) row.series = *to;
    return !to;
  });
}

/// Samples from `first` on; what is before stays.
void rewrite_from(MetricColumns& columns, std::size_t first, RelabelCache& cache) {
  const std::size_t n = columns.series.size();
  const bool starts = !columns.start_timestamp.empty();
  std::size_t kept = first;
  for (std::size_t i = first; i < n; ++i) {
    const auto to = cache.map(columns.series[i]);
    if (!to) continue;
    columns.series[kept] = *to;
    columns.timestamp[kept] = columns.timestamp[i];
    columns.value[kept] = columns.value[i];
    if (starts) columns.start_timestamp[kept] = columns.start_timestamp[i];
    ++kept;
  }
  columns.series.resize(kept);
  columns.timestamp.resize(kept);
  columns.value.resize(kept);
  if (starts) columns.start_timestamp.resize(kept);
  rewrite_rows(columns.histograms, cache);
  rewrite_rows(columns.exemplars, cache);
}

}  // namespace

bool rewrite_series(Metrics& batch, RelabelCache& cache, SeriesTable& series) {
  const auto changes = [&](SeriesId id) {
    const auto to = cache.map(id);
    return !to || *to != id;
  };
  const auto& ids = batch.columns().series;
  const auto& histograms = batch.columns().histograms;
  const auto first =
      static_cast<std::size_t>(std::find_if(ids.begin(), ids.end(), changes) - ids.begin());
  if (first == ids.size() &&
      std::none_of(histograms.begin(), histograms.end(),
                   [&](const HistogramSample& h) { return changes(h.series); }))
    return batch.size() > 0;
  MetricColumns& columns = batch.edit();
  if (!columns.lease) columns.lease = series.lease();
  rewrite_from(columns, first, cache);
  return batch.size() > 0;
}

void rewrite_series(const MetricColumns& from, RelabelCache& cache, MetricColumns& out) {
  out.series.clear();
  out.timestamp.clear();
  out.value.clear();
  out.start_timestamp.clear();
  const bool starts = !from.start_timestamp.empty();
  for (std::size_t i = 0; i < from.series.size(); ++i) {
    const auto to = cache.map(from.series[i]);
    if (!to) continue;
    out.series.push_back(*to);
    out.timestamp.push_back(from.timestamp[i]);
    out.value.push_back(from.value[i]);
    if (starts) out.start_timestamp.push_back(from.start_timestamp[i]);
  }
  out.histograms = from.histograms;
  out.exemplars = from.exemplars;
  rewrite_rows(out.histograms, cache);
  rewrite_rows(out.exemplars, cache);
}

}  // namespace collector::model
