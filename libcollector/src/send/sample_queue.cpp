#include "send/sample_queue.hpp"

#include <algorithm>

namespace collector::send {

void SampleQueue::make_ready(std::uint64_t key, Source& source) {
  ready_.push_back(key);
  ready_samples_ += source.samples;
}

void SampleQueue::push(const Metrics& batch, Instant now) {
  const std::size_t n = batch.size();
  if (n == 0) return;
  const std::uint64_t key = batch.columns().order_key;
  Source& source = sources_[key];
  const bool first = source.entries.empty();
  source.entries.push_back({{batch.with(Ack()), 0, n}, now});
  source.samples += n;
  waiting_ += n;
  if (source.taken) return;
  if (first)
    make_ready(key, source);
  else
    ready_samples_ += n;
}

SampleQueue::Load SampleQueue::take(std::size_t most) {
  Load load;
  while (!ready_.empty() && load.samples < most) {
    const std::uint64_t key = ready_.front();
    ready_.pop_front();
    Source& source = sources_.at(key);
    ready_samples_ -= source.samples;
    source.taken = true;
    load.keys.push_back(key);
    while (!source.entries.empty() && load.samples < most) {
      Slice& slice = source.entries.front().slice;
      const std::size_t n = std::min(slice.end - slice.begin, most - load.samples);
      Slice part{slice.batch.with(Ack()), slice.begin, slice.begin + n};
      load.slices.push_back(std::move(part));
      load.samples += n;
      source.samples -= n;
      slice.begin += n;
      if (slice.begin == slice.end) source.entries.pop_front();
    }
  }
  waiting_ -= load.samples;
  taken_ += load.samples;
  return load;
}

void SampleQueue::done(const Load& load) {
  taken_ -= load.samples;
  for (const std::uint64_t key : load.keys) {
    auto at = sources_.find(key);
    at->second.taken = false;
    if (at->second.entries.empty())
      sources_.erase(at);
    else
      make_ready(key, at->second);
  }
}

std::optional<Instant> SampleQueue::oldest_ready() const {
  if (ready_.empty()) return std::nullopt;
  return sources_.at(ready_.front()).entries.front().queued;
}

}  // namespace collector::send
