// Whether a native histogram is one, as Prometheus checks before it stores it
// (prometheus.io/docs/specs/native_histograms). Pure.
#pragma once

#include <collector/engine/signals.hpp>

#include <string>

namespace collector::format {

/// Empty when it is; else what contradicts what. Schemas 9 to 52 are taken: who stores them lowers
/// their resolution.
std::string fault_of(const NativeHistogram& histogram);

}  // namespace collector::format
