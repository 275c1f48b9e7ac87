// A target for tests of scrapes: bodies in, samples, histograms and exemplars as text out.
#pragma once

#include <collector/engine/testing.hpp>

#include "format/scrape_cache.hpp"

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

inline bool is_stale(double value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits == collector::kStaleNaN;
}

using Samples = std::vector<std::string>;

struct Target {
  collector::testing::SeededRandom random{1};
  collector::model::SeriesTable table{random};
  collector::format::ScrapeCache cache{table, 1};
  collector::format::ScrapeSettings settings;
  std::string error;
  collector::MetricColumns columns;  ///< of the last scrape

  Target() { settings.labels = {{"instance", "i:1"}, {"job", "j"}}; }
  /// `series value@ms` of each sample, in order, ` from ms` behind it where it has a start.
  Samples scrape(std::string_view body, std::int64_t now) {
    columns = {};
    const auto stats = cache.scrape(body, settings, now, columns);
    error = stats ? "" : stats.error().what();
    Samples out;
    for (std::size_t i = 0; i < columns.series.size(); ++i) {
      const double v = columns.value[i];
      char text[40];
      std::snprintf(text, sizeof text, "%g", v);
      out.push_back(table.to_text(columns.series[i]) + " " + (is_stale(v) ? "stale" : text) + "@" +
                    std::to_string(columns.timestamp[i]));
      if (!columns.start_timestamp.empty() && columns.start_timestamp[i] != 0)
        out.back() += " from " + std::to_string(columns.start_timestamp[i]);
    }
    return out;
  }
  /// `series value@ms name=value...` of each exemplar of the last scrape.
  Samples exemplars() const {
    Samples out;
    for (const collector::Exemplar& e : columns.exemplars) {
      char value[40];
      std::snprintf(value, sizeof value, " %g@%lld", e.value, static_cast<long long>(e.timestamp));
      out.push_back(table.to_text(e.series) + value);
      for (const auto& [name, text] : e.labels) out.back() += " " + name + "=" + text;
    }
    return out;
  }
};
