// One target's memory of its exposition: which series each line is, in the order of the lines. A
// scrape whose lines are known costs a hash and a number each. One thread.
#pragma once

#include <collector/engine/signals.hpp>

#include "base/hash.hpp"
#include "format/exposition.hpp"
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
  // 0 means no limit. Exceeding one voids the scrape.
  std::uint64_t sample_limit = 0;
  std::uint64_t label_limit = 0;
  std::uint64_t label_name_length_limit = 0;
  std::uint64_t label_value_length_limit = 0;
};

struct ScrapeStats {
  std::uint64_t scraped = 0;  ///< samples in the exposition
  std::uint64_t added = 0;    ///< without those whose labels break a limit; duplicates count
  std::uint64_t series_added = 0;
  std::uint64_t duplicates = 0;  ///< left out: the same series was there before in this exposition
  std::uint64_t out_of_bounds = 0;  ///< left out: more than ten minutes ahead of the scrape
};

class ScrapeCache {
 public:
  /// `series` outlives the cache. The cache is only as good as the settings are the same: see
  /// forget().
  ScrapeCache(model::SeriesTable& series, std::uint64_t seed);
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
  class Pass;
  void settle(std::vector<std::uint32_t>& order);

  model::SeriesTable& series_;
  std::uint64_t seed_;
  std::vector<Entry> entries_;
  ScrapeStats last_;
  bool forgotten_ = false;  ///< the entries stand for series only, not for lines
  bool aliases_ = false;    ///< some entries stand for the same series
  std::uint16_t turn_ = 0;
  std::uint64_t metadata_hash_ = 0;
  std::shared_ptr<const std::vector<Metadata>> metadata_;
  std::map<std::string, SeriesId, std::less<>> reports_;
};

}  // namespace collector::format
