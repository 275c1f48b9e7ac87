#include "format/metadata_pool.hpp"

#include "base/hash.hpp"

#include <algorithm>

namespace collector::format {

MetadataPool::List MetadataPool::share(std::vector<Metadata> list) {
  std::uint64_t hash = list.size();
  for (const Metadata& m : list) {
    hash = base::hash64(m.family, hash + static_cast<std::uint64_t>(m.type));
    hash = base::hash64(m.help, hash);
    hash = base::hash64(m.unit, hash);
  }
  const auto [begin, end] = known_.equal_range(hash);
  for (auto at = begin; at != end; ++at)
    if (List same = at->second.lock(); same && *same == list) return same;
  if (known_.size() >= clean_at_) {
    std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
    clean_at_ = std::max<std::size_t>(64, 2 * known_.size());
  }
  list.shrink_to_fit();
  // Not make_shared: the memory of the list goes with its last owner, not with the pool's note.
  List shared(new const std::vector<Metadata>(std::move(list)));
  known_.emplace(hash, shared);
  return shared;
}

}  // namespace collector::format
