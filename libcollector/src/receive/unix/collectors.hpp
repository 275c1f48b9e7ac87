// The collectors of prometheus.exporter.unix: each reads one part of the host and adds families
// under node_exporter's names. Sources of formats: proc(5), the kernel's Documentation/.
#pragma once

#include "receive/families.hpp"
#include "receive/unix/host.hpp"
#include "receive/unix_arguments.hpp"

#include <functional>

namespace collector::receive::unix_host {

using Arguments = unix_arguments::Arguments;
/// One pass; an error means that the collector failed, what it added stays.
using Collect = std::function<Status(const Host&, Families&)>;

Collect make_arp(const Arguments& arguments);
Collect make_bcache(const Arguments& arguments);
Collect make_bonding(const Arguments& arguments);
Collect make_btrfs(const Arguments& arguments);
Collect make_conntrack(const Arguments& arguments);
Collect make_cpu(const Arguments& arguments);
Collect make_cpufreq(const Arguments& arguments);
Collect make_diskstats(const Arguments& arguments);
Collect make_dmi(const Arguments& arguments);
Collect make_edac(const Arguments& arguments);
Collect make_entropy(const Arguments& arguments);
Collect make_fibrechannel(const Arguments& arguments);
Collect make_filefd(const Arguments& arguments);
Collect make_filesystem(const Arguments& arguments);
Collect make_hwmon(const Arguments& arguments);
Collect make_infiniband(const Arguments& arguments);
Collect make_ipvs(const Arguments& arguments);
Collect make_loadavg(const Arguments& arguments);
Collect make_mdadm(const Arguments& arguments);
Collect make_meminfo(const Arguments& arguments);
Collect make_netclass(const Arguments& arguments);
Collect make_netdev(const Arguments& arguments);
Collect make_netstat(const Arguments& arguments);
Collect make_nfs(const Arguments& arguments);
Collect make_nfsd(const Arguments& arguments);
Collect make_nvme(const Arguments& arguments);
Collect make_os(const Arguments& arguments);
Collect make_powersupplyclass(const Arguments& arguments);
Collect make_pressure(const Arguments& arguments);
Collect make_rapl(const Arguments& arguments);
Collect make_schedstat(const Arguments& arguments);
Collect make_selinux(const Arguments& arguments);
Collect make_sockstat(const Arguments& arguments);
Collect make_softnet(const Arguments& arguments);
Collect make_stat(const Arguments& arguments);
Collect make_tapestats(const Arguments& arguments);
Collect make_textfile(const Arguments& arguments);
Collect make_thermal_zone(const Arguments& arguments);
Collect make_time(const Arguments& arguments);
Collect make_timex(const Arguments& arguments);
Collect make_udp_queues(const Arguments& arguments);
Collect make_uname(const Arguments& arguments);
Collect make_vmstat(const Arguments& arguments);
Collect make_watchdog(const Arguments& arguments);
Collect make_xfs(const Arguments& arguments);
Collect make_zfs(const Arguments& arguments);

}  // namespace collector::receive::unix_host
