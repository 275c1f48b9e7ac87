#include "send/echo_text.hpp"

#include "format/native_histogram.hpp"
#include "format/number.hpp"
#include "format/type_label.hpp"
#include "model/series_table.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace collector::send {
namespace {

/// The text format knows fewer types than OpenMetrics.
std::string_view type_name(MetricType type, EchoFormat format) {
  if (format == EchoFormat::text) {
    if (type == MetricType::unknown) return "untyped";
    if (type == MetricType::gauge_histogram) type = MetricType::histogram;
    if (type == MetricType::info || type == MetricType::stateset) type = MetricType::gauge;
  }
  return type == MetricType::unknown ? "unknown" : format::type_label(type);
}

/// `quotes`: a label value; else HELP, in which only OpenMetrics escapes quotes.
void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && quotes)
      out += "\\\"";
    else
      out += c;
  }
}

struct Family {
  const Metadata* metadata = nullptr;
  std::vector<std::size_t> samples, histograms;
};

/// The family that a sample's name belongs to: its own, or without the suffix of its parts.
std::string_view family_of(std::string_view name,
                           const std::map<std::string_view, const Metadata*>& known) {
  if (known.contains(name)) return name;
  for (std::string_view suffix : {"_bucket", "_sum", "_count", "_total", "_info", "_created"}) {
    if (name.size() <= suffix.size() || name.substr(name.size() - suffix.size()) != suffix)
      continue;
    const std::string_view stem = name.substr(0, name.size() - suffix.size());
    if (known.contains(stem)) return stem;
  }
  return name;
}

class EchoText {
 public:
  EchoText(const MetricColumns& columns, const model::SeriesTable& series, EchoFormat format)
      : columns_(columns), series_(series), open_(format == EchoFormat::openmetrics) {
    for (const Exemplar& e : columns.exemplars) exemplars_[e.series].push_back(&e);
  }

  std::string run() {
    for (const auto& [name, family] : families()) print(name, family);
    if (open_) out_ += "# EOF\n";
    return std::move(out_);
  }

 private:
  std::map<std::string_view, Family> families() const {
    std::map<std::string_view, const Metadata*> known;
    if (columns_.metadata)
      for (const Metadata& m : *columns_.metadata) known.emplace(m.family, &m);
    std::map<std::string_view, Family> out;
    const auto of = [&](SeriesId id) -> Family& {
      const std::string_view name = family_of(series_.value_of(id, model::kNameLabel), known);
      Family& f = out[name];
      if (const auto m = known.find(name); m != known.end()) f.metadata = m->second;
      return f;
    };
    for (std::size_t i = 0; i < columns_.series.size(); ++i)
      of(columns_.series[i]).samples.push_back(i);
    for (std::size_t i = 0; i < columns_.histograms.size(); ++i)
      of(columns_.histograms[i].series).histograms.push_back(i);
    return out;
  }

  void print(std::string_view name, const Family& family) {
    const Metadata* const m = family.metadata;
    if (m && !m->help.empty()) {
      comment("HELP", name);
      append_escaped(out_, m->help, open_);
      out_ += '\n';
    }
    comment("TYPE", name);
    const MetricType guess =
        family.histograms.empty() ? MetricType::unknown : MetricType::histogram;
    out_ += type_name(m ? m->type : guess, open_ ? EchoFormat::openmetrics : EchoFormat::text);
    out_ += '\n';
    if (open_ && m && !m->unit.empty()) {
      comment("UNIT", name);
      out_ += m->unit + '\n';
    }
    for (const std::size_t i : family.samples) {
      const SeriesId id = columns_.series[i];
      line(id, {}, {}, columns_.value[i], columns_.timestamp[i]);
      const auto e = exemplars_.find(id);
      if (open_ && e != exemplars_.end()) exemplar(*e->second.back());
      out_ += '\n';
    }
    for (const std::size_t i : family.histograms) histogram(columns_.histograms[i]);
  }

  void comment(std::string_view word, std::string_view name) {
    out_ += fmt::format("# {} ", word);
    if (model::is_legacy_metric_name(name)) {
      out_ += name;
    } else {
      out_ += '"';
      append_escaped(out_, name, true);
      out_ += '"';
    }
    out_ += ' ';
  }

  std::string number(double value) const {
    std::string text = format::open_metrics_float(value);
    if (!open_ && text.size() > 2 && text.substr(text.size() - 2) == ".0")
      text.resize(text.size() - 2);
    return text;
  }

  void label(char& separator, std::string_view name, std::string_view value) {
    out_ += separator;
    separator = ',';
    const bool plain = model::is_legacy_label_name(name);
    if (!plain) out_ += '"';
    append_escaped(out_, name, true);
    out_ += plain ? "=\"" : "\"=\"";
    append_escaped(out_, value, true);
    out_ += '"';
  }

  /// Without the line feed. `le`: of a bucket, or empty.
  void line(SeriesId id, std::string_view suffix, std::string_view le, double value,
            std::int64_t ms) {
    char separator = '{';
    const std::string name = std::string(series_.value_of(id, model::kNameLabel)).append(suffix);
    if (model::is_legacy_metric_name(name)) {
      out_ += name;
    } else {  // a name that needs quotes stands among the labels
      out_ += "{\"";
      append_escaped(out_, name, true);
      out_ += '"';
      separator = ',';
    }
    series_.labels(id, labels_);
    for (const model::Label& l : labels_)
      if (l.name != model::kNameLabel) label(separator, l.name, l.value);
    if (!le.empty()) label(separator, "le", le);
    if (separator == ',') out_ += '}';
    out_ += ' ' + number(value);
    if (open_)
      out_ += fmt::format(" {}", static_cast<double>(ms) / 1000);
    else if (ms > 0)
      out_ += fmt::format(" {}", ms);
  }

  void exemplar(const Exemplar& e) {
    out_ += " # ";
    char separator = '{';
    for (const auto& [name, value] : e.labels) label(separator, name, value);
    if (separator == '{') out_ += '{';
    out_ += fmt::format("}} {} {}", number(e.value), static_cast<double>(e.timestamp) / 1000);
  }

  /// As the buckets of a classic histogram: the text formats have no other form.
  void histogram(const HistogramSample& sample) {
    const NativeHistogram& h = *sample.histogram;
    std::vector<std::pair<double, double>> buckets;  // bound and own count, in order
    std::vector<std::pair<std::int64_t, double>> negative;
    format::for_each_bucket(h, h.negative,
                            [&](std::int64_t index, double n) { negative.emplace_back(index, n); });
    for (auto b = negative.rbegin(); b != negative.rend(); ++b)
      buckets.emplace_back(-format::upper_bound(h, b->first - 1), b->second);
    if (h.zero_count > 0 || h.float_zero_count > 0)
      buckets.emplace_back(h.zero_threshold,
                           h.is_float ? h.float_zero_count : static_cast<double>(h.zero_count));
    format::for_each_bucket(h, h.positive, [&](std::int64_t index, double n) {
      buckets.emplace_back(format::upper_bound(h, index), n);
    });
    const double count = h.is_float ? h.float_count : static_cast<double>(h.count);
    std::erase_if(buckets, [](const auto& b) { return std::isinf(b.first); });
    buckets.emplace_back(HUGE_VAL, 0);
    std::vector<const Exemplar*> examples;
    if (const auto e = exemplars_.find(sample.series); open_ && e != exemplars_.end())
      examples = e->second;
    double cumulative = 0;
    for (const auto& [bound, n] : buckets) {
      cumulative += n;
      line(sample.series, "_bucket", format::open_metrics_float(bound),
           std::isinf(bound) ? count : cumulative, sample.timestamp);
      const Exemplar* newest = nullptr;
      std::erase_if(examples, [&, top = bound](const Exemplar* e) {
        if (e->value > top) return false;
        newest = e;
        return true;
      });
      if (newest) exemplar(*newest);
      out_ += '\n';
    }
    line(sample.series, "_sum", {}, h.sum, sample.timestamp);
    out_ += '\n';
    line(sample.series, "_count", {}, count, sample.timestamp);
    out_ += '\n';
  }

  const MetricColumns& columns_;
  const model::SeriesTable& series_;
  const bool open_;
  std::map<SeriesId, std::vector<const Exemplar*>> exemplars_;
  std::vector<model::Label> labels_;
  std::string out_;
};

}  // namespace

std::string exposition_text(const Metrics& batch, const model::SeriesTable& series,
                            EchoFormat format) {
  return EchoText(batch.columns(), series, format).run();
}

}  // namespace collector::send
