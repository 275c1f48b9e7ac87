// What a line of text is where it is more than a sample: a piece of a classic histogram, a summary
// or a counter that says when it began. Remembered by line, as series are.
#pragma once

#include "format/scrape_pass.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

namespace collector::format {

struct LinePart {
  enum class Kind : std::uint8_t { other, bucket, sum, count, created };
  base::Hash128 group;  ///< the same for all pieces of one metric
  double bound = 0;     ///< of a bucket
  Kind kind = Kind::other;
};

struct LineParts {
  boost::unordered_flat_map<base::Hash128, LinePart, HashOfHash> by_line;
};

}  // namespace collector::format
