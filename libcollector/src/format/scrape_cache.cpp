#include "format/scrape_cache.hpp"

#include <fmt/format.h>
#include <boost/unordered/unordered_flat_set.hpp>

#include <algorithm>
#include <bit>
#include <optional>

namespace collector::format {
namespace {

constexpr std::size_t kLookAhead = 4;
constexpr std::uint16_t kTurns = 1U << 15;
/// Prometheus scrape/scrape.go, maxAheadTime. Receivers refuse what is later, and what comes with
/// it.
constexpr std::int64_t kMostAheadMs = 10 * 60 * 1000;

/// What is exposed wins, also a label that is exposed as empty: so Pushgateway keeps its own
/// instance from what it holds (Prometheus scrape/scrape.go, mutateSampleLabels).
void honor_labels(const std::map<std::string, std::string>& target,
                  const std::vector<model::Label>& exposed, model::LabelsBuilder& labels) {
  for (const auto& [name, value] : target)
    if (std::none_of(exposed.begin(), exposed.end(),
                     [&](const model::Label& l) { return l.name == name; }))
      labels.set(name, value);
}

/// The target's labels win; what they displace is kept as exported_ (the same function).
void add_target_labels(const std::map<std::string, std::string>& target,
                       model::LabelsBuilder& labels) {
  std::vector<std::pair<std::string, std::string>> pushed_aside;
  for (const auto& [name, value] : target) {
    if (const auto own = labels.get(name); !own.empty()) pushed_aside.emplace_back(name, own);
    labels.set(name, value);
  }
  std::stable_sort(pushed_aside.begin(), pushed_aside.end(),
                   [](const auto& a, const auto& b) { return a.first.size() < b.first.size(); });
  for (const auto& [name, value] : pushed_aside) {
    std::string free = "exported_" + name;
    while (!labels.get(free).empty()) free.insert(0, "exported_");
    labels.set(free, value);
  }
}

Status check(const model::LabelsBuilder& labels, const ScrapeSettings& settings,
             std::string_view series) {
  const auto bad = [&](std::string what) {
    return Status(Code::invalid_argument, fmt::format("{}: {}", what, series.substr(0, 200)));
  };
  if (labels.get(model::kNameLabel).empty()) return bad("a sample has no name");
  if (!settings.utf8_names) {
    if (!model::is_legacy_metric_name(labels.get(model::kNameLabel)))
      return bad("the name of a metric is not of the legacy scheme");
    for (const auto& [name, value] : labels.all())
      if (!model::is_legacy_label_name(name))
        return bad("the name of a label is not of the legacy scheme");
  }
  if (settings.label_limit > 0 && labels.all().size() > settings.label_limit)
    return bad(fmt::format("label_limit exceeded ({} labels, limit {})", labels.all().size(),
                           settings.label_limit));
  for (const auto& [name, value] : labels.all()) {
    if (settings.label_name_length_limit > 0 && name.size() > settings.label_name_length_limit)
      return bad(fmt::format("label_name_length_limit exceeded (label \"{}\", limit {})", name,
                             settings.label_name_length_limit));
    if (settings.label_value_length_limit > 0 && value.size() > settings.label_value_length_limit)
      return bad(fmt::format("label_value_length_limit exceeded (label \"{}\", limit {})", name,
                             settings.label_value_length_limit));
  }
  return {};
}

void add(MetricColumns& out, SeriesId id, std::int64_t timestamp, double value) {
  out.series.push_back(id);
  out.timestamp.push_back(timestamp);
  out.value.push_back(value);
}

const double kStale = std::bit_cast<double>(kStaleNaN);

}  // namespace

ScrapeCache::ScrapeCache(model::SeriesTable& series, std::uint64_t seed)
    : series_(series), seed_(seed) {}

ScrapeCache::~ScrapeCache() {
  for (const Entry& e : entries_) series_.release(e.id);
  for (const auto& [name, id] : reports_) series_.release(id);
}

/// One scrape: everything that it changes can be taken back until it is known to be good.
class ScrapeCache::Pass {
 public:
  Pass(ScrapeCache& cache, const ScrapeSettings& settings, std::int64_t now_ms, MetricColumns& out)
      : cache_(cache),
        entries_(cache.entries_),
        settings_(settings),
        now_(now_ms),
        out_(out),
        out_before_(out.series.size()),
        known_(cache.entries_.size()),
        turn_(static_cast<std::uint16_t>((cache.turn_ + 1) % kTurns)),
        cursor_(cache.forgotten_ ? known_ : 0),
        deviated_(cache.forgotten_) {
    if (cache.aliases_) here_.emplace();
  }

  Status run(std::string_view body) {
    ExpositionReader reader(body, settings_.format);
    ExpositionLine line;
    for (;;) {
      if (cursor_ < known_ && !deviated_) {
        Entry& e = entries_[cursor_];
        if (reader.at_series(e.length) &&
            base::hash128(reader.rest().substr(0, e.length), cache_.seed_) == e.hash) {
          if (Status s = reader.read_sample(e.length, line); !s.ok()) return s;
          if (!take(cursor_++, line)) return beyond_limit(reader);
          continue;
        }
      }
      auto next = reader.next();
      if (!next) return next.error();
      if (!*next) return {};
      if ((*next)->kind != ExpositionLine::Kind::sample) {
        describe(**next);
        continue;
      }
      auto index = find((*next)->series);
      if (!index) return index.error();
      if (!take(*index, **next)) return beyond_limit(reader);
    }
  }

  void undo() {
    out_.series.resize(out_before_);
    out_.timestamp.resize(out_before_);
    out_.value.resize(out_before_);
    for (std::size_t i = known_; i < entries_.size(); ++i) cache_.series_.release(entries_[i].id);
    entries_.resize(known_);
    for (Entry& e : entries_) e.seen = cache_.turn_;  // as the last good scrape left them
  }

  void finish() {
    cache_.turn_ = turn_;
    if (!here_) {
      // The series of known lines differ from one another; only new lines may say them again.
      here_.emplace();
      for (std::size_t i = known_; i < entries_.size(); ++i) here_->insert(entries_[i].id);
    }
    for (std::size_t i = 0; i < known_; ++i)
      if (entries_[i].seen != turn_ && entries_[i].tracked && !here_->contains(entries_[i].id))
        add(out_, entries_[i].id, now_, kStale);
    if (deviated_ || cursor_ < known_) cache_.settle(order());
    cache_.forgotten_ = false;
    cache_.aliases_ = aliases_;
    finish_metadata();
  }
  const ScrapeStats& stats() const { return stats_; }

 private:
  /// The entry of a line that is not the expected one: a little ahead, anywhere, or new.
  Result<std::uint32_t> find(std::string_view series) {
    if (series.size() > 0xffff)
      return Status(Code::invalid_argument, "a series is longer than 65535 bytes");
    const base::Hash128 hash = base::hash128(series, cache_.seed_);
    for (std::size_t i = cursor_; i < std::min(known_, cursor_ + kLookAhead); ++i) {
      if (entries_[i].hash == hash && entries_[i].length == series.size()) {
        if (i != cursor_) deviate();
        cursor_ = i + 1;
        return static_cast<std::uint32_t>(i);
      }
    }
    if (cursor_ < known_ || deviated_) deviate();
    // Once off the track, or past its end, any line may have been seen before.
    if (!by_hash_) {
      by_hash_.emplace();
      by_hash_->reserve(entries_.size() * 2 + 16);
      for (std::size_t i = cache_.forgotten_ ? known_ : 0; i < entries_.size(); ++i)
        by_hash_->emplace(entries_[i].hash, static_cast<std::uint32_t>(i));
    }
    if (const auto it = by_hash_->find(hash); it != by_hash_->end()) {
      if (it->second < known_) cursor_ = it->second + 1;
      return it->second;
    }
    auto made = make(series, hash);
    if (made) by_hash_->emplace(hash, *made);
    return made;
  }

  Result<std::uint32_t> make(std::string_view series, base::Hash128 hash) {
    if (Status s = ExpositionReader::read_labels(series, parsed_, storage_); !s.ok()) return s;
    labels_.clear();
    for (const model::Label& label : parsed_) {
      if (!labels_.get(label.name).empty()) {
        ++stats_.scraped;
        return Status(Code::invalid_argument, fmt::format("label \"{}\" is there twice: {}",
                                                          label.name, series.substr(0, 200)));
      }
      labels_.set(label.name, label.value);
    }
    if (settings_.honor_labels)
      honor_labels(settings_.labels, parsed_, labels_);
    else
      add_target_labels(settings_.labels, labels_);
    if (Status s = check(labels_, settings_, series); !s.ok()) {
      ++stats_.scraped;
      return s;
    }
    Entry e;
    e.hash = hash;
    e.id = cache_.series_.intern(labels_);
    // Somebody has this series already, maybe another line of this exposition.
    if (!here_ && cache_.series_.references(e.id) > 1) {
      here_.emplace();
      for (const Entry& other : entries_)
        if (other.seen == turn_) here_->insert(other.id);
    }
    e.length = static_cast<std::uint16_t>(series.size());
    e.seen = static_cast<std::uint16_t>((turn_ + kTurns - 1) % kTurns);
    entries_.push_back(e);
    ++stats_.series_added;
    return static_cast<std::uint32_t>(entries_.size() - 1);
  }

  void deviate() {
    if (std::exchange(deviated_, true)) return;
    // Until here the lines came in the order of the entries.
    for (std::size_t i = 0; i < entries_.size(); ++i)
      if (entries_[i].seen == turn_) order_.push_back(static_cast<std::uint32_t>(i));
  }

  std::vector<std::uint32_t>& order() {
    if (!deviated_) deviate();
    return order_;
  }

  /// False when the sample is over the limit.
  bool take(std::size_t index, const ExpositionLine& line) {
    Entry& e = entries_[index];
    ++stats_.scraped;
    ++stats_.added;
    const bool own_time = line.timestamp && settings_.honor_timestamps;
    bool again = e.seen == turn_;
    if (here_ && !here_->insert(e.id).second && !again) again = aliases_ = true;
    if (e.seen != turn_) {
      e.seen = turn_;
      if (deviated_) order_.push_back(static_cast<std::uint32_t>(index));
    }
    // What comes twice at one time is a duplicate: the first one counts.
    if (again && !own_time) {
      ++stats_.duplicates;
      return true;
    }
    if (own_time && *line.timestamp > now_ + kMostAheadMs) {
      ++stats_.out_of_bounds;
      if (index >= known_ && !again) --stats_.series_added;
      return true;
    }
    if (settings_.sample_limit > 0 && out_.series.size() - out_before_ >= settings_.sample_limit)
      return false;
    e.tracked = !own_time || settings_.track_timestamps_staleness;
    add(out_, e.id, own_time ? *line.timestamp : now_, line.value);
    return true;
  }

  /// The rest is counted and nothing more: a limit is there to keep its series out.
  Status beyond_limit(ExpositionReader& reader) {
    for (;;) {
      const auto line = reader.next();
      if (!line) return line.error();
      if (!*line) break;
      if ((*line)->kind != ExpositionLine::Kind::sample) continue;
      ++stats_.scraped;
      ++stats_.added;
    }
    return Status(Code::out_of_range, fmt::format("sample limit exceeded: {} samples, limit {}",
                                                  stats_.scraped, settings_.sample_limit));
  }

  /// Metadata is rarely new: a hash over its lines tells, and then the last list serves again.
  void describe(const ExpositionLine& line) {
    comments_ = base::hash64(line.family, comments_ ^ static_cast<std::uint64_t>(line.kind));
    comments_ = base::hash64(line.text, comments_);
    said_.push_back(line);
  }
  void record(const ExpositionLine& line) {
    if (metadata_.empty() || metadata_.back().family != line.family)
      metadata_.push_back({std::string(line.family), MetricType::unknown, {}, {}});
    Metadata& m = metadata_.back();
    if (line.kind == ExpositionLine::Kind::type) m.type = line.type;
    if (line.kind == ExpositionLine::Kind::help) m.help = std::string(line.text);
    if (line.kind == ExpositionLine::Kind::unit) m.unit = std::string(line.text);
  }
  void finish_metadata() {
    if (comments_ != cache_.metadata_hash_ || !cache_.metadata_) {
      for (const ExpositionLine& line : said_) record(line);
      cache_.metadata_ = std::make_shared<const std::vector<Metadata>>(std::move(metadata_));
      cache_.metadata_hash_ = comments_;
    }
    out_.metadata = cache_.metadata_;
  }

  ScrapeCache& cache_;
  std::vector<Entry>& entries_;
  const ScrapeSettings& settings_;
  const std::int64_t now_;
  MetricColumns& out_;
  const std::size_t out_before_;
  const std::size_t known_;
  const std::uint16_t turn_;
  std::size_t cursor_;
  bool deviated_;
  std::vector<std::uint32_t> order_;
  struct HashOfHash {
    using is_avalanching = void;
    std::size_t operator()(const base::Hash128& h) const { return h.low; }
  };
  std::optional<boost::unordered_flat_map<base::Hash128, std::uint32_t, HashOfHash>> by_hash_;
  /// The series so far, where two lines may say the same one in different words.
  std::optional<boost::unordered_flat_set<SeriesId>> here_;
  bool aliases_ = false;
  ScrapeStats stats_;
  std::uint64_t comments_ = 0;
  std::vector<ExpositionLine> said_;
  std::vector<Metadata> metadata_;
  std::vector<model::Label> parsed_;
  std::string storage_;
  model::LabelsBuilder labels_;
};

Result<ScrapeStats> ScrapeCache::scrape(std::string_view body, const ScrapeSettings& settings,
                                        std::int64_t now_ms, MetricColumns& out) {
  out.series.reserve(out.series.size() + entries_.size() + 8);
  out.timestamp.reserve(out.timestamp.size() + entries_.size() + 8);
  out.value.reserve(out.value.size() + entries_.size() + 8);
  if (!out.lease) out.lease = series_.lease();
  Pass pass(*this, settings, now_ms, out);
  const Status status = pass.run(body);
  last_ = pass.stats();
  if (!status.ok()) {
    pass.undo();
    last_.series_added = 0;
    return status;
  }
  pass.finish();
  return last_;
}

void ScrapeCache::forget() { forgotten_ = !entries_.empty(); }

/// Keeps the entries in `order`, in that order, and lets the others go.
void ScrapeCache::settle(std::vector<std::uint32_t>& order) {
  std::vector<Entry> kept;
  kept.reserve(order.size());
  for (const std::uint32_t i : order) kept.push_back(entries_[i]);
  for (const Entry& e : entries_)
    if (e.seen != turn_) series_.release(e.id);
  entries_ = std::move(kept);
}

void ScrapeCache::stale(std::int64_t now_ms, MetricColumns& out) {
  if (!out.lease) out.lease = series_.lease();
  for (const Entry& e : entries_) {
    if (e.tracked) add(out, e.id, now_ms, kStale);
    series_.release(e.id);
  }
  entries_.clear();
  entries_.shrink_to_fit();
}

void ScrapeCache::append_report(std::string_view name,
                                const std::map<std::string, std::string>& labels,
                                std::int64_t now_ms, double value, MetricColumns& out) {
  if (!out.lease) out.lease = series_.lease();
  auto it = reports_.find(name);
  if (it == reports_.end()) {
    model::LabelsBuilder builder;
    builder.set(model::kNameLabel, name);
    add_target_labels(labels, builder);
    it = reports_.emplace(std::string(name), series_.intern(builder)).first;
  }
  add(out, it->second, now_ms, value);
}

}  // namespace collector::format
