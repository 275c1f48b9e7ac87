// The samples of the last minutes, per series, compressed and bounded: what collector.store keeps.
// One thread.
#pragma once

#include <collector/engine/component.hpp>

#include "send/sample_chunk.hpp"

#include <deque>
#include <unordered_map>

namespace collector::send {

class RecentSamples {
 public:
  struct Limits {
    Duration retention = std::chrono::minutes(15);
    std::size_t max_bytes = std::size_t{32} << 20;
  };
  RecentSamples(model::SeriesTable& series, const Budget& budget)
      : table_(series), charge_(budget.charge(0, "store")) {}
  RecentSamples(const RecentSamples&) = delete;
  RecentSamples& operator=(const RecentSamples&) = delete;
  ~RecentSamples();

  void limit(Limits limits) { limits_ = limits; }
  /// Of a histogram its count is kept, of an exemplar nothing.
  void add(const MetricColumns& columns);
  /// Forgets what is older than the retention.
  void expire(WallTime now);
  /// Series whose text has every word of the query, sorted by text; stale markers end a series'
  /// points and are not among them.
  SeriesPage page(const SeriesQuery& query, WallTime now) const;

  std::size_t bytes() const { return bytes_; }
  std::size_t series() const { return known_.size(); }
  std::uint64_t samples() const { return samples_; }
  /// Samples that left before their time because max_bytes was reached or the budget had no more.
  std::uint64_t evicted() const { return evicted_; }
  /// Histograms of which only the count was kept, and exemplars that were not.
  std::uint64_t histograms() const { return histograms_; }
  std::uint64_t exemplars() const { return exemplars_; }

 private:
  struct Known {
    std::deque<SampleChunk> chunks;
  };

  void drop_oldest();
  /// Whether the samples are paid for; takes more of the budget where they are not.
  bool paid();
  void changed(std::size_t before, std::size_t after) { bytes_ = bytes_ - before + after; }

  model::SeriesTable& table_;  ///< every known series is retained there
  Limits limits_;
  Reservation charge_;
  std::unordered_map<SeriesId, Known> known_;
  std::deque<SeriesId> order_;  ///< one entry per chunk, in the order they were begun
  std::size_t bytes_ = 0;
  std::uint64_t samples_ = 0, evicted_ = 0, histograms_ = 0, exemplars_ = 0;
};

}  // namespace collector::send
