"""Prometheus writes to our prometheus.receive_http, we write to a second Prometheus: all of it is there, however often
the second one is away, the outbox full, or we are killed.

PROMETHEUS3 names the program of a Prometheus 3 (prometheus3_build.py); with it the sender speaks
remote write 2.0, with exemplars and native histograms."""
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request

from admin_tls import Authority
from harness import Prometheus, Stack, check, free_port, get, need, text_target, wait_for

OURS = """
prometheus.receive_http "in" {{
  accepted_remote_write_protobuf_messages = ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"]
  http {{
    listen_address = "127.0.0.1"
    listen_port = {port}
{tls}
  }}
  forward_to = [prometheus.remote_write.out.receiver]
}}
prometheus.remote_write "out" {{
  endpoint {{
    url = "{url}"
    queue_config {{
      batch_send_deadline = "100ms"
      max_backoff = "500ms"
    }}
  }}
}}
outbox {{
  size = "{size}"
}}
"""
SENDER = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: x
{scrape}
  static_configs: [{{targets: [{targets}]}}]
remote_write:
- url: {scheme}://127.0.0.1:{port}/api/v1/metrics/write
{write}
  queue_config: {{batch_send_deadline: 200ms, min_backoff: 30ms, max_backoff: 500ms, max_shards: 4}}
"""
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
BODY = """# TYPE turn counter
turn_total {0} # {{trace_id="t{0}"}} 1 {1:.3f}
# TYPE wait_seconds histogram
wait_seconds_bucket{{le="0.1"}} {0}
wait_seconds_bucket{{le="1"}} {2}
wait_seconds_bucket{{le="+Inf"}} {2}
wait_seconds_sum {0}
wait_seconds_count {2}
# EOF
"""


def metric(url, start):
    return sum(float(line.rsplit(" ", 1)[1]) for line in get(url + "/metrics").splitlines() if line.startswith(start))


class Receiver:
    """A Prometheus that goes and comes back with what it had."""

    def __init__(self, stack, program=None):
        self.stack, self.port = stack, free_port()
        self.program = program or need("prometheus")
        self.config = stack.write("receiver.yml", "global: {}\n")
        self.api = Prometheus(self.port)
        self.come()

    def come(self):
        self.process = self.stack.start("receiver", [
            self.program, f"--config.file={self.config}", f"--web.listen-address=127.0.0.1:{self.port}",
            f"--storage.tsdb.path={self.stack.folder}/receiver-data", "--web.enable-remote-write-receiver",
            "--log.level=warn"])
        wait_for("the receiver", lambda: get(f"http://127.0.0.1:{self.port}/-/ready"))

    def go(self):
        self.process.stop()


def sender(stack, program, targets, port, name, scrape="", write="", scheme="http", flags=()):
    own = free_port()
    config = stack.write(f"{name}.yml", SENDER.format(
        targets=", ".join(f"'127.0.0.1:{t}'" for t in targets), port=port, scrape=scrape, write=write, scheme=scheme))
    stack.start(name, [program, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{own}",
                       f"--storage.tsdb.path={stack.folder}/{name}-data", "--log.level=warn", *flags])
    wait_for(name, lambda: get(f"http://127.0.0.1:{own}/-/ready"))
    return Prometheus(own)


def values(prometheus, selector):
    """(time, value) of each series; stale markers are not shown by queries."""
    return {tuple(sorted(r["metric"].items())): [tuple(v) for v in r["values"]]
            for r in prometheus.query(selector + "[1h]")}


def compare(what, source, sink, selector='{job="x"}', seconds=90):
    """Everything that the source has up to now is at the sink, with its times, and nothing else."""
    until = time.time()

    def rows(prometheus):
        return {k: [v for v in vs if v[0] <= until] for k, vs in values(prometheus, selector).items()}

    try:  # a scrape that began by then may be in the source only later
        wait_for(what, lambda: rows(sink) == rows(source), seconds, every=0.5)
    except AssertionError:
        wanted, got = rows(source), rows(sink)
        for key in sorted(set(wanted) | set(got)):
            if wanted.get(key) != got.get(key):
                print(dict(key)["__name__"], len(wanted.get(key, [])), len(got.get(key, [])))
        raise
    wanted = rows(source)
    points = sum(map(len, wanted.values()))
    check(points > 0, "nothing was compared")
    print(f"PASS {what}: {len(wanted)} series, {points} samples, equal")
    return wanted


def first(stack, receiver):
    target = text_target(lambda n: f"turn {n}\nzero 0\n")
    stack.callback(target.close)
    node = stack.node_exporter()
    port = free_port()
    config = OURS.format(port=port, url=receiver.api.write_url, size="1MiB", tls="")
    ours = stack.collector(config, name="ours")
    source = sender(stack, need("prometheus"), [target.port, node], port, "sender")
    wait_for("samples", lambda: receiver.api.query("turn"))
    time.sleep(4)
    series = compare("1.0 into a second Prometheus", source, receiver.api)
    names = {dict(k)["__name__"] for k in series}
    check({"turn", "up", "node_load1", "scrape_duration_seconds"} <= names, f"series {names}")

    receiver.go()
    def full():
        return metric(ours.url, 'prometheus_receive_http_refused_requests_total{component_id="prometheus.receive_http.in",'
                      'reason="not_taken"}') > 0
    wait_for("a full outbox", full, 120)
    # Prometheus counts a retry after the wait that comes before it.
    wait_for("the sender's retry", lambda: metric(source.url, "prometheus_remote_storage_samples_retried_total") > 0)
    check(metric(source.url, "prometheus_remote_storage_samples_failed_total") == 0, "nothing was refused for good")
    receiver.come()
    compare("after an outage that filled the outbox", source, receiver.api)

    # Killed while the endpoint is away, and while it is there: what was answered with 2xx was on disk.
    for turn, away in enumerate((True, False, True)):
        if away:
            receiver.go()
        time.sleep(1.5)
        ours.stop(how=signal.SIGKILL)
        time.sleep(0.5)
        if away:
            receiver.come()
        ours = stack.collector_at(ours.port, ours.config, "ours")
        compare(f"after kill -9 number {turn + 1}", source, receiver.api)
    check(metric(source.url, "prometheus_remote_storage_samples_failed_total") == 0, "nothing was refused for good")
    check(ours.stop() == 0, ours.output())


def tls(stack, receiver):
    """The server with a certificate, and one that asks for the client's."""
    ca = Authority(stack.folder, "good")
    server, client = ca.issue("server", "serverAuth"), ca.issue("client", "clientAuth")
    target = text_target(lambda n: f"secret {n}\n")
    stack.callback(target.close)
    port = free_port()
    block = f"""tls {{
      cert_file = "{server[0]}"
      key_file = "{server[1]}"
      client_ca_file = "{ca.cert}"
      client_auth_type = "RequireAndVerifyClientCert"
    }}"""
    stack.collector(OURS.format(port=port, url=receiver.api.write_url, size="16MiB", tls=block), name="tls")
    write = f"  tls_config: {{ca_file: {ca.cert}, cert_file: {client[0]}, key_file: {client[1]}, server_name: localhost}}"
    source = sender(stack, need("prometheus"), [target.port], port, "tls-sender", write=write, scheme="https")
    wait_for("samples over TLS", lambda: receiver.api.query("secret >= 3"))
    compare("1.0 over TLS with client certificates", source, receiver.api, '{__name__="secret"}')
    done = subprocess.run([need("curl"), "-sS", "--cacert", ca.cert, f"https://localhost:{port}/",
                           "--resolve", f"localhost:{port}:127.0.0.1"], capture_output=True, text=True, timeout=20)
    check(done.returncode != 0, "a client without a certificate is not let in")


def by_hand(stack, receiver):
    """What a sender is told about requests that nobody can take."""
    port = free_port()
    stack.collector(OURS.format(port=port, url=receiver.api.write_url, size="16MiB", tls=""), name="by-hand")
    url = f"http://127.0.0.1:{port}/api/v1/metrics/write"

    def answer(body=b"", path=url, **headers):
        request = urllib.request.Request(path, data=body, method="POST", headers={
            k.replace("_", "-"): v for k, v in headers.items()})
        try:
            with urllib.request.urlopen(request, timeout=10) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    wait_for("our server", lambda: answer(b"\0", Content_Type="application/x-protobuf")[0] == 204)
    check(answer(b"\0", Content_Type="application/x-protobuf", Content_Encoding="gzip")[0] == 415, "gzip")
    check(answer(b"{}", Content_Type="application/json")[0] == 415, "JSON")
    check(answer(b"garbage", Content_Type="application/x-protobuf")[0] == 400, "garbage")
    check(answer(path=f"http://127.0.0.1:{port}/api/v1/write")[0] == 404, "another path")
    print("PASS what cannot be taken is refused with its reason")


def second(stack, program):
    """Remote write 2.0 by Prometheus 3: starts, exemplars, custom buckets; nothing fails at the sender."""
    target = text_target(lambda n: (200, OPENMETRICS, BODY.format(n, time.time(), 2 * n).encode()))
    stack.callback(target.close)
    receiver = Receiver(stack, program)
    port = free_port()
    ours = stack.collector(OURS.format(port=port, url=receiver.api.write_url, size="64MiB", tls=""), name="second")
    source = sender(stack, program, [target.port], port, "sender3",
                    scrape="  always_scrape_classic_histograms: true\n  convert_classic_histograms_to_nhcb: true",
                    write="  protobuf_message: io.prometheus.write.v2.Request\n  send_exemplars: true\n"
                          "  send_native_histograms: true",
                    flags=["--enable-feature=exemplar-storage,native-histograms,metadata-wal-records"])
    wait_for("samples", lambda: receiver.api.query("turn_total"))

    def received(kind):
        return metric(ours.url, f'prometheus_receive_http_received_items_total{{component_id="prometheus.receive_http.in",'
                      f'kind="{kind}"}}')

    wait_for("exemplars and histograms", lambda: received("exemplar") >= 5 and received("histogram") >= 5)
    compare("2.0 from Prometheus 3", source, receiver.api, '{__name__=~"turn_total|up|wait_seconds_bucket"}')
    for kind in ("samples", "exemplars", "histograms"):
        for bad in ("failed", "dropped", "retried"):
            check(metric(source.url, f"prometheus_remote_storage_{kind}_{bad}_total") == 0, f"{kind} {bad} at the sender")
    check(metric(ours.url, "prometheus_receive_http_refused") == 0, "nothing was refused")
    wait_for("metadata", lambda: metric(ours.url, "prometheus_receive_http_metadata_left_out_total") > 0)
    print(f"PASS {received('histogram'):.0f} histograms, {received('exemplar'):.0f} exemplars, "
          f"{received('sample'):.0f} samples by 2.0")


def main():
    with Stack() as stack:
        receiver = Receiver(stack)
        first(stack, receiver)
        tls(stack, receiver)
        by_hand(stack, receiver)
    program = os.environ.get("PROMETHEUS3")
    if not program or not os.path.exists(program):
        print("Prometheus 3 is not asked: PROMETHEUS3 names no program")
        return
    with Stack() as stack:
        second(stack, program)


if __name__ == "__main__":
    main()
