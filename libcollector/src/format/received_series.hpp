// The series that senders of remote write have sent before, by a hash of their labels as they came:
// what is known costs a hash and a look. One thread.
#pragma once

#include "base/hash.hpp"
#include "model/series_table.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace collector::format {

class ReceivedSeries {
 public:
  struct Limits {
    std::size_t most = 4'000'000;  ///< series to remember; what is beyond them is told apart anew
    std::uint16_t turns = 10;      ///< a series that was not seen for so many is given up
  };
  /// `series` outlives it. What is remembered is on the account of `budget`; without room nothing
  /// more is remembered.
  ReceivedSeries(model::SeriesTable& series, std::uint64_t seed, const Budget& budget,
                 Limits limits);
  ReceivedSeries(model::SeriesTable& series, std::uint64_t seed, const Budget& budget)
      : ReceivedSeries(series, seed, budget, Limits()) {}
  ReceivedSeries(const ReceivedSeries&) = delete;
  ReceivedSeries& operator=(const ReceivedSeries&) = delete;
  ~ReceivedSeries();

  std::uint64_t seed() const { return seed_; }
  model::SeriesTable& table() { return series_; }

  /// How many bytes of labels the series had that came after the last one that was found, for
  /// senders keep their order: try these first. 0: nothing is expected.
  std::size_t expected_length() const {
    const std::size_t next = last_ + 1;
    return next < used_ ? at(next).length : 0;
  }
  /// Whether the expected one has this hash: then it is found.
  std::optional<SeriesId> expected(base::Hash128 hash) {
    const std::size_t next = last_ + 1;
    if (next >= used_ || at(next).hash != hash) return std::nullopt;
    return found(next);
  }
  std::optional<SeriesId> find(base::Hash128 hash) {
    if (const auto id = expected(hash)) return id;
    return find_elsewhere(hash);
  }
  /// Remembers a series of which the caller has a reference, which becomes the cache's. An id that
  /// is not remembered stays valid under a lease only. `length`: of its labels' bytes, 0 when they
  /// are no run of bytes.
  void add(base::Hash128 hash, std::size_t length, SeriesId id);

  /// Series not seen since are older from now on.
  void next_turn() { ++turn_; }
  /// Looks at up to `count` more series, round and round, and gives up those that are too old.
  void sweep(std::size_t count);

  std::size_t size() const { return live_; }
  std::size_t memory_bytes() const;

 private:
  struct Entry {
    base::Hash128 hash;  ///< 0: free
    SeriesId id{};
    std::uint16_t length = 0;  ///< 0: unknown, or too long to be tried first
    std::uint16_t seen = 0;    ///< the turn in which it was last there
  };
  static_assert(sizeof(Entry) == 24);
  static constexpr std::size_t kChunk = 4096;
  struct Index;

  Entry& at(std::size_t i) { return chunks_[i / kChunk][i % kChunk]; }
  const Entry& at(std::size_t i) const { return chunks_[i / kChunk][i % kChunk]; }
  SeriesId found(std::size_t i) {
    last_ = i;
    at(i).seen = turn_;
    return at(i).id;
  }
  std::optional<SeriesId> find_elsewhere(base::Hash128 hash);
  void clear();

  model::SeriesTable& series_;
  std::uint64_t seed_;
  Limits limits_;
  Reservation held_;
  std::vector<std::unique_ptr<Entry[]>> chunks_;  ///< in the order of first sight
  std::size_t used_ = 0;                          ///< entries, free ones between them included
  std::vector<std::uint32_t> free_;
  std::unique_ptr<Index> index_;
  std::size_t live_ = 0;
  std::size_t last_ = SIZE_MAX - 1;
  std::size_t sweep_at_ = 0;
  std::uint16_t turn_ = 0;
};

}  // namespace collector::format
