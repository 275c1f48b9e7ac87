"""Our scrape, relabel and remote write against a Prometheus that scrapes the same targets itself.

Both write into a Debian Prometheus; the series sets, `up`, the scrape_* series, what happens when a
target dies, sends garbage halfway or drops a series (stale markers), and honor_labels must be equal.
"""
import contextlib
import time

from harness import Stack, check, free_port, text_target, wait_for

INTERVAL = "1s"


def steady(n):
    return (f"# TYPE work_total counter\nwork_total{{kind=\"a\"}} {n}\nwork_total{{kind=\"b\"}} {2 * n}\n"
            f"temperature{{room=\"k\\\"1\\\\\\n\"}} 21.5\nodd_value NaN\nbig +Inf\n"
            f"old_sample 7 {int(time.time() * 1000) - 2000}\n")


def owner(n):
    return (f"conflict{{job=\"theirs\",instance=\"elsewhere\",exported_job=\"x\"}} {n}\n"
            f"plain{{path=\"/\"}} {n}\n")


def vanishing(n):
    return "always 1\n" + ("sometimes 1\n" if n <= 4 else "")


def garbage_later(n):
    return f"good_series {n}\n" + ("garbage{{{ 1\nafter 1\n" if n > 5 else "")


def failing_later(n):
    return f"alive {n}\n" if n <= 5 else (500, "text/plain", b"broken\n")


def jobs(targets):
    return [("steady", targets["steady"], {}), ("owner", targets["owner"], {}),
            ("owner_honored", targets["owner2"], {"honor_labels": "true"}),
            ("vanishing", targets["vanishing"], {}), ("garbage", targets["garbage"], {}),
            ("failing", targets["failing"], {}), ("dead", targets["dead"], {}),
            ("node", targets["node"], {})]


def prometheus_config(rows):
    text = "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n"
    for job, port, extra in rows:
        text += f"- job_name: {job}\n"
        for k, v in extra.items():
            text += f"  {k}: {v}\n"
        text += (f"  static_configs: [{{targets: ['127.0.0.1:{port}'], labels: {{env: test}}}}]\n"
                 "  metric_relabel_configs:\n"
                 "  - {source_labels: [__name__], regex: 'go_.*', action: drop}\n"
                 "  - {regex: room, action: labelmap, replacement: chamber}\n")
    return text


def collector_config(rows, write_url):
    text = ""
    for job, port, extra in rows:
        lines = "".join(f"  {k} = {v}\n" for k, v in extra.items())
        text += (f'prometheus.scrape "{job}" {{\n  job_name = "{job}"\n'
                 f'  targets = [{{"__address__" = "127.0.0.1:{port}", "env" = "test"}}]\n'
                 f'  scrape_interval = "{INTERVAL}"\n  scrape_timeout = "1s"\n{lines}'
                 "  forward_to = [prometheus.relabel.same.receiver]\n}\n")
    return text + f"""
prometheus.relabel "same" {{
  rule {{
    source_labels = ["__name__"]
    regex = "go_.*"
    action = "drop"
  }}
  rule {{
    regex = "room"
    action = "labelmap"
    replacement = "chamber"
  }}
  forward_to = [prometheus.remote_write.out.receiver]
}}
prometheus.remote_write "out" {{
  endpoint {{
    url = "{write_url}"
    queue_config {{
      batch_send_deadline = "200ms"
    }}
  }}
}}
"""


def settled(what, sides):
    """What both sides have, as soon as it is equal: a sample may be on one of them a moment before the other."""
    last = []

    def equal():
        last[:] = sides()
        return last[0] == last[1]

    with contextlib.suppress(AssertionError):
        wait_for(what, equal)
    return last


def without_self(series):
    """What a scrape says of itself differs in time, not in kind; a busy machine's exporter comes and goes."""
    return {s for s in series if not dict(s)["__name__"].startswith(("process_", "node_scrape_collector"))}


def main():
    with Stack() as stack:
        served = {"steady": text_target(steady), "owner": text_target(owner),
                  "owner2": text_target(owner), "vanishing": text_target(vanishing),
                  "garbage": text_target(garbage_later), "failing": text_target(failing_later)}
        for t in served.values():
            stack.callback(t.close)
        ports = {name: t.port for name, t in served.items()}
        ports["dead"] = free_port()
        ports["node"] = stack.node_exporter()
        rows = jobs(ports)
        start = time.time()
        direct = stack.prometheus("direct", prometheus_config(rows))
        received = stack.prometheus("received", "global: {scrape_interval: 1h}\n")
        ours = stack.collector(collector_config(rows, received.write_url))

        wait_for("samples of every job", lambda: len(received.query("up")) == len(direct.query("up")) == len(rows))
        time.sleep(10)

        for job, port, _ in rows:
            match = f'{{job="{job}"}}'
            a, b = settled(job, lambda m=match: [without_self(p.series(m, start)) for p in (direct, received)])
            check(a == b, f"{job}: only direct: {sorted(a - b)[:5]}, only ours: {sorted(b - a)[:5]}")
            print(f"{job}: {len(b)} series, the same")

        match = '{instance="elsewhere"}'
        a, b = settled("honor_labels", lambda: [p.series(match, start) for p in (direct, received)])
        check(a == b and a, f"honor_labels: {a ^ b}")

        for expression in ['up', 'scrape_samples_scraped{job!="node"}',
                           'scrape_samples_post_metric_relabeling{job!="node"}', 'always', 'sometimes',
                           'after', 'alive', 'temperature', 'big', 'old_sample']:
            still = expression in ("up", "scrape_samples_scraped", "temperature", "big")  # their values are equal too
            a, b = settled(expression, lambda e=expression, s=still: [
                {tuple(sorted(r["metric"].items())): s and r["value"][1] for r in p.query(e)}
                for p in (direct, received)])
            check(a == b, f"{expression}: direct {a}, ours {b}")
            print(f"{expression}: equal now ({len(b)} series)")
        wait_for("a series that vanished is stale", lambda: not received.query("sometimes"))
        # Prometheus itself writes no stale marker here: the void scrape still counts as a sight of the series.
        wait_for("a scrape with garbage voids its series", lambda: not received.query("good_series"))

        # Nothing lost on the way: one sample a second of a counter that rises with every scrape.
        values = [float(v) for _, v in received.query('work_total{kind="a"}[8s]')[0]["values"]]
        check(values == list(range(int(values[0]), int(values[0]) + len(values))),
              f"a sample is missing or double: {values}")
        print(f"work_total: {len(values)} consecutive samples")
        code = ours.stop()
        check(code == 0, f"exit code {code}\n{ours.output()}")
        # The end of a target is marked: after the stop nothing of ours is current.
        wait_for("stale markers at the end", lambda: not received.query("work_total"))
        print("ok")


if __name__ == "__main__":
    main()
