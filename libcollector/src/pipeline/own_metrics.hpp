// The collector's own metrics: counters, gauges and histograms that components and the engine keep
// about themselves, written as Prometheus text. One thread.
#pragma once

#include <collector/engine/arguments.hpp>

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace collector::pipeline {

struct Counter {
  double value = 0;
  void add(double by = 1) { value += by; }
};
struct Gauge {
  double value = 0;
  void set(double v) { value = v; }
  void add(double by) { value += by; }
};
struct Histogram {
  std::vector<double> bounds;         ///< upper bounds, rising, without +Inf
  std::vector<std::uint64_t> counts;  ///< one more than bounds
  double sum = 0;
  void observe(double v);
};

class MetricRoot;

/// The metrics of one owner. References stay valid until it is destroyed; then its metrics are
/// gone. Asking for the same name and labels again gives the same one.
class OwnMetrics {
 public:
  /// `fixed` are labels that every metric of this owner carries, such as component_id.
  OwnMetrics(MetricRoot& root, StringMap fixed);
  OwnMetrics(const OwnMetrics&) = delete;
  OwnMetrics& operator=(const OwnMetrics&) = delete;
  ~OwnMetrics();

  Counter& counter(std::string_view name, std::string_view help, StringMap labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, StringMap labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                       StringMap labels = {});
  /// Calls `update` before each write, to set gauges that are cheaper to compute then.
  void before_write(Function<void()> update) { before_write_.push_back(std::move(update)); }
  MetricRoot& root() { return root_; }

 private:
  friend class MetricRoot;
  struct Series {
    StringMap labels;
    Counter counter;
    Gauge gauge;
    Histogram histogram;
  };
  struct Family {
    char type = 'c';  ///< c, g or h
    std::string help;
    std::list<Series> series;
  };
  Series& series(std::string_view name, std::string_view help, char type, StringMap labels);

  MetricRoot& root_;
  StringMap fixed_;
  std::map<std::string, Family, std::less<>> families_;
  std::vector<Function<void()>> before_write_;
};

/// All owners of one collector.
class MetricRoot {
 public:
  /// Prometheus text exposition 0.0.4, families sorted by name, each once.
  void write(std::string& text);

 private:
  friend class OwnMetrics;
  std::set<OwnMetrics*> owners_;
};

}  // namespace collector::pipeline
