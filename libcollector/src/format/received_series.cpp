#include "format/received_series.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

#include <algorithm>
#include <limits>

namespace collector::format {
namespace {

/// What a remembered series takes beside its entry: its place in the index, its record and pairs in
/// the table of series (benchmarks/README.md).
constexpr std::size_t kBesideEntry = 7 + 96;
constexpr std::size_t kNowhere = SIZE_MAX - 1;  // nothing is expected after it

}  // namespace

/// Numbers of entries, hashed and compared by what they hold.
struct ReceivedSeries::Index {
  struct Hash {
    using is_transparent = void;
    using is_avalanching = void;
    const ReceivedSeries* cache;
    std::size_t operator()(std::uint32_t i) const { return cache->at(i).hash.low; }
    std::size_t operator()(const base::Hash128& hash) const { return hash.low; }
  };
  struct Equal {
    using is_transparent = void;
    const ReceivedSeries* cache;
    bool operator()(std::uint32_t a, std::uint32_t b) const { return a == b; }
    bool operator()(const base::Hash128& hash, std::uint32_t i) const {
      return cache->at(i).hash == hash;
    }
    bool operator()(std::uint32_t i, const base::Hash128& hash) const { return (*this)(hash, i); }
  };
  explicit Index(const ReceivedSeries* cache) : entries(0, Hash{cache}, Equal{cache}) {}
  boost::unordered_flat_set<std::uint32_t, Hash, Equal> entries;
};

ReceivedSeries::ReceivedSeries(model::SeriesTable& series, std::uint64_t seed, const Budget& budget,
                               Limits limits)
    : series_(series),
      seed_(seed),
      limits_(limits),
      held_(budget.charge(0, "received_series")),
      index_(std::make_unique<Index>(this)) {}

ReceivedSeries::~ReceivedSeries() { clear(); }

void ReceivedSeries::clear() {
  for (std::size_t i = 0; i < used_; ++i)
    if (at(i).hash != base::Hash128()) series_.release(at(i).id);
  index_ = std::make_unique<Index>(this);
  chunks_.clear();
  free_ = {};
  used_ = live_ = sweep_at_ = 0;
  last_ = kNowhere;
  held_.release();
}

std::optional<SeriesId> ReceivedSeries::find_elsewhere(base::Hash128 hash) {
  const auto it = index_->entries.find(hash);
  if (it == index_->entries.end()) return std::nullopt;
  return found(*it);
}

void ReceivedSeries::add(base::Hash128 hash, std::size_t length, SeriesId id) {
  std::size_t place = used_;
  if (!free_.empty()) {
    place = free_.back();
    free_.pop_back();
  } else if (used_ == chunks_.size() * kChunk) {
    const bool room =
        live_ < limits_.most && held_.grow(kChunk * (sizeof(Entry) + kBesideEntry)).ok();
    if (!room) return series_.release(id);
    chunks_.push_back(std::make_unique<Entry[]>(kChunk));
  }
  if (place == used_) ++used_;
  if (length > std::numeric_limits<std::uint16_t>::max()) length = 0;
  at(place) = {hash, id, static_cast<std::uint16_t>(length), turn_};
  index_->entries.insert(static_cast<std::uint32_t>(place));
  ++live_;
  last_ = place;
}

void ReceivedSeries::sweep(std::size_t count) {
  for (count = std::min(count, used_); count > 0; --count) {
    if (sweep_at_ >= used_) sweep_at_ = 0;
    Entry& entry = at(sweep_at_);
    const auto age = static_cast<std::uint16_t>(turn_ - entry.seen);
    if (entry.hash != base::Hash128() && age > limits_.turns) {
      index_->entries.erase(static_cast<std::uint32_t>(sweep_at_));
      series_.release(entry.id);
      entry = {};
      free_.push_back(static_cast<std::uint32_t>(sweep_at_));
      --live_;
    }
    ++sweep_at_;
  }
  if (live_ == 0 && used_ > 0) clear();
}

std::size_t ReceivedSeries::memory_bytes() const {
  return chunks_.size() * kChunk * sizeof(Entry) + index_->entries.bucket_count() * 5 +
         free_.capacity() * sizeof(std::uint32_t);
}

}  // namespace collector::format
