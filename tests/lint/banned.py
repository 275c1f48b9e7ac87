"""Calls that go round a seam or are unsafe are found only where banned.txt allows them.

Looks at libcollector/include, libcollector/src and cli, code only: comments and literals may name
them.
"""

import pathlib
import re
import sys

import tree

root = pathlib.Path(sys.argv[1])
found = tree.Findings(root)
bans = []
own = root / "tests/lint/banned.txt"
if not own.exists():
    own = pathlib.Path(__file__).with_name("banned.txt")
for number, (pattern, allowed, instead, reason) in tree.table(own, 4):
    bans.append((re.compile(pattern), set(allowed.split()), instead, reason))

count = 0
for path in tree.files(root, "libcollector/include", "libcollector/src", "cli", suffixes=tree.CXX):
    count += 1
    parts = path.relative_to(root).parts
    folder = "cli" if parts[0] == "cli" else "include" if parts[1] == "include" else parts[2]
    if folder == "codegen":
        continue
    code = tree.code_only(path.read_text())
    for pattern, allowed, instead, reason in bans:
        if folder in allowed or str(path.relative_to(root)) in allowed:
            continue
        for m in pattern.finditer(code):
            line_start = code.rfind("\n", 0, m.start()) + 1
            if code[line_start:m.start()].lstrip().startswith("#"):
                continue
            found.add(path, code.count("\n", 0, m.start()) + 1,
                      f"{m[0].strip()} is banned in {folder}: use {instead} ({reason})")
sys.exit(found.report(f"{count} files, {len(bans)} bans"))
