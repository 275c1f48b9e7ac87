"""Memory: 200 targets of 5 MB each at a time and a limit of 64 MiB: resident memory stays below baseline + limit + 10 %,
what finds no room is an error of its target, and the account returns to where it was."""
import http.server
import json
import os
import re
import socketserver
import threading
import time

from harness import Stack, check, get, wait_for

LIMIT = 64 << 20
TARGETS = 200
SIZE = 5_000_000


def body():
    line = "# " + "x" * 997 + "\n"
    text = "# TYPE m gauge\n" + "".join(f'm{{n="{i}"}} {i}\n' for i in range(20))
    return (text + line * ((SIZE - len(text)) // len(line))).encode()


BODY = body()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        chunked = self.path.endswith("chunked")
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(BODY)))))
        self.end_headers()
        try:
            for at in range(0, len(BODY), 250_000):
                part = BODY[at:at + 250_000]
                self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n" if chunked else part)
                time.sleep(0.05)
            if chunked:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 512


def resident(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read())[1]) << 10


def main():
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    for kind in ("plain", "chunked"):
        with Stack() as stack:
            targets = ",\n".join(f'{{__address__ = "127.0.0.1:{port}", n = "{i}"}}' for i in range(TARGETS))
            config = f"""
            prometheus.scrape "big" {{
              targets = [{targets}]
              metrics_path = "/{kind}"
              scrape_interval = "5s"
              scrape_timeout = "5s"
              forward_to = [collector.store.kept.receiver]
            }}
            collector.store "kept" {{ }}
            """
            empty = stack.collector('collector.store "kept" { }', name="empty", flags=[f"--memory.limit={LIMIT}"])
            time.sleep(1)
            baseline = resident(empty.process.pid)
            ours = stack.collector(config, flags=["--memory.limit=64MiB"])
            peak = 0
            end = time.monotonic() + float(os.environ.get("SECONDS_EACH", "20"))
            while time.monotonic() < end:
                peak = max(peak, resident(ours.process.pid))
                time.sleep(0.02)
            account = json.loads(get(ours.url + "/api/v0/memory"))
            text = get(ours.url + "/metrics")
            failed = sum(float(v) for v in re.findall(r"^collector_scrapes_without_memory_total\{.*\} (\S+)$", text, re.M))

            def health():
                """How many targets are up, and how many had no memory, at their last scrapes."""
                rows = json.loads(get(ours.url + "/api/v0/targets"))["targets"]
                return sum(r["health"] == "up" for r in rows), sum("memory limit" in r["error"] for r in rows)

            up, poor = health()
            print(f"{kind}: baseline {baseline >> 20} MiB, peak {peak / 2**20:.1f} MiB, allowed "
                  f"{(baseline + LIMIT * 1.1) / 2**20:.1f} MiB; {up} up, {poor} without memory, {failed:.0f} scrapes "
                  f"refused; account peak {account['peak_bytes'] / 2**20:.1f} MiB, refusals {account['refusals']}")
            check(peak < baseline + LIMIT * 1.1, f"{kind}: resident memory")
            wait_for(f"{kind}: some targets get through", lambda: health()[0] > 0)
            check(failed > 0, f"{kind}: scrapes without memory are counted")
            wait_for(f"{kind}: others say why they do not", lambda: health()[1] > 0)
            check(account["limit_bytes"] == LIMIT, "the limit is shown")
            check("collector_memory_budget_refusals_total{" in text, "refusals are counted")

            def last():
                stored = json.loads(get(ours.url + "/api/v0/store?search=up&limit=1000"))["series"]
                return {r["points"][-1][1] for r in stored if r["labels"].get("__name__") == "up" and r["points"]}

            wait_for(f"{kind}: up is 0 where there was no memory", lambda: {0, 1} <= last())
    server.shutdown()


main()
