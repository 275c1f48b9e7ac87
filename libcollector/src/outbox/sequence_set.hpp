// A set of sequence numbers as ranges: what was acknowledged. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

namespace collector::outbox {

class SequenceSet {
 public:
  /// Adds first..last, both included.
  void add(std::uint64_t first, std::uint64_t last) {
    if (last < first) return;
    auto next = ranges_.upper_bound(first);
    if (next != ranges_.begin()) {
      auto before = std::prev(next);
      if (before->second + 1 >= first) {
        first = before->first;
        last = std::max(last, before->second);
        ranges_.erase(before);
      }
    }
    while (next != ranges_.end() && next->first <= last + 1) {
      last = std::max(last, next->second);
      next = ranges_.erase(next);
    }
    ranges_.emplace_hint(next, first, last);
  }
  bool contains(std::uint64_t sequence) const { return covers(sequence, sequence); }
  bool covers(std::uint64_t first, std::uint64_t last) const {
    auto at = ranges_.upper_bound(first);
    return at != ranges_.begin() && std::prev(at)->second >= last;
  }
  /// The first number from `sequence` on that is not in the set.
  std::uint64_t next_missing(std::uint64_t sequence) const {
    auto at = ranges_.upper_bound(sequence);
    if (at == ranges_.begin() || std::prev(at)->second < sequence) return sequence;
    return std::prev(at)->second + 1;
  }
  /// How many of first..last are in the set.
  std::uint64_t count(std::uint64_t first, std::uint64_t last) const {
    std::uint64_t n = 0;
    for (std::uint64_t at = first; at <= last;) {
      const std::uint64_t missing = next_missing(at);
      n += std::min(missing, last + 1) - at;
      auto next = ranges_.lower_bound(missing);
      if (next == ranges_.end()) break;
      at = next->first;
    }
    return n;
  }
  void add(const SequenceSet& other) {
    for (const auto& [first, last] : other.ranges_) add(first, last);
  }
  /// Those of first..last that are not in the set.
  SequenceSet missing(std::uint64_t first, std::uint64_t last) const {
    SequenceSet out;
    for (std::uint64_t at = next_missing(first); at <= last; at = next_missing(at)) {
      const auto next = ranges_.upper_bound(at);
      const std::uint64_t end = next == ranges_.end() ? last : std::min(last, next->first - 1);
      out.add(at, end);
      at = end + 1;
    }
    return out;
  }
  SequenceSet without(const SequenceSet& other) const {
    SequenceSet out;
    for (const auto& [first, last] : ranges_) out.add(other.missing(first, last));
    return out;
  }
  std::uint64_t size() const {
    std::uint64_t n = 0;
    for (const auto& [first, last] : ranges_) n += last - first + 1;
    return n;
  }
  bool empty() const { return ranges_.empty(); }
  /// 0 when empty.
  std::uint64_t last() const { return ranges_.empty() ? 0 : ranges_.rbegin()->second; }
  const std::map<std::uint64_t, std::uint64_t>& ranges() const { return ranges_; }

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;  ///< first to last; no two touch
};

}  // namespace collector::outbox
