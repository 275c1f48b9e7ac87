// Cuts a batch into remote write requests. Pure.
#pragma once

#include <collector/engine/signals.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace collector::format {

/// What of a batch one request holds: rows of its columns.
struct RequestPart {
  std::size_t begin = 0, end = 0;             ///< float samples
  std::span<const std::uint32_t> histograms;  ///< in order
  /// Those of one series lie together, in the order in which the series come: samples, histograms,
  /// and series that have neither in the batch.
  std::span<const std::uint32_t> exemplars;

  std::size_t items() const { return end - begin + histograms.size(); }
};

struct CutOptions {
  std::size_t most = 2000;  ///< samples of one request, floats and histograms
  bool histograms = true;
  bool custom_buckets = true;  ///< histograms that have them
  bool exemplars = true;
  /// Those of series that have no sample in the batch, not even one that is left out.
  bool lone_exemplars = false;
};

/// Makes one cut after the other and keeps its memory. One thread.
class RequestCutter {
 public:
  /// Valid until the next call, as long as `columns` stay.
  const std::vector<RequestPart>& cut(const MetricColumns& columns, const CutOptions& options);

  // What the last cut left out.
  std::size_t histograms_off() const { return histograms_off_; }
  std::size_t custom_buckets_off() const { return custom_buckets_off_; }
  std::size_t exemplars_off() const { return exemplars_off_; }
  /// Of series that have no sample in any part.
  std::size_t exemplars_alone() const { return exemplars_alone_; }

 private:
  void choose_histograms(const MetricColumns& columns, const CutOptions& options);
  void place_exemplars(const MetricColumns& columns);
  void place_lone_exemplars(const MetricColumns& columns);
  /// Those of `series` that no part has yet go into the part at hand.
  void take_exemplars(const MetricColumns& columns, SeriesId series);

  std::vector<RequestPart> parts_;
  std::vector<std::uint32_t> histograms_, exemplars_;  ///< what the parts point into
  std::vector<std::uint32_t> by_series_;               ///< exemplars, sorted
  std::vector<bool> taken_;                            ///< of by_series_
  std::size_t histograms_off_ = 0, custom_buckets_off_ = 0;
  std::size_t exemplars_off_ = 0, exemplars_alone_ = 0;
};

}  // namespace collector::format
