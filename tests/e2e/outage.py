"""The endpoint goes down and comes back, answers 5xx, 429 with Retry-After and 400: what was taken while it
was down arrives in order, what it refuses for good is counted with its reason."""
import re
import time

from harness import Stack, check, free_port, get, text_target, wait_for
from sink import Sink

CONFIG = """
prometheus.scrape "x" {{
  targets = [{{"__address__" = "127.0.0.1:{target}"}}]
  scrape_interval = "1s"
  scrape_timeout = "1s"
  forward_to = [prometheus.remote_write.out.receiver]
}}
prometheus.remote_write "out" {{
  endpoint {{
    url = "{url}"
    queue_config {{
      batch_send_deadline = "200ms"
      max_backoff = "500ms"
    }}
  }}
}}
"""


def metric(ours, name):
    values = re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+-]+)$", get(ours.url + "/metrics"), re.M)
    return sum(map(float, values))


def main():
    with Stack() as stack:
        target = text_target(lambda n: f"turn {n}\n")
        stack.callback(target.close)
        answers = {"code": 204, "headers": {}}
        port = free_port()  # it is free for a while below, too
        sink = Sink(status=lambda n: answers["code"], headers=lambda n: answers["headers"], port=port)
        ours = stack.collector(CONFIG.format(target=target.port, url=sink.url))
        wait_for("samples", lambda: len(sink.samples("turn")) >= 2)

        for code, headers in ((503, {}), (429, {"Retry-After": "1"})):
            answers.update(code=code, headers=headers)
            before, requests = len(sink.samples("turn")), sink.requests
            time.sleep(3)
            wait_for(f"requests that get {code}", lambda: sink.requests > requests + 1)
            answers.update(code=204, headers={})
            wait_for(f"samples after {code}", lambda: len(sink.samples("turn")) > before + 2)
        wait_for("retries are counted", lambda: metric(ours, "prometheus_remote_storage_samples_retried_total") > 0)

        sink.close()
        time.sleep(3)
        again = Sink(status=lambda n: answers["code"], port=port)
        stack.callback(again.close)
        wait_for("samples after the outage", lambda: len(again.samples("turn")) >= 3)
        turns = [v for _, _, v in sink.samples("turn")] + [v for _, _, v in again.samples("turn")]
        check(turns == list(range(1, len(turns) + 1)), f"gap or disorder: {turns}")
        print(f"{len(turns)} samples in order over 503, 429 and a dead endpoint")

        answers["code"] = 400
        wait_for("a counted refusal",
                 lambda: metric(ours, "prometheus_remote_storage_samples_failed_total") > 0)
        answers["code"] = 204
        before = len(again.samples("turn"))
        wait_for("samples after the refusal", lambda: len(again.samples("turn")) > before)
        check(ours.stop() == 0, ours.output())

        # A dead endpoint at the end: within the deadline, and the exit code says that data was left,
        # where only memory has it.
        config = CONFIG.format(target=target.port, url="http://127.0.0.1:9/x")
        dead = stack.collector(config + 'outbox {\n  level = "queued"\n}\n', name="dead", flags=["--feature.component-shutdown-deadline=1s"])
        wait_for("a waiting sample",
                 lambda: metric(dead, "prometheus_remote_storage_samples_pending") > 0)
        begin = time.monotonic()
        code = dead.stop()
        took = time.monotonic() - begin
        check(code == 3, f"exit {code}\n{dead.output()}")
        check(took < 10, f"stopping took {took} s")
        print(f"stopped in {took:.2f} s with undelivered data, exit code 3")

        kept = stack.collector(config, name="kept",
                               flags=["--feature.component-shutdown-deadline=1s"])
        wait_for("a waiting sample",
                 lambda: metric(kept, "prometheus_remote_storage_samples_pending") > 0)
        check(kept.stop() == 0, f"what is on disk is not lost\n{kept.output()}")


if __name__ == "__main__":
    main()
