#include "send/echo_text.hpp"

#include "model/series_table.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <vector>

namespace collector::send {
namespace {

std::string_view type_name(MetricType type, EchoFormat format) {
  switch (type) {
    case MetricType::counter:
      return "counter";
    case MetricType::gauge:
      return "gauge";
    case MetricType::histogram:
      return "histogram";
    case MetricType::summary:
      return "summary";
    case MetricType::gauge_histogram:
      return format == EchoFormat::text ? "histogram" : "gaugehistogram";
    case MetricType::info:
      return format == EchoFormat::text ? "gauge" : "info";
    case MetricType::stateset:
      return format == EchoFormat::text ? "gauge" : "stateset";
    case MetricType::unknown:
      break;
  }
  return format == EchoFormat::text ? "untyped" : "unknown";
}

void append_value(std::string& out, double value) {
  if (std::isnan(value))
    out += "NaN";
  else if (std::isinf(value))
    out += value > 0 ? "+Inf" : "-Inf";
  else
    out += fmt::format("{}", value);
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
  std::vector<std::size_t> samples;
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

}  // namespace

std::string exposition_text(const Metrics& batch, const model::SeriesTable& series,
                            EchoFormat format) {
  const MetricColumns& columns = batch.columns();
  std::map<std::string_view, const Metadata*> known;
  if (columns.metadata)
    for (const Metadata& m : *columns.metadata) known.emplace(m.family, &m);
  std::map<std::string_view, Family> families;
  std::vector<std::string_view> names(columns.series.size());
  for (std::size_t i = 0; i < columns.series.size(); ++i) {
    names[i] = series.value_of(columns.series[i], model::kNameLabel);
    const std::string_view family = family_of(names[i], known);
    Family& f = families[family];
    auto m = known.find(family);
    if (m != known.end()) f.metadata = m->second;
    f.samples.push_back(i);
  }
  std::string out;
  std::vector<model::Label> labels;
  for (const auto& [name, family] : families) {
    const bool open = format == EchoFormat::openmetrics;
    if (family.metadata && !family.metadata->help.empty()) {
      out += fmt::format("# HELP {} ", name);
      append_escaped(out, family.metadata->help, open);
      out += '\n';
    }
    out += fmt::format(
        "# TYPE {} {}\n", name,
        type_name(family.metadata ? family.metadata->type : MetricType::unknown, format));
    if (open && family.metadata && !family.metadata->unit.empty())
      out += fmt::format("# UNIT {} {}\n", name, family.metadata->unit);
    for (const std::size_t i : family.samples) {
      out += names[i];
      char separator = '{';
      series.labels(columns.series[i], labels);
      for (const model::Label& label : labels) {
        if (label.name == model::kNameLabel) continue;
        out += separator;
        separator = ',';
        out += label.name;
        out += "=\"";
        append_escaped(out, label.value, true);
        out += '"';
      }
      if (separator == ',') out += '}';
      out += ' ';
      append_value(out, columns.value[i]);
      const std::int64_t ms = columns.timestamp[i];
      if (open)
        out += fmt::format(" {}", static_cast<double>(ms) / 1000);
      else if (ms > 0)
        out += fmt::format(" {}", ms);
      out += '\n';
    }
  }
  if (format == EchoFormat::openmetrics) out += "# EOF\n";
  return out;
}

}  // namespace collector::send
