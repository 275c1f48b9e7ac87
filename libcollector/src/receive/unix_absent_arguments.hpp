// Settings of node_exporter's collectors that prometheus.exporter.unix does not have: a value other
// than the default is refused.
#pragma once

#include <collector/engine/arguments.hpp>

#include <string>
#include <vector>

namespace collector::receive::unix_arguments {

inline constexpr std::string_view kNoCollector = "this exporter does not have the collector";

struct Ethtool {
  std::string device_exclude;
  std::string device_include;
  std::string metrics_include = ".*";
  static constexpr auto fields() {
    return std::tuple{attr<&Ethtool::device_exclude>("device_exclude", "Devices to leave out.")
                          .refused(kNoCollector),
                      attr<&Ethtool::device_include>("device_include", "Devices to report.")
                          .refused(kNoCollector),
                      attr<&Ethtool::metrics_include>("metrics_include", "Stats to report.")
                          .refused(kNoCollector)};
  }
};
struct Ntp {
  std::int64_t ip_ttl = 1;
  Duration local_offset_tolerance = std::chrono::milliseconds(1);
  Duration max_distance = std::chrono::microseconds(3466080);
  std::int64_t protocol_version = 4;
  std::string server = "127.0.0.1";
  bool server_is_local = false;
  static constexpr auto fields() {
    return std::tuple{
        attr<&Ntp::ip_ttl>("ip_ttl", "TTL of the query.").refused(kNoCollector),
        attr<&Ntp::local_offset_tolerance>("local_offset_tolerance", "Offset to tolerate.")
            .refused(kNoCollector),
        attr<&Ntp::max_distance>("max_distance", "Largest distance to the root.")
            .refused(kNoCollector),
        attr<&Ntp::protocol_version>("protocol_version", "NTP version.").refused(kNoCollector),
        attr<&Ntp::server>("server", "Server to ask.").refused(kNoCollector),
        attr<&Ntp::server_is_local>("server_is_local", "The server is not a public one.")
            .refused(kNoCollector)};
  }
};
struct Perf {
  std::string cpus;
  std::vector<std::string> tracepoint;
  bool disable_hardware_profilers = false;
  bool disable_software_profilers = false;
  bool disable_cache_profilers = false;
  std::vector<std::string> hardware_profilers;
  std::vector<std::string> software_profilers;
  std::vector<std::string> cache_profilers;
  static constexpr auto fields() {
    return std::tuple{
        attr<&Perf::cpus>("cpus", "CPUs to read.").refused(kNoCollector),
        attr<&Perf::tracepoint>("tracepoint", "Tracepoints to read.").refused(kNoCollector),
        attr<&Perf::disable_hardware_profilers>("disable_hardware_profilers",
                                                "No hardware profilers.")
            .refused(kNoCollector),
        attr<&Perf::disable_software_profilers>("disable_software_profilers",
                                                "No software profilers.")
            .refused(kNoCollector),
        attr<&Perf::disable_cache_profilers>("disable_cache_profilers", "No cache profilers.")
            .refused(kNoCollector),
        attr<&Perf::hardware_profilers>("hardware_profilers", "Hardware profilers.")
            .refused(kNoCollector),
        attr<&Perf::software_profilers>("software_profilers", "Software profilers.")
            .refused(kNoCollector),
        attr<&Perf::cache_profilers>("cache_profilers", "Cache profilers.").refused(kNoCollector)};
  }
};
struct Runit {
  std::string service_dir = "/etc/service";
  static constexpr auto fields() {
    return std::tuple{
        attr<&Runit::service_dir>("service_dir", "Folder of the services.").refused(kNoCollector)};
  }
};
struct Supervisord {
  std::string url = "http://localhost:9001/RPC2";
  static constexpr auto fields() {
    return std::tuple{attr<&Supervisord::url>("url", "XML-RPC endpoint.").refused(kNoCollector)};
  }
};
struct Sysctl {
  std::vector<std::string> include;
  std::vector<std::string> include_info;
  static constexpr auto fields() {
    return std::tuple{
        attr<&Sysctl::include>("include", "Numeric values to report.").refused(kNoCollector),
        attr<&Sysctl::include_info>("include_info", "Text values to report.")
            .refused(kNoCollector)};
  }
};
struct Systemd {
  bool enable_restarts = false;
  bool start_time = false;
  bool task_metrics = false;
  std::string unit_exclude = ".+\\.(automount|device|mount|scope|slice)";
  std::string unit_include = ".+";
  static constexpr auto fields() {
    return std::tuple{
        attr<&Systemd::enable_restarts>("enable_restarts", "Report restarts.")
            .refused(kNoCollector),
        attr<&Systemd::start_time>("start_time", "Report start times.").refused(kNoCollector),
        attr<&Systemd::task_metrics>("task_metrics", "Report tasks.").refused(kNoCollector),
        attr<&Systemd::unit_exclude>("unit_exclude", "Units to leave out.").refused(kNoCollector),
        attr<&Systemd::unit_include>("unit_include", "Units to report.").refused(kNoCollector)};
  }
};

}  // namespace collector::receive::unix_arguments
