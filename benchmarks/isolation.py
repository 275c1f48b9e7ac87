"""Throughput and delay of a healthy endpoint, alone and beside a dead one and one that drips a byte a second:
`COLLECTOR=build/release/cli/collector python3 benchmarks/isolation.py`. SECONDS says how long a run is (default 15),
ROUNDS how often the two take turns (default 3)."""
import os
import pathlib
import socket
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e"))
from harness import Stack, free_port, text_target, wait_for  # noqa: E402
from sink import Sink  # noqa: E402

TARGETS, SAMPLES = 10, 100
SECONDS = float(os.environ.get("SECONDS", "15"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))


def endpoint(name, url):
    return f"""
  endpoint {{
    name = "{name}"
    url = "{url}"
    remote_timeout = "5s"
    queue_config {{
      batch_send_deadline = "100ms"
    }}
    outbox {{
      size = "64MiB"
      full = "drop_oldest"
    }}
  }}"""


class Drip:
    """Reads what comes and answers with one byte a second."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.drip, args=(connection,), daemon=True).start()

    def drip(self, connection):
        threading.Thread(target=self.swallow, args=(connection,), daemon=True).start()
        try:
            for byte in b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n":
                connection.sendall(bytes([byte]))
                time.sleep(1)
        except OSError:
            pass

    @staticmethod
    def swallow(connection):
        try:
            while connection.recv(65536):
                pass
        except OSError:
            pass


class TimedSink(Sink):
    """Keeps the delay of every sample instead of the sample."""

    def __init__(self):
        self.delays = []
        super().__init__()
        sink = self

        class Delays:
            @staticmethod
            def extend(samples):
                now = time.time() * 1000
                sink.delays.extend(now - stamp for labels, stamp, _ in samples
                                   if labels["__name__"].startswith("metric_"))

        self.received = Delays()


def run(turn, beside):
    with Stack() as stack:
        body = "".join(f"metric_{i} {i}\n" for i in range(SAMPLES))
        targets = [text_target(lambda n: body) for _ in range(TARGETS)]
        for t in targets:
            stack.callback(t.close)
        sink, drip = TimedSink(), Drip()
        stack.callback(sink.close)
        stack.callback(drip.listener.close)
        endpoints = endpoint("healthy", sink.url)
        if beside:
            endpoints += endpoint("dead", f"http://127.0.0.1:{free_port()}/w")
            endpoints += endpoint("drip", f"http://127.0.0.1:{drip.port}/w")
        addresses = ", ".join(f'{{"__address__" = "127.0.0.1:{t.port}"}}' for t in targets)
        stack.collector(f"""
prometheus.scrape "x" {{
  targets = [{addresses}]
  scrape_interval = "500ms"
  scrape_timeout = "500ms"
  forward_to = [prometheus.remote_write.out.receiver]
}}
prometheus.remote_write "out" {{{endpoints}
}}
""", name=f"turn{turn}")
        wait_for("samples", lambda: sink.delays)
        time.sleep(2)
        sink.delays.clear()
        time.sleep(SECONDS)
        delays = sorted(sink.delays)
        return len(delays) / SECONDS, delays[len(delays) * 99 // 100], statistics.median(delays)


def main():
    figures = {False: [], True: []}
    for turn in range(ROUNDS):
        for beside in (False, True):
            figures[beside].append(run(turn, beside))
    for beside, what in ((False, "alone"), (True, "beside a dead and a dripping endpoint")):
        rate, p99, median = (statistics.median(column) for column in zip(*figures[beside]))
        print(f"healthy endpoint {what}: {rate:.0f} samples/s, delay p50 {median:.0f} ms, p99 {p99:.0f} ms")
    change = [statistics.median(b) / statistics.median(a) - 1
              for a, b in zip(zip(*figures[False]), zip(*figures[True]))]
    print(f"change: throughput {change[0]:+.1%}, p99 {change[1]:+.1%}, p50 {change[2]:+.1%}")


if __name__ == "__main__":
    main()
