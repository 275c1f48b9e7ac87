// Syncs of a FileLog: one runs at a time, beside the loop; what arrives meanwhile is the next
// group.
#include "outbox/file_log.hpp"

#include <algorithm>

namespace collector::outbox {

void FileLog::when_synced(std::uint64_t first, std::uint64_t last, Synced done) {
  waiters_.push_back({first, last, std::move(done)});
  start_sync();
}

void FileLog::start_sync() {
  if (syncing_ || waiters_.empty()) return;
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
  std::vector<Waiter> waiting = std::exchange(waiters_, {});
  for (Waiter& w : waiting) {
    if (w.last <= through)
      w.done({}, 0);
    else
      waiters_.push_back(std::move(w));
  }
  start_sync();
}

/// After a sync that failed nobody knows what of the file is on the disk, and another sync of it
/// would say nothing (fsync(2), fsyncgate): the frames that somebody waits for are written again to
/// a new segment. When that cannot be done, or fails to be synced as well, those who wait are told
/// and their frames are gone: all of a waiter's or none. Nobody was promised more of the others than
/// what they have, so they stay.
void FileLog::rewrite(const Status& why) {
  const bool again = std::exchange(rewritten_, true);
  unsynced_ = {};
  block_ = {};
  seal();
  std::vector<std::pair<StoredFrame, StoredFrame>> moved;
  Position position;
  for (Waiter& w : std::exchange(waiters_, {})) {
    std::vector<StoredFrame> frames;
    if (position.sequence + 1 < w.first) {
      const auto after = segments_.upper_bound(w.first);
      if (after != segments_.begin() && std::prev(after)->first > position.segment)
        position = {0, std::prev(after)->first, kSegmentHeader};
      position.sequence = w.first - 1;
    }
    Position behind = position;
    for (auto f = next(behind); f && f->sequence <= w.last; f = next(behind)) {
      frames.push_back(*f);
      position = behind;
    }
    const auto copies = again ? Result<std::vector<StoredFrame>>(why) : copy(frames);
    if (copies) {
      for (std::size_t i = 0; i < frames.size(); ++i)
        moved.emplace_back(frames[i], (*copies)[i]);
      if (!frames.empty())
        waiters_.push_back(
            {copies->front().sequence, copies->back().sequence, std::move(w.done)});
    }
    if (copies && !frames.empty()) continue;
    std::uint64_t items = 0;
    for (const StoredFrame& frame : frames)
      if (acknowledge(frame)) items += frame.items;
    if (frames.empty() && acknowledged_.covers(w.first, w.last))
      w.done({}, 0);  // delivered meanwhile
    else
      w.done(why.in("the outbox could not be synced"), items);
  }
  for (const auto& [from, to] : moved) {
    was_moved(from.sequence, to);
    acknowledge(from);
  }
  if (waiters_.empty()) rewritten_ = false;
  start_sync();
}

/// All of the frames, or none.
Result<std::vector<StoredFrame>> FileLog::copy(const std::vector<StoredFrame>& frames) {
  std::vector<StoredFrame> copies;
  Status problem;
  for (const StoredFrame& frame : frames) {
    const auto payload = read(frame);
    if (!payload) {
      problem = payload.error();
      break;
    }
    std::string buffer;
    begin(buffer, *payload);
    const auto stored = append(frame, buffer);
    if (!stored) {
      problem = stored.error();
      break;
    }
    copies.push_back(*stored);
  }
  if (problem.ok()) return copies;
  for (const StoredFrame& frame : copies) acknowledge(frame);
  return problem;
}

}  // namespace collector::outbox
