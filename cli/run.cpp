#include "commands.hpp"

#include "base/byte_size.hpp"
#include "base/duration.hpp"
#include "facade/service.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <charconv>
#include <cstdlib>

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

  command
      .add_option(
          "--memory.limit", flags.memory_limit,
          "Most memory for what arrives and is stored, such as 512MiB; what finds no room is "
          "refused and\ncounted. auto: three quarters of the control group's limit; 0: no "
          "limit")
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
  for (const char* name :
       {"--cluster.node-name", "--cluster.join-addresses", "--cluster.discover-peers",
        "--cluster.rejoin-interval", "--cluster.advertise-address",
        "--cluster.advertise-interfaces", "--cluster.max-join-peers", "--cluster.name",
        "--cluster.tls-ca-path", "--cluster.tls-cert-path", "--cluster.tls-key-path",
        "--cluster.tls-server-name", "--cluster.wait-for-size", "--cluster.wait-timeout"})
    ignore(command, name, "acts only with --cluster.enabled, which is refused");
  refuse(command, "--cluster.enabled", {"false"}, "run one instance; clustering is not there yet");
  refuse(command, "--cluster.enable-tls", {"false"}, "clustering is not there yet");
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
