// What rules make of each series, computed at its first sight: then one load per sample, however
// many rules there are. One thread.
#pragma once

#include "model/relabel.hpp"
#include "model/series_table.hpp"
#include "model/sparse_array.hpp"

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace collector::model {

class RelabelCache {
  static constexpr std::uint32_t kUnknown = 0, kDropped = 1, kFirst = 2;

 public:
  /// The new id, or nothing: an optional that fits a register, since samples ask one by one.
  class Mapped {
   public:
    explicit operator bool() const { return number_ >= kFirst; }
    SeriesId operator*() const { return SeriesId{number_ - kFirst}; }
    bool operator==(const Mapped&) const = default;

   private:
    friend class RelabelCache;
    explicit Mapped(std::uint32_t number) : number_(number) {}
    std::uint32_t number_;
  };
  /// What becomes of a series' labels; false drops it.
  using Rewrite = std::function<bool(LabelsBuilder&)>;
  /// `series` outlives the cache.
  RelabelCache(SeriesTable& series, Rewrite rewrite);
  RelabelCache(SeriesTable& series, RelabelRules rules);
  RelabelCache(const RelabelCache&) = delete;
  RelabelCache& operator=(const RelabelCache&) = delete;
  ~RelabelCache();

  /// The series that `from` becomes, or nothing when it is dropped.
  Mapped map(SeriesId from) {
    const std::uint32_t known = map_.get(static_cast<std::size_t>(from));
    return Mapped(known != kUnknown ? known : compute(from));
  }
  /// Forgets the results of series that nobody refers to any more; those of the others cost four
  /// bytes each and would only have to be computed again.
  void forget_retired();
  /// Series whose result is remembered.
  std::size_t size() const { return size_; }
  /// Results that were not remembered and had to be computed, so far.
  std::uint64_t computed() const { return computed_; }

 private:
  std::uint32_t compute(SeriesId from);
  void forget(SeriesId from);

  SeriesTable& series_;
  Rewrite rewrite_;
  SparseArray map_;
  std::size_t size_ = 0;
  std::uint64_t computed_ = 0;
  std::vector<Label> scratch_;
  LabelsBuilder labels_;
  std::shared_ptr<void> listening_;
};

}  // namespace collector::model
