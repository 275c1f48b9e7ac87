"""prometheus.exporter.process on trees of /proc that change between scrapes, beside what ncabatoff's
process-exporter 0.8.4 says of the same trees (process_fixtures/, and live where PROCESS_EXPORTER names its
binary: `--record` writes what it said), and on this machine's /proc beside Python's own reading."""
import json
import os
import pathlib
import pwd
import re
import subprocess
import sys

from harness import Stack, check, free_port, get, wait_for
from unix_families import parse

FIXTURES = pathlib.Path(__file__).parent / "process_fixtures"
# The number of a folder's entries: of a tree on disk it is the file system's affair.
DISK = {"namedprocess_namegroup_open_filedesc", "namedprocess_namegroup_worst_fd_ratio"}

MATCHERS = [
    {"name": "{{.Matches.Site}}:{{.Username}}", "cmdline": [r"--site=(?P<Site>\w+)", "server"]},
    {"name": "{{.ExeFull}}-{{ .PID }}", "exe": ["/usr/bin/postgres"], "comm": ["postgres"]},
    {"name": "{{.Comm}} in {{index .Cgroups 0}} since {{.StartTime}}", "comm": ["odd) (name"]},
    {"exe": ["worker", "cron"]},
]
STAT = ("{pid} ({comm}) {state} {ppid} 1 1 0 -1 4194560 {minflt} 0 {majflt} 0 {utime} {stime} 0 0 20 0 {threads} 0 "
        "{start} {vsize} {rss} 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n")
STATUS = ("Name:\t{comm}\nUmask:\t0022\nState:\t{state} (x)\nTgid:\t{pid}\nPid:\t{pid}\nPPid:\t{ppid}\n"
          "Uid:\t{uid}\t{euid}\t{uid}\t{uid}\nGid:\t0\t0\t0\t0\nVmSwap:\t      {swap} kB\n"
          "voluntary_ctxt_switches:\t{vol}\nnonvoluntary_ctxt_switches:\t{nonvol}\n")
IO = "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: %d\nwrite_bytes: %d\ncancelled_write_bytes: 0\n"
LIMITS = ("Limit                     Soft Limit           Hard Limit           Units     \n"
          "Max processes             1000                 1000                 processes \n"
          "Max open files            1024                 4096                 files     \n")


def put(tree, name, text):
    path = pathlib.Path(tree, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def plant_process(tree, pid, **kw):
    p = dict(comm="x", state="S", ppid=1, minflt=pid, majflt=1, utime=100, stime=50, start=pid * 100, vsize=4096 * pid,
             rss=pid % 97, uid=0, euid=0, swap=4, vol=10, nonvol=3, cmdline=[], wchan="0", io=(1000, 2000),
             cgroup="0::/system.slice/x.service\n", tasks=(), pss=12, pid=pid)
    p.update(kw)
    tasks = p["tasks"]
    base = f"{pid}"
    put(tree, f"{base}/stat", STAT.format(threads=max(1, len(tasks)), **p))
    put(tree, f"{base}/status", STATUS.format(**p))
    put(tree, f"{base}/cmdline", "".join(a + "\0" for a in p["cmdline"]))
    put(tree, f"{base}/cgroup", p["cgroup"])
    put(tree, f"{base}/limits", LIMITS)
    put(tree, f"{base}/wchan", p["wchan"])
    put(tree, f"{base}/smaps_rollup", "00400000-7ffd rollup\nRss:   40 kB\nPss:     %d kB\nSwapPss:   2 kB\n" % p["pss"])
    if p["io"]:
        put(tree, f"{base}/io", IO % p["io"])
    put(tree, f"{base}/fd/0", "")
    for tid, name, ticks, vol in tasks or [(pid, p["comm"], p["utime"], p["vol"])]:
        t = dict(p, pid=tid, comm=name, utime=ticks, vol=vol, start=p["start"] + tid - pid)
        put(tree, f"{base}/task/{tid}/stat", STAT.format(threads=max(1, len(tasks)), **t))
        put(tree, f"{base}/task/{tid}/status", STATUS.format(**t))
        put(tree, f"{base}/task/{tid}/cmdline", "".join(a + "\0" for a in p["cmdline"]))
        put(tree, f"{base}/task/{tid}/cgroup", p["cgroup"])
        put(tree, f"{base}/task/{tid}/wchan", "ep_poll" if tid != pid else p["wchan"])
        put(tree, f"{base}/task/{tid}/io", IO % (tid, 2 * tid))


def remove(tree, pid):
    subprocess.run(["rm", "-r", f"{tree}/{pid}"], check=True)


def stage(tree, n):
    """The tree before the n-th scrape; 0 is what both see when they start."""
    if n == 0:
        put(tree, "stat", "cpu  1 2 3 4 5 6 7 0 0 0\nbtime 1700000000\nprocesses 4\n")
        plant_process(tree, 1, comm="init", cmdline=["/sbin/init"], ppid=0)
        plant_process(tree, 20, comm="server", cmdline=["/opt/server", "--site=attic", "-v"], state="R", euid=1,
                      tasks=[(20, "server", 70, 6), (21, "pool-1", 20, 3), (22, "pool-1", 30, 9)], wchan="do_wait")
        plant_process(tree, 30, comm="postgres", cmdline=["/usr/bin/postgres", "-D", "/data"])
        plant_process(tree, 31, comm="postgres", cmdline=["postgres: writer"], ppid=30, state="D", io=None)
        plant_process(tree, 40, comm="odd) (name", cmdline=[], start=12345, state="Z", wchan="do_exit")
        plant_process(tree, 50, comm="worker", cmdline=["/usr/lib/worker"], state="I")
        plant_process(tree, 60, comm="bash", cmdline=["-bash"])
        plant_process(tree, 61, comm="child", cmdline=["child"], ppid=60)
    if n == 1:
        plant_process(tree, 20, comm="server", cmdline=["/opt/server", "--site=attic", "-v"], state="S", euid=1,
                      utime=190, stime=77, minflt=55, io=(1500, 9000), wchan="do_wait",
                      tasks=[(20, "server", 80, 8), (22, "pool-1", 90, 19), (23, "late", 7, 1)])
        # Starts long after the exporters did: all that it has done counts.
        plant_process(tree, 51, comm="worker", cmdline=["worker", "--late"], start=300_000_000_000, utime=1234)
        plant_process(tree, 52, comm="kid", cmdline=["kid"], ppid=51, start=300_000_000_100, utime=11)
        plant_process(tree, 60, comm="server", cmdline=["/opt/server", "--site=changed"])  # was not wanted before
    if n == 2:
        remove(tree, 30)
        remove(tree, 51)
        plant_process(tree, 50, comm="worker", cmdline=["/usr/lib/worker"], utime=400)
        plant_process(tree, 60, comm="cron", cmdline=["cron"], start=999)  # the pid again, another process
        plant_process(tree, 20, comm="server", cmdline=["/opt/server", "--site=attic", "-v"], utime=200, stime=77)
    if n == 3:
        for pid in (1, 20, 31, 40, 50, 52, 60, 61):
            if os.path.exists(f"{tree}/{pid}"):
                remove(tree, pid)


VARIANTS = {
    "plain": dict(children=True, threads=True, smaps=True, recheck=False, remove=False),
    "narrow": dict(children=False, threads=False, smaps=False, recheck=False, remove=True),
    "recheck": dict(children=True, threads=True, smaps=True, recheck=True, remove=False),
}


def yaml_config():
    out = "process_names:\n"
    for m in MATCHERS:
        lines = [f"{k}: {json.dumps(v)}" for k, v in m.items()]
        out += "  - " + "\n    ".join(lines) + "\n"
    return out


def alloy_config(tree, v):
    def quote(x):
        return '"' + x.replace("\\", "\\\\").replace('"', '\\"') + '"'

    text = 'prometheus.exporter.process "p" {\n'
    for name, value in [("procfs_path", quote(tree)), ("track_children", v["children"]), ("track_threads", v["threads"]),
                        ("gather_smaps", v["smaps"]), ("recheck_on_scrape", v["recheck"]),
                        ("remove_empty_groups", v["remove"])]:
        text += f"  {name} = {str(value).lower() if isinstance(value, bool) else value}\n"
    for m in MATCHERS:
        text += "  matcher {\n"
        for k, value in m.items():
            text += f"    {k} = " + (quote(value) if k == "name" else "[" + ", ".join(map(quote, value)) + "]") + "\n"
        text += "  }\n"
    return text + "}\n"


def wanted(text):
    types, helps, samples = parse(text)
    keep = [n for n in types if n.startswith("namedprocess_") and n not in DISK and n in samples]
    return {n: (types[n], helps[n], samples[n]) for n in keep}


def theirs(stack, binary, name, v):
    tree = os.path.join(stack.folder, f"theirs-{name}")
    stage(tree, 0)
    port = free_port()
    flags = {"children": v["children"], "threads": v["threads"], "gather-smaps": v["smaps"], "recheck": v["recheck"],
             "remove-empty-groups": v["remove"]}
    stack.start("process-exporter", [binary, "-procfs", tree, "-config.path", stack.write("names.yml", yaml_config()),
                                     f"-web.listen-address=127.0.0.1:{port}",
                                     *(f"-{k}={str(x).lower()}" for k, x in flags.items())])
    wait_for("process-exporter", lambda: get(f"http://127.0.0.1:{port}/"))
    out = []
    for n in (1, 2, 3):
        stage(tree, n)
        text = get(f"http://127.0.0.1:{port}/metrics")
        out.append("".join(line + "\n" for line in text.split("\n") if "namedprocess_" in line))
    return out


def ours(stack, name, v):
    tree = os.path.join(stack.folder, f"ours-{name}")
    stage(tree, 0)
    collector = stack.collector(alloy_config(tree, v), name=f"collector-{name}")
    out = []
    for n in (1, 2, 3):
        stage(tree, n)
        out.append(get(collector.url + "/api/v0/component/prometheus.exporter.process.p/metrics"))
    return out


def compare(name, expected, got):
    problems = []
    for n, (a, b) in enumerate(zip(map(wanted, expected), map(wanted, got)), 1):
        for family in sorted(set(a) | set(b)):
            if a.get(family) != b.get(family):
                problems.append(f"{name}, scrape {n}: {family}: {b.get(family)}, not {a.get(family)}")
    families = {f for text in expected for f in wanted(text)}
    print(f"{name}: {len(families)} families over {len(expected)} scrapes, {len(problems)} differences")
    for p in problems[:20]:
        print("  " + p)
    return problems


def this_machine(stack):
    """A process of ours with files open, on the real /proc."""
    marker = "--site=realmachine"
    code = "import sys, time\nf = [open('/dev/null') for _ in range(40)]\nprint(1, flush=True)\ntime.sleep(120)\n"
    child = subprocess.Popen([sys.executable, "-c", code, marker, "server"], stdout=subprocess.PIPE)
    stack.callback(lambda: (child.kill(), child.wait()))
    child.stdout.readline()
    config = ('prometheus.exporter.process "p" {\n  matcher {\n    name = "{{.Matches.Site}}"\n'
              '    cmdline = ["--site=(?P<Site>real\\\\w+)"]\n  }\n}\n')
    collector = stack.collector(config, name="real")
    text = get(collector.url + "/api/v0/component/prometheus.exporter.process.p/metrics")
    _, _, samples = parse(text)
    group = ("groupname", "realmachine")

    def value(family, *labels):
        return samples["namedprocess_namegroup_" + family][tuple(sorted((group, *labels)))]

    status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
    stat = pathlib.Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()
    btime = int(re.search(r"btime (\d+)", pathlib.Path("/proc/stat").read_text())[1])
    check(value("num_procs") == 1, "num_procs")
    check(value("open_filedesc") == len(os.listdir(f"/proc/{child.pid}/fd")), "open_filedesc")
    check(value("num_threads") == int(re.search(r"Threads:\s+(\d+)", status)[1]), "num_threads")
    check(value("oldest_start_time_seconds") == btime + int(stat[19]) // 100, "oldest_start_time_seconds")
    check(value("memory_bytes", ("memtype", "virtual")) == int(stat[20]), "virtual size")
    resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024
    check(abs(value("memory_bytes", ("memtype", "resident")) - resident) < 0.2 * resident, "resident size")
    check(value("states", ("state", "Sleeping")) == 1, "a process that sleeps")
    limit = int(re.search(r"Max open files\s+(\d+)", pathlib.Path(f"/proc/{child.pid}/limits").read_text())[1])
    check(abs(value("worst_fd_ratio") - value("open_filedesc") / limit) < 1e-9, "worst_fd_ratio")
    print("this machine: files, threads, start, sizes and state of a process of ours are right")


def discovered(stack):
    """discovery.process finds a process of ours, with what Python knows of it."""
    folder = os.path.realpath(stack.folder)
    child = subprocess.Popen([sys.executable, "-c", "import time\nprint(1, flush=True)\ntime.sleep(120)", "a b", ""],
                             cwd=folder, stdout=subprocess.PIPE)
    stack.callback(lambda: (child.kill(), child.wait()))
    child.stdout.readline()
    cgroup = pathlib.Path(f"/proc/{child.pid}/cgroup").read_text().strip().replace("\n", "|")
    collector = stack.collector('discovery.process "p" {\n  join = [{"pod" = "x", "__container_id__" = "nobody"}]\n'
                                "  discover_config {\n    cgroup_path = true\n  }\n}\n", name="processes")

    def targets():
        text = get(collector.url + "/api/v0/components/discovery.process.p")
        return json.loads(text)["exports"]["targets"]

    mine = wait_for("our process", lambda: [t for t in targets() if t.get("__process_pid__") == str(child.pid)])[0]
    user = pwd.getpwuid(os.getuid()).pw_name
    expected = {"__process_pid__": str(child.pid), "__meta_process_exe": os.readlink(f"/proc/{child.pid}/exe"),
                "__meta_process_cwd": folder, "__meta_process_uid": str(os.getuid()), "__meta_process_username": user,
                "__meta_process_commandline": " ".join([sys.executable, "-c", "import time\nprint(1, flush=True)\n"
                                                        "time.sleep(120)", "a b"]),
                "__meta_process_cgroup_path": cgroup}
    container = re.search(r"/(?:[^/]*-)?([0-9a-f]{64})(?:\.|$)", cgroup.split("|")[0])
    if container:
        expected["__container_id__"] = container[1]
    check(mine == expected, f"discovery.process says {mine}, not {expected}")
    check({"pod": "x", "__container_id__": "nobody"} in targets(), "a joined target without a process is lost")
    print(f"discovery.process: {len(targets())} processes, ours with all its labels")


def main():
    problems = []
    binary = os.environ.get("PROCESS_EXPORTER")
    with Stack() as stack:
        for name, v in VARIANTS.items():
            if binary:
                said = theirs(stack, binary, name, v)
                for n, text in enumerate(said, 1):
                    path = FIXTURES / f"{name}-{n}.prom"
                    if "--record" in sys.argv:
                        path.write_text(text)
                    check(wanted(path.read_text()) == wanted(text), f"{path} is not what it says now")
            expected = [(FIXTURES / f"{name}-{n}.prom").read_text() for n in (1, 2, 3)]
            problems += compare(name, expected, ours(stack, name, v))
        this_machine(stack)
        discovered(stack)
    check(not problems, f"{len(problems)} differences")


if __name__ == "__main__":
    main()
