"""libcollector/docs/reference/ is what `collector reference --output` writes.

generated_reference.py ROOT COLLECTOR
"""

import pathlib
import subprocess
import sys
import tempfile

import tree

root, collector = pathlib.Path(sys.argv[1]), sys.argv[2]
found = tree.Findings(root)
PAGES = "libcollector/docs/reference"
HOW = f"run `collector reference --output {PAGES}`"
with tempfile.TemporaryDirectory() as scratch:
    subprocess.run([collector, "reference", "--output", scratch], check=True)
    made = {p.name: p.read_text() for p in pathlib.Path(scratch).glob("*.md")}
kept = {p.name: p.read_text() for p in (root / PAGES).glob("*.md")}
if not made:
    found.add(PAGES, 0, "the collector wrote no page")
for name in sorted(set(made) - set(kept)):
    found.add(f"{PAGES}/{name}", 0, f"is missing: {HOW}")
for name in sorted(set(kept) - set(made)):
    found.add(f"{PAGES}/{name}", 0, "no component has this page: remove it")
for name in sorted(set(kept) & set(made)):
    if kept[name] != made[name]:
        old, new = kept[name].splitlines(), made[name].splitlines()
        line = next((i for i, (a, b) in enumerate(zip(old, new), 1) if a != b),
                    min(len(old), len(new)) + 1)
        found.add(f"{PAGES}/{name}", line, f"differs from the component's description: {HOW}")
sys.exit(found.report(f"{len(kept)} pages"))
