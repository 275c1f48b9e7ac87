"""100 reloads under load, each changing one component: nothing lost, nothing doubled at the sink.

A target counts its scrapes, so every sample has a value of its own; the sink decodes what arrives.
"""
import signal
import time

from harness import Stack, check, get, post, text_target, wait_for
from sink import Sink

CONFIG = """
prometheus.scrape "load" {{
  targets = [{targets}]
  scrape_interval = "1s"
  scrape_timeout = "1s"
  forward_to = [prometheus.relabel.step.receiver]
}}
prometheus.relabel "step" {{
  forward_to = [prometheus.remote_write.out.receiver]
  rule {{
    target_label = "{label}"
    replacement = "x"
  }}
}}
prometheus.remote_write "out" {{
  endpoint {{
    url = "{url}"
    remote_timeout = "{timeout}s"
    queue_config {{
      batch_send_deadline = "100ms"
    }}
  }}
}}
prometheus.echo "other{other}" {{ }}
"""


def main():
    with Stack() as stack:
        sink = Sink()
        stack.callback(sink.close)
        targets = [text_target(lambda n: f"# TYPE turn counter\nturn {n}\n" +
                               "".join(f'padding{{i="{i}"}} {n}\n' for i in range(50)))
                   for _ in range(10)]
        for t in targets:
            stack.callback(t.close)
        rows = ", ".join(f'{{"__address__" = "127.0.0.1:{t.port}"}}' for t in targets)

        def config(n):
            # Each turn changes another component: rule of the relabel, endpoint's timeout, an unrelated one.
            return CONFIG.format(targets=rows, url=sink.url, label=f"step{(n // 3) % 5}",
                                 timeout=30 + (n // 3) % 7 if n % 3 == 1 else 30,
                                 other=n if n % 3 == 2 else 0)

        ours = stack.collector(config(0))
        wait_for("first samples", lambda: sink.requests > 0)
        for n in range(1, 101):
            with open(ours.config, "w") as f:
                f.write(config(n))
            if n % 2:
                status, _ = post(ours.url + "/-/reload")
                check(status == 200, f"reload {n}: {status}")
            else:
                ours.process.send_signal(signal.SIGHUP)
            time.sleep(0.1)
        with open(ours.config, "w") as f:
            f.write("prometheus.nonsense \"x\" { }\n")
        try:
            post(ours.url + "/-/reload")
            check(False, "a bad file must be refused")
        except OSError as e:
            check(getattr(e, "code", 0) == 400, f"bad reload: {e}")
        before = sink.requests
        wait_for("samples after the bad file", lambda: sink.requests > before + 1)
        code = ours.stop()
        check(code == 0, f"exit {code}\n{ours.output()}")
        for t in targets:
            seen = sorted(v for labels, _, v in sink.samples("turn", f"127.0.0.1:{t.port}"))
            scraped = t.count
            check(seen == list(range(1, len(seen) + 1)),
                  f"{t.port}: lost or doubled: {seen}, scraped {scraped}")
            check(scraped - len(seen) <= 1, f"{t.port}: {scraped} scrapes, {len(seen)} arrived")
        print(f"100 reloads, {len(targets)} targets, {sink.requests} requests, nothing lost or doubled")


if __name__ == "__main__":
    main()
