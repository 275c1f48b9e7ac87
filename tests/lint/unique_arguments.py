"""Structs with fields() of one folder have different names, in anonymous namespaces too: gcc gives templates
over pointers to their members external linkage, so equal names in two files would share one description."""

import collections
import pathlib
import re
import sys

import tree

STRUCT = re.compile(r"^(?:struct|class) (\w+)[^;{]*\{", re.MULTILINE)
FIELDS = "static constexpr auto fields()"

root = pathlib.Path(sys.argv[1])
found = tree.Findings(root)
places = collections.defaultdict(dict)
count = 0
for path in tree.files(root, "libcollector/src", suffixes=tree.CXX):
    text = tree.code_only(path.read_text())
    folder = path.relative_to(root).parts[2]
    for fields in re.finditer(re.escape(FIELDS), text):
        before = list(STRUCT.finditer(text, 0, fields.start()))
        if before:
            count += 1
            line = text.count("\n", 0, before[-1].start()) + 1
            places[folder, before[-1][1]][path] = line
for (folder, name), files in places.items():
    if len(files) > 1:
        for path, line in files.items():
            found.add(path, line, f"{name} with fields() is in {len(files)} files of {folder}: rename it")
sys.exit(found.report(f"{count} structs with fields()"))
