"""Remote write 2.0, and 1.0 with histograms and exemplars, into Prometheus 3, which is what stores and answers.

PROMETHEUS3 names its program: see prometheus3_build.py."""
import os
import re
import subprocess
import sys
import time
import urllib.request

from harness import SKIP, Prometheus, Stack, check, free_port, get, text_target, wait_for

V2 = "io.prometheus.write.v2.Request"
CONFIG = """
prometheus.scrape "x" {{
  targets = [{{"__address__" = "127.0.0.1:{target}", "instance" = "x"}}]
  job_name = "x"
  scrape_interval = "1s"
  scrape_timeout = "1s"
  honor_metadata = true
  forward_to = [prometheus.remote_write.out.receiver]
}}
prometheus.remote_write "out" {{
  endpoint {{
    url = "{url}"
    protobuf_message = "io.prometheus.write.v2.Request"
    queue_config {{ batch_send_deadline = "200ms" }}
  }}
}}
"""
BODY = """# HELP turns Turns of the wheel.
# TYPE turns counter
turns_total {0}
# HELP warmth_celsius Warmth.
# TYPE warmth_celsius gauge
# UNIT warmth_celsius celsius
warmth_celsius{{room="a"}} 20
warmth_celsius{{room="b"}} 21
# EOF
"""


def metric(ours, name):
    values = re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+-]+)$", get(ours.url + "/metrics"), re.M)
    return sum(map(float, values))


def start(stack, program):
    port = free_port()
    stack.start("prometheus3", [program, f"--config.file={stack.write('prometheus3.yml', 'global: {}')}",
                                f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
                                f"--storage.tsdb.path={stack.folder}/prometheus3-data",
                                "--enable-feature=exemplar-storage,native-histograms,type-and-unit-labels"])
    wait_for("Prometheus 3", lambda: get(f"http://127.0.0.1:{port}/-/ready"))
    return Prometheus(port)


def post(url, path, v2):
    with open(path, "rb") as f:
        request = urllib.request.Request(url, data=f.read(), method="POST", headers={
            "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf" + (f";proto={V2}" if v2 else ""),
            "X-Prometheus-Remote-Write-Version": "2.0.0" if v2 else "0.1.0"})
    with urllib.request.urlopen(request) as answer:
        return {k.lower(): v for k, v in answer.headers.items()}


def stored_bodies(stack, peer):
    """What our encoders write, as Prometheus stores and computes it."""
    now = int(time.time() * 1000)
    subprocess.run([os.environ["WRITE_BODIES"], stack.folder, str(now)], check=True)
    written = post(peer.write_url, f"{stack.folder}/v2", True)
    counts = {k[len("x-prometheus-remote-write-"):]: v for k, v in written.items() if k.endswith("-written")}
    check(counts == {"samples-written": "2", "histograms-written": "3", "exemplars-written": "2"}, f"written: {counts}")
    post(peer.write_url, f"{stack.folder}/v1", False)

    def value(expression):
        found = peer.query(expression)
        check(len(found) == 1, f"{expression}: {found}")
        return float(found[0]["value"][1])

    for proto in ("1.0", "2.0"):
        for expression, expected in (
                (f'rw_requests_total{{proto="{proto}"}}', 42), (f'rw_temperature_celsius{{proto="{proto}"}}', 21.5),
                (f'histogram_count(rw_integer{{proto="{proto}"}})', 12), (f'histogram_sum(rw_integer{{proto="{proto}"}})', 18.5),
                (f'histogram_count(rw_float{{proto="{proto}"}})', 4.5), (f'histogram_sum(rw_float{{proto="{proto}"}})', -2),
                # Positive buckets of schema 1 end at sqrt(2)^i: index 0 (1/sqrt 2, 1], 1 (1, sqrt 2], 3 (2, 2 sqrt 2].
                (f'histogram_fraction(1, 1.4142135623730951, rw_integer{{proto="{proto}"}}) * 12', 3),
                (f'histogram_fraction(2, 2.8284271247461903, rw_integer{{proto="{proto}"}}) * 12', 1),
                # Buckets of schema 0: index 1 (1, 2], 2 (2, 4].
                (f'histogram_fraction(2, 4, rw_float{{proto="{proto}"}}) * 4.5', 2)):
            got = value(expression)
            check(abs(got - expected) < 1e-9, f"{expression}: {got}, not {expected}")
        exemplars = peer.api("query_exemplars", query=f'{{proto="{proto}"}}', start=now / 1000 - 60, end=now / 1000 + 60)
        traces = {e["seriesLabels"]["__name__"]: [(x["labels"], x["value"]) for x in e["exemplars"]] for e in exemplars}
        check(traces == {"rw_requests_total": [({"trace_id": "aaa"}, "1")], "rw_integer": [({"trace_id": "bbb"}, "2.5")]},
              f"exemplars: {traces}")
    for expression, expected in (("histogram_count(rw_custom)", 6), ("histogram_fraction(0.1, 1, rw_custom) * 6", 2),
                                 ("histogram_fraction(10, Inf, rw_custom) * 6", 3)):
        check(abs(value(expression) - expected) < 1e-9, f"{expression}: {value(expression)}, not {expected}")
    check(peer.query('rw_custom{proto="1.0"}') == [], "1.0 carries no custom buckets")
    types = {s["__name__"]: (s.get("__type__"), s.get("__unit__"))
             for s in peer.api("series", **{"match[]": '{proto="2.0"}'})}
    check(types["rw_requests_total"] == ("counter", None) and types["rw_temperature_celsius"] == ("gauge", "celsius")
          and types["rw_integer"] == ("histogram", "bytes"), f"metadata: {types}")
    print("histograms of integers, floats and custom buckets, exemplars and metadata are stored as they were sent")


def collected(stack, peer):
    """The collector itself speaks 2.0 to it."""
    openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    target = text_target(lambda n: (200, openmetrics, BODY.format(n).encode()))
    stack.callback(target.close)
    ours = stack.collector(CONFIG.format(target=target.port, url=peer.write_url))

    def turns():
        return [float(v) for _, v in peer.query('turns_total{job="x"}[5m]')[0]["values"]]

    wait_for("samples", lambda: len(turns()) >= 8)
    seen = turns()
    check(seen == list(range(1, len(seen) + 1)), f"gap or disorder: {seen}")
    check("does not speak" not in ours.output(), "no fallback")
    for name in ("samples_failed_total", "samples_dropped_total", "metadata_total", "samples_retried_total"):
        check(metric(ours, f"prometheus_remote_storage_{name}") == 0, f"{name} is not 0")
    types = {(s["__name__"], s.get("__type__"), s.get("__unit__"))
             for s in peer.api("series", **{"match[]": '{job="x"}'})}
    check({("turns_total", "counter", None), ("warmth_celsius", "gauge", "celsius")} <= types, f"metadata: {types}")
    print(f"{len(seen)} samples in order, with the metadata of their families")


def main():
    program = os.environ.get("PROMETHEUS3")
    if not program or not os.path.exists(program):
        print("SKIP: PROMETHEUS3 names no program")
        sys.exit(SKIP)
    with Stack() as stack:
        peer = start(stack, program)
        stored_bodies(stack, peer)
        collected(stack, peer)


if __name__ == "__main__":
    main()
