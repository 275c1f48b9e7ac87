"""libcollector.so exports the functions of collector.h, all of them, and nothing else.

symbols.py ROOT LIBRARY
"""

import pathlib
import re
import subprocess
import sys

import tree

root, library = pathlib.Path(sys.argv[1]), sys.argv[2]
found = tree.Findings(root)
HEADER = "libcollector/include/collector/collector.h"

# readelf lists the version's own name as an absolute object; nm marks it A.
exported = set()
for line in subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True,
                           check=True).stdout.splitlines():
    kind, name = line.split()[-2:]
    if kind != "A":
        exported.add(name.split("@")[0])
text = re.sub(r"^\s*#[^\n]*", "", tree.code_only((root / HEADER).read_text()), flags=re.MULTILINE)
declared = {m[1]: text.count("\n", 0, m.start(1)) + 1
            for m in re.finditer(r"\bCOL_API\b[^;{]*?\b(\w+)\s*\(", text)}
for name in sorted(exported - set(declared)):
    what = "not declared in collector.h" if name.startswith("col_") else "not col_*"
    found.add(pathlib.Path(library).name, 0, f"exports {name}: {what}")
for name in sorted(set(declared) - exported):
    found.add(HEADER, declared[name], f"{name} is declared and not exported")
sys.exit(found.report(f"{len(exported)} exported symbols"))
