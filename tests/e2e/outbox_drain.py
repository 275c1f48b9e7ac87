"""What a killed collector left is sent by `collector outbox drain`: to its destination only, beside a collector
that is at work, once; what has no destination in the configuration is held."""
import glob
import os
import shutil
import signal
import subprocess
import time

from harness import Stack, check, collector_binary, free_port, text_target, wait_for
from sink import Sink

CONFIG = """
prometheus.scrape "x" {{
  targets = [{{"__address__" = "127.0.0.1:{target}"}}]
  scrape_interval = "1s"
  scrape_timeout = "1s"
  forward_to = [prometheus.remote_write.out.receiver]
}}
local.file "tenant" {{
  filename = "{tenant}"
}}
prometheus.remote_write "out" {{
  endpoint {{
    name = "central"
    url = "{url}"
    headers = {{"X-Scope-OrgID" = local.file.tenant.content}}
    queue_config {{
      batch_send_deadline = "100ms"
    }}
  }}
}}
"""


def drain(config, folder, *flags):
    done = subprocess.run([collector_binary(), "outbox", "drain", config, folder, *flags],
                          capture_output=True, text=True, timeout=60)
    print(f"$ collector outbox drain: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def main():
    with Stack() as stack:
        target = text_target(lambda n: f"turn {n}\n")
        stack.callback(target.close)
        tenant = stack.write("tenant", "blue")
        other_tenant = stack.write("other-tenant", "red")
        dead = f"http://127.0.0.1:{free_port()}/w"

        def config(name, url, tenant=tenant):
            return stack.write(name, CONFIG.format(target=target.port, url=url, tenant=tenant))

        port = free_port()
        first = stack.collector_at(port, config("first.alloy", dead), "first")
        wait_for("some scrapes", lambda: target.count >= 4)
        first.stop(how=signal.SIGKILL)
        time.sleep(1)  # a request that was on its way is counted by then
        outbox = os.path.join(stack.folder, "first-data", "outbox")
        listed = [subprocess.run([collector_binary(), "outbox", "ls", where], capture_output=True, text=True).stdout
                  for where in (outbox, os.path.dirname(outbox))]
        check("items wait" in listed[0] and listed[0] == listed[1], f"outbox ls of both folders: {listed}")
        scraped = target.count
        spare = os.path.join(stack.folder, "spare")
        shutil.copytree(outbox, spare)

        sink = Sink()
        stack.callback(sink.close)
        # Another tenant: nothing of it is this one's.
        other = drain(config("red.alloy", sink.url, other_tenant), outbox, "--patience=1s")
        check(other.returncode == 3, "held is told by the exit code")
        check("no endpoint of the configuration is its destination (tenant blue)" in other.stdout,
              "why it is held")
        check(not sink.received, "held means not sent")

        # The named endpoint follows its URL. Nothing is scraped meanwhile.
        moved = config("moved.alloy", sink.url)
        done = drain(moved, outbox)
        check(done.returncode == 0, "all sent")
        turns = [int(v) for _, _, v in sink.samples("turn")]
        check(turns == list(range(1, len(turns) + 1)), f"in order, once: {turns}")
        check(len(turns) >= scraped - 1, f"{len(turns)} of {scraped}")
        check(target.count == scraped, "drain scrapes nothing")
        check(drain(moved, outbox).returncode == 0, "nothing is left")
        check([int(v) for _, _, v in sink.samples("turn")] == turns, "and nothing is sent again")

        # Beside a collector at work its log is left alone, and one without an owner is taken.
        second = stack.collector_at(free_port(), config("second.alloy", dead), "second")
        beside = os.path.join(stack.folder, "second-data", "outbox")
        folder = os.path.join(beside, "prometheus.remote_write.out")
        wait_for("a request", lambda: glob.glob(folder + "/0/*/*.seg"))
        shutil.copytree(os.path.join(spare, "prometheus.remote_write.out", "0"),
                        os.path.join(folder, "1"))
        sink.received.clear()
        done = drain(moved, beside)
        check(done.returncode == 0, "what has no owner is sent")
        check("left to the collector that is at work" in done.stdout, "the other is left")
        check([int(v) for _, _, v in sink.samples("turn")] == turns, "the one without an owner")
        check(second.process.poll() is None, "the collector runs on")
        second.stop(how=signal.SIGKILL)

        # An endpoint that does not answer: told after the patience.
        late = drain(config("dead.alloy", dead), beside, "--patience=1s")
        check(late.returncode == 3 and "held: " in late.stdout, "not in time")
        check(drain(stack.write("bad.alloy", "nonsense"), beside).returncode == 1, "wrong configuration")
        check(drain(moved, stack.folder + "/absent").returncode == 2, "no such folder")
        print(f"{len(turns)} samples drained, once and in order")


if __name__ == "__main__":
    main()
