// Sends what lies in an outbox whose owner is gone: `collector outbox drain`.
#pragma once

#include "facade/service.hpp"

#include <string>
#include <vector>

namespace collector::facade {

struct DrainOptions {
  std::vector<std::string> paths;  ///< the configuration
  std::string folder;              ///< the outbox
  Duration patience = std::chrono::minutes(10);
};

/// Sends what waits in logs that no living process has, each to the endpoint of the configuration
/// that is its destination; `report` has a line for every log with what came of it. Of the
/// configuration only senders run, and what their arguments come from. Blocks until nothing is left
/// to send, `patience` is over, or SIGTERM or SIGINT comes. not_drained: something without an owner
/// was held, refused or not taken in time.
Exit drain_outbox(const DrainOptions& options, std::string& report);

}  // namespace collector::facade
