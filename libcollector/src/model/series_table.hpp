// The series of one worker. A (name, value) pair is kept once, encoded as remote write 1.0 sends
// it; a series is a list of pairs. One thread.
#pragma once

#include <collector/engine/signals.hpp>

#include "base/hash.hpp"
#include "model/byte_arena.hpp"
#include "model/chunked_array.hpp"
#include "model/labels.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace collector::model {

class SeriesTable;

/// While it lives, no id that was valid when it was taken is used for another series.
class TableLease {
 public:
  ~TableLease();

 private:
  friend class SeriesTable;
  struct Epochs;
  TableLease(std::shared_ptr<Epochs> epochs, std::uint64_t epoch);
  std::shared_ptr<Epochs> epochs_;
  std::uint64_t epoch_;
};

class SeriesTable {
 public:
  /// Hashes are seeded from `random`.
  explicit SeriesTable(Random& random);
  SeriesTable(const SeriesTable&) = delete;
  SeriesTable& operator=(const SeriesTable&) = delete;
  ~SeriesTable();

  /// The id of these labels, sorted by name, with a reference that the caller gives back by
  /// release().
  SeriesId intern(std::span<const Label> sorted);
  SeriesId intern(const LabelsBuilder& labels);
  void retain(SeriesId id) { ++record(id).references; }
  std::uint32_t references(SeriesId id) const { return record(id).references; }
  /// The last release retires the id: it is used again when no lease from before is left.
  void release(SeriesId id);
  std::shared_ptr<const TableLease> lease();

  /// Views into the table, in order of names; valid while the id is referenced or leased.
  void labels(SeriesId id, std::vector<Label>& out) const;
  std::string_view value_of(SeriesId id, std::string_view name) const;
  /// `name{a="b",c="d"}`.
  std::string to_text(SeriesId id) const;

  /// The pairs of a series in order of names, by numbers that are theirs as long as the id is
  /// referenced or leased.
  std::span<const std::uint32_t> pairs(SeriesId id) const { return pairs_of(record(id)); }
  /// A view into the table, as long as the pair is some series'.
  Label pair(std::uint32_t pair) const { return label_of(pairs_[pair]); }

  /// The length of the series' Label fields of a remote write 1.0 TimeSeries, tags included.
  std::size_t encoded_size(SeriesId id) const { return record(id).encoded_size; }
  /// Writes them and returns the end. Up to kSlack bytes behind it may be overwritten.
  char* append_encoded(SeriesId id, char* out) const;
  static constexpr std::size_t kSlack = ByteArena::kSlack;
  /// It will be encoded soon.
  void prefetch(SeriesId id) const { __builtin_prefetch(arena_.at(record(id).block)); }

  /// Calls `forget` before an id is used for another series, until the returned object dies.
  std::shared_ptr<void> on_reuse(std::function<void(SeriesId)> forget);

  std::size_t size() const { return live_; }
  /// Ids are below this.
  std::size_t bound() const { return records_.size(); }
  std::size_t memory_bytes() const;

 private:
  struct Pair {
    std::uint32_t block = 0;  ///< tag, length and message of one Label
    std::uint32_t size = 0;
    std::uint32_t references = 0;
    std::uint32_t hash = 0;
  };
  /// There are millions of these, so no hash: it is computed again when the index grows.
  struct Record {
    std::uint32_t block = kNoBlock;  ///< numbers of its pairs
    std::uint32_t count = 0;
    std::uint32_t encoded_size = 0;
    std::uint32_t references = 0;
  };
  static_assert(sizeof(Record) == 16);
  static constexpr std::uint32_t kNoBlock = ~std::uint32_t{0};

  Record& record(SeriesId id) { return records_[static_cast<std::size_t>(id)]; }
  const Record& record(SeriesId id) const { return records_[static_cast<std::size_t>(id)]; }
  std::span<const std::uint32_t> pairs_of(const Record& r) const {
    return {reinterpret_cast<const std::uint32_t*>(arena_.at(r.block)), r.count};
  }
  std::string_view bytes_of(const Pair& pair) const { return {arena_.at(pair.block), pair.size}; }
  std::uint32_t hash_of(const Record& r) const;
  std::uint32_t intern_pair(const Label& label);
  void release_pair(std::uint32_t pair);
  Label label_of(const Pair& pair) const;
  void reclaim();

  struct Indexes;
  std::uint64_t seed_;
  ByteArena arena_;
  ChunkedArray<Pair> pairs_;
  ChunkedArray<Record> records_;
  std::vector<std::uint32_t> free_pairs_, free_records_;
  std::unique_ptr<Indexes> indexes_;
  std::size_t live_ = 0;
  struct Retired {
    std::uint32_t id;
    std::uint64_t epoch;
  };
  std::deque<Retired> retired_;
  std::shared_ptr<TableLease::Epochs> epochs_;
  std::weak_ptr<const TableLease> current_;
  std::vector<std::weak_ptr<std::function<void(SeriesId)>>> listeners_;
  std::string scratch_;
  std::vector<std::uint32_t> scratch_pairs_;
};

}  // namespace collector::model
