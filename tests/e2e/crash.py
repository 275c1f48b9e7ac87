"""kill -9 at random moments, with the endpoint up, down and flapping: every scrape that was well over
when the process died arrives, in order, and nothing else does. ROUNDS says how often (default 6)."""
import os
import random
import signal
import time

from harness import Stack, check, text_target, wait_for
from sink import Sink

TARGETS = 3
# A scrape is acknowledged once it is synced: far less than this after its answer was sent.
SETTLED = 0.4
CONFIG = """
prometheus.scrape "x" {{
  targets = [{targets}]
  scrape_interval = "100ms"
  scrape_timeout = "100ms"
  forward_to = [prometheus.remote_write.out.receiver]
}}
prometheus.remote_write "out" {{
  endpoint {{
    url = "{url}"
    queue_config {{
      batch_send_deadline = "100ms"
      max_backoff = "200ms"
    }}
  }}
}}
"""


def main():
    rounds = int(os.environ.get("ROUNDS", "6"))
    seed = int(os.environ.get("SEED", str(int(time.time()))))
    print(f"seed {seed}")
    chance = random.Random(seed)
    served = [[] for _ in range(TARGETS)]  # (time, number) of each answer

    def target_of(i):
        def answer(_):
            served[i].append((time.monotonic(), len(served[i]) + 1))
            return f"turn {len(served[i])}\n"

        return text_target(answer)

    with Stack() as stack:
        targets = [target_of(i) for i in range(TARGETS)]
        for t in targets:
            stack.callback(t.close)
        mode = {"now": "up"}

        def status(n):
            return {"up": 204, "down": 503, "flapping": 204 if n % 3 == 0 else 503}[mode["now"]]

        sink = Sink(status=status)
        stack.callback(sink.close)
        config = CONFIG.format(url=sink.url, targets=", ".join(
            f'{{"__address__" = "127.0.0.1:{t.port}"}}' for t in targets))
        must = [set() for _ in range(TARGETS)]
        for turn in range(rounds):
            mode["now"] = ("up", "down", "flapping")[turn % 3]
            ours = stack.collector(config, name="crash", ready=False)
            begin = time.monotonic()
            before = [len(s) for s in served]
            wait_for("scrapes", lambda: all(len(s) > b for s, b in zip(served, before)))
            time.sleep(chance.uniform(0.1, 2.0))
            ours.stop(how=signal.SIGKILL)
            died = time.monotonic()
            for i in range(TARGETS):
                must[i] |= {n for at, n in served[i] if begin <= at <= died - SETTLED}
        mode["now"] = "up"
        ours = stack.collector(config, name="crash")
        wait_for("the rest", lambda: all(
            must[i] <= {int(v) for _, _, v in sink.samples("turn", f"127.0.0.1:{t.port}")}
            for i, t in enumerate(targets)), seconds=30)
        check(ours.stop() == 0, ours.output())
        check(not sink.errors, sink.errors)
        twice = 0
        for i, t in enumerate(targets):
            got = sink.samples("turn", f"127.0.0.1:{t.port}")
            values = [int(v) for _, _, v in got]
            check(set(values) <= {n for _, n in served[i]}, "something was invented")
            stamps = {}
            for _, stamp, v in got:
                check(stamps.setdefault(v, stamp) == stamp, f"{v} came with two times")
            first = list(dict.fromkeys(values))  # the first time that each came
            check(first == sorted(first), f"disorder: {first}")
            twice += len(values) - len(first)
            lost = must[i] - set(values)
            check(not lost, f"lost {sorted(lost)}")
        print(f"{rounds} kills: {sum(map(len, must))} scrapes had to arrive and did, "
              f"{twice} samples came twice")


if __name__ == "__main__":
    main()
