// Sends what a log holds: loads of frames over lanes, with retries, halving, quarantine and a pause
// while credentials are refused. What a body means is its courier's business. One thread.
#pragma once

#include "outbox/frame_window.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace collector::outbox {

/// How one request ended.
struct Answer {
  enum class Verdict : std::uint8_t {
    delivered,
    retry,         ///< not now: no answer, 5xx, too many requests
    rejected,      ///< the request is at fault, and will be again
    too_large,     ///< less at a time may be taken
    unsupported,   ///< this protocol is not spoken there
    unauthorized,  ///< the credentials are refused, not the data
    stopped,       ///< the stop token ended it
  };
  Verdict verdict = Verdict::retry;
  std::string error;
  std::optional<Duration> after;  ///< retry: not before
  bool of_data = true;            ///< rejected: for what is in it, so a part may be taken
};

/// A frame with its bytes.
struct Parcel {
  StoredFrame frame;
  std::string context, body;
  std::uint32_t items = 0;  ///< of the frame's that are in the body
};

/// What the owner of a destination does for its sender.
class Courier {
 public:
  virtual ~Courier() = default;
  /// Sends one request that holds these frames, in their order: all of one protocol and context,
  /// several only of encoding 0. `number` is 0 at the first attempt.
  /// May take the bodies out of `parcels`, which stay until it returns.
  virtual Task<Answer> attempt(std::vector<Parcel>& parcels, int number, std::stop_token stop) = 0;
  /// Takes items older than `cutoff_ms` out of the body and says how many.
  virtual std::uint32_t drop_older(Parcel& parcel, std::int64_t cutoff_ms) = 0;
  /// After `too_large` for a lone frame: its body as two, or nothing: then it is given up.
  virtual std::vector<Parcel> split(const Parcel& parcel) = 0;
  /// After `rejected` for a lone frame, or a part of one: its body as two, each with sources of its
  /// own, or nothing: then it is given up.
  virtual std::vector<Parcel> divide(const Parcel& parcel) = 0;
  /// After `unsupported`: whether `attempt` will send these frames in another way from now on.
  virtual bool fall_back() = 0;

  /// Items left the log for good.
  virtual void delivered(std::uint64_t items, std::int64_t newest_ms) = 0;
  virtual void dropped(std::uint64_t items, std::string_view reason, const std::string& error) = 0;
  virtual void will_retry(std::uint64_t items, const Answer& answer) = 0;
  /// Something of all this happened, or lanes ended or began.
  virtual void changed() = 0;
};

struct SenderLimits {
  std::size_t min_lanes = 1, max_lanes = 50;
  std::uint64_t items = 2000;                 ///< of one request
  std::uint64_t bytes = 1 << 20;              ///< of the bodies that are joined to one
  Duration linger = std::chrono::seconds(5);  ///< how long a load may wait to fill
  Duration min_backoff = std::chrono::milliseconds(30), max_backoff = std::chrono::seconds(5);
  Duration age_limit{};            ///< items that are older are dropped; 0: none
  bool out_of_order = false;       ///< newest first while there is a backlog
  bool drop_unauthorized = false;  ///< else they wait until the credentials are taken
};

class Sender : public std::enable_shared_from_this<Sender> {
 public:
  /// All three outlive the sender's last lane: see drain().
  Sender(Loop& loop, Random& random, Log& log, Courier& courier);

  /// Also while requests are on their way; those that wait for a retry try again at once.
  void configure(const SenderLimits& limits);
  void start();
  /// The log has this frame since now.
  void appended(const StoredFrame& frame);
  /// Sends what lingers, now.
  void flush();
  /// Sends until the log is empty or `deadline` has come; then nothing of it runs any more.
  static Task<void> drain(std::shared_ptr<Sender> self, Instant deadline);

  std::size_t lanes() const { return most_lanes_; }
  double desired_lanes() const { return desired_lanes_; }
  bool running() const { return running_; }
  /// Since when credentials are refused.
  std::optional<Instant> parked() const { return parked_; }

 private:
  using Self = std::shared_ptr<Sender>;
  /// A reader of the log: in order from the oldest, or of the newest while that one catches up.
  struct Reader {
    Position position;
    FrameWindow window;
    bool at_end = false;  ///< it has read all that was there
  };
  enum class Next : std::uint8_t { done, halve, stopped };

  void fill();
  bool idle();
  void follow(const StoredFrame& frame);
  bool in_live_load(std::uint64_t sequence) const;
  bool due(const FrameWindow& window) const;
  Reader* ready_reader();
  void pump();
  void arm_pump(Duration delay);
  void lane_ended();
  static Task<bool> serve(Self self, Reader* reader, FrameWindow::Load load);
  Task<Next> deliver(const std::vector<StoredFrame>& frames);
  Task<Next> deliver_parts(StoredFrame frame, Answer why);
  std::int64_t cutoff_ms() const;
  bool leave_out_old(Parcel& parcel);
  Result<std::vector<Parcel>> parcels_of(const std::vector<StoredFrame>& frames, int number,
                                         bool& mixed);
  void drop(const StoredFrame& frame, std::string_view reason, const std::string& error);
  void settle(const std::vector<Parcel>& parcels);
  void give_up(const std::vector<Parcel>& parcels, const Answer& answer);
  Task<bool> back_off(Duration& delay, const Answer& answer);
  static Task<void> adapt(Self self);
  void adapt_lanes(Duration since);

  Loop& loop_;
  Random& random_;
  Log& log_;
  Courier& courier_;
  SenderLimits limits_;
  std::unique_ptr<Reader> main_, live_;
  std::uint64_t live_from_ = 0;  ///< first sequence that is not main_'s; 0 while there is no live_
  std::vector<std::uint64_t> live_loads_;  ///< sequences that live_ has on their way
  bool live_turn_ = false;

  std::size_t most_lanes_ = 1, lanes_ = 0, tasks_ = 0;
  double desired_lanes_ = 0;
  bool running_ = false, flushing_ = false;
  TimerId timer_ = TimerId::none;
  std::stop_source stop_;      ///< of everything
  std::stop_source periodic_;  ///< of adapt()
  std::stop_source waiting_;   ///< of what backs off
  std::optional<Instant> parked_;
  Function<void()> changed_;                    ///< drain waits for this
  std::uint64_t in_since_ = 0, out_since_ = 0;  ///< items, since lanes were last adapted
  Duration busy_since_{};                       ///< of all lanes together
};

}  // namespace collector::outbox
