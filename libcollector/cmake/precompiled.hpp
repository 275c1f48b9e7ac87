// What nearly every source includes, for builds that precompile it (COLLECTOR_PRECOMPILE). No
// source may count on it: the release build does without.
#pragma once

#include <collector/engine/seams.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <unordered_map>
