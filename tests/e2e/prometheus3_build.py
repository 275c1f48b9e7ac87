"""Builds Prometheus 3, which no package of Debian 12 has, for the tests that name it: prometheus3_build.py PROGRAM"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from harness import SKIP

MODULE = "github.com/prometheus/prometheus"
VERSION = "v0.316.0"  # 3.16


def main():
    program = pathlib.Path(sys.argv[1])
    made_of = program.with_suffix(".version")
    if program.exists() and made_of.exists() and made_of.read_text() == VERSION:
        return
    if not shutil.which("go"):
        print("SKIP: go is not installed")
        sys.exit(SKIP)
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        def go(*arguments):
            done = subprocess.run(["go", *arguments], cwd=folder, capture_output=True, text=True,
                                  env={**os.environ, "GOFLAGS": "-mod=mod"})
            if done.returncode:
                print("SKIP: Prometheus 3 cannot be built:", done.stderr[-300:])
                sys.exit(SKIP)
        go("mod", "init", "peer")
        go("get", f"{MODULE}/cmd/prometheus@{VERSION}")
        # Service discovery of its own is most of its size, and not what is tested.
        go("build", "-tags", "remove_all_sd", "-o", str(program), f"{MODULE}/cmd/prometheus")
    made_of.write_text(VERSION)


if __name__ == "__main__":
    main()
