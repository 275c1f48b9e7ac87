// How much memory a daemon's budget has when nobody says it.
#pragma once

#include <collector/engine/seams.hpp>

namespace collector::facade {

/// Three quarters of the least memory limit among the control groups that hold this process (v2 or
/// v1), or Budget::kNoLimit. The budget counts what arrives; what remains is for what it does not
/// count: code, the table of series, fragmentation.
std::uint64_t default_memory_limit(Files& files);

}  // namespace collector::facade
