// The arguments of prometheus.exporter.unix, as its public page lists them.
#pragma once

#include "receive/unix_absent_arguments.hpp"

namespace collector::receive::unix_arguments {

inline constexpr std::string_view kNoSuchWay = "this exporter reads /proc only";

struct Arp {
  std::string device_exclude;
  std::string device_include;
  bool netlink = false;
  static constexpr auto fields() {
    return std::tuple{attr<&Arp::device_exclude>("device_exclude", "Devices to leave out (RE2)."),
                      attr<&Arp::device_include>("device_include", "Devices to report (RE2)."),
                      attr<&Arp::netlink>("netlink", "Ask netlink instead of /proc/net/arp.")
                          .refused(kNoSuchWay)};
  }
};
struct Bcache {
  bool priority_stats = false;
  static constexpr auto fields() {
    return std::tuple{
        attr<&Bcache::priority_stats>("priority_stats", "Report the expensive priority stats.")};
  }
};
struct Cpu {
  std::string bugs_include;
  std::string flags_include;
  bool guest = false;
  bool info = false;
  static constexpr auto fields() {
    return std::tuple{attr<&Cpu::bugs_include>("bugs_include", "CPU bugs to report (RE2)."),
                      attr<&Cpu::flags_include>("flags_include", "CPU flags to report (RE2)."),
                      attr<&Cpu::guest>("guest", "Report node_cpu_guest_seconds_total."),
                      attr<&Cpu::info>("info", "Report node_cpu_info.")};
  }
};
struct Disk {
  std::string device_exclude = "^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\\d+n\\d+p)\\d+$";
  std::string device_include;
  static constexpr auto fields() {
    return std::tuple{attr<&Disk::device_exclude>("device_exclude", "Devices to leave out (RE2)."),
                      attr<&Disk::device_include>("device_include", "Devices to report (RE2).")};
  }
};
struct Filesystem {
  std::string fs_types_exclude =
      "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|"
      "iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|"
      "sysfs|tracefs)$";
  std::string mount_points_exclude = "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+)($|/)";
  Duration mount_timeout = std::chrono::seconds(5);
  static constexpr auto fields() {
    return std::tuple{
        attr<&Filesystem::fs_types_exclude>("fs_types_exclude", "Types to leave out (RE2)."),
        attr<&Filesystem::mount_points_exclude>("mount_points_exclude",
                                                "Mount points to leave out (RE2)."),
        attr<&Filesystem::mount_timeout>("mount_timeout", "How long a mount may take to answer.")};
  }
};
struct Hwmon {
  std::string chip_exclude;
  std::string chip_include;
  static constexpr auto fields() {
    return std::tuple{attr<&Hwmon::chip_exclude>("chip_exclude", "Chips to leave out (RE2)."),
                      attr<&Hwmon::chip_include>("chip_include", "Chips to report (RE2).")};
  }
};
struct Netclass {
  bool ignore_invalid_speed_device = false;
  std::string ignored_devices = "^$";
  static constexpr auto fields() {
    return std::tuple{
        attr<&Netclass::ignore_invalid_speed_device>("ignore_invalid_speed_device",
                                                     "Leave out speeds that are not valid."),
        attr<&Netclass::ignored_devices>("ignored_devices", "Devices to leave out (RE2).")};
  }
};
struct Netdev {
  bool address_info = false;
  std::string device_exclude;
  std::string device_include;
  static constexpr auto fields() {
    return std::tuple{
        attr<&Netdev::address_info>("address_info", "Report the addresses of devices."),
        attr<&Netdev::device_exclude>("device_exclude", "Devices to leave out (RE2)."),
        attr<&Netdev::device_include>("device_include", "Devices to report (RE2).")};
  }
};
struct Netstat {
  std::string expression =
      "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|"
      "TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts)|Tcp_(ActiveOpens|InSegs|OutSegs|"
      "OutRsts|PassiveOpens|RetransSegs|CurrEstab)|Udp6?_(InDatagrams|OutDatagrams|NoPorts|"
      "RcvbufErrors|SndbufErrors))$";
  static constexpr auto fields() {
    return std::tuple{attr<&Netstat::expression>("fields", "Fields to report (RE2).")};
  }
};
struct Powersupply {
  std::string ignored_supplies = "^$";
  static constexpr auto fields() {
    return std::tuple{
        attr<&Powersupply::ignored_supplies>("ignored_supplies", "Supplies to leave out (RE2).")};
  }
};
struct Textfile {
  std::string directory;
  static constexpr auto fields() {
    return std::tuple{attr<&Textfile::directory>("directory", "Folder of *.prom files.")};
  }
};
struct Vmstat {
  std::string expression = "^(oom_kill|pgpg|pswp|pg.*fault).*";
  static constexpr auto fields() {
    return std::tuple{attr<&Vmstat::expression>("fields", "Fields to report (RE2).")};
  }
};

struct Ipvs {
  /// A braced list as an initialiser breaks gcc 12.
  static std::vector<std::string> default_labels() {
    return {"local_address", "local_port", "remote_address", "remote_port", "proto", "local_mark"};
  }
  std::vector<std::string> backend_labels = default_labels();
  static constexpr auto fields() {
    return std::tuple{
        attr<&Ipvs::backend_labels>("backend_labels", "Labels of the backend stats.")};
  }
};
struct Tapestats {
  std::string ignored_devices = "^$";
  static constexpr auto fields() {
    return std::tuple{
        attr<&Tapestats::ignored_devices>("ignored_devices", "Devices to leave out.")};
  }
};

struct Arguments {
  bool include_exporter_metrics = false;
  std::string procfs_path = "/proc";
  std::string sysfs_path = "/sys";
  std::string rootfs_path = "/";
  std::string udev_data_path = "/run/udev/data";
  std::vector<std::string> enable_collectors, disable_collectors, set_collectors;

  Arp arp;
  Bcache bcache;
  Cpu cpu;
  Disk disk;
  Ethtool ethtool;
  Filesystem filesystem;
  Hwmon hwmon;
  Ipvs ipvs;
  Ntp ntp;
  Netclass netclass;
  Netdev netdev;
  Netstat netstat;
  Perf perf;
  Powersupply powersupply;
  Runit runit;
  Supervisord supervisord;
  Sysctl sysctl;
  Systemd systemd;
  Tapestats tapestats;
  Textfile textfile;
  Vmstat vmstat;

  /// Known collectors, expressions that compile.
  Status validate() const;
  static constexpr auto fields() {
    using T = Arguments;
    return std::tuple{
        attr<&T::include_exporter_metrics>("include_exporter_metrics",
                                           "Report metrics about the exporter itself."),
        attr<&T::procfs_path>("procfs_path", "Where procfs is mounted."),
        attr<&T::sysfs_path>("sysfs_path", "Where sysfs is mounted."),
        attr<&T::rootfs_path>("rootfs_path",
                              "What stands before paths of the host's file systems."),
        attr<&T::udev_data_path>("udev_data_path", "Where udev keeps its data."),
        attr<&T::enable_collectors>("enable_collectors", "Collectors to add."),
        attr<&T::disable_collectors>("disable_collectors",
                                     "Collectors to leave out; wins over enable_collectors."),
        attr<&T::set_collectors>("set_collectors",
                                 "The collectors to start from, instead of the default ones."),
        block<&T::arp>("arp", "The arp collector."),
        block<&T::bcache>("bcache", "The bcache collector."),
        block<&T::cpu>("cpu", "The cpu collector."),
        block<&T::disk>("disk", "The diskstats collector."),
        block<&T::ethtool>("ethtool", "The ethtool collector."),
        block<&T::filesystem>("filesystem", "The filesystem collector."),
        block<&T::hwmon>("hwmon", "The hwmon collector."),
        block<&T::ipvs>("ipvs", "The ipvs collector."),
        block<&T::ntp>("ntp", "The ntp collector."),
        block<&T::netclass>("netclass", "The netclass collector."),
        block<&T::netdev>("netdev", "The netdev collector."),
        block<&T::netstat>("netstat", "The netstat collector."),
        block<&T::perf>("perf", "The perf collector."),
        block<&T::powersupply>("powersupply", "The powersupplyclass collector."),
        block<&T::runit>("runit", "The runit collector."),
        block<&T::supervisord>("supervisord", "The supervisord collector."),
        block<&T::sysctl>("sysctl", "The sysctl collector."),
        block<&T::systemd>("systemd", "The systemd collector."),
        block<&T::tapestats>("tapestats", "The tapestats collector."),
        block<&T::textfile>("textfile", "The textfile collector."),
        block<&T::vmstat>("vmstat", "The vmstat collector.")};
  }
};

}  // namespace collector::receive::unix_arguments
