"""What the lints share: which files are ours, how C++ is read, how a finding is said.

A lint is called with the root of a tree, prints one finding a line as path:line: sentence, and ends
with 1 when there are any. SKIPPED tells ctest that it could not look.
"""

import pathlib
import re
import sys

SKIPPED = 77
NOT_OURS = {".git", "build", "node_modules", "__pycache__"}
CXX = {".cpp", ".hpp", ".h"}


def files(root, *under, suffixes=None):
    """Files below root/under..., sorted, without build output and without the lints' own cases."""
    root = pathlib.Path(root)
    found = []
    for start in under or ("",):
        if (root / start).is_file():
            found.append(root / start)
            continue
        for path in (root / start).rglob("*"):
            inside = path.relative_to(root).parts
            if NOT_OURS.intersection(inside) or inside[:3] == ("tests", "lint", "cases"):
                continue
            if path.is_file() and (suffixes is None or path.suffix in suffixes):
                found.append(path)
    return sorted(set(found))


TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|(?:u8|[uUL])?R"(?P<end>[^()\\\s]{0,16})\(.*?\)(?P=end)"'
    r'|"(?:[^"\\\n]|\\.)*"|(?<![0-9a-zA-Z_])\'(?:[^\'\\\n]|\\.)*\'', re.DOTALL)


def code_only(text):
    """C++ with comments and the contents of literals blanked, line numbers kept.

    The operands of #include stay."""
    def blank(match):
        token = match.group(0)
        line_start = text.rfind("\n", 0, match.start()) + 1
        if token[0] == '"' and re.match(r"\s*#\s*include\b", text[line_start:match.start()]):
            return token
        return '""' + "\n" * token.count("\n") if token[0] != "/" else "\n" * token.count("\n") + " "
    return TOKEN.sub(blank, text)


INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def includes(text):
    """(line, name, quoted) of every #include."""
    text = code_only(text)
    return [(text.count("\n", 0, m.start(1) if m.group(1) else m.start(2)) + 1,
             m.group(1) or m.group(2), m.group(1) is not None) for m in INCLUDE.finditer(text)]


class Findings:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.lines = []

    def add(self, path, line, sentence):
        path = pathlib.Path(path)
        if path.is_absolute() and path.is_relative_to(self.root.absolute()):
            path = path.relative_to(self.root.absolute())
        elif path.is_relative_to(self.root):
            path = path.relative_to(self.root)
        self.lines.append((str(path), line, sentence))

    def report(self, looked_at):
        """Prints the findings, or what was looked at; the exit code."""
        for path, line, sentence in sorted(set(self.lines)):
            print(f"{path}:{line}: {sentence}" if line else f"{path}: {sentence}")
        if not self.lines:
            print(f"no findings in {looked_at}")
        return 1 if self.lines else 0


def table(path, columns):
    """Rows of a ` | ` separated table as (line, [column, ...]); `#` starts a comment line."""
    rows = []
    path = pathlib.Path(path)
    if not path.exists():
        return rows
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in re.split(r"\s\|\s|\s\|$", line)]
        if len(cells) != columns or not all(cells):
            sys.exit(f"{path}:{number}: {columns} columns separated by ' | ' are needed")
        rows.append((number, cells))
    return rows
