// A collector on a thread of its own, for a host program that calls from any thread.
#pragma once

#include <collector/engine/seams.hpp>

#include <memory>
#include <string>

namespace collector::facade {

/// Every call blocks its caller until the loop has answered, within a bound that the call names.
class Embedded {
 public:
  /// invalid_argument with all diagnostics when the configuration does not load.
  static Result<std::unique_ptr<Embedded>> open(const std::string& config,
                                                std::uint64_t memory_limit = Budget::kNoLimit);
  ~Embedded();

  /// not_found: no such export. unavailable: no room now. failed_precondition: refused for good.
  Status push_metrics(const std::string& export_name, std::string text);
  Status flush(Duration timeout);
  Status reload(const std::string& config);
  /// Drains and ends the thread. deadline_exceeded when data was left.
  Status close(Duration timeout);

 private:
  explicit Embedded(std::uint64_t memory_limit);
  struct Worker;
  std::shared_ptr<Worker> worker_;
};

}  // namespace collector::facade
