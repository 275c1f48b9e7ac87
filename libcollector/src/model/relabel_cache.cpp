#include "model/relabel_cache.hpp"

namespace collector::model {

RelabelCache::RelabelCache(SeriesTable& series, RelabelRules rules)
    : RelabelCache(series, Rewrite([rules = std::move(rules)](LabelsBuilder& l) {
                     return rules.apply(l);
                   })) {}

RelabelCache::RelabelCache(SeriesTable& series, Rewrite rewrite)
    : series_(series), rewrite_(std::move(rewrite)) {
  listening_ = series_.on_reuse([this](SeriesId id) { forget(id); });
}

RelabelCache::~RelabelCache() {
  listening_.reset();
  for (std::size_t i = 0; i < map_.bound(); ++i) forget(SeriesId{static_cast<std::uint32_t>(i)});
}

std::uint32_t RelabelCache::compute(SeriesId from) {
  const auto i = static_cast<std::size_t>(from);
  ++size_;
  ++computed_;
  series_.labels(from, scratch_);
  labels_.clear();
  for (const Label& label : scratch_) labels_.set(label.name, label.value);
  if (!rewrite_(labels_) || labels_.all().empty()) {
    map_.set(i, kDropped);
    return kDropped;
  }
  const SeriesId to = series_.intern(labels_);
  // A series that stays itself must not keep itself alive.
  if (to == from) series_.release(to);
  const std::uint32_t number = static_cast<std::uint32_t>(to) + kFirst;
  map_.set(i, number);
  return number;
}

void RelabelCache::forget_retired() {
  for (std::size_t i = 0; i < map_.bound(); ++i) {
    const SeriesId id{static_cast<std::uint32_t>(i)};
    if (map_.get(i) != kUnknown && series_.references(id) == 0) forget(id);
  }
}

void RelabelCache::forget(SeriesId from) {
  const auto i = static_cast<std::size_t>(from);
  const std::uint32_t known = map_.get(i);
  if (known == kUnknown) return;
  map_.set(i, kUnknown);
  --size_;
  if (known >= kFirst && SeriesId{known - kFirst} != from)
    series_.release(SeriesId{known - kFirst});
}

}  // namespace collector::model
