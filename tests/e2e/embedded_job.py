"""examples/embedded_job exits with its three metrics delivered; with a dead endpoint it says so and fails."""
import subprocess
import sys
import time

from harness import Stack, check, free_port
from sink import Sink


def main():
    job = sys.argv[1]
    with Stack() as stack:
        sink = Sink()
        stack.callback(sink.close)
        run = subprocess.run([job], env={"COLLECTOR_REMOTE_WRITE_URL": sink.url}, capture_output=True,
                             text=True, timeout=60)
        check(run.returncode == 0, run.stderr)
        got = {l["__name__"]: v for l, _, v in sink.received}
        check(got == {"import_rows_total": 857, "import_files": 3, "import_success": 1}, f"{got}")
        check(all(l["job"] == "nightly-import" for l, _, _ in sink.received), "external labels")
        begin = time.monotonic()
        dead = subprocess.run([job], env={"COLLECTOR_REMOTE_WRITE_URL": f"http://127.0.0.1:{free_port()}/"},
                              capture_output=True, text=True, timeout=60)
        check(dead.returncode == 1 and "not delivered" in dead.stderr, f"{dead}")
        print(f"delivered {sorted(got)}; dead endpoint: {dead.stderr.strip()} after "
              f"{time.monotonic() - begin:.1f} s")


if __name__ == "__main__":
    main()
