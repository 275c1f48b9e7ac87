// A classic histogram as a native one with custom buckets, "NHCB" (Prometheus, util/convertnhcb).
// Pure.
#pragma once

#include <collector/engine/signals.hpp>

#include <optional>
#include <string>
#include <vector>

namespace collector::format {

/// Collects the series of one classic histogram, in any order.
class ClassicHistogram {
 public:
  void clear();
  /// `count` is cumulative; of a bound that comes twice the first one counts.
  void bucket(double bound, double count);
  void count(double count);
  void sum(double sum) { sum_ = sum; }
  /// Integer counts where all are whole. An error says what does not add up.
  Result<NativeHistogram> convert();

 private:
  struct Bucket {
    double bound, count;
  };
  std::vector<Bucket> buckets_;  ///< by bound
  std::optional<double> count_;
  double sum_ = 0;
  std::string error_;
};

}  // namespace collector::format
