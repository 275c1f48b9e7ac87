// What prometheus.receive_http makes of one request: which message it is, what of it is forwarded,
// and the answer, which waits for every destination. One thread.
#pragma once

#include <collector/engine/component.hpp>

#include "format/remote_write_read.hpp"
#include "net/http.hpp"
#include "pipeline/own_metrics.hpp"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace collector::receive {

inline constexpr std::string_view kWriteRequestV1 = "prometheus.WriteRequest";
inline constexpr std::string_view kWriteRequestV2 = "io.prometheus.write.v2.Request";

struct WriteReceiverSettings {
  bool accept_v1 = true, accept_v2 = false;
  bool append_metadata = false;
  bool type_and_unit_labels = false;
  Duration answer_within{};  ///< 0: however long the destinations take
};

class WriteReceiver : public std::enable_shared_from_this<WriteReceiver> {
 public:
  explicit WriteReceiver(Context& context);
  WriteReceiver(const WriteReceiver&) = delete;
  WriteReceiver& operator=(const WriteReceiver&) = delete;

  void configure(WriteReceiverSettings settings) { settings_ = settings; }
  MetricsFanout& fanout() { return fanout_; }

  /// The answer to one request. The receiver lives until it is there.
  static Task<net::Response> answer(std::shared_ptr<WriteReceiver> self, net::Request request);
  /// A request that was refused before it could be read.
  void unreadable(int status);
  /// Answers what waits, and what comes, with 503.
  void give_up();
  std::size_t in_flight() const { return in_flight_; }
  /// Calls `idle` once when nothing is in flight any more.
  void when_idle(Function<void()> idle) { idle_ = std::move(idle); }

  /// A minute has passed.
  void next_turn();
  /// Gives up some of the series that were not sent for long.
  void sweep(std::size_t count) { known_.sweep(count); }
  std::size_t series() const { return known_.size(); }
  std::uint64_t unacknowledged() const { return unacknowledged_; }
  pipeline::Gauge& connections() { return connections_; }
  pipeline::Gauge& connection_limit() { return connection_limit_; }

 private:
  struct Wait;
  struct Sender {
    format::MetadataBook metadata;
    std::uint32_t seen = 0;  ///< the turn of the last request
  };

  Task<net::Response> write(net::Request& request);
  Result<format::WriteReport> read(net::Request& request, bool v2, MetricColumns& columns,
                                   Reservation& charge);
  Task<std::optional<Outcome>> forward(std::shared_ptr<MetricColumns> columns, Reservation charge);
  void settled(std::uint64_t bytes, std::size_t items, Instant begin, const Outcome& outcome);
  void finish(const std::shared_ptr<Wait>& wait, std::optional<Outcome> outcome);
  net::Response conclude(const format::WriteReport& report, bool v2,
                         const std::optional<Outcome>& outcome);
  net::Response refuse(int status, std::string_view reason, std::string text);
  void count(const format::WriteReport& report);

  Context& context_;
  MetricsFanout fanout_;
  WriteReceiverSettings settings_;
  format::ReceivedSeries known_;
  format::RemoteWriteReader reader_;
  std::map<std::uint64_t, Sender> senders_;  ///< by order key, where metadata is asked for
  std::uint32_t turn_ = 0;

  std::unordered_set<std::shared_ptr<Wait>> waits_;
  std::size_t in_flight_ = 0;
  std::uint64_t unacknowledged_ = 0;  ///< bytes of batches on their way
  bool given_up_ = false;
  Function<void()> idle_;

  pipeline::Gauge &connections_, &connection_limit_, &remembered_;
  pipeline::Counter &forwarded_, &invalid_labels_, &metadata_left_out_;
  pipeline::Counter &samples_, &histograms_, &exemplars_;
  std::array<pipeline::Counter*, format::kWriteFaults> refused_{};
  pipeline::Histogram& latency_;
};

/// Which message the header Content-Type names (RFC 9110, 8.3): 1 or 2; 0: none that we know.
int write_message_of(std::string_view content_type);

}  // namespace collector::receive
