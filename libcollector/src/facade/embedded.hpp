// A collector on a thread of its own, for a host program that calls from any thread.
#pragma once

#include <collector/engine/seams.hpp>

#include <sys/types.h>
#include <memory>
#include <string>

namespace collector::facade {

/// Every call blocks its caller until the loop has answered, within a bound that the call names.
class Embedded {
 public:
  /// invalid_argument with all diagnostics when the configuration does not load.
  /// std::bad_alloc and std::system_error when the machine has no memory or no thread for it.
  static Result<std::unique_ptr<Embedded>> open(const std::string& config,
                                                std::uint64_t memory_limit = Budget::kNoLimit);
  ~Embedded();

  /// This process is a fork of the one that opened it: the thread stayed there, and nothing but
  /// leaving the object alone is safe.
  bool forked() const;

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
  pid_t process_;
};

}  // namespace collector::facade
