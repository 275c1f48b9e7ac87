"""Three collectors share 60 targets: each is scraped once an interval by one of them. One is killed: the
others take its targets over; it comes back: only its share moves; one is asked to stop: no scrape is missed."""
import collections
import http.server
import json
import signal
import threading
import time

from harness import Stack, check, free_port, get, wait_for

TARGETS = 60
INTERVAL = 2.0
CONFIG = """
prometheus.scrape "all" {{
  targets         = [{targets}]
  proxy_url       = "http://127.0.0.1:{proxy}"
  http_headers    = {{"X-Node" = ["{node}"]}}
  scrape_interval = "2s"
  scrape_timeout  = "1s"
  forward_to      = [collector.store.here.receiver]
  clustering {{
    enabled = true
  }}
}}
collector.store "here" {{ }}
"""


class Targets:
    """Answers for every name, as a proxy: the names, and so their owners, are the same in every run."""

    def __init__(self):
        self.seen, self.lock = [], threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                host = self.path.split("/")[2] if "://" in self.path else self.headers["Host"]
                with outer.lock:
                    outer.seen.append((time.monotonic(), host, self.headers.get("X-Node")))
                body = b"x 1\n"
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def since(self, start):
        with self.lock:
            return [s for s in self.seen if s[0] >= start]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def owners(seen):
    by = collections.defaultdict(set)
    for _, target, node in seen:
        by[target].add(node)
    return by


def shares(seen):
    return dict(sorted(collections.Counter(n for nodes in owners(seen).values() for n in nodes).items()))


def steady(targets, what, intervals=5):
    """Every target is scraped once in each of `intervals` intervals, always by the same node."""
    start = time.monotonic()
    time.sleep(intervals * INTERVAL)
    seen = [s for s in targets.since(start) if s[0] < start + intervals * INTERVAL]
    times = collections.defaultdict(list)
    for at, target, _ in seen:
        times[target].append(at)
    check(len(times) == TARGETS, f"{what}: {len(times)} of {TARGETS} targets were scraped")
    shared = {t: n for t, n in owners(seen).items() if len(n) != 1}
    check(not shared, f"{what}: scraped by several nodes: {shared}")
    counts = collections.Counter(len(t) for t in times.values())
    # A scrape may fall on either side of the window's ends.
    check(set(counts) <= {intervals - 1, intervals, intervals + 1}, f"{what}: scrapes a target: {counts}")
    gaps = [b - a for t in times.values() for a, b in zip(t, t[1:])]
    check(all(INTERVAL / 2 < g < INTERVAL * 1.5 for g in gaps),
          f"{what}: intervals from {min(gaps):.2f} to {max(gaps):.2f} s")
    print(f"{what}: {len(seen)} scrapes of {TARGETS} targets in {intervals} intervals, shares {shares(seen)}, "
          f"intervals {min(gaps):.3f} to {max(gaps):.3f} s")
    return {t: next(iter(n)) for t, n in owners(seen).items()}


def main():
    with Stack() as stack:
        targets = Targets()
        stack.callback(targets.close)
        names = ", ".join(f'{{"__address__" = "target-{i}:9100"}}' for i in range(TARGETS))
        ports = {node: free_port() for node in "abc"}
        running = {}

        def start(node):
            path = stack.write(f"{node}.alloy", CONFIG.format(targets=names, proxy=targets.port, node=node))
            others = ",".join(f"127.0.0.1:{p}" for p in ports.values())
            running[node] = stack.collector_at(ports[node], path, node, [
                "--cluster.enabled", "--cluster.node-name=" + node, "--cluster.name=e2e",
                f"--cluster.advertise-address=127.0.0.1:{ports[node]}",
                "--cluster.join-addresses=" + others, "--cluster.wait-for-size=2"])

        def view(node):
            return json.loads(get(f"http://127.0.0.1:{ports[node]}/api/v0/cluster"))

        def agreed(nodes):
            views = [view(n) for n in nodes]
            return (all([m["node"] for m in v["members"]] == list(nodes) and v["ready"] for v in views)
                    and len({v["revision"] for v in views}) == 1)

        for node in "abc":
            start(node)
        wait_for("three members", lambda: agreed("abc"))
        time.sleep(INTERVAL)
        before = steady(targets, "three nodes")

        killed = time.monotonic()
        running["c"].process.send_signal(signal.SIGKILL)
        running["c"].process.wait()
        wait_for("two members", lambda: agreed("ab"))
        took = time.monotonic() - killed
        check(took < 8, f"the others noticed after {took:.1f} s")
        time.sleep(INTERVAL)
        two = steady(targets, "after kill -9 of c")
        moved = [t for t in before if two[t] != before[t]]
        check(all(before[t] == "c" for t in moved), "a target of a living node moved")
        check(len(moved) == sum(n == "c" for n in before.values()), "not all of c's targets moved")
        print(f"kill -9: {len(moved)} targets of c taken over, noticed after {took:.1f} s, no other moved")

        start("c")
        wait_for("three members again", lambda: agreed("abc"))
        time.sleep(INTERVAL)
        again = steady(targets, "after the restart of c")
        back = [t for t in two if again[t] != two[t]]
        limit = 1.2 / 3 * TARGETS
        check(again == before, "the same nodes own other targets than before")
        check(len(back) <= limit, f"{len(back)} targets moved, at most {limit:.0f} may")
        print(f"restart: {len(back)} targets moved, at most {limit:.0f} may (1.2/(N+1), N=2)")

        begin = time.monotonic()
        check(running["c"].stop() == 0, running["c"].output())
        wait_for("two members again", lambda: agreed("ab"))
        time.sleep(3 * INTERVAL)
        times = collections.defaultdict(list)
        for at, target, _ in targets.since(begin - 2 * INTERVAL):
            times[target].append(at)
        widest = max(b - a for t in times.values() for a, b in zip(t, t[1:]))
        check(widest < INTERVAL * 1.5, f"a scrape is missing at an orderly stop: {widest:.2f} s")
        print(f"SIGTERM: the widest interval is {widest:.3f} s: no scrape is missing")
        metrics = get(f"http://127.0.0.1:{ports['a']}/metrics")
        check('cluster_node_peers{cluster_name="e2e",state="participant"} 2' in metrics, metrics)
        check('collector_cluster_nodes_failed_total{cluster_name="e2e"} 1' in metrics, "the crash is counted once")


if __name__ == "__main__":
    main()
