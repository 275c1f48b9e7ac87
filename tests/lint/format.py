"""Our C++ is as clang-format 19 lays it out (.clang-format). Other versions differ, so no other will do."""

import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys

import tree

root = pathlib.Path(sys.argv[1])
found = tree.Findings(root)


def is_19(tool):
    if not shutil.which(tool):
        return False
    version = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout
    return re.search(r"version 19\.", version) is not None


tool = next((t for t in ("clang-format-19", "clang-format") if is_19(t)), None)
if not tool:
    print("SKIPPED: clang-format 19 is not installed (scripts/setup installs it)")
    sys.exit(tree.SKIPPED)


def check(path):
    ran = subprocess.run([tool, "--style=file", "--dry-run", "-Werror", "--ferror-limit=1", str(path)],
                         capture_output=True, text=True)
    at = re.search(r":(\d+):\d+: error:", ran.stderr)
    return path, None if ran.returncode == 0 else int(at[1]) if at else 0


sources = tree.files(root, "libcollector", "cli", "examples", "tests", "benchmarks", "bindings",
                     suffixes=tree.CXX)
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for path, line in pool.map(check, sources):
        if line is not None:
            found.add(path, line, "not formatted: run clang-format-19 -i on it")
sys.exit(found.report(f"{len(sources)} files"))
