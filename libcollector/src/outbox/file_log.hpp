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
    /// Bytes that are kept free for the log's own work on a full disk, beside `most`; 0: none.
    std::size_t reserve = std::size_t{256} << 10;
  };
  /// What opening found, and what was found since.
  struct Damage {
    std::uint64_t frames = 0;  ///< that are missing or unreadable
    std::uint64_t items = 0;   ///< of those, as far as their neighbours tell
    std::uint64_t syncs = 0;   ///< that failed
  };

  /// Makes `folder` if need be, or reads what an earlier run left there. Everything given outlives
  /// the log. failed_precondition when a later version wrote there, or for another destination:
  /// nothing was touched then; already_exists while another log is open there.
  static Result<std::unique_ptr<FileLog>> open(Loop& loop, Files& files, Random& random,
                                               const std::string& folder, Options options);
  ~FileLog() override;

  Result<StoredFrame> append(Frame frame, std::string& buffer) override;
  void when_synced(std::vector<StoredFrame> frames, Duration patience, Synced done) override;
  /// The end is near: nobody's patience counts any more.
  void hurry();
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
    std::vector<StoredFrame> frames;
    Instant due;  ///< for the sync to begin
    Synced done;
  };
  /// Frames that are missing between two; their items when the neighbours tell.
  struct Gap {
    SequenceSet frames;
    std::optional<std::uint64_t> items;
  };

  FileLog(Loop& loop, Files& files, Random& random, std::string folder, Options options,
          std::shared_ptr<void> lock, Cursor cursor);
  Status recover();
  Status read_segment_header(std::uint64_t first, Segment& segment);
  std::string path(std::uint64_t first) const { return folder_ + "/" + segment_name(first); }
  Result<std::shared_ptr<File>> file_of(std::uint64_t first);
  Result<std::optional<StoredFrame>> frame_at(std::uint64_t first, Segment& segment,
                                              std::uint64_t& offset, std::uint64_t after);
  Result<std::string_view> peek(std::uint64_t first, const Segment& segment, std::uint64_t offset);
  Gap gap(const Position& position, std::uint64_t sequence, std::uint64_t items_before);
  void pass(const Position& position, std::uint64_t sequence, std::uint64_t items_before);
  bool give_up_page(Position& position, const Status& why);
  Status begin_segment();
  void skip_number();
  void seal();
  void remove_delivered(Segments::iterator segment);
  Status with_reserve(Function<Status()> work);
  bool has_reserve();
  void give_back_reserve();
  void sync_when_due();
  void start_sync();
  void synced(std::uint64_t through, const Status& status);
  void tell(std::uint64_t through);
  bool delivered(std::uint64_t sequence) const;
  void rewrite(const Status& why);
  Status copy(const std::vector<StoredFrame>& frames, std::vector<StoredFrame>& copies);

  Loop& loop_;
  Files& files_;
  Random& random_;
  std::string folder_;
  Options options_;
  std::shared_ptr<void> lock_;
  Cursor cursor_;
  SequenceSet acknowledged_;
  SequenceSet lost_;    ///< of those, what a reader did not find
  SequenceSet unread_;  ///< of those, what opening could not read: the next run may, so they stay
  bool cursor_stale_ = false;
  bool reserved_ = false;  ///< the reserve is there
  Instant reserve_tried_{};
  TimerId cursor_timer_ = TimerId::none;
  TimerId sync_timer_ = TimerId::none;
  Instant sync_due_{};  ///< when that fires
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
  /// Frames that were written once more and still wait: by the number they had, to what they are;
  /// and back.
  std::map<std::uint64_t, StoredFrame> moved_;
  std::map<std::uint64_t, std::uint64_t> moved_from_;
  int unreadable_ = 0;  ///< tries in a row to read a page that failed
  bool syncing_ = false, hurried_ = false;
  bool rewritten_ = false;  ///< because of a sync that failed, and not synced since
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace collector::outbox
