// The protobuf exposition into a ScrapePass. The key of a metric is a hash of its family and its
// encoded labels; each sample that it is made of has that key turned by what the sample is.
#include "format/exposition_protobuf.hpp"
#include "format/nhcb.hpp"
#include "format/number.hpp"
#include "format/scrape_pass.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace collector::format {
namespace {

namespace pb = proto::metric_family;

/// Which of a metric's samples.
enum class Role : std::uint64_t { value = 1, count, sum, quantile, bucket, native, custom };

std::uint64_t mixed(std::uint64_t v) {  // splitmix64
  v += 0x9e3779b97f4a7c15;
  v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9;
  v = (v ^ (v >> 27)) * 0x94d049bb133111eb;
  return v ^ (v >> 31);
}

/// A float field above zero wins over its integer.
double either(double of_float, std::uint64_t of_integer) {
  return of_float != 0 ? of_float : static_cast<double>(of_integer);
}

class ProtobufScrape {
 public:
  ProtobufScrape(ScrapePass& pass, std::string_view body, std::uint64_t seed)
      : pass_(pass), settings_(pass.settings()), reader_(body), seed_(seed) {}

  Status run() {
    for (;;) {
      const auto family = reader_.next_family();
      if (!family) return family.error();
      if (!*family) return {};
      begin_family();
      for (;;) {
        const auto metric = reader_.next_metric();
        if (!metric) return metric.error();
        if (!*metric) break;
        if (Status s = this->metric(reader_.metric()); !s.ok()) return s;
      }
    }
  }

 private:
  void begin_family() {
    using Kind = ExpositionLine::Kind;
    ExpositionLine line;
    line.family = reader_.family();
    for (const auto& [kind, text] :
         {std::pair(Kind::help, reader_.help()), std::pair(Kind::unit, reader_.unit()),
          std::pair(Kind::type, std::string_view())}) {
      line.kind = kind;
      line.text = text;
      line.type = kind == Kind::type ? reader_.type() : MetricType::unknown;
      if (kind == Kind::type || !text.empty()) pass_.describe(line);
    }
    family_ = {reader_.type(), reader_.unit()};
    family_key_ = base::hash64(reader_.family(), seed_);
    if (settings_.type_and_unit_labels)
      family_key_ =
          base::hash64(family_.unit, family_key_ + static_cast<std::uint64_t>(family_.type) + 1);
  }

  Status metric(const pb::Metric& m) {
    key_ = base::hash128(reader_.labels(), family_key_);
    for (const pb::LabelPair& late : m.label) {  // labels behind the value: allowed, and rare
      key_.low = base::hash64(late.name, mixed(key_.low));
      key_.high = base::hash64(late.value, mixed(key_.high));
    }
    timestamp_.reset();
    if (m.timestamp_ms != 0) timestamp_ = m.timestamp_ms;
    start_ms_ = 0;
    switch (family_.type) {
      case MetricType::counter:
        if (!m.counter) return put(Role::value, {}, 0);
        start_ms_ = milliseconds(m.counter->created_timestamp);
        return put(Role::value, {}, m.counter->value, m.counter->exemplar);
      case MetricType::gauge:
        return put(Role::value, {}, m.gauge ? m.gauge->value : 0);
      case MetricType::summary:
        return summary(m.summary ? *m.summary : pb::Summary());
      case MetricType::histogram:
      case MetricType::gauge_histogram:
        return histogram(m.histogram ? *m.histogram : pb::Histogram());
      default:
        return put(Role::value, {}, m.untyped ? m.untyped->value : 0);
    }
  }

  Status summary(const pb::Summary& s) {
    start_ms_ = milliseconds(s.created_timestamp);
    if (Status put_ = put(Role::count, "_count", static_cast<double>(s.sample_count)); !put_.ok())
      return put_;
    if (Status put_ = put(Role::sum, "_sum", s.sample_sum); !put_.ok()) return put_;
    for (const pb::Quantile& q : s.quantile)
      if (Status put_ = put(Role::quantile, {}, q.value, nullptr, q.quantile); !put_.ok())
        return put_;
    return {};
  }

  Status histogram(const pb::Histogram& h) {
    start_ms_ = milliseconds(h.created_timestamp);
    const bool native = settings_.native_histograms && is_native(h);
    if (native) {
      auto made = native_histogram(h, family_.type == MetricType::gauge_histogram);
      if (!made) return made.error().in(reader_.family());
      if (Status s = put_histogram(Role::native, std::move(*made), h); !s.ok()) return s;
    }
    const bool convert = settings_.convert_histograms && !native;
    const bool buckets = native ? settings_.classic_histograms && !h.bucket.empty()
                                : !convert || settings_.classic_histograms;
    if (buckets) {
      if (Status s = classic(h); !s.ok()) return s;
    }
    return convert ? converted(h) : Status();
  }

  Status classic(const pb::Histogram& h) {
    const double count = either(h.sample_count_float, h.sample_count);
    if (Status s = put(Role::count, "_count", count); !s.ok()) return s;
    if (Status s = put(Role::sum, "_sum", h.sample_sum); !s.ok()) return s;
    for (const pb::Bucket& b : h.bucket) {
      if (Status s =
              put(Role::bucket, "_bucket", either(b.cumulative_count_float, b.cumulative_count),
                  b.exemplar, b.upper_bound);
          !s.ok())
        return s;
      if (b.upper_bound == HUGE_VAL) return {};
    }
    return put(Role::bucket, "_bucket", count, nullptr, HUGE_VAL);
  }

  Status converted(const pb::Histogram& h) {
    classic_.clear();
    classic_.count(either(h.sample_count_float, h.sample_count));
    classic_.sum(h.sample_sum);
    for (const pb::Bucket& b : h.bucket)
      classic_.bucket(b.upper_bound, either(b.cumulative_count_float, b.cumulative_count));
    auto made = classic_.convert();
    if (!made) return made.error().in(reader_.family());
    if (family_.type == MetricType::gauge_histogram) made->reset = NativeHistogram::Reset::gauge;
    return put_histogram(Role::custom, std::move(*made), h);
  }

  base::Hash128 key_of(Role role, double bound) const {
    const std::uint64_t turn =
        mixed(static_cast<std::uint64_t>(role) ^ mixed(std::bit_cast<std::uint64_t>(bound)));
    return {key_.low + turn, key_.high ^ turn};
  }

  Result<std::uint32_t> index_of(Role role, std::string_view suffix, double bound) {
    const base::Hash128 key = key_of(role, bound);
    if (pass_.on_track()) {
      const ScrapePass::Entry& e = pass_.expected();
      if (e.hash == key && e.length == 0) return pass_.advance();
    }
    return pass_.find(key, 0, family_, [&](auto& labels, auto& storage) {
      return read_labels(role, suffix, bound, labels, storage);
    });
  }

  Status read_labels(Role role, std::string_view suffix, double bound,
                     std::vector<model::Label>& labels, std::string& storage) {
    if (Status s = reader_.read_labels(pairs_); !s.ok()) return s;
    storage.assign(reader_.family()).append(suffix);
    labels.push_back({model::kNameLabel, storage});
    for (const auto& [name, value] : pairs_) labels.push_back({name, value});
    if (role != Role::quantile && role != Role::bucket) return {};
    bound_ = open_metrics_float(bound);
    labels.push_back({role == Role::bucket ? "le" : "quantile", bound_});
    return {};
  }

  Status put(Role role, std::string_view suffix, double value,
             const pb::Exemplar* exemplar = nullptr, double bound = 0) {
    if (pass_.full()) {
      pass_.count();
      return {};
    }
    const auto index = index_of(role, suffix, bound);
    if (!index) return index.error();
    if (!pass_.take(*index, timestamp_, value)) return {};
    if (start_ms_ > 0 && settings_.start_timestamps)
      pass_.start_sample(pass_.samples() - 1, start_ms_);
    if (exemplar) {
      std::optional<std::int64_t> at;
      if (exemplar->timestamp) at = milliseconds(exemplar->timestamp);
      pass_.exemplar(at, exemplar->value, labels_of(*exemplar));
    }
    return {};
  }

  Status put_histogram(Role role, NativeHistogram made, const pb::Histogram& h) {
    if (pass_.full()) {
      pass_.count();
      return {};
    }
    const auto index = index_of(role, {}, 0);
    if (!index) return index.error();
    if (!pass_.take(*index, timestamp_, std::move(made))) return {};
    if (start_ms_ > 0 && settings_.start_timestamps)
      pass_.start_histogram(pass_.histograms() - 1, start_ms_);
    exemplars_.clear();
    const auto see = [&](const pb::Exemplar& e) {
      if (e.timestamp)
        exemplars_.push_back(&e);
      else
        ++pass_.stats().timeless_exemplars;
    };
    for (const pb::Exemplar& e : h.exemplars) see(e);
    if (h.exemplars.empty())
      for (const pb::Bucket& b : h.bucket)
        if (b.exemplar) see(*b.exemplar);
    std::stable_sort(exemplars_.begin(), exemplars_.end(), [](const auto* a, const auto* b) {
      return std::pair(milliseconds(a->timestamp), a->value) <
             std::pair(milliseconds(b->timestamp), b->value);
    });
    for (const pb::Exemplar* e : exemplars_)
      pass_.histogram_exemplar(milliseconds(e->timestamp), e->value, labels_of(*e));
    return {};
  }

  static ScrapePass::ExemplarLabels labels_of(const pb::Exemplar& exemplar) {
    ScrapePass::ExemplarLabels out;
    out.reserve(exemplar.label.size());
    for (const pb::LabelPair& label : exemplar.label) out.emplace_back(label.name, label.value);
    return out;
  }

  ScrapePass& pass_;
  const ScrapeSettings& settings_;
  ProtobufReader reader_;
  const std::uint64_t seed_;
  FamilyContext family_;
  std::uint64_t family_key_ = 0;
  base::Hash128 key_;
  std::optional<std::int64_t> timestamp_;
  std::int64_t start_ms_ = 0;
  ClassicHistogram classic_;
  std::vector<std::pair<std::string_view, std::string_view>> pairs_;
  std::string bound_;
  std::vector<const pb::Exemplar*> exemplars_;
};

}  // namespace

Status scrape_protobuf(ScrapePass& pass, std::string_view body) {
  return ProtobufScrape(pass, body, pass.seed()).run();
}

}  // namespace collector::format
