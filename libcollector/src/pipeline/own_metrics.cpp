#include "pipeline/own_metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace collector::pipeline {
namespace {

void append_escaped(std::string& text, std::string_view value, bool quotes) {
  for (const char c : value) {
    if (c == '\\')
      text += "\\\\";
    else if (c == '\n')
      text += "\\n";
    else if (c == '"' && quotes)
      text += "\\\"";
    else
      text += c;
  }
}

std::string number(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", v);
}

void append_sample(std::string& text, std::string_view name, std::string_view suffix,
                   const StringMap& fixed, const StringMap& labels, std::string_view le,
                   double value) {
  text.append(name).append(suffix);
  bool first = true;
  auto label = [&](std::string_view key, std::string_view v) {
    text += first ? '{' : ',';
    first = false;
    text.append(key).append("=\"");
    append_escaped(text, v, true);
    text += '"';
  };
  for (const auto& [k, v] : fixed) label(k, v);
  for (const auto& [k, v] : labels) label(k, v);
  if (!le.empty()) label("le", le);
  if (!first) text += '}';
  text.append(" ").append(number(value)).append("\n");
}

}  // namespace

void Histogram::observe(double v) {
  const auto at = std::lower_bound(bounds.begin(), bounds.end(), v) - bounds.begin();
  ++counts[static_cast<std::size_t>(at)];
  sum += v;
}

OwnMetrics::OwnMetrics(MetricRoot& root, StringMap fixed) : root_(root), fixed_(std::move(fixed)) {
  root_.owners_.insert(this);
}
OwnMetrics::~OwnMetrics() { root_.owners_.erase(this); }

OwnMetrics::Series& OwnMetrics::series(std::string_view name, std::string_view help, char type,
                                       StringMap labels) {
  auto it = families_.find(name);
  if (it == families_.end())
    it = families_.emplace(std::string(name), Family{type, std::string(help), {}}).first;
  for (Series& s : it->second.series)
    if (s.labels == labels) return s;
  return it->second.series.emplace_back(Series{std::move(labels), {}, {}, {}});
}

Counter& OwnMetrics::counter(std::string_view name, std::string_view help, StringMap labels) {
  return series(name, help, 'c', std::move(labels)).counter;
}
Gauge& OwnMetrics::gauge(std::string_view name, std::string_view help, StringMap labels) {
  return series(name, help, 'g', std::move(labels)).gauge;
}
Histogram& OwnMetrics::histogram(std::string_view name, std::string_view help,
                                 std::vector<double> bounds, StringMap labels) {
  Histogram& h = series(name, help, 'h', std::move(labels)).histogram;
  if (h.counts.empty()) {
    h.counts.resize(bounds.size() + 1);
    h.bounds = std::move(bounds);
  }
  return h;
}

void MetricRoot::write(std::string& text) {
  using Part = std::pair<const OwnMetrics*, const OwnMetrics::Family*>;
  std::map<std::string_view, std::vector<Part>> families;
  for (OwnMetrics* owner : owners_)
    for (auto& update : owner->before_write_) update();
  for (OwnMetrics* owner : owners_) {
    for (const auto& [name, family] : owner->families_) families[name].emplace_back(owner, &family);
  }
  for (auto& [name, parts] : families) {
    const char type = parts.front().second->type;
    text.append("# HELP ").append(name).append(" ");
    append_escaped(text, parts.front().second->help, false);
    text.append("\n# TYPE ")
        .append(name)
        .append(type == 'c'   ? " counter\n"
                : type == 'g' ? " gauge\n"
                              : " histogram\n");
    std::sort(parts.begin(), parts.end(),
              [](const Part& a, const Part& b) { return a.first->fixed_ < b.first->fixed_; });
    for (const auto& [owner, family] : parts) {
      for (const auto& s : family->series) {
        if (type != 'h') {
          append_sample(text, name, "", owner->fixed_, s.labels, "",
                        type == 'c' ? s.counter.value : s.gauge.value);
          continue;
        }
        std::uint64_t total = 0;
        for (std::size_t i = 0; i < s.histogram.counts.size(); ++i) {
          total += s.histogram.counts[i];
          const std::string le =
              i < s.histogram.bounds.size() ? number(s.histogram.bounds[i]) : "+Inf";
          append_sample(text, name, "_bucket", owner->fixed_, s.labels, le,
                        static_cast<double>(total));
        }
        append_sample(text, name, "_sum", owner->fixed_, s.labels, "", s.histogram.sum);
        append_sample(text, name, "_count", owner->fixed_, s.labels, "",
                      static_cast<double>(total));
      }
    }
  }
}

}  // namespace collector::pipeline
