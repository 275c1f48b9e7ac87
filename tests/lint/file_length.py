"""A header has at most 250 lines, a source 600: beyond that a second idea hides in it. Tests are free."""

import pathlib
import sys

import tree

root = pathlib.Path(sys.argv[1])
found = tree.Findings(root)
LIMIT = {".hpp": 250, ".h": 250, ".cpp": 600}
sources = tree.files(root, "libcollector", "cli", "examples", "benchmarks", "bindings",
                     suffixes=set(LIMIT))
for path in sources:
    lines = path.read_text().count("\n")
    if lines > LIMIT[path.suffix]:
        found.add(path, 0, f"{lines} lines; {LIMIT[path.suffix]} are allowed: split it by idea")
sys.exit(found.report(f"{len(sources)} files"))
