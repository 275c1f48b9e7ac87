"""Components are as Alloy's reference says: every argument and block, with type, default, required.

inventory.py ROOT COLLECTOR: compares `collector reference --json` with tests/lint/alloy-components.json,
for the components that we have, and with alloy-additions.json: what that inventory lacks of the public
pages, above all the arguments of blocks that many pages share. More than both is fine. What differs
on purpose has a row in tests/lint/differences.txt:
    component | argument or block path | missing, type, default, required or component | reason
Component and path may hold *. A row that nothing needs is a finding too.
"""

import fnmatch
import json
import pathlib
import re
import subprocess
import sys

import tree

root, collector = pathlib.Path(sys.argv[1]), sys.argv[2]
found = tree.Findings(root)
DIFFERENCES = "tests/lint/differences.txt"
rows = tree.table(root / DIFFERENCES, 4)
used = set()

ours = json.loads(subprocess.run([collector, "reference", "--json"], capture_output=True, text=True,
                                 check=True).stdout)["components"]
theirs = json.loads((root / "tests/lint/alloy-components.json").read_text())["components"]
prose = {}  # defaults that a page gives below its table
additions = root / "tests/lint/alloy-additions.json"
if additions.exists():
    additions = json.loads(additions.read_text())
    for name, more in additions["components"].items():
        for part, entries in more.items():
            known = theirs[name].get(part, type(entries)())
            theirs[name][part] = known | entries if isinstance(entries, dict) else known + entries
    prose = additions.get("prose_defaults", {})
    for name, component in theirs.items():
        if not any(fnmatch.fnmatchcase(name, p) for p in additions["shared_blocks_of"]):
            continue
        known = component.setdefault("block_arguments", {})
        for block in component.get("blocks", []):
            last = block["path"].split(" > ")[-1]
            if last in additions["shared_blocks"] and last not in known:
                known.setdefault(block["path"], additions["shared_blocks"][last])

NUMBERS = {"int", "uint", "float64"}
SAME = {"boolean": "bool", "integer": "int", "float": "float64", "float32": "float64",
        "uint32": "uint", "[]string": "list(string)", "array(string)": "list(string)",
        "Duration": "duration", "map[string]string": "map(string)", "size": "string",
        "list(Target)": "list(map(string))", "[]discovery.Target": "list(map(string))",
        "[]loki.LogsReceiver": "list(LogsReceiver)", "lists(map(string)": "list(map(string))",
        "units.Base2Bytes": "string", "map(any)": "map(any)"}
UNIT_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9,
           "h": 3600 * 10**9, "d": 86400 * 10**9}


def differs(component, path, what, sentence):
    for number, (c, p, w, _) in rows:
        if w == what and fnmatch.fnmatchcase(component, c) and fnmatch.fnmatchcase(path, p):
            used.add(number)
            return
    found.add(component, 0, f"{path}: {sentence} [{what}]")


def type_fits(want, have):
    want = SAME.get(want, want)
    if want == have:
        return True
    if want == "number":
        return have in NUMBERS
    if want.startswith("list(number"):
        return have in {f"list({n})" for n in NUMBERS}
    return " or " in want and have in want.split(" or ") + [want]


def duration(text):
    if text.strip() in ("", "0"):
        return 0
    parts = re.findall(r"([0-9.]+)(ns|us|µs|ms|h|d|m|s)", text)
    if "".join(a + b for a, b in parts) != text:
        return None
    return sum(round(float(a) * UNIT_NS[b]) for a, b in parts)


def literal(text, type_name):
    """A default as a value to compare; absent and every zero are None."""
    if text is None:
        return None
    text = text.strip().strip("`").strip()
    if type_name == "duration" and (ns := duration(text.strip('"'))) is not None:
        return ns or None
    if re.fullmatch(r"\[[a-z_]+(, [a-z_]+)*\]", text):  # the reference forgets quotes
        return text[1:-1].split(", ")
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = text.strip('"')
    if isinstance(value, str):
        value = value.replace("\\\\", "\\")
    return None if value in ("", 0, False, [], {}, None, "null") else value


def compare(component, path, want, have):
    """What differs between two entries of an argument, as {what: sentence}."""
    out = {}
    if not type_fits(want["type"], have["type"]):
        out["type"] = f"type is {have['type']}, the reference says {want['type']}"
    if bool(want.get("required")) != bool(have.get("required")):
        out["required"] = ("is required, which the reference does not say" if have.get("required")
                           else "is not required, the reference says it is")
    kind = have["type"]
    said = prose.get(component, {}).get(path, want.get("default"))
    a, b = literal(said, kind), literal(have.get("default"), kind)
    if a != b and not (want.get("required") and have.get("required")):
        out["default"] = (f"default is {have.get('default', 'none')}, the reference says "
                          f"{said or 'none'}")
    return out


def check_arguments(component, prefix, wanted, having):
    by_name = {}
    for have in having:
        by_name[have["name"]] = have
    names = {}
    for want in wanted:
        names.setdefault(want["name"], []).append(want)
    for name, wants in names.items():
        path = f"{prefix} > {name}" if prefix else name
        if name not in by_name:
            differs(component, path, "missing", "argument is missing")
            continue
        results = [compare(component, path, want, by_name[name]) for want in wants]
        for what, sentence in min(results, key=len).items():
            differs(component, path, what, sentence)


arguments = 0
for component, have in sorted(ours.items()):
    want = theirs.get(component)
    if want is None:
        if not component.startswith("collector."):
            differs(component, "-", "component", "is neither Alloy's nor named collector.*")
        continue
    arguments += len(have["arguments"]) + sum(map(len, have["block_arguments"].values()))
    check_arguments(component, "", want.get("arguments", []), have["arguments"])
    paths = {b["path"]: b for b in have["blocks"]}
    for block in want.get("blocks", []):
        if block["path"] not in paths:
            differs(component, block["path"], "missing", "block is missing")
        elif bool(block.get("required")) != bool(paths[block["path"]].get("required")):
            differs(component, block["path"], "required",
                    "block is required" if paths[block["path"]].get("required")
                    else "block is not required, the reference says it is")
    # The inventory names a nested block by its path or by its last name alone.
    for key, wants in want.get("block_arguments", {}).items():
        places = [p for p in paths if p == key or p.endswith(f" > {key}")]
        if not places:
            differs(component, key, "missing", "block is missing")
        for place in places:
            check_arguments(component, place, wants, have["block_arguments"].get(place, []))
    exports = {e["name"]: e for e in have["exports"]}
    for export in want.get("exports", []):
        path = f"exports > {export['name']}"
        if export["name"] not in exports:
            differs(component, path, "missing", "export is missing")
        elif not type_fits(export["type"], exports[export["name"]]["type"]):
            differs(component, path, "type",
                    f"type is {exports[export['name']]['type']}, the reference says {export['type']}")
if not ours:
    found.add("collector", 0, "reference --json lists no component")
for number, (component, path, what, _) in rows:
    if number not in used:
        found.add(DIFFERENCES, number, f"{component} | {path} | {what} does not occur: remove the row")
sys.exit(found.report(f"{len(ours)} components, {arguments} arguments, {len(used)} known differences"))
