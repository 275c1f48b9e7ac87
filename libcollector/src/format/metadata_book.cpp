#include "format/metadata_book.hpp"

#include <algorithm>
#include <span>

namespace collector::format {
namespace {

/// Of names and texts of one sender; twenty times what a large Prometheus has.
constexpr std::size_t kMostBytes = 8U << 20;

std::span<const std::string_view> suffixes(MetricType type) {
  static constexpr std::string_view kHistogram[] = {"_bucket", "_count", "_sum"};
  static constexpr std::string_view kGaugeHistogram[] = {"_bucket", "_gcount", "_gsum"};
  static constexpr std::string_view kSummary[] = {"_count", "_sum"};
  switch (type) {
    case MetricType::histogram:
      return kHistogram;
    case MetricType::gauge_histogram:
      return kGaugeHistogram;
    case MetricType::summary:
      return kSummary;
    default:
      return {};
  }
}

}  // namespace

bool MetadataBook::see(std::string_view family, MetricType type, std::string_view help,
                       std::string_view unit) {
  const auto it = families_.find(family);
  if (it != families_.end() && it->second.type == type && it->second.help == help &&
      it->second.unit == unit)
    return true;
  const std::size_t before =
      it == families_.end() ? 0 : it->second.help.size() + it->second.unit.size();
  const std::size_t more = help.size() + unit.size() +
                           (it == families_.end() ? 2 * family.size() + sizeof(Metadata) : 0);
  if (bytes_ - before + more > kMostBytes) return false;
  bytes_ = bytes_ - before + more;
  Metadata& known = it == families_.end() ? families_[std::string(family)] : it->second;
  known = {std::string(family), type, std::string(help), std::string(unit)};
  all_ = nullptr;
  return true;
}

std::shared_ptr<const std::vector<Metadata>> MetadataBook::all() {
  if (all_ || families_.empty()) return all_;
  std::vector<Metadata> list;
  list.reserve(families_.size());
  for (const auto& [name, metadata] : families_) list.push_back(metadata);
  std::sort(list.begin(), list.end(),
            [](const Metadata& a, const Metadata& b) { return a.family < b.family; });
  all_ = std::make_shared<const std::vector<Metadata>>(std::move(list));
  return all_;
}

std::string_view family_of(std::string_view name, MetricType type) {
  for (const std::string_view suffix : suffixes(type))
    if (name.size() > suffix.size() && name.ends_with(suffix))
      return name.substr(0, name.size() - suffix.size());
  return name;
}

}  // namespace collector::format
