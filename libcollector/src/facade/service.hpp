// The daemon: one controller on its own loop, the admin server, signals. What `collector run` runs.
#pragma once

#include <collector/engine/sharding.hpp>

#include "base/log.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace collector::facade {

/// How a run ended; also the exit code of `collector run`.
enum class Exit : int {
  ok = 0,                 ///< Asked to stop, everything drained.
  bad_configuration = 1,  ///< The first load failed; the diagnostics are on standard error.
  usage = 2,              ///< Wrong flags or files that cannot be read.
  not_drained = 3,        ///< Stopped with data undelivered; the log says how much.
  cannot_listen = 4,      ///< The admin address is not to be had.
};

struct ServiceOptions {
  std::vector<std::string> paths;  ///< files and directories; empty: the built-in configuration
  std::string listen_address = "127.0.0.1";
  std::uint16_t listen_port = 12345;
  std::string ui_path_prefix = "/";
  std::string storage_path;
  Duration shutdown_deadline = std::chrono::minutes(10);
  std::string remote_write_url;               ///< for the built-in configuration
  std::optional<std::uint64_t> memory_limit;  ///< bytes; unset: default_memory_limit()
  /// Absent: this node is alone. An empty node name means the machine's, an empty address to
  /// advertise that of the interfaces; the log is the service's.
  std::optional<sharding::ProbedMembership::Options> cluster;
  std::vector<std::string> advertise_interfaces;
};

/// Blocks until SIGTERM or SIGINT; SIGHUP reloads.
Exit run_service(ServiceOptions options);

}  // namespace collector::facade
