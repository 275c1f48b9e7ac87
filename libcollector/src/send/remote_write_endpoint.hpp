// One endpoint of prometheus.remote_write: its queue, the requests that are on their way, retries,
// counters and account. One thread.
#pragma once

#include <collector/engine/component.hpp>

#include "model/relabel_cache.hpp"
#include "net/http_client_config.hpp"
#include "pipeline/own_metrics.hpp"
#include "send/remote_write_arguments.hpp"
#include "send/sample_queue.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace collector::send {

/// The endpoint's name in metrics and ledgers, also when the arguments give none.
std::string endpoint_name(const EndpointArguments& arguments);
/// A URL whose password, if it has one, reads `xxxxx`.
std::string redacted_url(std::string_view url);
/// Retry-After (RFC 9110, 10.2.3): seconds or a date; at most five minutes.
std::optional<Duration> retry_after(std::string_view value, WallTime now);

struct EndpointCounters {
  EndpointCounters(pipeline::MetricRoot& root, StringMap fixed);
  void dropped(std::string reason, std::size_t samples);

  pipeline::OwnMetrics own;
  pipeline::Counter &in, &sent, &failed, &retried, &bytes, &enqueue_retries;
  pipeline::Counter &metadata_sent, &metadata_failed, &metadata_retried, &metadata_bytes;
  pipeline::Gauge &pending, &shards, &shards_max, &shards_min, &shards_desired, &shard_capacity;
  pipeline::Gauge &max_samples_per_send, &highest_in, &highest_sent;
  pipeline::Histogram& duration;
};

class RemoteWriteEndpoint : public std::enable_shared_from_this<RemoteWriteEndpoint> {
 public:
  /// `progressed` is called when samples were queued, delivered or given up.
  RemoteWriteEndpoint(Context& context, Function<void()> progressed);

  /// Also while requests are on their way: they use the new arguments at their next attempt.
  void configure(EndpointArguments arguments, const StringMap& external_labels);
  void start();
  /// Sends until nothing is left or `deadline` has come; then nothing of it runs any more. What is
  /// left stays `waiting` in the ledger and is logged.
  static Task<void> drain(std::shared_ptr<RemoteWriteEndpoint> self, Instant deadline);

  const std::string& name() const { return name_; }
  bool has_room(std::size_t samples) const;
  void push(const Metrics& batch);
  /// Counts a batch that found no room.
  void refused(std::size_t samples, bool dropped);
  void flush();
  std::size_t waiting() const { return queue_.samples(); }
  Ledger ledger() const;
  const std::string& last_error() const { return last_error_; }
  std::size_t shards() const { return shards_; }
  bool running() const { return running_; }
  /// Samples were delivered or given up since this was last asked.
  bool take_completed() { return std::exchange(completed_, false); }

 private:
  using Self = std::shared_ptr<RemoteWriteEndpoint>;
  struct Body {
    std::string bytes;
    std::size_t samples = 0, filtered = 0, too_old = 0;
    std::int64_t oldest = 0, newest = 0;  ///< ms, of the samples
    std::uint64_t epoch = 0;
  };
  enum class Verdict : std::uint8_t { delivered, refused, retry, stopped };
  struct Answer {
    Verdict verdict = Verdict::retry;
    std::string error;
    std::optional<Duration> after;
  };

  void pump();
  void arm_pump(Duration delay);
  bool due() const;
  Body encode(const SampleQueue::Load& load);
  Task<Answer> attempt(std::string body, int number);
  static Task<bool> deliver(Self self, SampleQueue::Load load);
  static Task<void> send_metadata(Self self);
  static Task<void> reshard(Self self);
  void update_shards(Duration since);
  void ended(bool lane);
  Duration backoff(Duration& delay, const Answer& answer);
  void settle(const SampleQueue::Load& load, const Body& body, const Answer& answer);
  void report();

  Context& context_;
  Function<void()> progressed_;
  std::string name_;
  EndpointArguments args_;
  std::uint64_t epoch_ = 0;  ///< of the arguments
  std::unique_ptr<EndpointCounters> counters_;
  std::shared_ptr<net::ConfiguredClient> client_;
  std::unique_ptr<model::RelabelCache> relabel_;  ///< external labels, then write relabelling
  SampleQueue queue_;
  std::unordered_map<std::uint64_t, std::shared_ptr<const std::vector<Metadata>>> metadata_;

  std::size_t shards_ = 1;
  std::size_t lanes_ = 0;  ///< requests and their retries on their way
  std::size_t tasks_ = 0;  ///< lanes and the periodic tasks
  bool running_ = false;
  bool flushing_ = false;
  TimerId timer_ = TimerId::none;
  std::stop_source stop_;      ///< of everything
  std::stop_source periodic_;  ///< of the periodic tasks alone
  Function<void()> changed_;   ///< drain waits for this

  std::uint64_t accepted_ = 0, delivered_ = 0;
  std::map<std::string, std::uint64_t> dropped_;
  std::string last_error_;
  bool completed_ = false;
  std::uint64_t in_since_ = 0, out_since_ = 0;  ///< samples, since shards were last computed
  Duration busy_since_{};                       ///< of all lanes together
};

}  // namespace collector::send
