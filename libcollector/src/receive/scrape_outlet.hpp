// Where the scrapes of one component go: small ones leave together, which costs what comes behind
// them once and not once for each; counters. One thread.
#pragma once

#include <collector/engine/component.hpp>

#include "format/metadata_pool.hpp"
#include "format/scrape_cache.hpp"
#include "net/body_pool.hpp"
#include "pipeline/own_metrics.hpp"
#include "receive/scrape_target.hpp"

#include <memory>
#include <string>
#include <vector>

namespace collector::receive {

struct ScrapeOutlet : std::enable_shared_from_this<ScrapeOutlet> {
  explicit ScrapeOutlet(Context& context);
  ~ScrapeOutlet();

  using Taken = Function<void(bool)>;
  /// What a batch has time for: others that it may leave with, and others that may share a sync
  /// with it.
  struct Leisure {
    Duration to_join{}, to_sync{};
  };
  /// Sends a batch of a target on; `taken` is called once with whether it was taken. Batches of one
  /// target keep their order, for which `last_bundle` is the outlet's note.
  void forward(std::shared_ptr<MetricColumns> columns, std::uint64_t phase, Leisure leisure,
               std::uint64_t& last_bundle, Taken taken);
  /// Sends what waits for others.
  void flush();
  /// What a scrape left out, and the limits that it broke.
  void count(const format::ScrapeStats& found);
  void log_failure(const ScrapeTarget& target, const std::string& error);

  Context& context;
  MetricsFanout fanout;
  net::BodyPool bodies;
  format::MetadataPool metadata;
  pipeline::Gauge& targets;
  pipeline::Counter& moved;
  pipeline::Counter &forwarded, &duplicates, &out_of_bounds, &over_samples;
  pipeline::Counter &over_buckets, &unconverted, &over_bytes;
  pipeline::Counter& without_memory;
  pipeline::Histogram& latency;
  bool clustered = false;      ///< targets are shared between nodes
  bool has_successor() const;  ///< another node of the cluster carries on what this one ends

  std::string failure_log;  ///< path, or empty
  std::unique_ptr<File> failure_file;
  std::size_t unsettled = 0;  ///< batches on their way
  Function<void()> settled;   ///< run() waits for this at the end

 private:
  struct Member {
    Taken taken;
    Reservation held;
  };
  /// Batches of one lane that leave together.
  struct Bundle {
    std::uint64_t number = 0;
    std::shared_ptr<MetricColumns> columns;
    Duration to_sync{};
    std::vector<Member> members;
  };
  void send(std::vector<Bundle>::iterator at);
  void flush_within(Duration time);
  void settle(std::vector<Member>& members, std::size_t samples, Instant begin,
              const Outcome& outcome);

  std::uint64_t bundles_ = 0;  ///< so far
  std::vector<Bundle> open_;   ///< in the order in which they were begun
  TimerId timer_ = TimerId::none;
  Instant due_;  ///< when the timer fires
};

}  // namespace collector::receive
