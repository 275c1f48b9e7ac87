// From a discovered target and the scrape's arguments to what is scraped, as Prometheus derives it
// (scrape/target.go). Pure.
#pragma once

#include "receive/scrape_arguments.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace collector::receive {

struct ScrapeTarget {
  StringMap discovered;  ///< with the defaults of the arguments, before anything was removed
  StringMap labels;      ///< what every sample of the target carries
  std::string url;
  Duration interval{}, timeout{};
  bool native_histograms = false, classic_histograms = false, convert_histograms = false;
  /// The same labels and URL: the same target, whose state outlives an update.
  std::string key;
  std::uint64_t hash = 0;  ///< of the key

  /// Where in each interval its scrapes are, in parts of 2^64. Mixed: nodes of a cluster share
  /// targets by ranges of the hash, and none shall have all of its scrapes at once.
  std::uint64_t phase() const { return hash * 0x9e3779b97f4a7c15U; }

  const std::string& job() const;
};

struct ScrapeTargets {
  std::vector<ScrapeTarget> active;  ///< each key once, in the order they were given
  struct Dropped {
    StringMap discovered;
    std::string why;
  };
  std::vector<Dropped> dropped;
};

/// `component_id` is the job of targets when neither they nor the arguments name one.
ScrapeTargets build_targets(const ScrapeArguments& arguments, const std::string& component_id);

/// Prometheus' durations: `1d`, `1h30m`, `1m`, `500ms`, `0`; units in falling order, no fractions.
std::optional<Duration> parse_prometheus_duration(std::string_view text);

/// The time until the next scrape of a target: the same phase of its interval whenever it is asked.
Duration scrape_offset(const ScrapeTarget& target, WallTime now);

/// The Accept header of a scrape.
std::string accept_header(const ScrapeArguments& arguments);

}  // namespace collector::receive
