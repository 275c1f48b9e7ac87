"""Every header of ours compiles alone.

headers.py ROOT CACHE_FOLDER CXX CC [flags for both ...]: one -fsyntax-only each, two at a time. A header
that passed is not compiled again until it, a header of ours that it reaches, the compiler or the
flags change.
"""

import concurrent.futures
import hashlib
import os
import pathlib
import subprocess
import sys

import tree

root = pathlib.Path(sys.argv[1]).absolute()
cache, cxx, cc, flags = pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:]
cache.mkdir(parents=True, exist_ok=True)
found = tree.Findings(root)
PLACES = ["libcollector/include", "libcollector/src", "tests", "cli", "benchmarks"]
places = [root / p for p in PLACES if (root / p).exists()]
searched = [f"-I{p}" for p in places]
compilers = {c: subprocess.run([c, "--version"], capture_output=True, text=True).stdout
             for c in (cxx, cc)}


def reached(path, seen):
    """`path` and the headers of ours that it includes, transitively."""
    if path in seen:
        return seen
    seen[path] = path.read_bytes()
    for _, name, quoted in tree.includes(seen[path].decode(errors="replace")):
        for place in ([path.parent] if quoted else []) + places:
            if (place / name).is_file():
                reached((place / name).resolve(), seen)
                break
    return seen


def check(path):
    plain_c = path.suffix == ".h"
    command = ([cc, "-std=c11", "-xc"] if plain_c else [cxx, "-std=c++20", "-xc++"]) + [
        "-fsyntax-only", "-Wall", "-Wextra", "-Werror", *flags, *searched, "-"]
    digest = hashlib.sha256((compilers[command[0]] + "\0".join(command)).encode())
    for name, content in sorted(reached(path.resolve(), {}).items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    passed = cache / digest.hexdigest()
    if passed.exists():
        passed.touch()
        return path, None
    ran = subprocess.run(command, input=f'#include "{path}"\n', capture_output=True, text=True,
                         env={**os.environ, "LC_ALL": "C"})
    if ran.returncode == 0:
        passed.touch()
        return path, None
    errors = [line for line in ran.stderr.splitlines() if " error: " in line] or [ran.stderr.strip()]
    return path, errors[0]


headers = tree.files(root, *PLACES, suffixes={".hpp", ".h"})
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for path, error in pool.map(check, headers):
        if error:
            found.add(path, 0, "does not compile alone: "
                      + error.replace(f"{path.parent}/", "").replace(f"{root}/", ""))
kept = sorted(cache.iterdir(), key=lambda p: p.stat().st_mtime, reverse=True)
for old in kept[4 * len(headers) + 16:]:
    old.unlink()
sys.exit(found.report(f"{len(headers)} headers"))
