#include "commands.hpp"

#include "base/duration.hpp"
#include "facade/service.hpp"
#include "sharding/join_addresses.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <charconv>
#include <cstdlib>
#include <optional>
#include <utility>

namespace collector::cli {
namespace {

/// A flag of Alloy that changes nothing here, whatever its value.
void ignore(CLI::App& command, const char* name, const char* why) {
  command
      .add_option_function<std::string>(
          name, [](const std::string&) {}, fmt::format("Accepted for Alloy's sake: {}", why))
      ->expected(0, 1)
      ->default_str("true");
}

/// A flag of Alloy that may only have a value that asks for nothing.
void refuse(CLI::App& command, const char* name, std::vector<std::string> harmless,
            const char* hint) {
  command
      .add_option_function<std::string>(
          name,
          [=](const std::string& value) {
            for (const std::string& h : harmless)
              if (value == h) return;
            throw CLI::ValidationError(name, fmt::format("is not supported: {}", hint));
          },
          fmt::format("Refused: {}", hint))
      ->expected(0, 1)
      ->default_str("true");
}

void add_cluster_flags(CLI::App& command, RunFlags::Cluster& flags) {
  command
      .add_option("--cluster.enabled", flags.enabled,
                  "Share the targets of clustering components with other nodes")
      ->expected(0, 1)
      ->default_str("true");
  command.add_option("--cluster.node-name", flags.node_name,
                     "Name of this node, unique in the cluster; by default the machine's");
  command.add_option("--cluster.join-addresses", flags.join_addresses,
                     "Where other nodes are, with commas: HOST[:PORT], also behind dns+, dnssrv+, "
                     "dnssrvnoa+");
  command
      .add_option("--cluster.rejoin-interval", flags.rejoin_interval,
                  "How often the join addresses are looked up; 0s: once")
      ->capture_default_str();
  command.add_option("--cluster.advertise-address", flags.advertise_address,
                     "HOST[:PORT] at which other nodes reach this one's admin server");
  command
      .add_option("--cluster.advertise-interfaces", flags.advertise_interfaces,
                  "Interfaces whose address is advertised where none is given; all: any")
      ->capture_default_str();
  command
      .add_option("--cluster.max-join-peers", flags.max_join_peers,
                  "Join addresses that are asked at a time, at random; 0: all")
      ->capture_default_str();
  command.add_option("--cluster.name", flags.name,
                     "Nodes with another cluster name do not belong to it");
  command
      .add_option("--cluster.wait-for-size", flags.wait_for_size,
                  "Members without which clustering components do nothing")
      ->capture_default_str();
  command
      .add_option("--cluster.wait-timeout", flags.wait_timeout,
                  "After that they begin all the same, also while join addresses have no answer; "
                  "0s: never")
      ->capture_default_str();
  refuse(command, "--cluster.discover-peers", {""},
         "give --cluster.join-addresses a DNS name: dnssrv+NAME, a headless service in Kubernetes");
  refuse(command, "--cluster.enable-tls", {"false"},
         "the admin server, which nodes reach each other at, speaks plain HTTP in this version");
  for (const char* name : {"--cluster.tls-ca-path", "--cluster.tls-cert-path",
                           "--cluster.tls-key-path", "--cluster.tls-server-name"})
    ignore(command, name, "acts only with --cluster.enable-tls, which is refused");
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::string part;
  for (const char c : list + ",") {
    if (c != ',') {
      if (c != ' ') part += c;
    } else if (!part.empty()) {
      parts.push_back(std::exchange(part, {}));
    }
  }
  return parts;
}

/// False, with a message on standard error, when a flag cannot be.
bool cluster_options(const RunFlags::Cluster& flags, facade::ServiceOptions& service) {
  if (!flags.enabled) return true;
  auto& options = service.cluster.emplace();
  options.node_name = flags.node_name;
  options.cluster_name = flags.name;
  options.advertise_address = flags.advertise_address;
  options.join = split(flags.join_addresses);
  options.max_join_peers = flags.max_join_peers;
  options.wait_for_size = flags.wait_for_size;
  service.advertise_interfaces = split(flags.advertise_interfaces);
  for (const auto& [text, into] : {std::pair(&flags.rejoin_interval, &options.rejoin_interval),
                                   std::pair(&flags.wait_timeout, &options.wait_timeout)}) {
    const auto duration = *text == "0" ? std::optional(Duration{}) : base::parse_duration(*text);
    if (!duration || duration->count() < 0) {
      fmt::print(stderr, "collector: \"{}\" is no duration\n", *text);
      return false;
    }
    *into = *duration;
  }
  for (const std::string& address : options.join)
    if (auto parsed = sharding::parse_join_address(address, 1); !parsed) {
      fmt::print(stderr, "collector: --cluster.join-addresses: {}\n", parsed.error().what());
      return false;
    }
  return true;
}

}  // namespace

void add_run_flags(CLI::App& command, RunFlags& flags) {
  command.add_option("--server.http.listen-addr", flags.listen, "Address of the admin server")
      ->capture_default_str();
  command
      .add_option("--server.http.memory-addr", flags.memory_address,
                  "Name that in-process exporters are reached by")
      ->check([](const std::string& value) {
        return value == "alloy.internal:12345"
                   ? std::string()
                   : std::string("only alloy.internal:12345 is supported");
      });
  command.add_option("--server.http.ui-path-prefix", flags.ui_path_prefix, "Path of the pages")
      ->capture_default_str();
  command.add_option("--storage.path", flags.storage_path, "Folder for the collector's data")
      ->capture_default_str();
  command
      .add_option("--feature.component-shutdown-deadline", flags.shutdown_deadline,
                  "Time that components have to drain")
      ->capture_default_str();

  ignore(command, "--disable-reporting", "nothing is ever reported");
  ignore(command, "--server.http.disable-support-bundle", "there is no support bundle");
  ignore(command, "--disable-support-bundle", "there is no support bundle");
  ignore(command, "--server.http.enable-pprof", "there are no Go profiles");
  ignore(command, "--stability.level", "every component that exists may be used");
  ignore(command, "--feature.prometheus.direct-fanout.enabled", "fan-out is always direct");
  ignore(command, "--feature.prometheus.metric-validation-scheme",
         "deprecated, without effect there too");
  ignore(command, "--windows.priority", "this is not Windows");
  add_cluster_flags(command, flags.cluster);
  refuse(command, "--config.format", {"alloy"}, "convert the file with `alloy convert` first");
  refuse(command, "--config.bypass-conversion-errors", {"false"}, "nothing is converted");
  refuse(command, "--config.extra-args", {""}, "nothing is converted");
  refuse(command, "--feature.community-components.enabled", {"false"}, "there are none");
  refuse(command, "--server.http.enable-graphql", {"false"}, "use the JSON under /api/v0/");
  refuse(command, "--server.http.enable-graphql-playground", {"false"},
         "use the JSON under /api/v0/");
}

int run_collector(const RunFlags& flags) {
  constexpr int kUsage = static_cast<int>(facade::Exit::usage);
  facade::ServiceOptions options;
  options.paths = flags.paths;
  const auto colon = flags.listen.rfind(':');
  if (colon == std::string::npos) {
    fmt::print(stderr, "collector: --server.http.listen-addr needs ADDRESS:PORT\n");
    return kUsage;
  }
  const std::string port = flags.listen.substr(colon + 1);
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), options.listen_port);
  if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size()) {
    fmt::print(stderr, "collector: \"{}\" is no port\n", port);
    return kUsage;
  }
  options.listen_address = flags.listen.substr(0, colon);
  if (options.listen_address.size() > 1 && options.listen_address.front() == '[')
    options.listen_address = options.listen_address.substr(1, options.listen_address.size() - 2);
  if (options.listen_address.empty()) options.listen_address = "0.0.0.0";
  if (options.listen_address == "localhost") options.listen_address = "127.0.0.1";
  options.ui_path_prefix = flags.ui_path_prefix;
  if (!flags.paths.empty()) options.storage_path = flags.storage_path;
  const auto deadline = base::parse_duration(flags.shutdown_deadline);
  if (!deadline) {
    fmt::print(stderr, "collector: \"{}\" is no duration\n", flags.shutdown_deadline);
    return kUsage;
  }
  options.shutdown_deadline = *deadline;
  if (!cluster_options(flags.cluster, options)) return kUsage;
  if (const char* url = std::getenv("COLLECTOR_REMOTE_WRITE_URL")) options.remote_write_url = url;
  return static_cast<int>(facade::run_service(std::move(options)));
}

}  // namespace collector::cli
