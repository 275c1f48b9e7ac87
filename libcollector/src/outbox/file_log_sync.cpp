// Syncs of a FileLog: one runs at a time, beside the loop; what arrives meanwhile is the next
// group.
#include "outbox/file_log.hpp"

#include <algorithm>

namespace collector::outbox {

void FileLog::when_synced(std::vector<StoredFrame> frames, Duration patience, Synced done) {
  if (hurried_) patience = {};
  waiters_.push_back({std::move(frames), loop_.now() + patience, std::move(done)});
  sync_when_due();
}

/// Begins the next sync, or waits until the most impatient waiter wants it.
void FileLog::sync_when_due() {
  if (syncing_ || waiters_.empty()) return;
  const auto first =
      std::min_element(waiters_.begin(), waiters_.end(),
                       [](const Waiter& a, const Waiter& b) { return a.due < b.due; });
  const Instant now = loop_.now();
  if (first->due <= now) return start_sync();
  if (sync_timer_ != TimerId::none && sync_due_ <= first->due) return;
  loop_.disarm(sync_timer_);
  sync_due_ = first->due;
  sync_timer_ = loop_.arm(first->due - now, [this] {
    sync_timer_ = TimerId::none;
    tell(0);
    sync_when_due();
  });
}

void FileLog::hurry() {
  hurried_ = true;
  for (Waiter& w : waiters_) w.due = loop_.now();
  sync_when_due();
}

void FileLog::start_sync() {
  loop_.disarm(std::exchange(sync_timer_, TimerId::none));
  syncing_ = true;
  auto result = std::make_shared<Status>();
  const std::uint64_t through = next_sequence_ - 1;
  // The files last: a sync that hangs may outlive the rest, and it owns them.
  auto work = [&files = files_, folder = folder_, what = std::exchange(unsynced_, {}), result] {
    if (what.names) *result = files.sync_directory(folder);
    for (const auto& [segment, file] : what.files)
      if (result->ok()) *result = file->sync();
  };
  loop_.offload(std::move(work), [this, alive = std::weak_ptr<bool>(alive_), through, result] {
    if (!alive.expired()) synced(through, *result);
  });
}

void FileLog::synced(std::uint64_t through, const Status& status) {
  syncing_ = false;
  if (!status.ok()) {
    ++damage_.syncs;
    return rewrite(status);
  }
  rewritten_ = false;
  tell(through);
  sync_when_due();
}

/// Those whose frames are synced, which are the frames up to `through`, or delivered meanwhile.
void FileLog::tell(std::uint64_t through) {
  for (Waiter& w : std::exchange(waiters_, {})) {
    if (std::all_of(w.frames.begin(), w.frames.end(), [&](const StoredFrame& frame) {
          return frame.sequence <= through || delivered(frame.sequence);
        }))
      w.done({}, 0);
    else
      waiters_.push_back(std::move(w));
  }
  // What was written again is delivered, or synced.
  if (waiters_.empty()) rewritten_ = false;
}

bool FileLog::delivered(std::uint64_t sequence) const {
  return acknowledged(sequence) && !lost_.contains(sequence);
}

/// After a sync that failed nobody knows what of the file is on the disk, and another sync of it
/// would say nothing (fsync(2), fsyncgate): the frames that somebody waits for are written again to
/// a new segment. When that cannot be done, or fails to be synced as well, those who wait are told
/// and their frames are gone: all of a waiter's or none; and those of the waiters behind it, or
/// they would overtake what is offered again. Nobody was promised more of the other frames than
/// what they have, so they stay.
void FileLog::rewrite(const Status& why) {
  Status problem = std::exchange(rewritten_, true) ? why : Status();
  unsynced_ = {};
  block_ = {};
  seal();
  std::vector<std::pair<StoredFrame, StoredFrame>> moved;
  std::vector<Function<void()>> notices;
  for (Waiter& w : std::exchange(waiters_, {})) {
    std::erase_if(w.frames, [&](const StoredFrame& f) { return delivered(f.sequence); });
    std::vector<StoredFrame> copies;
    if (problem.ok()) problem = copy(w.frames, copies);
    if (problem.ok() && !w.frames.empty()) {
      for (std::size_t i = 0; i < copies.size(); ++i) moved.emplace_back(w.frames[i], copies[i]);
      waiters_.push_back({std::move(copies), w.due, std::move(w.done)});
      continue;
    }
    std::uint64_t items = 0;
    for (const StoredFrame& frame : w.frames)
      if (acknowledge(frame)) items += frame.items;
    // Without frames all of them were delivered meanwhile.
    notices.emplace_back([done = std::move(w.done), items,
                          status = w.frames.empty() ? Status() : why.in("cannot sync")]() mutable {
      done(std::move(status), items);
    });
  }
  for (const auto& [from, to] : moved) {
    was_moved(from.sequence, to);
    acknowledge(from);
    moved_.emplace(from.sequence, to);
    moved_from_.emplace(to.sequence, from.sequence);
  }
  for (auto& notice : notices) notice();
  if (waiters_.empty()) rewritten_ = false;
  sync_when_due();
}

/// All of the frames, or none.
Status FileLog::copy(const std::vector<StoredFrame>& frames, std::vector<StoredFrame>& copies) {
  Status problem;
  for (const StoredFrame& frame : frames) {
    const auto payload = lost_.contains(frame.sequence)
                             ? Result<std::string>(Status(Code::data_loss, "it is missing"))
                             : read(frame);
    std::string buffer;
    if (payload) begin(buffer, *payload);
    auto stored = payload ? append(frame, buffer) : Result<StoredFrame>(payload.error());
    if (!stored) {
      problem = stored.error();
      break;
    }
    copies.push_back(*stored);
  }
  if (problem.ok()) return {};
  for (const StoredFrame& frame : copies) acknowledge(frame);
  return problem;
}

}  // namespace collector::outbox
