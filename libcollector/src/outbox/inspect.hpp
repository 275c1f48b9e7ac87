// A look at logs on disk that changes nothing and needs no lock: what `collector outbox` shows. A
// writer may be at work meanwhile. Any thread.
#pragma once

#include <collector/engine/seams.hpp>

#include "outbox/format.hpp"
#include "outbox/log.hpp"

#include <optional>
#include <string>
#include <vector>

namespace collector::outbox {

struct LogSummary {
  std::string path;
  std::string component;                   ///< from the folder's name
  bool owned = false;                      ///< a living process has it
  std::optional<Destination> destination;  ///< as the first good segment says
  std::size_t segments = 0;
  std::uint64_t size = 0;  ///< bytes on disk
  Waiting waiting;
  std::int64_t oldest_ms = 0, newest_ms = 0;  ///< times of the waiting items; 0 without one
  std::size_t quarantined = 0;                ///< requests that were refused for good
  std::vector<std::string> problems;          ///< damage, with file and offset
};

/// The log in `folder`. `payloads`: reads them too, and says which are damaged.
LogSummary inspect_log(Files& files, const std::string& folder, bool payloads);
/// All logs below ROOT/COMPONENT/N/.
std::vector<LogSummary> inspect_outbox(Files& files, const std::string& root, bool payloads);

}  // namespace collector::outbox
