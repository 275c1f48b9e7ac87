"""prometheus.exporter.unix beside Debian's node_exporter: on this machine, and on the fixture trees of
unix_fixtures/ for hardware that it lacks. Same families, types and label names for every collector that we
have; equal values where they stand still."""
import os
import pathlib
import re

from harness import Stack, check, free_port, get, need, wait_for

# Families of node_exporter releases after Debian's 1.5.0.
NEWER = {"node_cpu_online", "node_cpu_frequency_avg_hertz", "node_softnet_cpu_collision_total",
         "node_softnet_flow_limit_count_total", "node_softnet_received_rps_total", "node_softnet_backlog_len",
         "node_pressure_irq_stalled_seconds_total", "node_hwmon_freq_freq_mhz", "node_filesystem_mount_info",
         "node_filesystem_purgeable_bytes", "node_os_support_end_timestamp_seconds", "node_md_raid_disks",
         "node_md_degraded", "node_watchdog_bootstatus", "node_watchdog_fw_version", "node_watchdog_nowayout",
         "node_watchdog_timeleft_seconds", "node_watchdog_timeout_seconds", "node_watchdog_pretimeout_seconds",
         "node_watchdog_access_cs0", "node_watchdog_info", "node_network_receive_nohandler_total",
         "node_nvme_namespace_info", "node_nvme_namespace_capacity_bytes", "node_nvme_namespace_size_bytes",
         "node_nvme_namespace_used_bytes", "node_nvme_namespace_logical_block_size_bytes",
         "node_edac_channel_correctable_errors_total", "node_edac_channel_uncorrectable_errors_total",
         "node_cpu_scaling_governor", "node_cpu_isolated", "node_fibrechannel_info",
         "node_btrfs_commits_total", "node_btrfs_last_commit_seconds", "node_btrfs_max_commit_seconds",
         "node_btrfs_commit_seconds_total", "node_zfs_arc_memory_available_bytes", "node_zfs_dbuf_dbuf_cache_count",
         "node_zfs_dbuf_hash_hits"}
# Labels that later releases added.
NEWER_LABELS = {"node_disk_info": {"rotational"}, "node_nvme_info": {"cntlid"}, "node_network_info": {"adminstate"}}
# Values of labels that later releases added.
NEWER_SAMPLES = {"node_nfsd_requests_total": ("method", {"SetClientID", "SetClientIDConfirm", "WdelegGetattr"}),
                 "node_zfs_zpool_state": ("state", {"suspended"})}
NEWER_HELP = {"node_cpu_frequency_max_hertz": ("CPU thread", "cpu thread"),
              "node_cpu_frequency_min_hertz": ("CPU thread", "cpu thread")}
# What moves between two looks, or is measured by the exporter itself.
MOVES = re.compile(r"node_(scrape_collector_duration|time_seconds|timex_|cpu_seconds|cpu_guest|context_|intr_|"
                   r"forks_|load|memory_|vmstat_|netstat_|sockstat_|softnet_|schedstat_|network_(receive|transmit)_|"
                   r"disk_(reads?_|writes?_|written|io|flush|discard)|filesystem_(avail|free|files_free)|"
                   r"pressure_|procs_|entropy_avail|filefd_allocated|udp_queues|arp_entries|nf_conntrack|"
                   r"cpu_(scaling_)?frequency|thermal|hwmon|rapl|interrupts|textfile_mtime|power_supply)")
ALWAYS_MOVES = re.compile(r"node_(scrape_collector_duration|time_seconds|timex_|textfile_mtime)")
SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def parse(text):
    types, helps, samples = {}, {}, {}
    for line in text.split("\n"):
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ", 3)
            types[name] = kind
        elif line.startswith("# HELP "):
            _, _, name, help_text = line.split(" ", 3)
            helps[name] = help_text
        elif line and not line.startswith("#"):
            m = SAMPLE.match(line)
            check(m, f"a sample that does not parse: {line}")
            samples.setdefault(m[1], {})[tuple(sorted(LABEL.findall(m[2] or "")))] = float(m[3])
    return types, helps, samples


def compare(what, theirs, ours, moving):
    t_types, t_helps, t_samples = theirs
    o_types, o_helps, o_samples = ours
    problems, equal, values = [], 0, 0
    for name in sorted(t_types):
        if re.match("go_|process_|promhttp_|node_exporter_build", name):
            continue
        if name not in o_types:
            problems.append(f"{name} is missing")
            continue
        if t_types[name] != o_types[name]:
            problems.append(f"{name} is a {o_types[name]}, not a {t_types[name]}")
        if t_helps[name] != o_helps[name].replace(*NEWER_HELP.get(name, ("", ""))):
            problems.append(f"{name}: help is {o_helps[name]!r}, not {t_helps[name]!r}")
        newer = NEWER_LABELS.get(name, set()) | ({"device_error"} if name.startswith("node_filesystem") else set())
        mine = {}
        for labels, value in o_samples.get(name, {}).items():
            mine[tuple(p for p in labels if p[0] not in newer)] = value
        yours = t_samples.get(name, {})
        mine = {k: v for k, v in mine.items() if dict(k).get("collector") != "watchdog"}
        if name in NEWER_SAMPLES:
            label, later = NEWER_SAMPLES[name]
            mine = {k: v for k, v in mine.items() if dict(k).get(label) not in later}
        if set(mine) != set(yours):
            problems.append(f"{name}: only theirs {sorted(set(yours) - set(mine))[:3]}, "
                            f"only ours {sorted(set(mine) - set(yours))[:3]}")
        elif not (MOVES if moving else ALWAYS_MOVES).match(name):
            for key, value in yours.items():
                values += 1
                same = mine[key] == value or (mine[key] != mine[key] and value != value)
                if not same:
                    problems.append(f"{name}{dict(key)} is {mine[key]}, not {value}")
        equal += 1
    more = sorted(n for n in o_types if n.startswith("node_") and n not in t_types)
    for name in more:
        if name not in NEWER:
            problems.append(f"{name} is no family of theirs")
    print(f"{what}: {equal} families compared, {values} still values, {len(problems)} problems; newer than "
          f"theirs: {', '.join(more) or 'none'}")
    for p in problems[:40]:
        print("  " + p)
    return problems


def plant(archive, tree):
    """`-- path --` begins a file, `-- path -> target --` is a symbolic link."""
    parts = re.split(r"^-- (.+?) --\n", archive.read_text(), flags=re.M)
    for name, content in zip(parts[1::2], parts[2::2]):
        path, _, target = name.partition(" -> ")
        where = pathlib.Path(tree, path)
        where.parent.mkdir(parents=True, exist_ok=True)
        if target:
            where.symlink_to(target)
        else:
            where.write_text(content)


def look(stack, name, flags, arguments):
    port = free_port()
    stack.start("node_exporter", [need("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{port}",
                                  "--log.level=error", *flags])
    wait_for("node_exporter", lambda: get(f"http://127.0.0.1:{port}/metrics"))
    ours = stack.collector('prometheus.exporter.unix "host" {\n' + arguments + "}\n", name=name)
    get(f"http://127.0.0.1:{port}/metrics")
    theirs = parse(get(f"http://127.0.0.1:{port}/metrics"))
    mine = parse(get(ours.url + "/api/v0/component/prometheus.exporter.unix.host/metrics"))
    return theirs, mine


def main():
    with Stack() as stack:
        text = os.path.join(stack.folder, "text")
        os.mkdir(text)
        with open(os.path.join(text, "backup.prom"), "w") as f:
            f.write("# HELP backup_age_seconds Age of the last backup, in \\\\ seconds.\n# TYPE backup_age_seconds gauge\n"
                    'backup_age_seconds{job="home \\"x\\""} 12.5\nbare 1\n# TYPE took histogram\n'
                    'took_bucket{le="1"} 2\ntook_bucket{le="+Inf"} 3\ntook_sum 4.5\ntook_count 3\n')
        with open(os.path.join(text, "broken.prom"), "w") as f:
            f.write("half 1\nnot a metric at all{\n")
        # Debian's build has other defaults than upstream's: what both are given is equal.
        same = ["--collector.filesystem.fs-types-exclude=^(autofs|proc|sysfs)$",
                "--collector.filesystem.mount-points-exclude=^/(dev|proc|sys)($|/)",
                "--no-collector.netdev.netlink", "--collector.netdev.device-exclude=", "--no-collector.systemd",
                "--collector.diskstats.device-exclude=^(ram|loop)\\d+$", "--no-collector.cpu.guest",
                f"--collector.textfile.directory={text}"]
        ours = ('filesystem {\nfs_types_exclude = "^(autofs|proc|sysfs)$"\n'
                'mount_points_exclude = "^/(dev|proc|sys)($|/)"\n}\n'
                'disk {\ndevice_exclude = "^(ram|loop)\\\\d+$"\n}\n' f'textfile {{\ndirectory = "{text}"\n}}\n')
        problems = compare("this machine", *look(stack, "host", same, ours), moving=True)

        fixtures = pathlib.Path(__file__).parent / "unix_fixtures"
        for archive in sorted(fixtures.glob("*.txtar")):
            tree = os.path.join(stack.folder, archive.stem)
            plant(archive, tree)
            problems += compare(archive.stem, *look(
                stack, archive.stem,
                [f"--path.procfs={tree}/proc", f"--path.sysfs={tree}/sys", f"--path.udev.data={tree}/udev",
                 "--no-collector.netdev.netlink", "--collector.netdev.device-exclude=",
                 "--no-collector.systemd", "--no-collector.cpu.guest", "--no-collector.filesystem",
                 "--collector.diskstats.device-exclude=^$"],
                f'procfs_path = "{tree}/proc"\nsysfs_path = "{tree}/sys"\nudev_data_path = "{tree}/udev"\n'
                'disable_collectors = ["filesystem"]\ndisk {\ndevice_exclude = ""\n}\n'), moving=False)
        check(not problems, f"{len(problems)} differences")


if __name__ == "__main__":
    main()
