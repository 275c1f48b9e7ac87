#include "outbox/frame_window.hpp"

namespace collector::outbox {

void FrameWindow::add_to(Sums& sums, const StoredFrame& frame) {
  sums.items += frame.items;
  sums.bytes += frame.body_size;
  sums.encoded += frame.encoding != 0 ? 1 : 0;
}
void FrameWindow::take_from(Sums& sums, const StoredFrame& frame) {
  sums.items -= frame.items;
  sums.bytes -= frame.body_size;
  sums.encoded -= frame.encoding != 0 ? 1 : 0;
}

void FrameWindow::becomes_ready(std::uint8_t key) {
  const Sums& sums = sources_[key].sums;
  ready_.push_back(key);
  ready_sums_.items += sums.items;
  ready_sums_.bytes += sums.bytes;
  ready_sums_.encoded += sums.encoded;
}

void FrameWindow::add(const StoredFrame& frame, Instant now) {
  Source& source = sources_[frame.order_key];
  const bool first = source.entries.empty();
  source.entries.push_back({frame, now});
  unsent_.emplace(frame.sequence, now);
  add_to(source.sums, frame);
  ++frames_;
  bytes_ += frame.body_size;
  if (source.taken) return;
  if (first)
    becomes_ready(frame.order_key);
  else
    add_to(ready_sums_, frame);
}

FrameWindow::Load FrameWindow::take(std::uint64_t items, std::uint64_t bytes) {
  Load load;
  std::uint64_t size = 0;
  const auto fits = [&](const StoredFrame& frame) {
    if (load.frames.empty()) return true;
    const StoredFrame& first = load.frames.front();
    return first.encoding == 0 && frame.encoding == 0 && frame.protocol == first.protocol &&
           frame.context_size == first.context_size && frame.context_hash == first.context_hash &&
           load.items + frame.items <= items && size + frame.body_size <= bytes;
  };
  while (!ready_.empty()) {
    Source& source = sources_[ready_.front()];
    if (!fits(source.entries.front().frame)) break;
    load.keys.push_back(ready_.front());
    ready_.pop_front();
    source.taken = true;
    ready_sums_.items -= source.sums.items;
    ready_sums_.bytes -= source.sums.bytes;
    ready_sums_.encoded -= source.sums.encoded;
    while (!source.entries.empty() && fits(source.entries.front().frame)) {
      const StoredFrame& frame = source.entries.front().frame;
      take_from(source.sums, frame);
      load.items += frame.items;
      size += frame.body_size;
      load.frames.push_back(frame);
      unsent_.erase(frame.sequence);
      source.entries.pop_front();
    }
  }
  return load;
}

void FrameWindow::done(const Load& load) {
  frames_ -= load.frames.size();
  for (const StoredFrame& frame : load.frames) bytes_ -= frame.body_size;
  for (const std::uint8_t key : load.keys) {
    Source& source = sources_[key];
    source.taken = false;
    if (!source.entries.empty()) becomes_ready(key);
  }
}

void FrameWindow::clear() {
  for (Source& source : sources_) {
    frames_ -= source.entries.size();
    for (const Entry& e : source.entries) bytes_ -= e.frame.body_size;
    source.entries.clear();
    source.sums = {};
  }
  unsent_.clear();
  ready_.clear();
  ready_sums_ = {};
}

std::optional<Instant> FrameWindow::oldest_ready() const {
  if (ready_.empty()) return std::nullopt;
  return sources_[ready_.front()].entries.front().came;
}

}  // namespace collector::outbox
