// Native histograms as remote write sends them: the fields of its Histogram message, which 1.0 and
// 2.0 share. Pure.
#pragma once

#include <collector/engine/signals.hpp>

#include "wire/writer.hpp"

namespace collector::format {

/// Writes the fields before `p`, without length and tag. `start`: with the start timestamp, which
/// only 2.0 has.
char* put_histogram(char* p, const HistogramSample& sample, bool start, wire::Writer& writer);

}  // namespace collector::format
