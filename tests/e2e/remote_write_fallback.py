"""Remote write 2.0 to a Prometheus that only knows 1.0 (Debian's 2.42): every sample arrives, and none of the
requests before the fallback is lost. Metadata, which 2.0 has in each series, then goes apart as 1.0 has it."""
import re

from harness import Stack, check, get, text_target, wait_for

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
    metadata_config {{ send_interval = "1s" }}
  }}
}}
"""


def metric(ours, name):
    values = re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+-]+)$", get(ours.url + "/metrics"), re.M)
    return sum(map(float, values))


def main():
    with Stack() as stack:
        target = text_target(lambda n: f"# HELP turn Turns.\n# TYPE turn counter\nturn {n}\n")
        stack.callback(target.close)
        peer = stack.prometheus("peer", "global: {}\n")
        ours = stack.collector(CONFIG.format(target=target.port, url=peer.write_url))

        def turns():
            found = peer.query('turn{job="x"}[5m]')
            return [float(v) for _, v in found[0]["values"]]

        wait_for("samples", lambda: len(turns()) >= 8)
        seen = turns()
        check(seen == list(range(1, len(seen) + 1)), f"gap or disorder: {seen}")
        log = ours.output()
        check(log.count("does not speak remote write 2.0") == 1, f"one fallback is logged:\n{log}")
        check(metric(ours, "prometheus_remote_storage_samples_failed_total") == 0, "nothing was refused")
        check(metric(ours, "prometheus_remote_storage_samples_dropped_total") == 0, "nothing was dropped")
        wait_for("metadata", lambda: metric(ours, "prometheus_remote_storage_metadata_total") > 0)
        why = re.search(r'does not speak remote write 2.0.*', log).group(0)
        print(f"{len(seen)} samples, all of them: {why[:200]}")


if __name__ == "__main__":
    main()
