#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "facade/memory_limit.hpp"

using namespace collector;

namespace {
std::uint64_t limit_of(std::initializer_list<std::pair<std::string, std::string>> tree) {
  testing::SeededRandom random{1};
  testing::SimulatedLoop loop;
  testing::SimulatedFiles files{loop, random};
  for (const auto& [path, text] : tree) files.put(path, text);
  return facade::default_memory_limit(files);
}
}  // namespace

TEST_CASE("by default the limit is three quarters of the tightest control group's") {
  CHECK(limit_of({}) == Budget::kNoLimit);
  // Version 2, in a container: its own group is the root that it sees.
  CHECK(limit_of({{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/memory.max", "536870912\n"}}) ==
        402'653'184);
  CHECK(limit_of({{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/memory.max", "max\n"}}) ==
        Budget::kNoLimit);
  // A service whose slice is tighter than itself.
  CHECK(limit_of({{"/proc/self/cgroup", "0::/system.slice/collector.service\n"},
                  {"/sys/fs/cgroup/system.slice/memory.max", "400000000\n"},
                  {"/sys/fs/cgroup/system.slice/collector.service/memory.max", "800000000\n"}}) ==
        300'000'000);
  // Version 1 says "none" by a number near 2^63.
  CHECK(limit_of({{"/proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/docker/x\n"},
                  {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"},
                  {"/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", "268435456\n"}}) ==
        201'326'592);
}
