#include "commands.hpp"

#include "base/byte_size.hpp"
#include "base/duration.hpp"
#include "base/utf8.hpp"
#include "facade/service.hpp"
#include "sharding/join_addresses.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <functional>
#include <optional>
#include <utility>

namespace collector::cli {
namespace {

bool is_true(const std::string& value) {
  return value == "true" || value == "TRUE" || value == "True" || value == "t" || value == "T" ||
         value == "1";
}
bool is_false(const std::string& value) {
  return value == "false" || value == "FALSE" || value == "False" || value == "f" || value == "F" ||
         value == "0";
}

using Check = std::function<std::string(const std::string&)>;  ///< what is wrong, or nothing

/// A flag of Alloy that takes a value; of several the last counts, as there.
void value_flag(CLI::App& command, RunFlags& flags, const char* name, std::string doc,
                const Check& check = {}) {
  auto* option = command.add_option(name, flags.unused.emplace_back(), std::move(doc))
                     ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  if (check) option->check(check);
}

/// A flag of Alloy that is true when it stands alone: only `=` gives it a value, so that what comes
/// after it is the path.
void switch_flag(CLI::App& command, RunFlags& flags, const char* name, std::string doc,
                 const Check& check = {}) {
  auto* option = command.add_flag(name, flags.unused.emplace_back(), std::move(doc))
                     ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  if (check) option->check(check);
}

Check is_switch() {
  return [](const std::string& value) {
    return is_true(value) || is_false(value) ? std::string() : "\"" + value + "\" is no boolean";
  };
}

void ignore_switch(CLI::App& command, RunFlags& flags, const char* name, const char* why) {
  switch_flag(command, flags, name, fmt::format("Accepted for Alloy's sake: {}", why), is_switch());
}
void ignore_value(CLI::App& command, RunFlags& flags, const char* name, const char* why) {
  value_flag(command, flags, name, fmt::format("Accepted for Alloy's sake: {}", why));
}
/// Refused but for a value that asks for nothing.
void refuse_switch(CLI::App& command, RunFlags& flags, const char* name, const char* hint) {
  switch_flag(command, flags, name, fmt::format("Refused: {}", hint),
              [hint](const std::string& value) {
                return is_false(value) ? std::string() : fmt::format("is not supported: {}", hint);
              });
}
void refuse_value(CLI::App& command, RunFlags& flags, const char* name, const char* harmless,
                  const char* hint) {
  value_flag(command, flags, name, fmt::format("Refused: {}", hint), [=](const std::string& value) {
    return value == harmless ? std::string() : fmt::format("is not supported: {}", hint);
  });
}

void add_cluster_flags(CLI::App& command, RunFlags& all) {
  constexpr auto kLast = CLI::MultiOptionPolicy::TakeLast;
  RunFlags::Cluster& flags = all.cluster;
  command
      .add_flag("--cluster.enabled", flags.enabled,
                "Share the targets of clustering components with other nodes")
      ->multi_option_policy(kLast);
  command
      .add_option("--cluster.node-name", flags.node_name,
                  "Name of this node, unique in the cluster; by default the machine's")
      ->multi_option_policy(kLast);
  command
      .add_option("--cluster.join-addresses", flags.join_addresses,
                  "Where other nodes are, with commas: HOST[:PORT], also behind dns+, dnssrv+, "
                  "dnssrvnoa+")
      ->multi_option_policy(kLast);
  command
      .add_option("--cluster.rejoin-interval", flags.rejoin_interval,
                  "How often the join addresses are looked up; 0s: once")
      ->multi_option_policy(kLast)
      ->capture_default_str();
  command
      .add_option("--cluster.advertise-address", flags.advertise_address,
                  "HOST[:PORT] at which other nodes reach this one's admin server")
      ->multi_option_policy(kLast);
  command
      .add_option("--cluster.advertise-interfaces", flags.advertise_interfaces,
                  "Interfaces whose address is advertised where none is given; all: any")
      ->multi_option_policy(kLast)
      ->capture_default_str();
  command
      .add_option("--cluster.max-join-peers", flags.max_join_peers,
                  "Join addresses that are asked at a time, at random; 0: all")
      ->multi_option_policy(kLast)
      ->capture_default_str();
  command
      .add_option("--cluster.name", flags.name,
                  "Nodes with another cluster name do not belong to it")
      ->multi_option_policy(kLast);
  command
      .add_option("--cluster.wait-for-size", flags.wait_for_size,
                  "Members without which clustering components do nothing")
      ->multi_option_policy(kLast)
      ->capture_default_str();
  command
      .add_option("--cluster.wait-timeout", flags.wait_timeout,
                  "After that they begin all the same, also while join addresses have no answer; "
                  "0s: never")
      ->multi_option_policy(kLast)
      ->capture_default_str();
  refuse_value(
      command, all, "--cluster.discover-peers", "",
      "give --cluster.join-addresses a DNS name: dnssrv+NAME, a headless service in Kubernetes");
  refuse_switch(
      command, all, "--cluster.enable-tls",
      "nodes ask each other over plain HTTP in this version, whatever the http block's tls says");
  for (const char* name : {"--cluster.tls-ca-path", "--cluster.tls-cert-path",
                           "--cluster.tls-key-path", "--cluster.tls-server-name"})
    ignore_value(command, all, name, "acts only with --cluster.enable-tls, which is refused");
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

/// Whether other nodes take it for a name: see ProbeMessage::parse.
bool is_name(std::string_view text) {
  if (text.size() > 512) return false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = base::utf8_character(text.substr(at));
    if (length == 0 || static_cast<unsigned char>(text[at]) < 0x20 || text[at] == 0x7f)
      return false;
    at += length;
  }
  return true;
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
  for (const auto& [flag, text] :
       {std::pair("--cluster.node-name", &options.node_name),
        std::pair("--cluster.name", &options.cluster_name),
        std::pair("--cluster.advertise-address", &options.advertise_address)})
    if (!is_name(*text)) {
      fmt::print(stderr, "collector: {}: more than 512 bytes, or not printable\n", flag);
      return false;
    }
  for (const std::string& address : options.join)
    if (auto parsed = sharding::parse_join_address(address, 1); !parsed) {
      fmt::print(stderr, "collector: --cluster.join-addresses: {}\n", parsed.error().what());
      return false;
    }
  return true;
}

}  // namespace

void add_check_flags(CLI::App& command, RunFlags& flags) {
  refuse_value(command, flags, "--config.format", "alloy",
               "convert the file with `alloy convert` first");
  refuse_switch(command, flags, "--config.bypass-conversion-errors", "nothing is converted");
  refuse_value(command, flags, "--config.extra-args", "", "nothing is converted");
  value_flag(command, flags, "--stability.level",
             "Accepted for Alloy's sake: every component that exists may be used",
             [](const std::string& value) {
               for (const char* level : {"experimental", "public-preview", "generally-available"})
                 if (value == level) return std::string();
               return "\"" + value +
                      "\" is none of experimental, public-preview and generally-available";
             });
  refuse_switch(command, flags, "--feature.community-components.enabled", "there are none");
}

void add_run_flags(CLI::App& command, RunFlags& flags) {
  constexpr auto kLast = CLI::MultiOptionPolicy::TakeLast;
  command.add_option("--server.http.listen-addr", flags.listen, "Address of the admin server")
      ->multi_option_policy(kLast)
      ->capture_default_str();
  refuse_value(command, flags, "--server.http.memory-addr", "alloy.internal:12345",
               "in-process exporters are reached at alloy.internal:12345");
  command.add_option("--server.http.ui-path-prefix", flags.ui_path_prefix, "Path of the pages")
      ->multi_option_policy(kLast)
      ->capture_default_str();
  command.add_option("--storage.path", flags.storage_path, "Folder for the collector's data")
      ->multi_option_policy(kLast)
      ->capture_default_str();
  command
      .add_option("--feature.component-shutdown-deadline", flags.shutdown_deadline,
                  "Time that components have to drain")
      ->multi_option_policy(kLast)
      ->capture_default_str();
  add_check_flags(command, flags);

  command
      .add_option(
          "--memory.limit", flags.memory_limit,
          "Most memory for what arrives and is stored, such as 512MiB; what finds no room is "
          "refused and\ncounted. auto: three quarters of the control group's limit; 0: no "
          "limit")
      ->multi_option_policy(kLast)
      ->capture_default_str();

  ignore_switch(command, flags, "--disable-reporting", "nothing is ever reported");
  ignore_switch(command, flags, "--server.http.disable-support-bundle",
                "there is no support bundle");
  ignore_switch(command, flags, "--disable-support-bundle", "there is no support bundle");
  ignore_switch(command, flags, "--server.http.enable-pprof", "there are no Go profiles");
  ignore_switch(command, flags, "--feature.prometheus.direct-fanout.enabled",
                "fan-out is always direct");
  // Once a value, then a switch without effect.
  switch_flag(command, flags, "--feature.prometheus.metric-validation-scheme",
              "Accepted for Alloy's sake: deprecated, without effect there too");
  ignore_switch(command, flags, "--cluster.use-discovery-v1",
                "deprecated, without effect there too");
  ignore_value(command, flags, "--windows.priority", "this is not Windows");
  add_cluster_flags(command, flags);
  refuse_switch(command, flags, "--server.http.enable-graphql", "use the JSON under /api/v0/");
  refuse_switch(command, flags, "--server.http.enable-graphql-playground",
                "use the JSON under /api/v0/");
}

namespace {

/// Bodies and batches come and go. A heap that gives their memory back each time has the next one's
/// pages faulted in and cleared anew. What an embedding program does with its heap is its business.
void keep_heap(std::uint64_t memory_limit) {
#ifdef __GLIBC__
  constexpr std::uint64_t kShare = 64;                          // of the limit
  constexpr std::uint64_t kLeast = 128 << 10, kMost = 4 << 20;  // bytes; the least is glibc's own
  const int kept = static_cast<int>(std::clamp(memory_limit / kShare, kLeast, kMost));
  mallopt(M_TRIM_THRESHOLD, kept);
  mallopt(M_MMAP_THRESHOLD, kept);
#endif
}

}  // namespace

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
  if (!options.ui_path_prefix.starts_with('/')) options.ui_path_prefix.insert(0, 1, '/');
  if (!flags.paths.empty()) options.storage_path = flags.storage_path;
  const auto deadline = base::parse_duration(flags.shutdown_deadline);
  if (!deadline) {
    fmt::print(stderr, "collector: \"{}\" is no duration\n", flags.shutdown_deadline);
    return kUsage;
  }
  options.shutdown_deadline = *deadline;
  if (flags.memory_limit != "auto") {
    std::int64_t bytes = 0;
    if (!base::parse_bytes(flags.memory_limit, bytes)) {
      fmt::print(stderr, "collector: --memory.limit \"{}\" is no size such as 512MiB\n",
                 flags.memory_limit);
      return kUsage;
    }
    options.memory_limit = bytes > 0 ? static_cast<std::uint64_t>(bytes) : Budget::kNoLimit;
  }
  if (!cluster_options(flags.cluster, options)) return kUsage;
  keep_heap(options.memory_limit.value_or(Budget::kNoLimit));
  if (const char* url = std::getenv("COLLECTOR_REMOTE_WRITE_URL")) options.remote_write_url = url;
  return static_cast<int>(facade::run_service(std::move(options)));
}

}  // namespace collector::cli
