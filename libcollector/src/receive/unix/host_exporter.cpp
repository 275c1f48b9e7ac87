#include "receive/unix/host_exporter.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>

namespace collector::receive {
namespace {

struct Known {
  std::string_view name;
  unix_host::Collect (*make)(const unix_host::Arguments&);
};

/// All of them run unless the arguments say otherwise.
constexpr std::array kCollectors{Known{"arp", unix_host::make_arp},
                                 Known{"bcache", unix_host::make_bcache},
                                 Known{"bonding", unix_host::make_bonding},
                                 Known{"btrfs", unix_host::make_btrfs},
                                 Known{"conntrack", unix_host::make_conntrack},
                                 Known{"cpu", unix_host::make_cpu},
                                 Known{"cpufreq", unix_host::make_cpufreq},
                                 Known{"diskstats", unix_host::make_diskstats},
                                 Known{"dmi", unix_host::make_dmi},
                                 Known{"edac", unix_host::make_edac},
                                 Known{"entropy", unix_host::make_entropy},
                                 Known{"fibrechannel", unix_host::make_fibrechannel},
                                 Known{"filefd", unix_host::make_filefd},
                                 Known{"filesystem", unix_host::make_filesystem},
                                 Known{"hwmon", unix_host::make_hwmon},
                                 Known{"infiniband", unix_host::make_infiniband},
                                 Known{"ipvs", unix_host::make_ipvs},
                                 Known{"loadavg", unix_host::make_loadavg},
                                 Known{"mdadm", unix_host::make_mdadm},
                                 Known{"meminfo", unix_host::make_meminfo},
                                 Known{"netclass", unix_host::make_netclass},
                                 Known{"netdev", unix_host::make_netdev},
                                 Known{"netstat", unix_host::make_netstat},
                                 Known{"nfs", unix_host::make_nfs},
                                 Known{"nfsd", unix_host::make_nfsd},
                                 Known{"nvme", unix_host::make_nvme},
                                 Known{"os", unix_host::make_os},
                                 Known{"powersupplyclass", unix_host::make_powersupplyclass},
                                 Known{"pressure", unix_host::make_pressure},
                                 Known{"rapl", unix_host::make_rapl},
                                 Known{"schedstat", unix_host::make_schedstat},
                                 Known{"selinux", unix_host::make_selinux},
                                 Known{"sockstat", unix_host::make_sockstat},
                                 Known{"softnet", unix_host::make_softnet},
                                 Known{"stat", unix_host::make_stat},
                                 Known{"tapestats", unix_host::make_tapestats},
                                 Known{"textfile", unix_host::make_textfile},
                                 Known{"thermal_zone", unix_host::make_thermal_zone},
                                 Known{"time", unix_host::make_time},
                                 Known{"timex", unix_host::make_timex},
                                 Known{"udp_queues", unix_host::make_udp_queues},
                                 Known{"uname", unix_host::make_uname},
                                 Known{"vmstat", unix_host::make_vmstat},
                                 Known{"watchdog", unix_host::make_watchdog},
                                 Known{"xfs", unix_host::make_xfs},
                                 Known{"zfs", unix_host::make_zfs}};

/// Collectors of node_exporter that this one does not have: fine to disable, refused elsewhere.
constexpr std::array<std::string_view, 40> kAbsent{
    "bcachefs",      "boottime",    "buddyinfo",     "cgroups",     "cpu_vulnerabilities",
    "devstat",       "dmmultipath", "drbd",          "drm",         "ethtool",
    "exec",          "hung_task",   "interrupts",    "kernel_hung", "ksmd",
    "lnstat",        "logind",      "meminfo_numa",  "mountstats",  "netisr",
    "network_route", "ntp",         "nvmesubsystem", "pcidevice",   "perf",
    "powersupply",   "processes",   "qdisc",         "runit",       "slabinfo",
    "softirqs",      "supervisord", "swap",          "sysctl",      "systemd",
    "tcpstat",       "thermal",     "wifi",          "xfrm",        "zoneinfo"};

bool known(std::string_view name) {
  return std::any_of(kCollectors.begin(), kCollectors.end(),
                     [&](const Known& k) { return k.name == name; });
}
bool absent(std::string_view name) {
  return std::find(kAbsent.begin(), kAbsent.end(), name) != kAbsent.end();
}

Status all_known(std::string_view argument, const std::vector<std::string>& names, bool may_lack) {
  for (const std::string& name : names) {
    if (known(name) || (may_lack && absent(name))) continue;
    return {Code::invalid_argument,
            absent(name) ? fmt::format("{}: this exporter does not have the collector \"{}\"",
                                       argument, name)
                         : fmt::format("{}: there is no collector \"{}\"", argument, name)};
  }
  return {};
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Status compiles(std::string_view argument, const std::string& expression) {
  const re2::RE2 compiled(expression, re2::RE2::Quiet);
  if (compiled.ok()) return {};
  return {Code::invalid_argument, fmt::format("{}: {}", argument, compiled.error())};
}

}  // namespace

Status unix_arguments::Arguments::validate() const {
  for (Status s : {all_known("set_collectors", set_collectors, false),
                   all_known("enable_collectors", enable_collectors, false),
                   all_known("disable_collectors", disable_collectors, true)})
    if (!s.ok()) return s;
  const std::pair<std::string_view, const std::string&> expressions[] = {
      {"arp: device_exclude", arp.device_exclude},
      {"arp: device_include", arp.device_include},
      {"cpu: bugs_include", cpu.bugs_include},
      {"cpu: flags_include", cpu.flags_include},
      {"disk: device_exclude", disk.device_exclude},
      {"disk: device_include", disk.device_include},
      {"filesystem: fs_types_exclude", filesystem.fs_types_exclude},
      {"filesystem: mount_points_exclude", filesystem.mount_points_exclude},
      {"hwmon: chip_exclude", hwmon.chip_exclude},
      {"hwmon: chip_include", hwmon.chip_include},
      {"netclass: ignored_devices", netclass.ignored_devices},
      {"netdev: device_exclude", netdev.device_exclude},
      {"netdev: device_include", netdev.device_include},
      {"netstat: fields", netstat.expression},
      {"powersupply: ignored_supplies", powersupply.ignored_supplies},
      {"tapestats: ignored_devices", tapestats.ignored_devices},
      {"vmstat: fields", vmstat.expression}};
  for (const auto& [argument, expression] : expressions)
    if (Status s = compiles(argument, expression); !s.ok()) return s;
  for (const std::string& label : ipvs.backend_labels)
    if (!contains(Ipvs::default_labels(), label))
      return {Code::invalid_argument, fmt::format("ipvs: there is no label \"{}\"", label)};
  // As node_exporter: one of the two decides.
  if (!arp.device_exclude.empty() && !arp.device_include.empty())
    return {Code::invalid_argument, "arp: device_exclude and device_include exclude each other"};
  if (!netdev.device_exclude.empty() && !netdev.device_include.empty())
    return {Code::invalid_argument, "netdev: device_exclude and device_include exclude each other"};
  return {};
}

namespace unix_host {

HostExporter::HostExporter(Seams& seams, base::Logger& log, const Arguments& arguments)
    : host_{seams,
            log,
            arguments.procfs_path,
            arguments.sysfs_path,
            arguments.rootfs_path,
            arguments.udev_data_path},
      about_itself_(arguments.include_exporter_metrics) {
  for (const Known& k : kCollectors) {
    const bool from_start =
        arguments.set_collectors.empty() || contains(arguments.set_collectors, k.name);
    if (!from_start && !contains(arguments.enable_collectors, k.name)) continue;
    if (contains(arguments.disable_collectors, k.name)) continue;
    running_.push_back({k.name, k.make(arguments), {}});
  }
}

std::string HostExporter::collect() {
  Families families;
  Clock& clock = host_.seams.loop;
  for (Running& running : running_) {
    const Instant begin = clock.now();
    const Status status = running.collect(host_, families);
    const double seconds = std::chrono::duration<double>(clock.now() - begin).count();
    if (status.ok()) {
      running.last_error.clear();
    } else if (status.what() != running.last_error) {
      running.last_error = status.what();
      const bool absent_here = status.code() == Code::not_found;
      host_.log.log(absent_here ? base::Level::debug : base::Level::error,
                    absent_here ? "collector returned no data" : "collector failed",
                    {{"name", running.name}, {"err", status.what()}});
    }
    families.gauge("node_scrape_collector_duration_seconds",
                   "node_exporter: Duration of a collector scrape.", seconds,
                   {{"collector", running.name}});
    families.gauge("node_scrape_collector_success", "node_exporter: Whether a collector succeeded.",
                   status.ok() ? 1 : 0, {{"collector", running.name}});
  }
  if (about_itself_)
    families.gauge("node_exporter_build_info",
                   "A metric with a constant '1' value labeled by version.", 1,
                   {{"version", COLLECTOR_VERSION}});
  return families.text();
}

std::string HostExporter::enabled() const {
  std::string names;
  for (const Running& running : running_) {
    if (!names.empty()) names += ", ";
    names += running.name;
  }
  return names;
}

}  // namespace unix_host
}  // namespace collector::receive
