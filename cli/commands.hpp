// The commands of the CLI. Each returns the exit code.
#pragma once

#include <deque>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace collector::cli {

struct RunFlags {
  std::vector<std::string> paths;
  std::string listen = "127.0.0.1:12345";
  std::string ui_path_prefix = "/";
  std::string storage_path = "data-alloy/";
  std::string shutdown_deadline = "10m";
  std::deque<std::string> unused;  ///< values of flags that are checked and change nothing
  std::string memory_limit = "auto";
  struct Cluster {
    bool enabled = false;
    std::string node_name, advertise_address, join_addresses, name;
    std::string advertise_interfaces = "eth0,en0";
    std::string rejoin_interval = "60s", wait_timeout = "0s";
    std::size_t max_join_peers = 5, wait_for_size = 0;
  } cluster;
};
/// Every flag of `alloy run`: with its meaning, accepted where it asks for nothing, else refused
/// with a hint.
void add_run_flags(CLI::App& command, RunFlags& flags);
/// Those that `alloy validate` has too.
void add_check_flags(CLI::App& command, RunFlags& flags);
int run_collector(const RunFlags& flags);

int validate(const std::vector<std::string>& paths);
int preflight(const std::vector<std::string>& paths);

struct FormatFlags {
  std::string path = "-";
  bool write = false, test = false;
};
int format_file(const FormatFlags& flags);

struct ReferenceFlags {
  bool json = false;
  std::string directory, component;
};
int reference(const ReferenceFlags& flags);

struct ExplainFlags {
  std::string what;
  std::string server = "127.0.0.1:12345";
};
int explain(const ExplainFlags& flags);

struct OutboxFlags {
  std::string path = "data-alloy/outbox";
};
int list_outbox(const OutboxFlags& flags);
int verify_outbox(const OutboxFlags& flags);

struct DrainFlags {
  std::string config, folder;
  std::string patience = "10m";
};
int drain_outbox(const DrainFlags& flags);

}  // namespace collector::cli
