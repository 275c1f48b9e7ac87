// Text and OpenMetrics into a ScrapePass.
#include "format/line_parts.hpp"
#include "format/nhcb.hpp"
#include "format/number.hpp"

#include <algorithm>
#include <cmath>

namespace collector::format {
namespace {

using Kind = LinePart::Kind;

/// Parts of lines that are gone make room when they are more than half.
constexpr std::size_t kFewParts = 256;
constexpr std::size_t kLongestRun = (1U << 24) - 1;  // what a CommentRun can say

bool strip_suffix(std::string_view& text, std::string_view suffix) {
  if (text.size() < suffix.size() || text.substr(text.size() - suffix.size()) != suffix)
    return false;
  text.remove_suffix(suffix.size());
  return true;
}

bool has_start(MetricType type) {
  return type == MetricType::counter || type == MetricType::histogram ||
         type == MetricType::summary;
}

class TextScrape {
 public:
  TextScrape(ScrapePass& pass, std::string_view body)
      : pass_(pass),
        settings_(pass.settings()),
        parts_(pass.parts()),
        body_(body),
        reader_(body, settings_.format),
        seed_(pass.seed()),
        starts_(settings_.start_timestamps && settings_.format == Exposition::open_metrics),
        long_way_(settings_.convert_histograms || starts_) {
    if (long_way_ && !parts_) parts_ = std::make_unique<LineParts>();
    if (!long_way_) parts_.reset();
  }

  Status run() {
    ExpositionLine line;
    for (;;) {
      if (!long_way_ && reader_.at_gap() && skip_comments()) continue;
      if (pass_.on_track() && !long_way_) {
        const ScrapePass::Entry& e = pass_.expected();
        if (reader_.at_series(e.length) &&
            base::hash128(reader_.rest().substr(0, e.length), seed_) == e.hash) {
          if (!comments_.empty()) remember_comments(reader_.rest());
          if (Status s = reader_.read_sample(e.length, line); !s.ok()) return s;
          if (pass_.take(pass_.advance(), line.timestamp, line.value)) {
            if (reader_.exemplar()) exemplar(*reader_.exemplar());
          } else {
            long_way_ = pass_.full();
          }
          continue;
        }
      }
      if (!skipped_.empty()) read_skipped();
      if (reader_.at_gap() && comments_.empty()) comments_ = reader_.rest();
      auto next = reader_.next();
      if (!next) return next.error();
      if (!*next) break;
      if ((*next)->kind != ExpositionLine::Kind::sample) {
        if (Status s = flush(); !s.ok()) return s;
        pass_.describe(**next);
        describe(**next);
      } else {
        if (!comments_.empty()) remember_comments((*next)->series);
        if (Status s = sample(**next); !s.ok()) return s;
      }
    }
    if (Status s = flush(); !s.ok()) return s;
    if (!comments_.empty()) remember_comments({});
    if (pass_.comments_kept() && !pass_.comments_as_before()) describe_all();
    if (parts_ && parts_->by_line.size() > 2 * lines_ + kFewParts) parts_->by_line.clear();
    return {};
  }

 private:
  /// The comments at the cursor, when they are those of the last time.
  bool skip_comments() {
    if (settings_.type_and_unit_labels || !comments_.empty()) return false;
    const CommentRun* const run = pass_.expected_run();
    if (!run) return false;
    const std::string_view text = reader_.rest().substr(0, run->length);
    if (text.size() != run->length || hash_of(text) != run->hash) return false;
    reader_.skip(run->length);
    pass_.keep_run();
    skipped_.push_back(text);
    skipped_type_ = static_cast<MetricType>(run->type);
    seed_ = seed_of(respelled(skipped_type_) ? run->type : 0);
    return true;
  }
  /// The same text after other comments is another run: so what is kept says which family it is,
  /// whatever it leaves out.
  std::uint64_t hash_of(std::string_view text) const {
    return base::hash64(
        text, pass_.seed() ^ pass_.last_run() ^ static_cast<std::uint64_t>(settings_.format));
  }
  /// Whoever goes the long way wants to know which family it is: the last one that was named.
  void read_skipped() {
    bool named = false;
    for (auto text = skipped_.rbegin(); text != skipped_.rend() && !named; ++text) {
      ExpositionReader comments(*text, settings_.format);
      for (auto line = comments.next(); line && *line; line = comments.next()) {
        describe(**line);
        named = true;
      }
    }
    skipped_.clear();
    family_.type = skipped_type_;
    seed_ = seed_of(respelled() ? static_cast<std::uint64_t>(family_.type) : 0);
  }
  /// Comments up to the sample that begins at `next`, or to the end.
  void remember_comments(std::string_view next) {
    std::string_view text = std::exchange(comments_, {});
    if (next.data()) {
      text = text.substr(0, static_cast<std::size_t>(next.data() - text.data()));
    } else if (settings_.format == Exposition::open_metrics) {
      text = text.substr(0, text.rfind("# EOF"));  // which has to be read each time
      if (text.empty()) return;
    }
    if (long_way_ || settings_.type_and_unit_labels || text.size() > kLongestRun)
      return pass_.forget_runs();
    CommentRun run;
    run.hash = hash_of(text);
    run.length = static_cast<std::uint32_t>(text.size());
    run.type = static_cast<std::uint8_t>(family_.type);
    pass_.add_run(run);
  }
  /// Some comments are others than the last time: the metadata is made of all.
  void describe_all() {
    pass_.forget_comments();
    ExpositionReader all(body_, settings_.format);
    for (auto line = all.next(); line && *line; line = all.next())
      if ((*line)->kind != ExpositionLine::Kind::sample) pass_.describe(**line);
  }

  std::uint64_t seed_of(std::uint64_t context) const {
    return pass_.seed() ^ (context * 0x9e3779b97f4a7c15);
  }
  void describe(const ExpositionLine& line) {
    if (line.family != family_name_) {
      family_name_ = line.family;
      family_ = {};
      rows_.clear();
    }
    if (line.kind == ExpositionLine::Kind::type) family_.type = line.type;
    if (line.kind == ExpositionLine::Kind::unit) family_.unit = line.text;
    // The same line is another series where its labels are read otherwise.
    std::uint64_t context = 0;
    if (settings_.type_and_unit_labels)
      context = base::hash64(family_.unit, static_cast<std::uint64_t>(family_.type));
    else if (respelled())
      context = static_cast<std::uint64_t>(family_.type);
    seed_ = seed_of(context);
    if (parts_) family_key_ = base::hash64(family_name_, static_cast<std::uint64_t>(family_.type));
  }

  Status sample(const ExpositionLine& line) {
    if (line.series.size() > 0xffff)
      return Status(Code::invalid_argument, "a series is longer than 65535 bytes");
    const base::Hash128 key = base::hash128(line.series, seed_);
    if (!parts_) return put(line, key, nullptr);
    ++lines_;
    const auto part = part_of(line.series, key);
    if (!part) return part.error();
    if (starts_ && part->kind == Kind::created) {
      began(part->group, line.value);
      return {};
    }
    const bool classic =
        settings_.convert_histograms && part->kind >= Kind::bucket && part->kind <= Kind::count;
    if (collecting_ && (!classic || part->group != group_)) {
      if (Status s = flush(); !s.ok()) return s;
    }
    if (!classic) return put(line, key, &*part);
    collect(line, *part);
    return settings_.classic_histograms ? put(line, key, &*part) : Status();
  }

  Status put(const ExpositionLine& line, base::Hash128 key, const LinePart* part) {
    if (pass_.full()) {
      pass_.count();
      return {};
    }
    const auto index = pass_.find(
        key, line.series.size(), family_,
        [&](auto& labels, auto& storage) { return read_labels(line.series, labels, storage); });
    if (!index) return index.error();
    if (!pass_.take(*index, line.timestamp, line.value)) return {};
    // The exemplar of a line that is collected goes with the histogram.
    if (reader_.exemplar() && !collecting_) exemplar(*reader_.exemplar());
    if (part && starts_ && has_start(family_.type))
      rows_.push_back({part->group, pass_.samples() - 1});
    return {};
  }

  /// Of a type for which Prometheus 3 spells numbers in labels as OpenMetrics does.
  static bool respelled(MetricType type) {
    return type == MetricType::histogram || type == MetricType::summary;
  }
  bool respelled() const { return respelled(family_.type); }
  std::string_view respelled_label() const {
    return family_.type == MetricType::histogram ? "le" : "quantile";
  }
  Status read_labels(std::string_view series, std::vector<model::Label>& labels,
                     std::string& storage) {
    if (Status s = ExpositionReader::read_labels(series, labels, storage); !s.ok()) return s;
    if (!respelled()) return {};
    for (model::Label& label : labels) {
      double value = 0;
      if (label.name != respelled_label() || !parse_value(label.value, value)) continue;
      number_ = open_metrics_float(value);
      label.value = number_;
    }
    return {};
  }

  /// What a line is a part of depends on its family as well.
  Result<LinePart> part_of(std::string_view series, base::Hash128 key) {
    auto& known = parts_->by_line;
    key.low ^= family_key_;
    if (const auto at = known.find(key); at != known.end()) return at->second;
    LinePart part;
    if (Status s = read_labels(series, labels_, storage_); !s.ok()) return s;
    std::string_view name = labels_.front().value;  // the name is the first
    std::string_view base = name;
    if (has_start(family_.type) && strip_suffix(base, "_created")) {
      part.kind = Kind::created;
    } else if (base = name; family_.type == MetricType::histogram) {
      if (strip_suffix(base, "_bucket") && base == family_name_)
        part.kind = bound_of(labels_, part.bound) ? Kind::bucket : Kind::other;
      else if (base = name; strip_suffix(base, "_sum") && base == family_name_)
        part.kind = Kind::sum;
      else if (base = name; strip_suffix(base, "_count") && base == family_name_)
        part.kind = Kind::count;
    }
    if (part.kind != Kind::created && name.substr(0, family_name_.size()) == family_name_)
      base = family_name_;
    part.group = group_of(base);
    known.emplace(key, part);
    return part;
  }

  static bool bound_of(const std::vector<model::Label>& labels, double& bound) {
    for (const model::Label& label : labels)
      if (label.name == "le") return parse_value(label.value, bound) && !std::isnan(bound);
    return false;
  }

  /// The labels that were read, without those in which the pieces of a metric differ.
  base::Hash128 group_of(std::string_view name) {
    std::sort(labels_.begin() + 1, labels_.end(),
              [](const model::Label& a, const model::Label& b) { return a.name < b.name; });
    std::string text(name);
    for (const model::Label& label : labels_) {
      if (label.name == model::kNameLabel || (respelled() && label.name == respelled_label()))
        continue;
      text.append(1, '\xff').append(label.name).append(1, '\xff').append(label.value);
    }
    return base::hash128(text, ~seed_);
  }

  void collect(const ExpositionLine& line, const LinePart& part) {
    if (!std::exchange(collecting_, true)) {
      classic_.clear();
      exemplars_.clear();
      start_ms_ = 0;
      group_ = part.group;
      first_ = line.series;
    }
    timestamp_ = line.timestamp;
    if (part.kind == Kind::bucket) classic_.bucket(part.bound, line.value);
    if (part.kind == Kind::sum) classic_.sum(line.value);
    if (part.kind == Kind::count) classic_.count(line.value);
    const ExposedExemplar* const e = reader_.exemplar();
    if (e && e->timestamp) exemplars_.push_back(*e);
    if (e && !e->timestamp) ++pass_.stats().timeless_exemplars;
  }

  /// The histogram that was collected, if any, is whole.
  Status flush() {
    if (!std::exchange(collecting_, false)) return {};
    auto histogram = classic_.convert();
    if (!histogram) {
      ++pass_.stats().unconverted;
      return {};
    }
    if (pass_.full()) {
      pass_.count();
      return {};
    }
    const auto index = pass_.find(group_, 0, family_, [&](auto& labels, auto& storage) {
      Status s = ExpositionReader::read_labels(first_, labels, storage);
      std::erase_if(labels, [](const model::Label& l) { return l.name == "le"; });
      if (s.ok()) labels.front().value = family_name_;
      return s;
    });
    if (!index) return index.error();
    if (!pass_.take(*index, timestamp_, std::move(*histogram))) return {};
    std::stable_sort(exemplars_.begin(), exemplars_.end(), [](const auto& a, const auto& b) {
      return std::pair(*a.timestamp, a.value) < std::pair(*b.timestamp, b.value);
    });
    for (const ExposedExemplar& e : exemplars_)
      if (auto labels = labels_of(e))
        pass_.histogram_exemplar(*e.timestamp, e.value, std::move(*labels));
    if (start_ms_ > 0) pass_.start_histogram(pass_.histograms() - 1, start_ms_);
    return {};
  }

  void exemplar(const ExposedExemplar& e) {
    if (auto labels = labels_of(e)) pass_.exemplar(e.timestamp, e.value, std::move(*labels));
  }

  std::optional<ScrapePass::ExemplarLabels> labels_of(const ExposedExemplar& e) {
    if (!ExpositionReader::read_exemplar_labels(e.labels, labels_, storage_).ok()) {
      ++pass_.stats().invalid_exemplars;
      return std::nullopt;
    }
    ScrapePass::ExemplarLabels out;
    out.reserve(labels_.size());
    for (const model::Label& label : labels_) out.emplace_back(label.name, label.value);
    return out;
  }

  /// A `_created` line stands behind what it belongs to (OpenMetrics 1.0.0).
  void began(base::Hash128 group, double seconds) {
    if (!(std::abs(seconds) < 9e15)) return;
    const auto ms = static_cast<std::int64_t>(seconds * 1000);
    if (collecting_ && group == group_) start_ms_ = ms;
    for (const Row& row : rows_)
      if (row.group == group) pass_.start_sample(row.row, ms);
  }

  ScrapePass& pass_;
  const ScrapeSettings& settings_;
  std::unique_ptr<LineParts>& parts_;
  const std::string_view body_;
  ExpositionReader reader_;
  std::string_view comments_;              ///< from the first one behind the last sample on
  std::vector<std::string_view> skipped_;  ///< runs that were known and not read
  MetricType skipped_type_ = MetricType::unknown;
  std::uint64_t seed_;
  const bool starts_;  ///< `_created` lines are start times
  bool long_way_;      ///< a line may be more than a sample
  std::size_t lines_ = 0;
  std::string_view family_name_;
  FamilyContext family_;
  std::uint64_t family_key_ = 0;
  std::string number_, storage_;
  std::vector<model::Label> labels_;

  // The classic histogram whose lines are being read:
  bool collecting_ = false;
  ClassicHistogram classic_;
  base::Hash128 group_;
  std::string_view first_;  ///< its first line's series
  std::optional<std::int64_t> timestamp_;
  std::vector<ExposedExemplar> exemplars_;
  std::int64_t start_ms_ = 0;

  /// The samples that the family has added, for start times.
  struct Row {
    base::Hash128 group;
    std::size_t row;
  };
  std::vector<Row> rows_;
};

}  // namespace

Status scrape_text(ScrapePass& pass, std::string_view body) { return TextScrape(pass, body).run(); }

}  // namespace collector::format
