// Syncs of a FileLog: one runs at a time, beside the loop; what arrives meanwhile is the next
// group.
#include "outbox/file_log.hpp"

#include <algorithm>

namespace collector::outbox {

void FileLog::when_synced(std::uint64_t sequence, Function<void(Status)> done) {
  waiters_.push_back({sequence, std::move(done)});
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
    for (const auto& file : what.files)
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
  synced_through_ = through;
  std::vector<Waiter> waiting = std::exchange(waiters_, {});
  for (Waiter& w : waiting) {
    if (w.sequence <= through)
      w.done({});
    else
      waiters_.push_back(std::move(w));
  }
  start_sync();
}

/// After a sync that failed nobody knows what of the file is on the disk, and another sync of it
/// would say nothing (fsync(2), fsyncgate): its frames are written again to a new segment. When
/// that cannot be done, or fails to be synced as well, those who wait are told.
void FileLog::rewrite(const Status& why) {
  const bool again = std::exchange(rewritten_, true);
  active_.reset();
  unsynced_ = {};
  block_ = {};
  std::vector<Waiter> waiting;
  for (Waiter& w : std::exchange(waiters_, {})) {
    if (acknowledged_.contains(w.sequence))
      w.done({});  // delivered meanwhile
    else
      waiting.push_back(std::move(w));
  }
  std::map<std::uint64_t, std::uint64_t> moved;
  const std::uint64_t last = next_sequence_ - 1;
  Position position;
  position.sequence = synced_through_;
  for (auto frame = next(position); frame && frame->sequence <= last; frame = next(position)) {
    const auto payload = again ? Result<std::string>(why) : read(*frame);
    if (payload) {
      std::string buffer;
      begin(buffer, *payload);
      if (const auto copy = append(*frame, buffer)) moved[frame->sequence] = copy->sequence;
    }
    acknowledge(*frame);
  }
  for (Waiter& w : waiting) {
    if (const auto at = moved.find(w.sequence); at != moved.end())
      waiters_.push_back({at->second, std::move(w.done)});
    else
      w.done(why.in("the outbox could not be synced"));
  }
  synced_through_ = last;
  if (waiters_.empty()) rewritten_ = false;
  start_sync();
}

}  // namespace collector::outbox
