// One scrape on its way into a ScrapeCache: everything that it changes can be taken back until it
// is known to be good. Used by the readers of the formats.
#pragma once

#include "format/scrape_cache.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <optional>
#include <utility>

namespace collector::format {

struct HashOfHash {
  using is_avalanching = void;
  std::size_t operator()(const base::Hash128& h) const { return h.low; }
};

/// What the labels of a series depend on beside what is written with it.
struct FamilyContext {
  MetricType type = MetricType::unknown;
  std::string_view unit;
};

class ScrapePass {
 public:
  using Entry = ScrapeCache::Entry;

  ScrapePass(ScrapeCache& cache, const ScrapeSettings& settings, std::int64_t now_ms,
             MetricColumns& out);

  // The short way: the entry that the next line should be.
  bool on_track() const { return cursor_ < known_; }
  const Entry& expected() const { return entries_[cursor_]; }
  std::uint32_t advance() { return static_cast<std::uint32_t>(cursor_++); }

  /// The entry of a key that is not the expected one: a little ahead, anywhere, or new. `read`
  /// gives the labels, in any order and with storage for them, at first sight.
  template <class Read>
  Result<std::uint32_t> find(base::Hash128 key, std::size_t length, const FamilyContext& family,
                             Read&& read) {
    if (const auto known = look(key, length)) return *known;
    parsed_.clear();
    if (Status s = read(parsed_, storage_); !s.ok()) return s;
    return make(key, length, family);
  }

  /// Counts a sample and adds it unless it is left out; false then.
  bool take(std::uint32_t index, const std::optional<std::int64_t>& timestamp, double value) {
    Entry& e = entries_[index];
    std::int64_t at = now_;
    count();
    if (!timestamp && !here_ && e.seen != turn_ && taken_ < limit_) [[likely]] {
      if (deviated_) order_.push_back(index);
      e.seen = turn_;
      e.tracked = true;
      ++taken_;
    } else if (!admit(index, timestamp, at)) {
      return false;
    }
    out_.series.push_back(e.id);
    out_.timestamp.push_back(at);
    out_.value.push_back(value);
    if (!out_.start_timestamp.empty()) out_.start_timestamp.push_back(0);
    return true;
  }
  /// The same of a histogram, after as much reduction as the settings ask for. `start` is its start
  /// time, or 0.
  bool take(std::uint32_t index, const std::optional<std::int64_t>& timestamp, NativeHistogram h);
  /// A sample beyond the limit is counted and nothing more: a limit is there to keep its series
  /// out.
  bool full() const { return stats_.over_samples; }
  void count() {
    ++stats_.scraped;
    ++stats_.added;
  }

  /// When counting began, of a sample or histogram that take() added, by its row.
  void start_sample(std::size_t row, std::int64_t start_ms);
  void start_histogram(std::size_t row, std::int64_t start_ms);
  std::size_t samples() const { return out_.series.size(); }
  std::size_t histograms() const { return out_.histograms.size(); }

  using ExemplarLabels = std::vector<std::pair<std::string, std::string>>;
  /// Of the last sample that take() added; without a time of its own it has the sample's.
  void exemplar(const std::optional<std::int64_t>& timestamp, double value, ExemplarLabels labels);
  /// Of the last histogram; one without a time says too little and is left out, as in Prometheus.
  void histogram_exemplar(std::int64_t timestamp, double value, ExemplarLabels labels);

  /// TYPE, HELP and UNIT, as lines.
  void describe(const ExpositionLine& line);
  /// The same in the short way: the comments in front of the expected entry as they were the last
  /// time, or null. When they are there again they are kept; others are added before the sample
  /// behind them is. Without an end they are of no use the next time: some were not added.
  const CommentRun* expected_run();
  void keep_run();
  void add_run(CommentRun run);
  void forget_runs() { without_runs_ = true; }
  /// The hash of the last one that was kept or added, on which the next one's depends.
  std::uint64_t last_run() const { return runs_.empty() ? 0 : runs_.back().hash; }
  /// All comments were kept, and there are no others. Else every line has to be described before
  /// finish().
  bool comments_as_before() const {
    return kept_ > 0 && kept_ == cache_.runs_.size() && said_.empty();
  }
  bool comments_kept() const { return kept_ > 0; }
  void forget_comments() {
    said_.clear();
    comments_ = 0;
  }

  /// After the last line: what voids the scrape all the same.
  Status limits() const;
  void undo();
  void finish();

  ScrapeStats& stats() { return stats_; }
  const ScrapeSettings& settings() const { return settings_; }
  /// Of every key.
  std::uint64_t seed() const { return cache_.seed_; }
  std::unique_ptr<LineParts>& parts() { return cache_.parts_; }

 private:
  std::optional<std::uint32_t> look(base::Hash128 key, std::size_t length);
  Result<std::uint32_t> make(base::Hash128 key, std::size_t length, const FamilyContext& family);
  void deviate();
  std::vector<std::uint32_t>& order();
  /// False when the sample is left out; else `at` is its time.
  bool admit(std::uint32_t index, const std::optional<std::int64_t>& timestamp, std::int64_t& at);
  bool reduce(NativeHistogram& h);
  bool began_since(std::int64_t start_ms, std::int64_t timestamp) const;
  void add_exemplar(SeriesId series, std::int64_t timestamp, double value, ExemplarLabels labels);
  void record(const ExpositionLine& line);
  void add_zeros();
  void finish_metadata();

  ScrapeCache& cache_;
  std::vector<Entry>& entries_;
  const ScrapeSettings& settings_;
  const std::int64_t now_;
  MetricColumns& out_;
  const std::size_t out_before_, histograms_before_, exemplars_before_;
  const bool starts_before_;
  const std::size_t known_;
  const std::uint16_t turn_;
  std::size_t cursor_;
  bool deviated_;
  const std::uint64_t limit_;  ///< of samples
  std::uint64_t taken_ = 0;
  std::vector<std::uint32_t> order_;
  std::optional<boost::unordered_flat_map<base::Hash128, std::uint32_t, HashOfHash>> by_hash_;
  /// The series so far, where two lines may say the same one in different words.
  std::optional<boost::unordered_flat_set<SeriesId>> here_;
  bool aliases_ = false;
  ScrapeStats stats_;
  std::vector<std::pair<SeriesId, std::int64_t>> zeros_;
  std::vector<HistogramSample> zero_histograms_;
  std::vector<CommentRun> runs_;
  std::size_t run_ = 0;   ///< the next one of the cache's
  std::size_t kept_ = 0;  ///< of those
  bool without_runs_ = false;
  std::uint64_t comments_ = 0;
  std::vector<ExpositionLine> said_;
  std::vector<Metadata> metadata_;
  std::vector<model::Label> parsed_;
  std::string storage_;
  model::LabelsBuilder labels_;
};

/// The target's labels win; what they displace is kept as exported_ (Prometheus scrape/scrape.go,
/// mutateSampleLabels).
void add_target_labels(const std::map<std::string, std::string>& target,
                       model::LabelsBuilder& labels);

/// The readers: each walks a whole body.
Status scrape_text(ScrapePass& pass, std::string_view body);
Status scrape_protobuf(ScrapePass& pass, std::string_view body);

}  // namespace collector::format
