// The log of level `queued`: frames in memory, gone with the process. One thread.
#pragma once

#include <collector/engine/budget.hpp>

#include "outbox/log.hpp"

#include <map>

namespace collector::outbox {

class MemoryLog final : public Log {
 public:
  /// What it holds is on the account of `charge`: full when that cannot grow.
  MemoryLog(Loop& loop, Reservation charge) : loop_(loop), charge_(std::move(charge)) {}

  Result<StoredFrame> append(Frame frame, std::string& buffer) override;
  void when_synced(std::vector<StoredFrame> frames, Duration patience, Synced done) override;
  std::optional<StoredFrame> next(Position& position) override;
  Result<std::string> read(const StoredFrame& frame) override;
  bool acknowledge(const StoredFrame& frame) override;
  bool acknowledged(std::uint64_t sequence) const override { return !frames_.contains(sequence); }
  std::uint64_t drop_oldest() override;
  Status quarantine(const StoredFrame&, std::string_view) override { return {}; }
  const Waiting& waiting() const override { return waiting_; }
  std::uint64_t size() const override { return waiting_.bytes; }
  std::uint64_t next_sequence() const override { return last_ + 1; }

 private:
  struct Kept {
    StoredFrame frame;
    std::string payload;
  };
  Loop& loop_;
  Reservation charge_;
  std::map<std::uint64_t, Kept> frames_;
  std::uint64_t last_ = 0;
  Waiting waiting_;
};

}  // namespace collector::outbox
