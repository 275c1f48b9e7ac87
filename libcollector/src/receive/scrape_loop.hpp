// One target's scrapes: when they happen, what they fetch, what they send on and what is said of
// the target. One thread.
#pragma once

#include <collector/engine/component.hpp>

#include "format/scrape_cache.hpp"
#include "net/http_client_config.hpp"
#include "receive/scrape_outlet.hpp"
#include "receive/scrape_target.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace collector::receive {

/// What the loops of one component share until its next update.
struct ScrapeShared {
  ScrapeArguments arguments;
  net::ConfiguredClient client;
  /// Why no target is scraped, or empty: a limit of the component as a whole.
  std::string forced_error;

  ScrapeShared(Seams& seams, ScrapeArguments a);
  /// What targets are asked that have this long to answer, but for the URL.
  const net::Request& request(Duration timeout);

 private:
  std::map<Duration, net::Request> requests_;
};

class ScrapeLoop : public std::enable_shared_from_this<ScrapeLoop> {
 public:
  explicit ScrapeLoop(std::shared_ptr<ScrapeOutlet> outlet);

  /// The target and the arguments from now on; a scrape on its way ends under the old ones.
  void configure(ScrapeTarget target, std::shared_ptr<ScrapeShared> shared);
  /// The target is gone: its series are marked stale two intervals from now, as Prometheus does, in
  /// case it comes back. configure() takes it back.
  void leave();
  /// Another node scrapes the target from now on: it ends without stale markers, which would cut
  /// that node's series off. A scrape on its way is sent on.
  void hand_over();
  /// Runs until `stop` is requested, then marks the series stale unless another node carries on; or
  /// until the target has left.
  static Task<void> run(std::shared_ptr<ScrapeLoop> self, std::stop_token stop);

  const ScrapeTarget& target() const { return target_; }
  bool leaving() const { return leaving_; }
  std::uint64_t last_samples() const { return last_samples_; }
  /// Its run() is over.
  bool ended() const { return ended_; }
  TargetRow row() const;

 private:
  /// What one scrape found, for the series that report about it.
  struct Report {
    WallTime start;
    Duration took{};
    std::uint64_t scraped = 0, added = 0, series_added = 0;
    double bytes = 0;
    std::string error;
  };
  Task<void> scrape(WallTime at, std::stop_token stop);
  /// Fills the report and the columns from an answer or an error.
  void take(const Result<net::Response>& answer, Report& report, MetricColumns& columns);
  void append_report(const Report& report, MetricColumns& columns);
  void send(std::shared_ptr<MetricColumns> columns, ScrapeOutlet::Leisure leisure);
  void mark_stale(std::int64_t at_ms);
  void wake();

  std::shared_ptr<ScrapeOutlet> outlet_;
  ScrapeTarget target_;
  std::shared_ptr<ScrapeShared> shared_;
  std::optional<format::ScrapeCache> cache_;
  std::stop_source wake_;
  bool leaving_ = false, handed_over_ = false, rephase_ = true, ended_ = false;
  int leave_phase_ = 0;
  std::int64_t stale_at_ = 0;
  std::int64_t last_ms_ = 0;  ///< newest timestamp that was sent; 0 before the first
  std::size_t waiting_ = 0;   ///< batches that are not acknowledged
  std::uint64_t bundle_ = 0;  ///< the last one that took a batch of it

  WallTime last_scrape_;
  Duration last_duration_{};
  std::string last_error_;
  std::uint64_t last_samples_ = 0;
};

}  // namespace collector::receive
