// The log of levels `stored` and above: segments in a folder of their own, written at their end and
// removed when all their frames are acknowledged. One thread; syncs are offloaded.
#pragma once

#include "outbox/cursor.hpp"
#include "outbox/log.hpp"

#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace collector::outbox {

class FileLog final : public Log {
 public:
  struct Options {
    Destination destination;
    std::uint64_t segment_size = std::uint64_t{64} << 20;
    std::uint64_t most = std::uint64_t{4} << 30;  ///< bytes on disk
  };
  /// What opening found, and what was found since.
  struct Damage {
    std::uint64_t frames = 0;  ///< that are missing or unreadable
    std::uint64_t items = 0;   ///< of those, as far as their neighbours tell
    std::uint64_t syncs = 0;   ///< that failed
  };

  /// Makes `folder` if need be, or reads what an earlier run left there. Everything given outlives
  /// the log. failed_precondition when a later version wrote there: nothing was touched then.
  static Result<std::unique_ptr<FileLog>> open(Loop& loop, Files& files, Random& random,
                                               const std::string& folder, Options options);
  ~FileLog() override;

  Result<StoredFrame> append(Frame frame, std::string& buffer) override;
  void when_synced(std::uint64_t first, std::uint64_t last, Synced done) override;
  std::optional<StoredFrame> next(Position& position) override;
  Result<std::string> read(const StoredFrame& frame) override;
  bool acknowledge(const StoredFrame& frame) override;
  bool acknowledged(std::uint64_t sequence) const override {
    return acknowledged_.contains(sequence);
  }
  std::uint64_t drop_oldest() override;
  Status quarantine(const StoredFrame& frame, std::string_view reason) override;
  const Waiting& waiting() const override { return waiting_; }
  std::uint64_t size() const override { return size_; }
  std::uint64_t next_sequence() const override { return next_sequence_; }

  /// Writes the cursor if it changed; also done by the destructor, and before a segment goes.
  void save();
  void limit(std::uint64_t most);
  const Damage& damage() const { return damage_; }
  const Destination& destination() const { return options_.destination; }
  /// For `outbox ls`: when the oldest segment was begun; 0 without one.
  std::int64_t oldest_ms() const;
  std::size_t segments() const { return segments_.size(); }

 private:
  struct Segment {
    std::uint64_t id = 0;    ///< 0: its header is damaged, and no frame was found yet
    std::uint64_t last = 0;  ///< highest sequence in it, first - 1 when there is none
    std::uint64_t size = 0;
    std::int64_t created_ms = 0;
  };
  using Segments = std::map<std::uint64_t, Segment>;
  /// The files that a sync has to reach, by segment, and whether names have to be synced too.
  struct Unsynced {
    std::map<std::uint64_t, std::shared_ptr<File>> files;
    bool names = false;
  };
  struct Waiter {
    std::uint64_t first, last;
    Synced done;
  };

  FileLog(Loop& loop, Files& files, Random& random, std::string folder, Options options,
          Cursor cursor);
  Status recover();
  Status read_segment_header(std::uint64_t first, Segment& segment);
  std::string path(std::uint64_t first) const { return folder_ + "/" + segment_name(first); }
  Result<std::shared_ptr<File>> file_of(std::uint64_t first);
  std::optional<StoredFrame> frame_at(std::uint64_t first, Segment& segment, std::uint64_t& offset,
                                      std::uint64_t after);
  std::optional<std::string_view> peek(std::uint64_t first, const Segment& segment,
                                       std::uint64_t offset);
  void missing(std::uint64_t after, const Frame& found);
  Status begin_segment();
  void seal();
  void remove_delivered(Segments::iterator segment);
  void give_back_reserve();
  void start_sync();
  void synced(std::uint64_t through, const Status& status);
  void rewrite(const Status& why);
  Result<std::vector<StoredFrame>> copy(const std::vector<StoredFrame>& frames);

  Loop& loop_;
  Files& files_;
  Random& random_;
  std::string folder_;
  Options options_;
  Cursor cursor_;
  SequenceSet acknowledged_;
  bool cursor_stale_ = false;
  TimerId cursor_timer_ = TimerId::none;
  Segments segments_;
  std::shared_ptr<File> active_;  ///< of the last segment, while it is written
  std::pair<std::uint64_t, std::shared_ptr<File>> opened_;  ///< the segment that is read
  struct Block {
    std::uint64_t segment = 0, offset = 0;
    std::string bytes;
  } block_;  ///< what was read ahead
  std::uint64_t next_sequence_ = 1, items_ = 0, size_ = 0;
  Waiting waiting_;
  Damage damage_;
  Unsynced unsynced_;
  std::vector<Waiter> waiters_;
  bool syncing_ = false;
  bool rewritten_ = false;  ///< because of a sync that failed, and not synced since
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace collector::outbox
