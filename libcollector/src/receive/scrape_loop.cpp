#include "receive/scrape_loop.hpp"

#include "base/log.hpp"
#include "model/series_table.hpp"
#include "net/content_encoding.hpp"
#include "pipeline/http_client_arguments.hpp"

#include <collector/engine/sharding.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <tuple>

namespace collector::receive {
namespace {

/// Without body_size_limit: what one answer may cost in memory.
constexpr std::size_t kLargestBody = std::size_t{512} << 20;
/// A scrape that begins this close to its tick carries the tick's time, which compresses better;
/// never more than 1 % of the interval (Prometheus, scrape.ScrapeTimestampTolerance).
constexpr Duration kAlign = std::chrono::milliseconds(2);
/// Scrapes of one target whose samples are not taken yet: a disk takes its time to sync, and more
/// than this is a receiver that has no room.
constexpr std::size_t kMostWaiting = 4;
/// Nobody waits for a scrape. Small ones that come in this time leave together; never longer than a
/// tenth of the interval.
constexpr Duration kToJoin = std::chrono::milliseconds(250);
/// And as many as are stored in this time share a sync.
constexpr Duration kToSync = std::chrono::milliseconds(100);

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

std::string_view media_type(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (!content_type.empty() && content_type.back() == ' ') content_type.remove_suffix(1);
  return content_type;
}

using format::Exposition;

/// As Prometheus: a known media type decides, any other leaves it to the fallback.
Result<Exposition> exposition_of(std::string_view content_type, const std::string& fallback) {
  const std::string_view media = media_type(content_type);
  if (net::equal_fold(media, "application/openmetrics-text")) return Exposition::open_metrics;
  if (net::equal_fold(media, "text/plain")) return Exposition::text;
  if (net::equal_fold(media, "application/vnd.google.protobuf")) return Exposition::protobuf;
  if (fallback.empty())
    return Status(Code::invalid_argument, fmt::format("the target sent Content-Type \"{}\" and no "
                                                      "scrape_fallback_protocol is set",
                                                      content_type));
  if (fallback == "PrometheusProto") return Exposition::protobuf;
  return fallback.rfind("OpenMetrics", 0) == 0 ? Exposition::open_metrics : Exposition::text;
}

format::ScrapeSettings settings_of(const ScrapeArguments& args, const ScrapeTarget& target) {
  format::ScrapeSettings s;
  s.labels = target.labels;
  s.honor_labels = args.honor_labels;
  s.honor_timestamps = args.honor_timestamps;
  s.track_timestamps_staleness = args.track_timestamps_staleness;
  s.utf8_names = args.metric_name_validation_scheme == "utf8";
  s.type_and_unit_labels = args.enable_type_and_unit_labels;
  s.start_timestamps = args.start_timestamp_zero_ingestion;
  s.interval_ms = target.interval.count() / 1'000'000;
  s.native_histograms = target.native_histograms;
  s.classic_histograms = target.classic_histograms;
  s.convert_histograms = target.convert_histograms;
  s.finest_schema = format::schema_for(args.native_histogram_min_bucket_factor);
  s.sample_limit = args.sample_limit;
  s.label_limit = args.label_limit;
  s.label_name_length_limit = args.label_name_length_limit;
  s.label_value_length_limit = args.label_value_length_limit;
  s.bucket_limit = args.native_histogram_bucket_limit;
  return s;
}

constexpr std::array<std::string_view, 8> kReports{"up",
                                                   "scrape_duration_seconds",
                                                   "scrape_samples_scraped",
                                                   "scrape_samples_post_metric_relabeling",
                                                   "scrape_series_added",
                                                   "scrape_timeout_seconds",
                                                   "scrape_sample_limit",
                                                   "scrape_body_size_bytes"};
constexpr std::size_t kPlainReports = 5;  // the rest: extra_metrics

std::string timeout_header(Duration timeout) {
  std::string text = fmt::format("{:.9f}", seconds(timeout));
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

ScrapeShared::ScrapeShared(Seams& seams, ScrapeArguments a)
    : arguments(std::move(a)), client(seams, pipeline::client_settings(arguments.client)) {}

const net::Request& ScrapeShared::request(Duration timeout) {
  const auto [at, fresh] = requests_.try_emplace(timeout);
  net::Request& request = at->second;
  if (!fresh) return request;
  request.headers.add("Accept", accept_header(arguments));
  request.headers.add("Accept-Encoding", arguments.enable_compression
                                             ? std::string(net::kAcceptEncoding)
                                             : std::string("identity"));
  request.headers.add("User-Agent", "libcollector/" COLLECTOR_VERSION);
  request.headers.add("X-Prometheus-Scrape-Timeout-Seconds", timeout_header(timeout));
  return request;
}

ScrapeLoop::ScrapeLoop(std::shared_ptr<ScrapeOutlet> outlet) : outlet_(std::move(outlet)) {}

void ScrapeLoop::configure(ScrapeTarget target, std::shared_ptr<ScrapeShared> shared) {
  rephase_ =
      rephase_ || leaving_ || target.interval != target_.interval || target.hash != target_.hash;
  leaving_ = false;
  leave_phase_ = 0;
  target_ = std::move(target);
  // What the arguments make of a line is remembered by line: where they change, so does the memory.
  const auto meaning = [](const ScrapeArguments& a) {
    return std::tuple(a.honor_labels, a.enable_type_and_unit_labels,
                      a.metric_name_validation_scheme, a.label_limit, a.label_name_length_limit,
                      a.label_value_length_limit);
  };
  if (!cache_)
    cache_.emplace(outlet_->context.series(), outlet_->context.seams().random.next(),
                   &outlet_->metadata);
  else if (meaning(shared_->arguments) != meaning(shared->arguments))
    cache_->forget();
  shared_ = std::move(shared);
  if (rephase_) wake();
}

void ScrapeLoop::leave() {
  leaving_ = true;
  if (last_ms_ == 0) wake();
}

void ScrapeLoop::hand_over() {
  handed_over_ = true;
  wake();
}

void ScrapeLoop::wake() {
  std::stop_source old = std::exchange(wake_, std::stop_source());
  old.request_stop();
}

Task<void> ScrapeLoop::run(std::shared_ptr<ScrapeLoop> self, std::stop_token stop) {
  Loop& loop = self->outlet_->context.loop();
  auto end_sleep = [raw = self.get()] { raw->wake(); };
  std::stop_callback on_stop(stop, end_sleep);
  WallTime tick;
  bool used = false;  // the tick's turn has come
  while (!stop.stop_requested()) {
    const WallTime now = loop.wall();
    const Duration interval = self->target_.interval;
    const std::int64_t every = interval.count();
    if (std::exchange(self->rephase_, false) ||
        tick.unix_ns - now.unix_ns > 2 * every) {  // the wall clock was set back
      tick = {now.unix_ns + scrape_offset(self->target_, now).count()};
    } else if (used) {
      tick.unix_ns += every;
      // Of the ticks that passed meanwhile the last one is made up for: else a target that takes
      // its whole interval to time out would be seen every other time only.
      if (tick.unix_ns < now.unix_ns) tick.unix_ns += (now.unix_ns - tick.unix_ns) / every * every;
    }
    used = false;
    Duration delay = std::max(Duration(tick.unix_ns - now.unix_ns), Duration{});
    if (self->handed_over_ || (self->leaving_ && self->last_ms_ == 0)) {
      self->ended_ = true;
      co_return;
    }
    if (self->leave_phase_ == 2) delay = interval / 10;
    const bool slept = co_await sleep_for(loop, delay, self->wake_.get_token());
    if (!slept) continue;
    used = true;
    if (self->leaving_) {
      // The tick at which the next scrape would have been, one more interval, and a tenth.
      if (self->leave_phase_ == 0) self->stale_at_ = loop.wall().unix_ms();
      if (self->leave_phase_++ < 2) continue;
      self->mark_stale(self->stale_at_);
      self->ended_ = true;
      co_return;
    }
    if (self->waiting_ >= kMostWaiting) {
      self->outlet_->context.metrics()
          .counter("collector_scrapes_skipped_total",
                   "Scrapes left out because the samples of the one before were not taken yet.")
          .add();
      continue;
    }
    const WallTime begin = loop.wall();
    const Duration late(begin.unix_ns - tick.unix_ns);
    const bool aligned = late.count() >= 0 && late <= std::min(interval / 100, kAlign);
    const WallTime at = aligned ? tick : begin;
    co_await self->scrape(at, stop);
  }
  // Also at the end of the process, so that what reads the samples sees the end at once.
  if (self->last_ms_ != 0 && !self->handed_over_ && !self->outlet_->has_successor())
    self->mark_stale(std::max(loop.wall().unix_ms(), self->last_ms_ + 1));
}

Task<void> ScrapeLoop::scrape(WallTime at, std::stop_token stop) {
  const auto shared = shared_;  // an update may replace it meanwhile
  Context& context = outlet_->context;
  const ScrapeArguments& args = shared->arguments;
  Report report;
  report.start = at;
  const Instant begin = context.loop().now();
  auto columns = std::make_shared<MetricColumns>();
  if (!shared->forced_error.empty()) {
    report.error = shared->forced_error;
    cache_->stale(at.unix_ms(), *columns);
  } else {
    net::SendOptions options;
    options.timeout = target_.timeout;
    const auto limit = static_cast<std::size_t>(args.body_size_limit.bytes);
    // Prometheus fails a body of exactly the limit too.
    options.max_body = options.max_decoded = limit > 0 ? limit - 1 : kLargestBody;
    options.pool = &outlet_->bodies;
    options.stop = stop;
    const std::string url = target_.url;  // an update may change it
    auto answer =
        co_await shared->client.ask(shared->request(target_.timeout), url, std::move(options));
    if (stop.stop_requested()) co_return;  // cut off by ourselves: that says nothing of the target
    report.took = context.loop().now() - begin;
    take(answer, report, *columns);
    if (answer) {
      answer->charge.release();
      outlet_->bodies.give(std::move(answer->body));
    }
  }
  append_report(report, *columns);
  last_scrape_ = at;
  last_duration_ = report.took;
  last_samples_ = report.scraped;
  if (!report.error.empty()) outlet_->log_failure(target_, report.error);
  last_error_ = std::move(report.error);
  last_ms_ = at.unix_ms();
  const Duration most = target_.interval / 10;
  send(std::move(columns), {std::min(most, kToJoin), std::min(most, kToSync)});
}

void ScrapeLoop::take(const Result<net::Response>& answer, Report& report, MetricColumns& columns) {
  const ScrapeArguments& args = shared_->arguments;
  const std::int64_t at = report.start.unix_ms();
  if (!answer) {
    const bool too_long = answer.error().code() == Code::out_of_range;
    report.error =
        too_long ? "body size limit exceeded: " + answer.error().what() : answer.error().what();
    if (too_long) {
      report.bytes = -1;
      outlet_->over_bytes.add();
    }
    if (answer.error().code() == Code::resource_exhausted) outlet_->without_memory.add();
  } else if (answer->status != 200) {
    report.error = fmt::format("server returned HTTP status {} {}", answer->status,
                               net::reason_phrase(answer->status));
  } else {
    report.bytes = static_cast<double>(answer->body.size());
    const auto format =
        exposition_of(answer->headers.get("Content-Type"), args.scrape_fallback_protocol);
    if (!format) {
      report.error = format.error().what();
    } else {
      format::ScrapeSettings settings = settings_of(args, target_);
      settings.format = *format;
      const auto result = cache_->scrape(answer->body, settings, at, columns);
      const format::ScrapeStats& found = cache_->last();
      report.scraped = found.scraped;
      report.added = found.added;
      report.series_added = found.series_added;
      outlet_->count(found);
      if (result) {
        if (!args.honor_metadata) columns.metadata = nullptr;
        return;
      }
      report.error = result.error().what();
    }
  }
  cache_->stale(at, columns);
}

void ScrapeLoop::append_report(const Report& report, MetricColumns& columns) {
  const ScrapeArguments& args = shared_->arguments;
  const std::array<double, kReports.size()> values{
      report.error.empty() ? 1.0 : 0.0,         seconds(report.took),
      static_cast<double>(report.scraped),      static_cast<double>(report.added),
      static_cast<double>(report.series_added), seconds(target_.timeout),
      static_cast<double>(args.sample_limit),   report.bytes};
  const std::size_t n = args.extra_metrics ? kReports.size() : kPlainReports;
  for (std::size_t i = 0; i < n; ++i)
    cache_->append_report(kReports[i], target_.labels, report.start.unix_ms(), values[i], columns);
}

void ScrapeLoop::send(std::shared_ptr<MetricColumns> columns, ScrapeOutlet::Leisure leisure) {
  if (columns->series.empty()) return;
  ++waiting_;
  auto taken = [weak = weak_from_this()](bool) {
    if (auto self = weak.lock()) --self->waiting_;
  };
  outlet_->forward(std::move(columns), target_.phase(), leisure, bundle_, std::move(taken));
}

void ScrapeLoop::mark_stale(std::int64_t at_ms) {
  auto columns = std::make_shared<MetricColumns>();
  cache_->stale(at_ms, *columns);
  const std::size_t n = shared_->arguments.extra_metrics ? kReports.size() : kPlainReports;
  for (std::size_t i = 0; i < n; ++i)
    cache_->append_report(kReports[i], target_.labels, at_ms, std::bit_cast<double>(kStaleNaN),
                          *columns);
  send(std::move(columns), {});
}

TargetRow ScrapeLoop::row() const {
  TargetRow row;
  row.job = target_.job();
  row.url = target_.url;
  row.discovered_labels = target_.discovered;
  row.labels = target_.labels;
  row.health = last_scrape_.unix_ns == 0 ? "unknown" : last_error_.empty() ? "up" : "down";
  row.error = last_error_;
  row.last_scrape = last_scrape_;
  row.duration = last_duration_;
  row.interval = target_.interval;
  row.samples = last_samples_;
  return row;
}

}  // namespace collector::receive
