// Lists of metadata that many targets have alike are there once. One thread.
#pragma once

#include <collector/engine/signals.hpp>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace collector::format {

class MetadataPool {
 public:
  using List = std::shared_ptr<const std::vector<Metadata>>;
  /// The list that is equal to this one; it lives as long as somebody holds it.
  List share(std::vector<Metadata> list);
  /// Of its notes: one for each list that lives, and for at most as many, or 64, that are gone.
  std::size_t size() const { return known_.size(); }

 private:
  std::unordered_multimap<std::uint64_t, std::weak_ptr<const std::vector<Metadata>>> known_;
  std::size_t clean_at_ = 64;  ///< lists, when those that nobody holds are forgotten
};

}  // namespace collector::format
