// What one sender has said of its families, for the batches that its samples come in. One thread.
#pragma once

#include <collector/engine/signals.hpp>

#include <boost/unordered/unordered_flat_map.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace collector::format {

class MetadataBook {
 public:
  /// False when it is left out: the book is full.
  bool see(std::string_view family, MetricType type, std::string_view help, std::string_view unit);
  /// All of it, sorted by name; the same object as long as nothing changes. Null when empty.
  std::shared_ptr<const std::vector<Metadata>> all();

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
  };
  boost::unordered_flat_map<std::string, Metadata, Hash, std::equal_to<>> families_;
  std::size_t bytes_ = 0;
  std::shared_ptr<const std::vector<Metadata>> all_;
};

/// The family that a series of this name and type belongs to (OpenMetrics 1.0), as far as its name
/// says: `a` of `a_bucket` when that is a histogram. A counter is its own family, as in Prometheus'
/// text format.
std::string_view family_of(std::string_view name, MetricType type);

}  // namespace collector::format
