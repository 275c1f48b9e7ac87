"""No word that marks unfinished work, and no path of the machine it was written on."""

import pathlib
import re
import sys

import tree

root = pathlib.Path(sys.argv[1])
found = tree.Findings(root)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|WIP)\b|(?i:\b(not (yet )?implemented|for now|placeholder|"
                        r"simplified version|temporary workaround)\b)")
here = root.absolute()
machine = [re.escape(str(here))]
if len(here.parent.parts) > 1 and str(here.parent) not in ("/tmp", "/home", "/root", "/usr", "/opt"):
    machine.append(re.escape(f"{here.parent}/"))
MACHINE = re.compile("|".join(machine + [r"(?<![\w.-])/root/", r"(?<![\w.-])/home/[a-z][\w-]*/",
                                         r"(?<![\w.-])/Users/[A-Za-z]"]))
TEXT = {".cpp", ".hpp", ".h", ".py", ".sh", ".cmake", ".txt", ".md", ".json", ".proto", ".js", ".ts",
        ".css", ".html", ".alloy", ".in", ".map", ".yml", ".yaml", ""}
MINE = {"tests/lint/words.py"}
# What a fixture copies from a host, or a published inventory says, is data.
DATA = re.compile(r"tests/lint/alloy-components\.json|tests/(?!lint/).*\.(txt|json|txtar|alloy|in)")

count = 0
for path in tree.files(root, suffixes=TEXT):
    name = str(path.relative_to(root))
    if name in MINE or name == "LICENSE" or DATA.fullmatch(name) or "/seeds/" in name:
        continue
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        continue
    count += 1
    for number, line in enumerate(text.splitlines(), 1):
        if m := UNFINISHED.search(line):
            found.add(path, number, f"{m[0]!r} marks unfinished work: finish it, or refuse it with a reason")
        if not name.startswith("tests/") or path.suffix != ".cpp":
            if m := MACHINE.search(line):
                found.add(path, number, f"{m[0]!r} is a path of one machine")
sys.exit(found.report(f"{count} files"))
