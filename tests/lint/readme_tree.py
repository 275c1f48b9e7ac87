"""libcollector/README.md names exactly the folders of src/, and layers.txt the same.

Lines of the form "- `folder/` ..." under "## The folders of src" are the folders there are. A layer
of layers.txt that has no source yet stands under "## Not there yet", in the same form.
"""

import pathlib
import re
import sys

import tree

root = pathlib.Path(sys.argv[1])
found = tree.Findings(root)
README, LAYERS = "libcollector/README.md", "libcollector/layers.txt"

lists, section = {"The folders of src": {}, "Not there yet": {}}, None
for number, line in enumerate((root / README).read_text().splitlines(), 1):
    if line.startswith("## "):
        section = line[3:].strip()
    elif section in lists and (m := re.match(r"- `([a-z]+)/`", line)):
        if m[1] in lists["The folders of src"] or m[1] in lists["Not there yet"]:
            found.add(README, number, f"{m[1]}/ is named twice")
        lists[section][m[1]] = number
        if not re.match(r"- `[a-z]+/` +\S.{9,}", line):
            found.add(README, number, f"say in one line what {m[1]}/ is")
named, absent = lists.values()
folders = {p.relative_to(root / "libcollector/src").parts[0]
           for p in tree.files(root, "libcollector/src") if p.suffix in tree.CXX}
layers = set(re.findall(r"^([a-z]+):", (root / LAYERS).read_text(), re.MULTILINE))

for folder in sorted(folders - set(named)):
    found.add(README, absent.get(folder, 0), f"libcollector/src/{folder}/ exists and is not in the list of folders")
for folder in sorted(set(named) - folders):
    found.add(README, named[folder], f"libcollector/src/{folder}/ does not exist")
for folder in sorted(folders - layers - {"codegen"}):
    found.add(LAYERS, 0, f"libcollector/src/{folder}/ has no line")
for layer in sorted(layers - set(named) - set(absent)):
    found.add(README, 0, f"layer {layer} of layers.txt is not named")
for layer in sorted(set(absent) - layers):
    found.add(README, absent[layer], f"{layer} is no layer of layers.txt")
sys.exit(found.report(f"{len(folders)} folders"))
