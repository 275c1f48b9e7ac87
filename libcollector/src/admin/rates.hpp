// The recent rate of every edge, from its counters looked at every few seconds. One thread.
#pragma once

#include "pipeline/controller.hpp"

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace collector::admin {

class EdgeRates {
 public:
  static constexpr Duration kEvery = std::chrono::seconds(5);
  static constexpr std::size_t kKept = 60;

  explicit EdgeRates(pipeline::Controller& controller) : controller_(controller) {}
  EdgeRates(const EdgeRates&) = delete;
  EdgeRates& operator=(const EdgeRates&) = delete;
  ~EdgeRates() { stop(); }

  void start();
  void stop();
  /// Samples per second settled over the last half minute.
  double samples_per_second(const pipeline::Edge& edge) const;
  /// One value per look, oldest first: samples per second.
  std::vector<double> history(const pipeline::Edge& edge) const;

 private:
  struct Look {
    Instant at;
    std::uint64_t settled = 0;
  };
  using Key = std::pair<std::string, std::string>;
  void look();

  pipeline::Controller& controller_;
  std::map<Key, std::deque<Look>> looks_;
  TimerId timer_ = TimerId::none;
};

}  // namespace collector::admin
