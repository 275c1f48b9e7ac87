// A destination's queue of encoded requests, in memory or on disk: frames are appended, read in
// order, acknowledged in any order. One thread.
#pragma once

#include <collector/engine/seams.hpp>

#include "outbox/format.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

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
  /// Items of the log's frames up to there; unknown before the first.
  std::optional<std::uint64_t> items;

  static Position behind(const StoredFrame& frame) {
    return {frame.sequence, frame.segment, frame.offset + frame.size(),
            frame.items_before + frame.items};
  }
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
  /// resource_exhausted when it is full, or the disk is; invalid_argument when it never fits.
  virtual Result<StoredFrame> append(Frame frame, std::string& buffer) = 0;
  /// Calls `done` once all of these frames survive a loss of power or are delivered; or with an
  /// error, when they cannot be made to: then those that were not delivered are no longer in the
  /// log, and `items` says how many items they held. Never from within. The work begins after
  /// `patience` at the latest: others may come until then and share it.
  using Synced = Function<void(Status, std::uint64_t items)>;
  virtual void when_synced(std::vector<StoredFrame> frames, Duration patience, Synced done) = 0;
  /// Calls `done` from within the acknowledge() of this frame; not when the log dies before.
  void when_acknowledged(std::uint64_t sequence, Function<void()> done) {
    if (acknowledged(sequence)) return done();
    waiting_for_.emplace(sequence, std::move(done));
  }

  /// Whom to tell, from within any call, of frames that the log wrote once more, at its end and
  /// under new numbers; and of items that waited and are gone.
  struct Watcher {
    Function<void(const StoredFrame&)> moved;
    Function<void(std::uint64_t items)> lost;
  };
  void watch(Watcher watcher) { watcher_ = std::move(watcher); }

  /// The next frame that is not acknowledged. Nothing at the end, where `position` is before
  /// next_sequence(); and nothing while the disk cannot be read: then try again later.
  virtual std::optional<StoredFrame> next(Position& position) = 0;
  /// Context and body. data_loss when they are damaged.
  virtual Result<std::string> read(const StoredFrame& frame) = 0;
  /// The frame is delivered or given up, also under the number that it had before it moved. False
  /// when it no longer waited: no effect then.
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
    if (watcher_.moved) watcher_.moved(to);
  }
  void was_lost(std::uint64_t items) {
    if (watcher_.lost) watcher_.lost(items);
  }

 private:
  Watcher watcher_;
  std::map<std::uint64_t, Function<void()>> waiting_for_;
};

}  // namespace collector::outbox
