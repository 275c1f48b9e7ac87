// The frames that a sender may send next, in the order of their sources. Each order key is a queue
// of its own; a load takes the oldest keys' frames, and a key whose frames are on their way gives
// no more until they are done: so any number of loads may be in flight and no source is reordered.
// One thread.
#pragma once

#include "outbox/log.hpp"

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace collector::outbox {

class FrameWindow {
 public:
  /// What one request carries: frames of one protocol. An encoded body travels alone.
  struct Load {
    std::vector<StoredFrame> frames;
    std::vector<std::uint8_t> keys;
    std::uint64_t items = 0;
  };

  void add(const StoredFrame& frame, Instant now);
  /// Up to `items` items and `bytes` bytes, at least one frame; empty when nothing is ready. Give
  /// the load back with `done`.
  Load take(std::uint64_t items, std::uint64_t bytes);
  void done(const Load& load);
  /// Forgets what is not in a load.
  void clear();

  /// In the window and in loads.
  std::size_t frames() const { return frames_; }
  std::uint64_t bytes() const { return bytes_; }
  bool empty() const { return frames_ == 0; }
  /// What `take` could give now, if it may give any number.
  std::uint64_t ready_items() const { return ready_sums_.items; }
  std::uint64_t ready_bytes() const { return ready_sums_.bytes; }
  /// An encoded frame is ready: nothing can join it.
  bool ready_encoded() const { return ready_sums_.encoded > 0; }
  /// When the oldest ready frame came.
  std::optional<Instant> oldest_ready() const;
  /// When the oldest frame came that is in no load, ready or not.
  std::optional<Instant> oldest() const {
    return unsent_.empty() ? std::nullopt : std::optional(unsent_.begin()->second);
  }

 private:
  struct Entry {
    StoredFrame frame;
    Instant came;
  };
  struct Sums {
    std::uint64_t items = 0, bytes = 0, encoded = 0;
  };
  struct Source {
    std::deque<Entry> entries;
    Sums sums;           ///< of the entries
    bool taken = false;  ///< part of it is in a load
  };
  static void add_to(Sums& sums, const StoredFrame& frame);
  static void take_from(Sums& sums, const StoredFrame& frame);
  void becomes_ready(std::uint8_t key);

  std::array<Source, 256> sources_;
  std::deque<std::uint8_t> ready_;  ///< keys with entries that are not in a load, oldest first
  std::map<std::uint64_t, Instant> unsent_;  ///< by sequence
  std::size_t frames_ = 0;
  std::uint64_t bytes_ = 0;
  Sums ready_sums_;
};

}  // namespace collector::outbox
