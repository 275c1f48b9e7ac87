// A destination's queue of encoded requests, in memory or on disk: frames are appended, read in
// order, acknowledged in any order. One thread.
#pragma once

#include <collector/engine/seams.hpp>

#include "outbox/format.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace collector::outbox {

/// A frame and where it is.
struct StoredFrame : Frame {
  std::uint64_t segment = 0;  ///< its first sequence
  std::uint64_t offset = 0;
};

/// How far a reader is; a default one is before everything.
struct Position {
  std::uint64_t sequence = 0;  ///< of the frame that was read last
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;  ///< where the next one begins
};

/// Frames and items that were appended and neither acknowledged nor lost.
struct Waiting {
  std::uint64_t frames = 0, items = 0, bytes = 0;
};

class Log {
 public:
  virtual ~Log() = default;

  /// Room for the header at the front of `buffer`, then the context; the body goes behind.
  static void begin(std::string& buffer, std::string_view context) {
    buffer.assign(kFrameHeader, '\0');
    buffer.append(context);
  }
  /// Appends what begin() and its caller put into `buffer`. Of `frame` the caller sets items,
  /// times, order key, protocol, encoding and context size. When it fails the log is as before:
  /// resource_exhausted when it is full, or the disk is.
  virtual Result<StoredFrame> append(Frame frame, std::string& buffer) = 0;
  /// Calls `done` once the frames first..last, appended one behind the other, survive a loss of
  /// power or are delivered; or with an error, when they cannot be made to, and the items of those
  /// that are no longer in the log for it: all that were not delivered. Never from within.
  using Synced = Function<void(Status, std::uint64_t items)>;
  virtual void when_synced(std::uint64_t first, std::uint64_t last, Synced done) = 0;
  /// Whom to tell of frames that the log wrote once more, at its end, and under new numbers.
  void when_moved(Function<void(const StoredFrame&)> moved) { moved_ = std::move(moved); }

  /// Calls `done` from within the acknowledge() of this frame; not when the log dies before.
  void when_acknowledged(std::uint64_t sequence, Function<void()> done) {
    waiting_for_.emplace(sequence, std::move(done));
  }

  /// The next frame that is not acknowledged; nothing at the end.
  virtual std::optional<StoredFrame> next(Position& position) = 0;
  /// Context and body. data_loss when they are damaged.
  virtual Result<std::string> read(const StoredFrame& frame) = 0;
  /// The frame is delivered or given up; false when it no longer waited: no effect then.
  virtual bool acknowledge(const StoredFrame& frame) = 0;
  virtual bool acknowledged(std::uint64_t sequence) const = 0;
  /// Gives up the oldest frames to make room: the number of their items, 0 when there are none.
  virtual std::uint64_t drop_oldest() = 0;
  /// Keeps a frame that nobody will take, with the reason, where people find it; it still has to be
  /// acknowledged.
  virtual Status quarantine(const StoredFrame& frame, std::string_view reason) = 0;

  virtual const Waiting& waiting() const = 0;
  /// Bytes that it takes in memory or on disk.
  virtual std::uint64_t size() const = 0;
  /// The sequence that the next frame will have.
  virtual std::uint64_t next_sequence() const = 0;

 protected:
  void was_acknowledged(std::uint64_t sequence) {
    const auto at = waiting_for_.find(sequence);
    if (at == waiting_for_.end()) return;
    auto done = std::move(at->second);
    waiting_for_.erase(at);
    done();
  }
  /// Frame `from` is `to` now.
  void was_moved(std::uint64_t from, const StoredFrame& to) {
    if (auto node = waiting_for_.extract(from)) {
      node.key() = to.sequence;
      waiting_for_.insert(std::move(node));
    }
    if (moved_) moved_(to);
  }

 private:
  Function<void(const StoredFrame&)> moved_;
  std::map<std::uint64_t, Function<void()>> waiting_for_;
};

}  // namespace collector::outbox
