// Lists of target groups as Prometheus' file and HTTP discovery read them
// (discovery/targetgroup): `[{"targets": ["host:port"], "labels": {"name": "value"}}]`. Pure.
#pragma once

#include <collector/engine/arguments.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace collector::discover {

enum class GroupFormat : std::uint8_t { json, yaml };

/// Every target with `__address__`, the labels of its group and `extra`, which wins over the
/// group's. invalid_argument says what is wrong with the text.
Result<std::vector<StringMap>> parse_target_groups(std::string_view text, GroupFormat format,
                                                   const StringMap& extra);

}  // namespace collector::discover
