#include "commands.hpp"

#include "base/byte_size.hpp"
#include "base/duration.hpp"
#include "facade/service.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <charconv>
#include <cstdlib>
#include <functional>

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
  for (const char* name :
       {"--cluster.node-name", "--cluster.join-addresses", "--cluster.discover-peers",
        "--cluster.rejoin-interval", "--cluster.advertise-address",
        "--cluster.advertise-interfaces", "--cluster.max-join-peers", "--cluster.name",
        "--cluster.tls-ca-path", "--cluster.tls-cert-path", "--cluster.tls-key-path",
        "--cluster.tls-server-name", "--cluster.wait-for-size", "--cluster.wait-timeout"})
    ignore_value(command, flags, name, "acts only with --cluster.enabled, which is refused");
  refuse_switch(command, flags, "--cluster.enabled",
                "run one instance; clustering is not there yet");
  refuse_switch(command, flags, "--cluster.enable-tls", "clustering is not there yet");
  refuse_switch(command, flags, "--server.http.enable-graphql", "use the JSON under /api/v0/");
  refuse_switch(command, flags, "--server.http.enable-graphql-playground",
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
  if (const char* url = std::getenv("COLLECTOR_REMOTE_WRITE_URL")) options.remote_write_url = url;
  return static_cast<int>(facade::run_service(options));
}

}  // namespace collector::cli
