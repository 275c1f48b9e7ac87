// One endpoint of prometheus.remote_write: samples become requests when they arrive, the requests
// wait in its outbox, and a sender brings them to the server. Counters and account. One thread.
#pragma once

#include <collector/engine/component.hpp>

#include "format/remote_write_v2.hpp"
#include "format/remote_write_v2_edit.hpp"
#include "model/relabel_cache.hpp"
#include "net/http_client_config.hpp"
#include "net/spread_network.hpp"
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

// Frame::protocol: a format::WriteVersion, with flags.
inline constexpr std::uint8_t kVersionMask = 0x0f;
inline constexpr std::uint8_t kHalf = 0x40;             ///< one of two that were too large together
inline constexpr std::uint8_t kMore = 0x80;             ///< it holds histograms or exemplars
inline constexpr std::uint8_t kPlain = 0, kSnappy = 1;  // Frame::encoding

/// Prometheus' name of what 1.0 has no place for.
inline constexpr const char* kCustomBucketsReason = "nhcb_in_rw1_not_supported";
// Of what something was dropped.
inline constexpr const char* kSamples = "samples";
inline constexpr const char* kHistograms = "histograms";
inline constexpr const char* kExemplars = "exemplars";

struct EndpointCounters {
  EndpointCounters(pipeline::MetricRoot& root, StringMap fixed);
  void dropped(const char* kind, std::string reason, std::uint64_t n);

  pipeline::OwnMetrics own;
  pipeline::Counter &in, &sent, &failed, &retried, &bytes, &enqueue_retries;
  pipeline::Counter &histograms_in, &histograms_sent, &histograms_failed, &histograms_retried;
  pipeline::Counter &exemplars_in, &exemplars_sent, &exemplars_failed, &exemplars_retried;
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
  void refused(const Metrics& batch, bool dropped);
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
  std::vector<outbox::Parcel> divide(const outbox::Parcel& parcel) override;
  bool fall_back() override { return true; }  // attempt() knows it before
  void delivered(std::uint64_t items, std::int64_t newest_ms) override;
  void dropped(std::uint64_t items, std::string_view reason, const std::string& error) override;
  void will_retry(std::uint64_t items, const outbox::Answer& answer) override;
  void changed() override { report(); }

 private:
  using Self = std::shared_ptr<RemoteWriteEndpoint>;
  static constexpr std::size_t kFewLists = 64;
  /// A log and who empties it: the endpoint's own, and those that dead processes left.
  struct Channel {
    std::unique_ptr<outbox::Log> log;
    std::shared_ptr<outbox::Sender> sender;
  };

  /// Whether the server takes 2.0, as far as we know. What the configuration asks for is tried
  /// again after a while.
  struct Speech {
    enum class Now : std::uint8_t {
      as_configured,
      perhaps_v1,  ///< it answered 400, as servers that only know 1.0 may
      v1
    } now = Now::as_configured;
    bool confirmed = false;  ///< it has said how much of a 2.0 request it wrote
    bool tried_v1 = false;   ///< 400 is about the data
    Instant ask_again{};
  };
  /// Items of requests that were answered, until the sender reports how they ended.
  struct Rest {
    std::uint64_t refused = 0;    ///< of delivered ones: not written by the endpoint
    std::uint64_t uncarried = 0;  ///< of delivered ones: 1.0 has no place for them
    std::uint64_t histograms_sent = 0, histograms_failed = 0, histograms_retried = 0;
    std::string error;
  };
  struct Outgoing {
    std::string body;
    format::WriteVersion version = format::WriteVersion::v1;
    format::RequestCounts counts;
    std::uint32_t uncarried = 0, lost_exemplars = 0;
  };
  struct Reply {
    outbox::Answer answer;
    int status = 0;
    std::optional<format::RequestCounts> written;  ///< what the endpoint says it wrote
  };

  outbox::SenderLimits limits() const;
  outbox::Destination destination() const;
  Status open(const std::string& folder, bool own);
  void adopt(const std::string& folder, const std::string& name, const std::string& own);
  format::WriteVersion spoken();
  outbox::Frame frame_of(const MetricColumns& columns, const format::RequestPart& part,
                         format::WriteVersion version);
  bool append_body(const MetricColumns& columns, const format::RequestPart& part,
                   format::WriteVersion version);
  void count_incoming(const MetricColumns& came, const MetricColumns& relabelled);
  void uncarried(std::uint64_t histograms);

  Result<Outgoing> outgoing(std::vector<outbox::Parcel>& parcels);
  std::vector<outbox::Parcel> halves_of(const outbox::Parcel& parcel, format::CutAt at);
  Task<Reply> request(std::string body, format::WriteVersion version, int number,
                      std::stop_token stop);
  void judge_v1(Reply& reply);
  void judge_v2(Reply& reply);
  void falls_back(Speech::Now now, const std::string& why);
  void account(const Reply& reply, const Outgoing& out, bool final);
  void remember(const std::shared_ptr<const std::vector<Metadata>>& metadata);
  static Task<void> send_metadata(Self self);
  void report();

  Context& context_;
  Function<void()> progressed_;
  std::string name_;
  EndpointArguments args_;
  pipeline::OutboxArguments outbox_;  ///< the root's where the endpoint's own say nothing
  std::unique_ptr<EndpointCounters> counters_;
  net::SpreadNetwork spread_;
  Seams spread_seams_;  ///< the component's with that network
  std::shared_ptr<net::ConfiguredClient> client_;
  std::unique_ptr<model::RelabelCache> relabel_;  ///< external labels, then write relabelling
  std::vector<Channel> channels_;                 ///< the first is the one that is written to
  outbox::FileLog* files_log_ = nullptr;          ///< the first channel's, when it is on disk
  std::string place_;                             ///< of a log on disk
  /// Lists that came since metadata was sent, and the turn at which each came last.
  std::unordered_map<std::shared_ptr<const std::vector<Metadata>>, std::uint64_t> metadata_;
  std::uint64_t metadata_turn_ = 0;
  std::size_t clean_metadata_at_ = kFewLists;  ///< lists
  Speech speech_;
  Rest rest_;

  std::size_t tasks_ = 0;  ///< other than the senders'
  bool running_ = false;
  std::stop_source stop_;     ///< of metadata
  Function<void()> changed_;  ///< drain waits for this

  std::uint64_t accepted_ = 0, delivered_ = 0;
  std::map<std::string, std::uint64_t> dropped_;
  std::string last_error_;
  bool completed_ = false;
  format::RequestCutter cutter_;
  format::RemoteWriteV2Encoder encoder_;
  format::RequestJoiner joiner_;
  MetricColumns relabelled_;    ///< scratch
  std::string plain_, buffer_;  ///< scratch
};

}  // namespace collector::send
