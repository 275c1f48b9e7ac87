// Samples that wait to be sent, in the order of their sources. Each order key is a queue of its
// own; a load takes the oldest keys whole or in part, and a key whose samples are on their way
// gives no more until they are done: so any number of loads may be in flight and no source is
// reordered. Batches are kept by reference. One thread.
#pragma once

#include <collector/engine/signals.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace collector::send {

class SampleQueue {
 public:
  struct Slice {
    Metrics batch;  ///< without an Ack: it was settled when the batch was queued
    std::size_t begin = 0, end = 0;
  };
  /// What one request carries.
  struct Load {
    std::vector<Slice> slices;
    std::vector<std::uint64_t> keys;
    std::size_t samples = 0;
  };

  void push(const Metrics& batch, Instant now);
  /// Up to `most` samples; empty when nothing is ready. Give the load back with `done`.
  Load take(std::size_t most);
  /// The load's samples were delivered or given up.
  void done(const Load& load);

  /// In the queue and in loads.
  std::size_t samples() const { return waiting_ + taken_; }
  std::size_t taken() const { return taken_; }
  /// What `take` could give now, if it may give any number.
  std::size_t ready() const { return ready_samples_; }
  /// When the oldest ready samples were queued.
  std::optional<Instant> oldest_ready() const;
  bool empty() const { return samples() == 0; }

 private:
  struct Entry {
    Slice slice;
    Instant queued;
  };
  struct Source {
    std::deque<Entry> entries;
    std::size_t samples = 0;
    bool taken = false;  ///< part of it is in a load
  };
  void make_ready(std::uint64_t key, Source& source);

  std::unordered_map<std::uint64_t, Source> sources_;
  std::deque<std::uint64_t> ready_;  ///< keys with entries that are not in a load, oldest first
  std::size_t waiting_ = 0, taken_ = 0, ready_samples_ = 0;
};

}  // namespace collector::send
