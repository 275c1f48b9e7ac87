"""Every #include is one that libcollector/layers.txt allows.

Project headers: the folder's own and those it may include, transitively; base is open to all.
Generated ones ("proto/x.hpp" of libcollector/proto/x.proto) belong to the layer that layers.txt names.
Libraries: a folder's own, and base's unless another folder claims them too (openssl: digests are
base's, TLS is net's, nobody else's). Public headers belong to a layer, see each other as layers do,
show no library but base's, and include nothing of src/. engine/detail/ is a part of the public header
that includes it. examples/ see public headers only.
"""

import pathlib
import re
import sys

import tree

root = pathlib.Path(sys.argv[1])
found = tree.Findings(root)
LAYERS = "libcollector/layers.txt"
SRC, PUBLIC = root / "libcollector/src", root / "libcollector/include/collector"

# Headers of the system, spelled with a folder or .h: POSIX and Linux. Without either: the standard's.
SYSTEM = re.compile(r"(sys|linux|arpa|net|netinet|asm)/\w+\.h|[a-z0-9_]+"
                    r"|(assert|ctype|dirent|dlfcn|endian|errno|fcntl|float|ifaddrs|inttypes|limits|"
                    r"locale|malloc|math|mntent|netdb|poll|pthread|pwd|grp|sched|signal|spawn|stdarg|"
                    r"stddef|stdint|stdio|stdlib|string|strings|syslog|termios|time|unistd|utime|"
                    r"utmpx|x86intrin|immintrin)\.h")

needs, libraries, owner, generated = {}, {}, {}, {}
for number, line in enumerate((root / LAYERS).read_text().splitlines(), 1):
    if m := re.fullmatch(r"([a-z]+):([a-z ]*)\|(.*)", line):
        layer = m[1]
        needs[layer], libraries[layer] = m[2].split(), m[3].split()
        for need in needs[layer]:
            if need not in needs or need == layer:
                found.add(LAYERS, number, f"{layer} needs {need}, which is not listed above it")
    elif m := re.fullmatch(r"public (\S+) ([a-z]+)", line):
        owner[m[1]] = m[2]
        if m[2] not in needs:
            found.add(LAYERS, number, f"{m[1]} belongs to {m[2]}, which is no layer")
        if not (PUBLIC / m[1]).exists():
            found.add(LAYERS, number, f"{m[1]} does not exist")
    elif m := re.fullmatch(r"generated ([a-z]+) ([a-z]+)", line):
        generated[m[1]] = m[2]
        if m[2] not in needs:
            found.add(LAYERS, number, f"{m[1]} belongs to {m[2]}, which is no layer")
    elif line.strip() and not line.startswith("#"):
        found.add(LAYERS, number, "neither a layer, nor a public header, nor a comment")

open_to = {}
for layer in needs:
    open_to[layer] = {layer, "base"}.union(*(open_to.get(need, set()) for need in needs[layer]))


def covers(prefix, header):
    return header == prefix or header.startswith(prefix + "/") or header.startswith(prefix + "-") or (
        "." not in prefix and re.match(re.escape(prefix) + r"[a-z_-]*\.(h|hpp)$", header))


def is_shared(prefix):
    return not any(covers(other, prefix) for layer in libraries if layer != "base"
                   for other in libraries[layer])


base_libraries = [p for p in libraries.get("base", []) if is_shared(p)]


def claimed_by(header):
    return [layer for layer in libraries if any(covers(p, header) for p in libraries[layer])]


def check_library(path, line, name, layer, allowed):
    if SYSTEM.fullmatch(name) and not claimed_by(name):
        return
    if any(covers(prefix, name) for prefix in allowed):
        return
    owners = claimed_by(name)
    found.add(path, line, f"{layer} may not include <{name}>: "
              + (f"it belongs to {', '.join(owners)}" if owners else f"no folder has it in {LAYERS}"))


def belongs(name):
    """Layer of collector/<name>: as listed; a detail header goes with the headers that include it."""
    if name in owner or not name.startswith("engine/detail/"):
        return owner.get(name)
    for public in sorted(owner):
        if (PUBLIC / public).exists() and f"collector/{name}" in {
                n for _, n, _ in tree.includes((PUBLIC / public).read_text())}:
            return owner[public]
    return None


def check_public(path, line, name, layer):
    name = name.removeprefix("collector/")
    if not (PUBLIC / name).exists():
        found.add(path, line, f"<collector/{name}> does not exist")
    elif (its := belongs(name)) and its not in open_to[layer]:
        found.add(path, line, f"{layer} may not include <collector/{name}>: it belongs to {its}")


count = 0
for path in tree.files(root, "libcollector/src", suffixes=tree.CXX):
    layer = path.relative_to(SRC).parts[0]
    if layer == "codegen":  # a build tool on its own
        continue
    count += 1
    if layer not in needs:
        found.add(path, 0, f"{layer} is not in {LAYERS}")
        continue
    for line, name, quoted in tree.includes(path.read_text()):
        if name.startswith("collector/"):
            if name.startswith("collector/engine/detail/"):
                found.add(path, line, f"<{name}> is part of the public header that includes it")
            check_public(path, line, name, layer)
        elif quoted:
            target = name.split("/")[0]
            if target in generated:
                source = pathlib.Path("libcollector") / pathlib.Path(name).with_suffix(".proto")
                if not (root / source).exists():
                    found.add(path, line, f'"{name}" is generated from {source}, which does not exist')
                elif generated[target] not in open_to[layer]:
                    found.add(path, line, f"{layer} may not include {generated[target]} (\"{name}\"): "
                              "it may include " + " ".join(sorted(open_to[layer])))
            elif target not in needs or "/" not in name:
                found.add(path, line, f'"{name}": project headers are named "folder/file.hpp"')
            elif not (SRC / name).exists():
                found.add(path, line, f'"{name}" does not exist')
            elif target not in open_to[layer]:
                found.add(path, line, f"{layer} may not include {target} (\"{name}\"): it may include "
                          + " ".join(sorted(open_to[layer])))
        else:
            check_library(path, line, name, layer, libraries[layer] + base_libraries)

for path in tree.files(root, "libcollector/include", suffixes=tree.CXX):
    count += 1
    name = str(path.relative_to(PUBLIC))
    layer = belongs(name)
    if layer is None:
        found.add(path, 0, f"no layer owns this public header: add it to {LAYERS}")
        continue
    for line, included, quoted in tree.includes(path.read_text()):
        if included.startswith("collector/"):
            check_public(path, line, included, layer)
            if "/" not in name and included.startswith("collector/engine/"):
                found.add(path, line, f"{name} is for the shared library too, which has no engine/")
        elif quoted:
            found.add(path, line, f'public headers do not include "{included}"')
        else:
            check_library(path, line, included, "a public header",
                          [] if name == "collector.h" or name == "collector.hpp" else base_libraries)

for path in tree.files(root, "examples", suffixes=tree.CXX):
    count += 1
    for line, name, quoted in tree.includes(path.read_text()):
        if not (name.startswith("collector/") or (SYSTEM.fullmatch(name) and not quoted)):
            found.add(path, line, f"an example sees what an application sees, not {name}")

sys.exit(found.report(f"{count} files"))
