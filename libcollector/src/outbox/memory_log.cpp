#include "outbox/memory_log.hpp"

namespace collector::outbox {

Result<StoredFrame> MemoryLog::append(Frame frame, std::string& buffer) {
  const std::size_t payload = buffer.size() - kFrameHeader;
  if (Status s = charge_.grow(payload); !s.ok()) return s;
  frame.sequence = ++last_;
  frame.body_size = static_cast<std::uint32_t>(payload - frame.context_size);
  frame.context_hash = hash_of_context({buffer.data() + kFrameHeader, frame.context_size});
  StoredFrame stored{frame};
  frames_.emplace(last_, Kept{stored, buffer.substr(kFrameHeader)});
  ++waiting_.frames;
  waiting_.items += frame.items;
  waiting_.bytes += payload;
  return stored;
}

void MemoryLog::when_synced(std::vector<StoredFrame>, Duration, Synced done) {
  loop_.post([done = std::move(done)]() mutable {
    done(Status(Code::failed_precondition, "this outbox is in memory"), 0);
  });
}

std::optional<StoredFrame> MemoryLog::next(Position& position) {
  const auto at = frames_.upper_bound(position.sequence);
  position.sequence = at == frames_.end() ? last_ : at->first;
  return at == frames_.end() ? std::nullopt : std::optional(at->second.frame);
}

Result<std::string> MemoryLog::read(const StoredFrame& frame) {
  const auto at = frames_.find(frame.sequence);
  if (at == frames_.end()) return Status(Code::not_found, "the frame was acknowledged");
  return at->second.payload;
}

bool MemoryLog::acknowledge(const StoredFrame& frame) {
  if (frames_.erase(frame.sequence) == 0) return false;
  --waiting_.frames;
  waiting_.items -= frame.items;
  waiting_.bytes -= frame.payload_size();
  charge_.shrink_to(waiting_.bytes);
  was_acknowledged(frame.sequence);
  return true;
}

std::uint64_t MemoryLog::drop_oldest() {
  if (frames_.empty()) return 0;
  const StoredFrame oldest = frames_.begin()->second.frame;
  acknowledge(oldest);
  return oldest.items;
}

}  // namespace collector::outbox
