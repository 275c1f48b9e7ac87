#include "facade/memory_limit.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

namespace collector::facade {
namespace {

constexpr std::size_t kLargestFile = 64U << 10;
/// v1 says "no limit" with a number near 2^63 (Documentation/admin-guide/cgroup-v1/memory.rst).
constexpr std::uint64_t kLeastNonsense = std::uint64_t{1} << 60;

std::uint64_t limit_in(Files& files, const std::string& path) {
  const auto text = files.read(path, kLargestFile);
  std::uint64_t limit = 0;
  if (!text) return Budget::kNoLimit;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  return error == std::errc() && limit < kLeastNonsense ? limit : Budget::kNoLimit;
}

/// The least limit of `group` and those that hold it.
std::uint64_t least_limit(Files& files, const std::string& root, std::string group,
                          const std::string& file) {
  std::uint64_t least = limit_in(files, root + "/" + file);
  while (group.size() > 1) {
    least = std::min(least, limit_in(files, root + group + "/" + file));
    group.erase(group.rfind('/'));
  }
  return least;
}

}  // namespace

std::uint64_t default_memory_limit(Files& files) {
  // HIERARCHY:CONTROLLERS:PATH, one line for each hierarchy (cgroups(7)).
  const auto groups = files.read("/proc/self/cgroup", kLargestFile);
  if (!groups) return Budget::kNoLimit;
  std::uint64_t least = Budget::kNoLimit;
  for (std::string_view rest = *groups; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers =
        "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    std::string group(line.substr(second + 1));
    if (group.substr(0, 1) != "/") continue;
    if (controllers == ",,")
      least = std::min(least, least_limit(files, "/sys/fs/cgroup", std::move(group), "memory.max"));
    else if (controllers.find(",memory,") != controllers.npos)
      least = std::min(least, least_limit(files, "/sys/fs/cgroup/memory", std::move(group),
                                          "memory.limit_in_bytes"));
  }
  return least == Budget::kNoLimit ? least : least / 4 * 3;
}

}  // namespace collector::facade
