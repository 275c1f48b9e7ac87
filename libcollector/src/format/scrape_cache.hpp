// One target's memory of its exposition: which series each line is, in the order of the lines. A
// scrape whose lines are known costs a hash and a number each; of protobuf a hash for each metric,
// and nothing for the samples that it is made of. One thread.
#pragma once

#include <collector/engine/signals.hpp>

#include "base/hash.hpp"
#include "format/exposition.hpp"
#include "format/native_histogram.hpp"
#include "model/series_table.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace collector::format {

struct ScrapeSettings {
  Exposition format = Exposition::text;
  std::map<std::string, std::string> labels;  ///< of the target
  bool honor_labels = false;
  bool honor_timestamps = true;
  /// Series with timestamps of their own get stale markers too.
  bool track_timestamps_staleness = false;
  bool utf8_names = false;  ///< else names that need quotes are refused
  /// The family's type and unit become labels, __type__ and __unit__.
  bool type_and_unit_labels = false;
  /// When counting began is read (`_created` lines are that, no series), and a series that began
  /// after the scrape before gets a zero sample then.
  bool start_timestamps = false;
  std::int64_t interval_ms = 0;     ///< what the scrape before means at the first one
  bool native_histograms = false;   ///< of protobuf; else their classic form is all there is
  bool classic_histograms = false;  ///< also where there is a native form
  /// Classic histograms that have no native form get one with custom buckets.
  bool convert_histograms = false;
  std::int32_t finest_schema = kFinestSchema;  ///< of native histograms; finer ones are reduced
  // 0 means no limit. Exceeding one voids the scrape.
  std::uint64_t sample_limit = 0;
  std::uint64_t label_limit = 0;
  std::uint64_t label_name_length_limit = 0;
  std::uint64_t label_value_length_limit = 0;
  std::uint64_t bucket_limit = 0;  ///< native histograms are reduced first
};

struct ScrapeStats {
  std::uint64_t scraped = 0;  ///< samples in the exposition
  std::uint64_t added = 0;    ///< without those whose labels break a limit; duplicates count
  std::uint64_t series_added = 0;
  std::uint64_t duplicates = 0;  ///< left out: the same series was there before in this exposition
  std::uint64_t out_of_bounds = 0;       ///< left out: more than ten minutes ahead of the scrape
  std::uint64_t long_exemplars = 0;      ///< left out: over 128 characters of labels
  std::uint64_t invalid_exemplars = 0;   ///< left out: a label twice, or not UTF-8
  std::uint64_t timeless_exemplars = 0;  ///< left out: of a histogram, and without a time
  std::uint64_t unconverted = 0;         ///< classic histograms whose counts do not add up
  bool over_samples = false, over_buckets = false;  ///< the limits that void the scrape
};

/// Comments between two samples, which are the same in nearly every scrape.
struct CommentRun {
  std::uint64_t hash = 0;   ///< of their text and of the run before
  std::uint32_t entry = 0;  ///< the one behind them
  std::uint32_t length : 24 = 0;
  std::uint32_t type : 8 = 0;  ///< MetricType of the family behind them
};
static_assert(sizeof(CommentRun) == 16);

struct LineParts;
class MetadataPool;

class ScrapeCache {
 public:
  /// `series` and `pool` outlive the cache. The cache is only as good as the settings are the same:
  /// see forget(). `pool`: where equal metadata of several targets is found, if anywhere.
  ScrapeCache(model::SeriesTable& series, std::uint64_t seed, MetadataPool* pool = nullptr);
  ScrapeCache(const ScrapeCache&) = delete;
  ScrapeCache& operator=(const ScrapeCache&) = delete;
  ~ScrapeCache();

  /// Appends the samples of `body`, and stale markers for series that are gone, to `out`. On an
  /// error `out` is as before and the next scrape is compared with the last good one.
  Result<ScrapeStats> scrape(std::string_view body, const ScrapeSettings& settings,
                             std::int64_t now_ms, MetricColumns& out);
  /// What the last scrape found; when it failed, what it had found until then.
  const ScrapeStats& last() const { return last_; }
  /// The settings change: what lines meant is forgotten. Series that the next scrape has no line
  /// for become stale then.
  void forget();
  /// A failed scrape or the end of the target: everything that was current becomes stale.
  void stale(std::int64_t now_ms, MetricColumns& out);
  /// A sample about the scrape itself, such as `up`.
  void append_report(std::string_view name, const std::map<std::string, std::string>& labels,
                     std::int64_t now_ms, double value, MetricColumns& out);
  /// Known series so far.
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    base::Hash128 hash;  ///< of the line's series text
    SeriesId id{};
    std::uint16_t length = 0;
    std::uint16_t seen : 15 = 0;  ///< the scrape in which it was last there
    std::uint16_t tracked : 1 = 0;
  };
  static_assert(sizeof(Entry) == 24);
  friend class ScrapePass;
  static void add(MetricColumns& out, SeriesId id, std::int64_t timestamp, double value);
  void settle(std::vector<std::uint32_t>& order);

  model::SeriesTable& series_;
  MetadataPool* pool_;
  std::uint64_t seed_;
  std::vector<Entry> entries_;
  std::vector<CommentRun> runs_;  ///< all comments of the last good scrape, or none of them
  ScrapeStats last_;
  bool forgotten_ = false;  ///< the entries stand for series only, not for lines
  bool aliases_ = false;    ///< some entries stand for the same series
  std::uint16_t turn_ = 0;
  std::uint64_t metadata_hash_ = 0;
  std::shared_ptr<const std::vector<Metadata>> metadata_;
  std::map<std::string, SeriesId, std::less<>> reports_;
  std::int64_t last_ms_ = 0;  ///< of the last good scrape; 0 before it
  /// Of lines that are read as parts of a histogram, or for a start time.
  std::unique_ptr<LineParts> parts_;
};

}  // namespace collector::format
