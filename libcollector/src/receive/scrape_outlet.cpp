#include "receive/scrape_outlet.hpp"

#include "base/log.hpp"
#include "model/join_columns.hpp"

#include <collector/engine/sharding.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace collector::receive {
namespace {

/// Samples of a bundle; what a request of remote write holds, unless its arguments say otherwise.
constexpr std::size_t kFull = 2000;
/// A batch that gains nothing by company.
constexpr std::size_t kLarge = kFull / 2;

std::size_t rows_of(const MetricColumns& columns) {
  return columns.series.size() + columns.histograms.size();
}

/// Targets that are scraped in one 64th of the interval leave together and stay in order. So there
/// is something to leave with, no request waits for one of the same lane but once in an interval,
/// and the lane is the target's hash's alone, whatever component scrapes it at whatever interval.
std::uint64_t lane_of(std::uint64_t phase) { return phase >> 58; }

}  // namespace

ScrapeOutlet::ScrapeOutlet(Context& c)
    : context(c),
      fanout(c),
      bodies(c.seams().budget),
      targets(c.metrics().gauge("prometheus_scrape_targets_gauge",
                                "Targets that this component scrapes.")),
      moved(c.metrics().counter("prometheus_scrape_targets_moved_total",
                                "Targets that moved from this node of the cluster to another.")),
      forwarded(c.metrics().counter("prometheus_forwarded_samples_total",
                                    "Samples that the receivers took.")),
      duplicates(c.metrics().counter("prometheus_target_scrapes_sample_duplicate_timestamp_total",
                                     "Samples left out since their series was there before in the "
                                     "same scrape.")),
      out_of_bounds(c.metrics().counter("prometheus_target_scrapes_sample_out_of_bounds_total",
                                        "Samples left out since they are more than ten minutes "
                                        "ahead.")),
      over_samples(c.metrics().counter("prometheus_target_scrapes_exceeded_sample_limit_total",
                                       "Scrapes that were refused for their number of samples.")),
      over_buckets(c.metrics().counter(
          "prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total",
          "Scrapes that were refused for the buckets of a native histogram.")),
      unconverted(c.metrics().counter(
          "collector_scrape_histograms_not_converted_total",
          "Classic histograms left out because what they count does not add up.")),
      over_bytes(c.metrics().counter("prometheus_target_scrapes_exceeded_body_size_limit_total",
                                     "Scrapes that were refused for the size of their body.")),
      without_memory(c.metrics().counter("collector_scrapes_without_memory_total",
                                         "Scrapes that failed at the memory limit.")),
      latency(c.metrics().histogram("prometheus_fanout_latency",
                                    "Time until the receivers took a batch, in seconds.",
                                    {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10})) {}

ScrapeOutlet::~ScrapeOutlet() { context.loop().disarm(timer_); }

bool ScrapeOutlet::has_successor() const {
  return clustered && context.cluster() && context.cluster()->has_successor();
}

void ScrapeOutlet::count(const format::ScrapeStats& found) {
  duplicates.add(static_cast<double>(found.duplicates));
  out_of_bounds.add(static_cast<double>(found.out_of_bounds));
  if (found.over_samples) over_samples.add();
  if (found.over_buckets) over_buckets.add();
  unconverted.add(static_cast<double>(found.unconverted));
  for (const auto& [reason, n] :
       {std::pair("too_long", found.long_exemplars), std::pair("invalid", found.invalid_exemplars)})
    if (n > 0)
      context.metrics()
          .counter(
              "collector_scrape_exemplars_dropped_total",
              "Exemplars left out: over 128 characters of labels, labels that are not valid, or "
              "of a native histogram and without a timestamp.",
              {{"reason", reason}})
          .add(static_cast<double>(n));
}

void ScrapeOutlet::forward(std::shared_ptr<MetricColumns> columns, std::uint64_t phase,
                           Leisure leisure, std::uint64_t& last_bundle, Taken taken) {
  const std::size_t rows = rows_of(*columns);
  const bool alone = leisure.to_join <= Duration{} || rows > kLarge;
  columns->order_key = lane_of(phase);
  // Metadata of one batch is one list. What has none stays without: of the stale markers of a
  // failed scrape the list of another target would say what is not so.
  const auto fits = [&](const Bundle& bundle) {
    const MetricColumns& c = *bundle.columns;
    return !alone && c.order_key == columns->order_key && c.metadata == columns->metadata;
  };
  // What the target sent before does not come behind this.
  auto at = std::find_if(open_.begin(), open_.end(),
                         [&](const Bundle& b) { return b.number == last_bundle; });
  if (at != open_.end() && !fits(*at)) {
    send(at);
    at = open_.end();
  }
  if (at == open_.end()) at = std::find_if(open_.begin(), open_.end(), fits);
  if (at != open_.end() && rows_of(*at->columns) + rows > kFull) {
    send(at);
    at = open_.end();
  }
  // Samples on their way are on the account until the last receiver has them.
  Reservation held = context.seams().budget.charge(Metrics(columns, {}).bytes(), "scraped_samples");
  if (at == open_.end()) {
    at = open_.insert(at, Bundle{++bundles_, std::move(columns), leisure.to_sync, {}});
  } else {
    model::join_columns(*at->columns, *columns);
    at->to_sync = std::min(at->to_sync, leisure.to_sync);
  }
  at->members.push_back({std::move(taken), std::move(held)});
  last_bundle = at->number;
  if (alone || rows_of(*at->columns) + rows > kFull)
    send(at);
  else
    flush_within(leisure.to_join);
}

/// All leave when the first of them has no more time.
void ScrapeOutlet::flush_within(Duration time) {
  const Instant due = context.loop().now() + time;
  if (timer_ != TimerId::none && due_ <= due) return;
  context.loop().disarm(timer_);
  due_ = due;
  timer_ = context.loop().arm(time, [this] {
    timer_ = TimerId::none;
    flush();
  });
}

void ScrapeOutlet::flush() {
  context.loop().disarm(std::exchange(timer_, TimerId::none));
  while (!open_.empty()) send(open_.begin());
}

void ScrapeOutlet::send(std::vector<Bundle>::iterator at) {
  Bundle bundle = std::move(*at);
  open_.erase(at);
  const Duration patience = bundle.to_sync;
  Metrics batch(std::move(bundle.columns), {});
  const std::size_t n = batch.size();
  ++unsettled;
  batch.ack = Ack(
      context.loop(),
      [weak = weak_from_this(), n, members = std::move(bundle.members),
       begin = context.loop().now()](Outcome outcome) mutable {
        for (Member& member : members) member.held.release();
        if (auto self = weak.lock()) self->settle(members, n, begin, outcome);
      },
      patience);
  fanout.consume(std::move(batch));
}

void ScrapeOutlet::settle(std::vector<Member>& members, std::size_t n, Instant begin,
                          const Outcome& outcome) {
  --unsettled;
  latency.observe(std::chrono::duration<double>(context.loop().now() - begin).count());
  const bool accepted = outcome.kind != Outcome::Kind::retry;
  std::size_t lost = accepted ? 0 : n;
  if (outcome.kind == Outcome::Kind::rejected)
    lost = std::min<std::size_t>(n, outcome.rejected_items);
  forwarded.add(static_cast<double>(n - lost));
  if (lost > 0) {
    context.metrics()
        .counter("collector_scrape_samples_dropped_total",
                 "Scraped samples that no receiver took, by reason.", {{"reason", outcome.reason}})
        .add(static_cast<double>(lost));
    context.log().warn("scraped samples dropped",
                       {{"reason", outcome.reason}, {"samples", std::to_string(lost)}});
  }
  for (Member& member : members) member.taken(accepted);
  if (settled) settled();
}

void ScrapeOutlet::log_failure(const ScrapeTarget& target, const std::string& error) {
  context.log().warn("scrape failed", {{"target", target.url}, {"err", error}});
  if (failure_log.empty()) return;
  if (!failure_file) {
    auto opened = context.seams().files.open(failure_log, Files::Mode::append);
    if (!opened)
      return context.log().warn("scrape_failure_log_file cannot be opened",
                                {{"err", opened.error().what()}});
    failure_file = std::move(*opened);
  }
  nlohmann::ordered_json line;
  line["time"] = base::format_time(context.loop().wall());
  line["level"] = "ERROR";
  line["msg"] = error;
  line["target"] = target.url;
  line["job"] = target.job();
  const std::string text =
      line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (Status s = failure_file->append(std::as_bytes(std::span(text))); !s.ok()) {
    failure_file = nullptr;
    context.log().warn("scrape_failure_log_file cannot be written", {{"err", s.what()}});
  }
}

}  // namespace collector::receive
