#include "format/scrape_pass.hpp"

#include "format/line_parts.hpp"
#include "format/metadata_pool.hpp"
#include "format/type_label.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace collector::format {
namespace {

constexpr std::size_t kLookAhead = 4;
constexpr std::uint16_t kTurns = 1U << 15;
/// Prometheus scrape/scrape.go, maxAheadTime. Receivers refuse what is later, and what comes with
/// it.
constexpr std::int64_t kMostAheadMs = 10 * 60 * 1000;
/// OpenMetrics 1.0.0: names and values of an exemplar's labels together.
constexpr std::size_t kLongestExemplar = 128;

constexpr std::string_view kTypeLabel = "__type__", kUnitLabel = "__unit__";

/// What is exposed wins, also a label that is exposed as empty: so Pushgateway keeps its own
/// instance from what it holds (Prometheus scrape/scrape.go, mutateSampleLabels).
void honor_labels(const std::map<std::string, std::string>& target,
                  const std::vector<model::Label>& exposed, model::LabelsBuilder& labels) {
  for (const auto& [name, value] : target)
    if (std::none_of(exposed.begin(), exposed.end(),
                     [&](const model::Label& l) { return l.name == name; }))
      labels.set(name, value);
}

std::string text_of(const std::vector<model::Label>& labels) {
  std::string out;
  for (const model::Label& l : labels) {
    if (l.name == model::kNameLabel)
      out.insert(0, l.value);
    else
      out += fmt::format(" {}=\"{}\"", l.name, l.value);
  }
  return out.substr(0, 200);
}

Status check(const model::LabelsBuilder& labels, const ScrapeSettings& settings,
             const std::vector<model::Label>& exposed) {
  const auto bad = [&](std::string what) {
    return Status(Code::invalid_argument, fmt::format("{}: {}", what, text_of(exposed)));
  };
  if (labels.get(model::kNameLabel).empty()) return bad("a sample has no name");
  if (!settings.utf8_names) {
    if (!model::is_legacy_metric_name(labels.get(model::kNameLabel)))
      return bad("the name of a metric is not of the legacy scheme");
    for (const auto& [name, value] : labels.all())
      if (!model::is_legacy_label_name(name))
        return bad("the name of a label is not of the legacy scheme");
  }
  if (!labels.all().empty() && labels.all().front().first.empty())
    return bad("a label has no name");
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

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(
      utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) >> 6) != 2; }));
}

}  // namespace

ScrapePass::ScrapePass(ScrapeCache& cache, const ScrapeSettings& settings, std::int64_t now_ms,
                       MetricColumns& out)
    : cache_(cache),
      entries_(cache.entries_),
      settings_(settings),
      now_(now_ms),
      out_(out),
      out_before_(out.series.size()),
      histograms_before_(out.histograms.size()),
      exemplars_before_(out.exemplars.size()),
      starts_before_(!out.start_timestamp.empty()),
      known_(cache.entries_.size()),
      turn_(static_cast<std::uint16_t>((cache.turn_ + 1) % kTurns)),
      cursor_(cache.forgotten_ ? known_ : 0),
      deviated_(cache.forgotten_),
      limit_(settings.sample_limit > 0 ? settings.sample_limit : UINT64_MAX) {
  if (cache.aliases_) here_.emplace();
  runs_.reserve(cache.runs_.size());
}

std::optional<std::uint32_t> ScrapePass::look(base::Hash128 key, std::size_t length) {
  for (std::size_t i = cursor_; i < std::min(known_, cursor_ + kLookAhead); ++i) {
    if (entries_[i].hash == key && entries_[i].length == length) {
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
  const auto it = by_hash_->find(key);
  if (it == by_hash_->end()) return std::nullopt;
  if (it->second < known_) cursor_ = it->second + 1;
  return it->second;
}

Result<std::uint32_t> ScrapePass::make(base::Hash128 key, std::size_t length,
                                       const FamilyContext& family) {
  labels_.clear();
  for (const model::Label& label : parsed_) {
    if (!labels_.get(label.name).empty()) {
      ++stats_.scraped;
      return Status(Code::invalid_argument,
                    fmt::format("label \"{}\" is there twice: {}", label.name, text_of(parsed_)));
    }
    labels_.set(label.name, label.value);
  }
  if (settings_.type_and_unit_labels) {
    // What the family says counts more than labels of that name.
    if (const auto type = type_label(family.type); !type.empty()) labels_.set(kTypeLabel, type);
    if (!family.unit.empty()) labels_.set(kUnitLabel, family.unit);
  }
  if (settings_.honor_labels)
    honor_labels(settings_.labels, parsed_, labels_);
  else
    add_target_labels(settings_.labels, labels_);
  if (Status s = check(labels_, settings_, parsed_); !s.ok()) {
    ++stats_.scraped;
    return s;
  }
  Entry e;
  e.hash = key;
  e.id = cache_.series_.intern(labels_);
  // Somebody has this series already, maybe another line of this exposition.
  if (!here_ && cache_.series_.references(e.id) > 1) {
    here_.emplace();
    for (const Entry& other : entries_)
      if (other.seen == turn_) here_->insert(other.id);
  }
  e.length = static_cast<std::uint16_t>(length);
  e.seen = static_cast<std::uint16_t>((turn_ + kTurns - 1) % kTurns);
  entries_.push_back(e);
  ++stats_.series_added;
  const auto index = static_cast<std::uint32_t>(entries_.size() - 1);
  by_hash_->emplace(key, index);
  return index;
}

void ScrapePass::deviate() {
  if (std::exchange(deviated_, true)) return;
  // Until here the lines came in the order of the entries.
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].seen == turn_) order_.push_back(static_cast<std::uint32_t>(i));
}

std::vector<std::uint32_t>& ScrapePass::order() {
  if (!deviated_) deviate();
  return order_;
}

bool ScrapePass::admit(std::uint32_t index, const std::optional<std::int64_t>& timestamp,
                       std::int64_t& at) {
  Entry& e = entries_[index];
  const bool own_time = timestamp && settings_.honor_timestamps;
  bool again = e.seen == turn_;
  if (here_ && !here_->insert(e.id).second && !again) again = aliases_ = true;
  if (e.seen != turn_) {
    e.seen = turn_;
    if (deviated_) order_.push_back(index);
  }
  // What comes twice at one time is a duplicate: the first one counts.
  if (again && !own_time) {
    ++stats_.duplicates;
    return false;
  }
  at = own_time ? *timestamp : now_;
  if (at > now_ + kMostAheadMs) {
    ++stats_.out_of_bounds;
    if (index >= known_ && !again) --stats_.series_added;
    return false;
  }
  if (taken_ >= limit_) {
    stats_.over_samples = true;
    return false;
  }
  ++taken_;
  e.tracked = !own_time || settings_.track_timestamps_staleness;
  return true;
}

/// False when it has too many buckets however coarse.
bool ScrapePass::reduce(NativeHistogram& h) {
  const bool exponential = h.schema != NativeHistogram::kCustomBuckets;
  if (exponential && h.schema > settings_.finest_schema)
    reduce_resolution(h, settings_.finest_schema);
  while (settings_.bucket_limit > 0 && bucket_count(h) > settings_.bucket_limit) {
    if (!exponential || h.schema <= kCoarsestSchema) return false;
    reduce_resolution(h, h.schema - 1);
  }
  return true;
}

bool ScrapePass::take(std::uint32_t index, const std::optional<std::int64_t>& timestamp,
                      NativeHistogram h) {
  count();
  if (!reduce(h)) {
    stats_.over_buckets = true;
    return false;
  }
  std::int64_t at = now_;
  if (!admit(index, timestamp, at)) return false;
  out_.histograms.push_back(
      {entries_[index].id, at, 0, std::make_shared<const NativeHistogram>(std::move(h))});
  return true;
}

/// After the scrape before; at the first one, after the time at which that would have been. Older
/// times belong to samples that somebody has sent already.
bool ScrapePass::began_since(std::int64_t start_ms, std::int64_t timestamp) const {
  const std::int64_t before = cache_.last_ms_ > 0 ? cache_.last_ms_ : now_ - settings_.interval_ms;
  return start_ms > before && start_ms < timestamp;
}

void ScrapePass::start_sample(std::size_t row, std::int64_t start_ms) {
  if (start_ms <= 0) return;
  if (out_.start_timestamp.empty()) out_.start_timestamp.resize(out_.series.size());
  out_.start_timestamp[row] = start_ms;
  if (began_since(start_ms, out_.timestamp[row])) zeros_.emplace_back(out_.series[row], start_ms);
}

void ScrapePass::start_histogram(std::size_t row, std::int64_t start_ms) {
  if (start_ms <= 0) return;
  HistogramSample& sample = out_.histograms[row];
  sample.start_timestamp = start_ms;
  if (!began_since(start_ms, sample.timestamp)) return;
  NativeHistogram zero;
  zero.is_float = sample.histogram->is_float;
  zero.reset = NativeHistogram::Reset::yes;
  zero.schema = sample.histogram->schema;
  zero.zero_threshold = sample.histogram->zero_threshold;
  zero.custom_values = sample.histogram->custom_values;
  zero_histograms_.push_back(
      {sample.series, start_ms, 0, std::make_shared<const NativeHistogram>(std::move(zero))});
}

void ScrapePass::exemplar(const std::optional<std::int64_t>& timestamp, double value,
                          ExemplarLabels labels) {
  add_exemplar(out_.series.back(), timestamp.value_or(out_.timestamp.back()), value,
               std::move(labels));
}

void ScrapePass::histogram_exemplar(std::int64_t timestamp, double value, ExemplarLabels labels) {
  add_exemplar(out_.histograms.back().series, timestamp, value, std::move(labels));
}

void ScrapePass::add_exemplar(SeriesId series, std::int64_t timestamp, double value,
                              ExemplarLabels labels) {
  std::sort(labels.begin(), labels.end());
  std::size_t length = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto& [name, text] = labels[i];
    if ((i > 0 && labels[i - 1].first == name) || !model::is_utf8(name) || !model::is_utf8(text)) {
      ++stats_.invalid_exemplars;
      return;
    }
    length += text.empty() ? 0 : characters(name) + characters(text);
  }
  if (length > kLongestExemplar) {
    ++stats_.long_exemplars;
    return;
  }
  std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
  out_.exemplars.push_back({series, timestamp, value, std::move(labels)});
}

Status ScrapePass::limits() const {
  if (full())
    return Status(Code::out_of_range, fmt::format("sample limit exceeded: {} samples, limit {}",
                                                  stats_.scraped, settings_.sample_limit));
  if (stats_.over_buckets)
    return Status(
        Code::out_of_range,
        fmt::format("native_histogram_bucket_limit exceeded: a histogram has more than {} "
                    "buckets at the lowest resolution",
                    settings_.bucket_limit));
  return {};
}

void ScrapePass::undo() {
  out_.series.resize(out_before_);
  out_.timestamp.resize(out_before_);
  out_.value.resize(out_before_);
  out_.start_timestamp.resize(starts_before_ ? out_before_ : 0);
  out_.histograms.resize(histograms_before_);
  out_.exemplars.resize(exemplars_before_);
  for (std::size_t i = known_; i < entries_.size(); ++i) cache_.series_.release(entries_[i].id);
  entries_.resize(known_);
  for (Entry& e : entries_) e.seen = cache_.turn_;  // as the last good scrape left them
}

void ScrapePass::finish() {
  cache_.turn_ = turn_;
  add_zeros();
  if (!here_) {
    // The series of known lines differ from one another; only new lines may say them again.
    here_.emplace();
    for (std::size_t i = known_; i < entries_.size(); ++i) here_->insert(entries_[i].id);
  }
  for (std::size_t i = 0; i < known_; ++i)
    if (entries_[i].seen != turn_ && entries_[i].tracked && !here_->contains(entries_[i].id))
      ScrapeCache::add(out_, entries_[i].id, now_, std::bit_cast<double>(kStaleNaN));
  if (deviated_ || cursor_ < known_) cache_.settle(order());
  // There are thousands of these; what growing left over is as much again.
  if (known_ == 0) entries_.shrink_to_fit();
  cache_.forgotten_ = false;
  cache_.aliases_ = aliases_;
  cache_.last_ms_ = now_;
  finish_metadata();
}

/// Before the samples of this scrape, so that each series stays in order.
void ScrapePass::add_zeros() {
  const auto at = [&](auto& column) {
    return column.begin() + static_cast<std::ptrdiff_t>(out_before_);
  };
  if (!zeros_.empty()) {
    const std::size_t n = zeros_.size();
    std::vector<SeriesId> series;
    std::vector<std::int64_t> timestamps;
    for (const auto& [id, start_ms] : zeros_) {
      series.push_back(id);
      timestamps.push_back(start_ms);
    }
    out_.series.insert(at(out_.series), series.begin(), series.end());
    out_.timestamp.insert(at(out_.timestamp), timestamps.begin(), timestamps.end());
    out_.value.insert(at(out_.value), n, 0.0);
    out_.start_timestamp.insert(at(out_.start_timestamp), n, 0);
  }
  out_.histograms.insert(out_.histograms.begin() + static_cast<std::ptrdiff_t>(histograms_before_),
                         zero_histograms_.begin(), zero_histograms_.end());
}

const CommentRun* ScrapePass::expected_run() {
  const auto& known = cache_.runs_;
  while (run_ < known.size() && known[run_].entry < cursor_) ++run_;
  return run_ < known.size() && known[run_].entry == cursor_ ? &known[run_] : nullptr;
}

void ScrapePass::keep_run() {
  ++kept_;
  add_run(cache_.runs_[run_++]);
}

void ScrapePass::add_run(CommentRun run) {
  const std::size_t next = deviated_ ? order_.size() : cursor_ < known_ ? cursor_ : entries_.size();
  run.entry = static_cast<std::uint32_t>(next);
  runs_.push_back(run);
}

/// Metadata is rarely new: a hash over its lines tells, and then the last list serves again.
void ScrapePass::describe(const ExpositionLine& line) {
  comments_ = base::hash64(line.family, comments_ ^ static_cast<std::uint64_t>(line.kind));
  comments_ = base::hash64(line.text, comments_ ^ static_cast<std::uint64_t>(line.type));
  said_.push_back(line);
}

void ScrapePass::record(const ExpositionLine& line) {
  if (metadata_.empty() || metadata_.back().family != line.family)
    metadata_.push_back({std::string(line.family), MetricType::unknown, {}, {}});
  Metadata& m = metadata_.back();
  if (line.kind == ExpositionLine::Kind::type) m.type = line.type;
  if (line.kind == ExpositionLine::Kind::help)
    m.help = settings_.format == Exposition::protobuf
                 ? std::string(line.text)
                 : ExpositionReader::help_text(line.text, settings_.format);
  if (line.kind == ExpositionLine::Kind::unit) m.unit = std::string(line.text);
}

void ScrapePass::finish_metadata() {
  const bool changed = comments_ != cache_.metadata_hash_ && !comments_as_before();
  if (changed || !cache_.metadata_) {
    for (const ExpositionLine& line : said_) record(line);
    cache_.metadata_ = cache_.pool_
                           ? cache_.pool_->share(std::move(metadata_))
                           : std::make_shared<const std::vector<Metadata>>(std::move(metadata_));
    cache_.metadata_hash_ = comments_;
  }
  if (without_runs_) runs_.clear();
  cache_.runs_ = std::move(runs_);
  out_.metadata = cache_.metadata_;
}

}  // namespace collector::format
