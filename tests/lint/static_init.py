"""No object of ours runs code before main, except what static_init.txt pins.

static_init.py ROOT OBJECTS: OBJECTS is a file that lists them, one path a line. A pin is
"folder/file.cpp | reason"; one that is not needed is a finding too.
"""

import pathlib
import re
import subprocess
import sys

import tree

root, objects = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text().split()
found = tree.Findings(root)
PINS = "tests/lint/static_init.txt"
pins = {cells[0]: number for number, cells in tree.table(root / PINS, 2)}
used = set()


def source_of(name):
    """folder/file.cpp of .../src/folder/file.cpp.o"""
    return re.sub(r"\.o$", "", re.split(r"(?:^|/)src/", name)[-1])


listing = ""
for name in objects:
    ran = subprocess.run(["readelf", "-SW", name], capture_output=True, text=True, check=True)
    listing += f"File: {name}\n{ran.stdout}"
current = None
hits = set()
for line in listing.splitlines():
    if m := re.match(r"File: (.*)", line):
        current = source_of(m[1])
    elif m := re.match(r"\s*\[\s*\d+\] (\.(init_array|ctors|preinit_array|init)\S*)", line):
        hits.add((current, m[1]))
for source, section in sorted(hits):
    if source in pins:
        used.add(source)
    else:
        found.add(f"libcollector/src/{source}", 0,
                  f"has a static initialiser ({section}): use a function-local static or constinit")
for source in sorted(set(pins) - used):
    found.add(PINS, pins[source], f"{source} has no static initialiser any more: remove the line")
sys.exit(found.report(f"{len(objects)} objects, {len(used)} pinned"))
