"""kill -9 at random moments, with the endpoint up, down and flapping: every scrape that was well over
when the process died arrives, in order, and nothing else does. ROUNDS says how often (default 6), SEED when."""
import os
import random
import signal
import time

from harness import TEXT, Stack, Target, check, wait_for
from sink import Sink

TARGETS = 6
# A scrape is in the outbox far less than this after its answer was sent.
SETTLED = 1.0
# By when a scrape that was given up for its time is over.
GIVEN_UP = 3.0
CONFIG = """
prometheus.scrape "x" {{
  targets = [{targets}]
  scrape_interval = "400ms"
  scrape_timeout = "400ms"
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


class Source:
    """A target that counts, and what of it has to arrive."""

    def __init__(self):
        self.answered = {}  # number -> (monotonic, ms since 1970) when it was on its way
        self.must = set()
        self.target = Target(lambda n, _: (200, TEXT, f"turn {n}\n".encode()), self.sent)
        self.instance = f"127.0.0.1:{self.target.port}"

    def sent(self, n):
        self.answered[n] = time.monotonic(), time.time() * 1000

    def has_to_arrive(self, begin, end):
        self.must |= {n for n, (at, _) in dict(self.answered).items() if begin <= at <= end}

    def missing(self, sink):
        """What has to arrive and did not; but not what the scraper gave up on, and said so by `up`."""
        missing = self.must - {int(v) for _, _, v in sink.samples("turn", self.instance)}
        if not missing:
            return missing
        down = [stamp for _, stamp, v in sink.samples("up", self.instance) if v == 0]
        return {n for n in missing
                if not any(0 <= self.answered[n][1] - stamp <= GIVEN_UP * 1000 for stamp in down)}


def main():
    rounds = int(os.environ.get("ROUNDS", "6"))
    seed = int(os.environ.get("SEED", str(int(time.time()))))
    print(f"seed {seed}")
    chance = random.Random(seed)
    with Stack() as stack:
        sources = [Source() for _ in range(TARGETS)]
        for s in sources:
            stack.callback(s.target.close)
        mode = {"now": "up"}

        def status(n):
            return {"up": 204, "down": 503, "flapping": 204 if n % 3 == 0 else 503}[mode["now"]]

        sink = Sink(status=status)
        stack.callback(sink.close)
        config = CONFIG.format(url=sink.url, targets=", ".join(
            f'{{"__address__" = "{s.instance}"}}' for s in sources))
        for turn in range(rounds):
            mode["now"] = ("up", "down", "flapping")[turn % 3]
            ours = stack.collector(config, name="crash", ready=False)
            begin = time.monotonic()
            before = sum(s.target.count for s in sources)
            wait_for("scrapes", lambda: sum(s.target.count for s in sources) > before, every=0.01)
            time.sleep(chance.uniform(0.1, 3.0))
            died = time.monotonic()  # if not a little later
            ours.stop(how=signal.SIGKILL)
            for s in sources:
                s.has_to_arrive(begin, died - SETTLED)
        mode["now"] = "up"
        ours = stack.collector(config, name="crash")
        try:
            wait_for("the rest", lambda: not any(s.missing(sink) for s in sources), seconds=60, every=1)
        except AssertionError:
            print({s.instance: sorted(s.missing(sink)) for s in sources})
            raise
        check(ours.stop() == 0, ours.output())
        check(not sink.errors, sink.errors)
        arrived = twice = 0
        for s in sources:
            got = sink.samples("turn", s.instance)
            values = [int(v) for _, _, v in got]
            check(max(values) <= s.target.count and min(values) >= 1, "something was invented")
            stamps = {}
            for _, stamp, v in got:
                check(stamps.setdefault(v, stamp) == stamp, f"{v} came with two times")
            first = list(dict.fromkeys(values))  # the first time that each came
            check(first == sorted(first), f"disorder: {first}")
            twice += len(values) - len(first)
            arrived += len(s.must & set(first))
        all_of_them = sum(len(s.must) for s in sources)
        check(arrived >= 0.8 * all_of_them, f"the scraper gave up on {all_of_them - arrived} of {all_of_them}")
        print(f"{rounds} kills: {arrived} scrapes had to arrive and did, {all_of_them - arrived} were given up for "
              f"their time, {twice} samples came twice")


if __name__ == "__main__":
    main()
