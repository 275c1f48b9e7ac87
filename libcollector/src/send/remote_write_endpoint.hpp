// One endpoint of prometheus.remote_write: samples become requests when they arrive, the requests
// wait in its outbox, and a sender brings them to the server. Counters and account. One thread.
#pragma once

#include <collector/engine/component.hpp>

#include "model/relabel_cache.hpp"
#include "net/http_client_config.hpp"
#include "outbox/file_log.hpp"
#include "outbox/sender.hpp"
#include "pipeline/own_metrics.hpp"
#include "send/remote_write_arguments.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace collector::send {

/// The endpoint's name in metrics and ledgers, also when the arguments give none.
std::string endpoint_name(const EndpointArguments& arguments);
/// A URL whose password, if it has one, reads `xxxxx`.
std::string redacted_url(std::string_view url);
/// Retry-After (RFC 9110, 10.2.3): seconds or a date; at most five minutes.
std::optional<Duration> retry_after(std::string_view value, WallTime now);

struct EndpointCounters {
  EndpointCounters(pipeline::MetricRoot& root, StringMap fixed);
  void dropped(std::string reason, std::uint64_t samples);

  pipeline::OwnMetrics own;
  pipeline::Counter &in, &sent, &failed, &retried, &bytes, &enqueue_retries;
  pipeline::Counter &metadata_sent, &metadata_failed, &metadata_retried, &metadata_bytes;
  pipeline::Gauge &pending, &shards, &shards_max, &shards_min, &shards_desired, &shard_capacity;
  pipeline::Gauge &max_samples_per_send, &highest_in, &highest_sent, &outbox_bytes, &parked;
  pipeline::Counter &damaged_frames, &failed_syncs;
  pipeline::Histogram& duration;
};

/// Where an endpoint may keep its outbox; no folders: in memory.
struct OutboxPlace {
  std::string own;
  std::vector<std::string> abandoned;  ///< of processes that are gone
};

class RemoteWriteEndpoint final : public outbox::Courier,
                                  public std::enable_shared_from_this<RemoteWriteEndpoint> {
 public:
  /// `progressed` is called when samples were queued, delivered or given up.
  RemoteWriteEndpoint(Context& context, Function<void()> progressed);

  /// Also while requests are on their way: they use the new arguments at their next attempt. What
  /// waits in the outbox stays as it was encoded.
  void configure(EndpointArguments arguments, const StringMap& external_labels);
  /// Opens the outbox and begins to send.
  Status start(const OutboxPlace& place);
  /// Sends until nothing is left or `deadline` has come; then nothing of it runs any more. What is
  /// left stays `waiting` in the ledger, is logged, and on disk is sent by the next run.
  static Task<void> drain(std::shared_ptr<RemoteWriteEndpoint> self, Instant deadline);

  const std::string& name() const { return name_; }
  /// Puts the batch into the outbox; `ack`, a share of its own, is settled when it is there at the
  /// endpoint's level. On an error nothing of the batch is there.
  Status push(const Metrics& batch, Ack& ack);
  /// Counts a batch that found no room.
  void refused(std::uint64_t samples, bool dropped);
  void flush();
  std::uint64_t waiting() const;
  Ledger ledger() const;
  const std::string& last_error() const { return last_error_; }
  std::size_t shards() const;
  bool running() const { return running_; }
  bool memory() const { return !files_log_; }
  /// The folder of its log, where it has one or took one over.
  std::string outbox_name() const { return place_.empty() ? "" : destination().fingerprint; }
  /// Samples were delivered or given up since this was last asked.
  bool take_completed() { return std::exchange(completed_, false); }

  // outbox::Courier
  Task<outbox::Answer> attempt(std::vector<outbox::Parcel>& parcels, int number,
                               std::stop_token stop) override;
  std::uint32_t drop_older(outbox::Parcel& parcel, std::int64_t cutoff_ms) override;
  std::vector<outbox::Parcel> split(const outbox::Parcel& parcel) override;
  bool fall_back() override { return false; }
  void delivered(std::uint64_t items, std::int64_t newest_ms) override;
  void dropped(std::uint64_t items, std::string_view reason, const std::string& error) override;
  void will_retry(std::uint64_t items, const outbox::Answer& answer) override;
  void changed() override { report(); }

 private:
  using Self = std::shared_ptr<RemoteWriteEndpoint>;
  /// A log and who empties it: the endpoint's own, and those that dead processes left.
  struct Channel {
    std::unique_ptr<outbox::Log> log;
    std::shared_ptr<outbox::Sender> sender;
  };

  outbox::SenderLimits limits() const;
  outbox::Destination destination() const;
  Status open(const std::string& folder, bool own);
  void adopt(const std::string& folder, const std::string& name, const std::string& own);
  Task<outbox::Answer> request(std::string body, int number, std::stop_token stop);
  static Task<void> send_metadata(Self self);
  void report();

  Context& context_;
  Function<void()> progressed_;
  std::string name_;
  EndpointArguments args_;
  pipeline::OutboxArguments outbox_;  ///< the root's where the endpoint's own say nothing
  std::unique_ptr<EndpointCounters> counters_;
  std::shared_ptr<net::ConfiguredClient> client_;
  std::unique_ptr<model::RelabelCache> relabel_;  ///< external labels, then write relabelling
  std::vector<Channel> channels_;                 ///< the first is the one that is written to
  outbox::FileLog* files_log_ = nullptr;          ///< the first channel's, when it is on disk
  std::string place_;                             ///< of a log on disk
  std::unordered_map<std::uint64_t, std::shared_ptr<const std::vector<Metadata>>> metadata_;

  std::size_t tasks_ = 0;  ///< other than the senders'
  bool running_ = false;
  std::stop_source stop_;     ///< of metadata
  Function<void()> changed_;  ///< drain waits for this

  std::uint64_t accepted_ = 0, delivered_ = 0;
  std::map<std::string, std::uint64_t> dropped_;
  std::string last_error_;
  bool completed_ = false;
  MetricColumns relabelled_;    ///< scratch
  std::string plain_, buffer_;  ///< scratch
};

}  // namespace collector::send
