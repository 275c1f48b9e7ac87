// Batches with all that remote write carries, and what requests must say of them.
#pragma once

#include "format/request_parts.hpp"
#include "model/series_table.hpp"

#include <collector/engine/testing.hpp>

#include "written_series.hpp"

#include <optional>

namespace collector {

struct WriteBench {
  testing::SeededRandom random;
  model::SeriesTable table{random};
  MetricColumns columns;

  explicit WriteBench(std::uint64_t seed = 1) : random(seed) {}

  SeriesId series(const std::map<std::string, std::string>& labels) {
    std::vector<model::Label> view;
    for (const auto& [name, text] : labels) view.push_back({name, text});
    return table.intern(view);
  }
  WrittenLabels labels(SeriesId id) const {
    std::vector<model::Label> view;
    table.labels(id, view);
    WrittenLabels out;
    for (const auto& label : view) out.emplace_back(label.name, label.value);
    return out;
  }
  SeriesId add(const std::map<std::string, std::string>& labels, std::int64_t ms, double value) {
    const SeriesId id = series(labels);
    columns.series.push_back(id);
    columns.timestamp.push_back(ms);
    columns.value.push_back(value);
    return id;
  }
  void know(std::vector<Metadata> metadata) {
    columns.metadata = std::make_shared<const std::vector<Metadata>>(std::move(metadata));
  }
  format::RequestPart whole(format::CutOptions options = {}) {
    options.most = std::max<std::size_t>(columns.series.size() + columns.histograms.size(), 1);
    const auto& parts = cutter.cut(columns, options);
    return parts.empty() ? format::RequestPart{} : parts.front();
  }

  std::uint64_t below(std::uint64_t n) { return random.next() % n; }
  double any_double() {
    return below(5) == 0 ? 0 : std::bit_cast<double>(random.next() >> (1 + below(40)));
  }
  std::int64_t any_time() { return 1'700'000'000'000 + static_cast<std::int64_t>(below(100'000)); }

  NativeHistogram any_histogram(bool custom) {
    NativeHistogram h;
    h.is_float = below(2) == 0;
    h.reset = static_cast<NativeHistogram::Reset>(below(4));
    h.sum = any_double();
    h.schema = custom ? NativeHistogram::kCustomBuckets : static_cast<std::int32_t>(below(13)) - 4;
    if (h.is_float)
      h.float_count = any_double(), h.float_zero_count = custom ? 0 : any_double();
    else
      h.count = random.next() >> below(64), h.zero_count = custom ? 0 : random.next() >> below(64);
    if (!custom) h.zero_threshold = any_double();
    for (auto* side : {&h.positive, &h.negative}) {
      if (custom && side == &h.negative) break;
      for (std::uint64_t spans = below(4); spans > 0; --spans) {
        const auto length = static_cast<std::uint32_t>(below(6));
        side->spans.push_back({static_cast<std::int32_t>(below(200)) - 100, length});
        for (std::uint32_t i = 0; i < length; ++i) {
          if (h.is_float)
            side->counts.push_back(any_double());
          else
            side->deltas.push_back(static_cast<std::int64_t>(random.next()) >> below(64));
        }
      }
    }
    if (custom)
      for (std::uint64_t n = 1 + below(10); n > 0; --n) h.custom_values.push_back(any_double());
    return h;
  }
  /// A batch of `n` series of every kind, some with several samples, exemplars and metadata.
  void fill(int n, bool custom = true) {
    columns = {};
    know({{"f0", MetricType::counter, "Zero.", ""}, {"f1", MetricType::histogram, "", "seconds"}});
    std::vector<SeriesId> exemplary;
    const auto labels = [&](int i) {
      return std::map<std::string, std::string>{{"__name__", "f" + std::to_string(below(4))},
                                                {"i", std::to_string(i)},
                                                {"zone", "z" + std::to_string(below(3))}};
    };
    for (int i = 0; i < n; ++i) {
      const SeriesId id = series(labels(i));
      const bool is_histogram = below(3) == 0;
      for (std::uint64_t samples = 1 + below(3); samples > 0; --samples) {
        if (is_histogram) {
          columns.histograms.push_back(
              {id, any_time(), below(2) ? any_time() : 0,
               std::make_shared<const NativeHistogram>(any_histogram(custom && below(3) == 0))});
          continue;
        }
        columns.series.push_back(id);
        columns.timestamp.push_back(any_time());
        columns.value.push_back(any_double());
        columns.start_timestamp.push_back(below(2) ? any_time() : 0);
      }
      if (below(3) == 0) exemplary.push_back(id);
    }
    while (!exemplary.empty()) {  // in no order
      const std::size_t at = below(exemplary.size());
      Exemplar exemplar{exemplary[at], below(4) ? any_time() : 0, any_double(), {}};
      for (std::uint64_t k = below(3); k > 0; --k)
        exemplar.labels.emplace_back("l" + std::to_string(k), std::to_string(below(99)));
      std::sort(exemplar.labels.begin(), exemplar.labels.end());
      columns.exemplars.push_back(std::move(exemplar));
      if (below(2)) exemplary.erase(exemplary.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  /// What a request of the whole batch must say: neighbours of one series in one TimeSeries.
  std::vector<WrittenSeries> want(bool v2, bool custom = true) const {
    std::vector<WrittenSeries> out;
    std::optional<SeriesId> last;
    const auto at = [&](SeriesId id) -> WrittenSeries& {
      if (!last || *last != id) {
        out.push_back({labels(id), {}, {}, {}, 0, "", ""});
        const std::string& name = out.back().labels.front().second;
        if (v2 && name == "f0") out.back().type = 1, out.back().help = "Zero.";
        if (v2 && name == "f1") out.back().type = 3, out.back().unit = "seconds";
        for (const Exemplar& e : columns.exemplars)
          if (e.series == id)
            out.back().exemplars.emplace_back(e.labels, std::bit_cast<std::uint64_t>(e.value),
                                              e.timestamp);
      }
      last = id;
      return out.back();
    };
    for (std::size_t i = 0; i < columns.series.size(); ++i)
      at(columns.series[i])
          .samples.emplace_back(columns.timestamp[i],
                                std::bit_cast<std::uint64_t>(columns.value[i]),
                                v2 ? columns.start_timestamp[i] : 0);
    last.reset();
    for (const HistogramSample& h : columns.histograms)
      if (custom || h.histogram->schema != NativeHistogram::kCustomBuckets)
        at(h.series).histograms.push_back({*h.histogram, h.timestamp, v2 ? h.start_timestamp : 0});
    return out;
  }

  format::RequestCutter cutter;
};

}  // namespace collector
