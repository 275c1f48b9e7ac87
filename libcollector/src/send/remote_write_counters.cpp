// Names, counters and header values of remote write endpoints.
#include "send/remote_write_endpoint.hpp"

#include "base/civil_time.hpp"
#include "base/hash.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace collector::send {
namespace {

constexpr Duration kMostRetryAfter = std::chrono::minutes(5);

bool number(std::string_view text, std::int64_t& n) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  return error == std::errc() && end == text.data() + text.size() && n >= 0;
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that servers send (RFC 9110, 5.6.7).
std::optional<std::int64_t> parse_http_date(std::string_view text) {
  if (text.size() != 29 || text.substr(25) != " GMT") return std::nullopt;
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto month = kMonths.find(text.substr(8, 3));
  std::int64_t day = 0, year = 0, hour = 0, minute = 0, second = 0;
  if (month == kMonths.npos || month % 3 != 0 || !number(text.substr(5, 2), day) ||
      !number(text.substr(12, 4), year) || !number(text.substr(17, 2), hour) ||
      !number(text.substr(20, 2), minute) || !number(text.substr(23, 2), second))
    return std::nullopt;
  const std::int64_t days =
      base::days_from_civil(year, static_cast<unsigned>(month / 3 + 1), static_cast<unsigned>(day));
  return days * 86400 + hour * 3600 + minute * 60 + second;
}

}  // namespace

std::string endpoint_name(const EndpointArguments& arguments) {
  if (!arguments.name.empty()) return arguments.name;
  std::string text = arguments.url;
  for (const auto& [name, value] : arguments.headers) text += '\n' + name + ':' + value;
  return fmt::format("{:06x}", base::hash64(text, 0) >> 40);
}

std::string redacted_url(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == url.npos) return std::string(url);
  const auto begin = scheme + 3;
  const auto at = url.substr(0, url.find_first_of("/?#", begin)).rfind('@');
  if (at == url.npos || at < begin) return std::string(url);
  const auto colon = url.find(':', begin);
  if (colon > at) return std::string(url);
  return fmt::format("{}:xxxxx{}", url.substr(0, colon), url.substr(at));
}

std::optional<Duration> retry_after(std::string_view value, WallTime now) {
  if (value.empty()) return std::nullopt;
  std::int64_t seconds = 0;
  if (!number(value, seconds)) {
    const auto date = parse_http_date(value);
    if (!date) return std::nullopt;
    seconds = std::max<std::int64_t>(*date - now.unix_ns / 1'000'000'000, 0);
  }
  return Duration(std::chrono::seconds(std::min<std::int64_t>(
      seconds, std::chrono::duration_cast<std::chrono::seconds>(kMostRetryAfter).count())));
}

EndpointCounters::EndpointCounters(pipeline::MetricRoot& root, StringMap fixed)
    : own(root, std::move(fixed)),
      in(own.counter("prometheus_remote_storage_samples_in_total",
                     "Samples that the queue took in.")),
      sent(own.counter("prometheus_remote_storage_samples_total", "Samples that were delivered.")),
      failed(own.counter("prometheus_remote_storage_samples_failed_total",
                         "Samples that the endpoint refused for good.")),
      retried(own.counter("prometheus_remote_storage_samples_retried_total",
                          "Samples in requests that failed and are sent again.")),
      bytes(own.counter("prometheus_remote_storage_bytes_total",
                        "Bytes of samples delivered, compressed.")),
      enqueue_retries(own.counter("prometheus_remote_storage_enqueue_retries_total",
                                  "Batches that found the queue full.")),
      histograms_in(own.counter("prometheus_remote_storage_histograms_in_total",
                                "Native histograms that the queue took in.")),
      histograms_sent(own.counter("prometheus_remote_storage_histograms_total",
                                  "Native histograms that were delivered.")),
      histograms_failed(own.counter("prometheus_remote_storage_histograms_failed_total",
                                    "Native histograms that the endpoint refused for good.")),
      histograms_retried(
          own.counter("prometheus_remote_storage_histograms_retried_total",
                      "Native histograms in requests that failed and are sent again.")),
      exemplars_in(own.counter("prometheus_remote_storage_exemplars_in_total",
                               "Exemplars that the queue took in.")),
      exemplars_sent(own.counter("prometheus_remote_storage_exemplars_total",
                                 "Exemplars that were delivered.")),
      exemplars_failed(own.counter("prometheus_remote_storage_exemplars_failed_total",
                                   "Exemplars that the endpoint refused for good.")),
      exemplars_retried(own.counter("prometheus_remote_storage_exemplars_retried_total",
                                    "Exemplars in requests that failed and are sent again.")),
      metadata_sent(own.counter("prometheus_remote_storage_metadata_total",
                                "Metadata entries that were delivered.")),
      metadata_failed(own.counter("prometheus_remote_storage_metadata_failed_total",
                                  "Metadata entries that the endpoint refused.")),
      metadata_retried(own.counter("prometheus_remote_storage_metadata_retried_total",
                                   "Metadata entries in requests that are sent again.")),
      metadata_bytes(own.counter("prometheus_remote_storage_metadata_bytes_total",
                                 "Bytes of metadata delivered, compressed.")),
      pending(own.gauge("prometheus_remote_storage_samples_pending",
                        "Samples that wait or are on their way.")),
      shards(own.gauge("prometheus_remote_storage_shards",
                       "Requests that may be on their way at a time.")),
      shards_max(own.gauge("prometheus_remote_storage_shards_max", "Upper limit of shards.")),
      shards_min(own.gauge("prometheus_remote_storage_shards_min", "Lower limit of shards.")),
      shards_desired(own.gauge("prometheus_remote_storage_shards_desired",
                               "Shards that the flow of samples asks for.")),
      shard_capacity(
          own.gauge("prometheus_remote_storage_shard_capacity", "Samples to buffer per shard.")),
      max_samples_per_send(own.gauge("prometheus_remote_storage_max_samples_per_send",
                                     "Most samples of one request.")),
      highest_in(own.gauge("prometheus_remote_storage_highest_timestamp_in_seconds",
                           "Newest timestamp that the queue took in.")),
      highest_sent(own.gauge("prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
                             "Newest timestamp that was delivered.")),
      outbox_bytes(
          own.gauge("collector_outbox_bytes", "Bytes that the outbox takes in memory or on disk.")),
      parked(own.gauge("collector_outbox_parked_seconds",
                       "For how long the endpoint has refused the credentials; 0: it takes them.")),
      damaged_frames(own.counter("collector_outbox_damaged_frames_total",
                                 "Requests that were lost to damage on disk.")),
      failed_syncs(own.counter("collector_outbox_failed_syncs_total", "Syncs that failed.")),
      duration(own.histogram(
          "prometheus_remote_storage_sent_batch_duration_seconds", "Time that requests took.",
          {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 60, 120, 300})) {
  for (const char* reason : {"dropped_series", "too_old", "queue_full", "not_delivered_at_stop",
                             "outbox_full", "damaged"})
    dropped(kSamples, reason, 0);
  for (const char* reason : {"dropped_series", "not_enabled", kCustomBucketsReason})
    dropped(kHistograms, reason, 0);
  for (const char* reason : {"dropped_series", "not_enabled", "without_sample"})
    dropped(kExemplars, reason, 0);
}

void EndpointCounters::dropped(const char* kind, std::string reason, std::uint64_t n) {
  // Samples that waited are counted as such whether they were floats or histograms.
  std::string help = fmt::format("{} that were not sent, by reason.", kind);
  help.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(help.front())));
  own.counter(fmt::format("prometheus_remote_storage_{}_dropped_total", kind), help,
              {{"reason", std::move(reason)}})
      .add(static_cast<double>(n));
}

}  // namespace collector::send
