"""Every lint can fail: each case of cases/*.txtar is a small tree with what the lint must say of it.

self_test.py SCRATCH: a case is a sentence, then sections that begin with "-- name --": `lint` (the
script, then its arguments; SELF is the tree), `prepare` (shell commands, optional), `expected` (the
findings, exactly; "no findings" for a tree that must pass), and every other section a file.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
scratch = pathlib.Path(sys.argv[1])
environment = {**os.environ, "LINTS": str(HERE), "LC_ALL": "C", "PYTHONUTF8": "1"}


def parse(text):
    parts = re.split(r"^-- (.+?) --\n", text, flags=re.MULTILINE)
    return parts[0].strip(), dict(zip(parts[1::2], parts[2::2]))


failed, skipped, fails_seen, cases = 0, 0, set(), sorted((HERE / "cases").glob("*.txtar"))
for case in cases:
    sentence, sections = parse(case.read_text())
    box = scratch / case.stem
    shutil.rmtree(box, ignore_errors=True)
    for name in sections.keys() - {"lint", "prepare", "expected"}:
        (box / name).parent.mkdir(parents=True, exist_ok=True)
        (box / name).write_text(sections[name])
    if "prepare" in sections:
        subprocess.run(["bash", "-euc", sections["prepare"]], cwd=box, check=True,
                       env=environment, stdout=subprocess.DEVNULL)
    script, *arguments = sections["lint"].replace("SELF", str(box)).split()
    ran = subprocess.run([sys.executable, str(HERE / script), *arguments], capture_output=True,
                         text=True, cwd=box, env=environment)
    if ran.returncode == 77:
        skipped += 1
        print(f"skip {case.stem}: {ran.stdout.strip()}")
        continue
    passes = sections["expected"].strip() == "no findings"
    good = ran.returncode == (0 if passes else 1) and (
        passes or ran.stdout.splitlines() == sections["expected"].strip().splitlines())
    if not passes:
        fails_seen.add(script)
    print(f"{'ok  ' if good else 'FAIL'} {case.stem}: {sentence}")
    if not good:
        failed += 1
        print(f"expected:\n{sections['expected']}printed ({ran.returncode}):\n{ran.stdout}{ran.stderr}")
lints = {p.name for p in HERE.glob("*.py")} - {"tree.py", "self_test.py"}
for script in sorted(lints - fails_seen):
    if not skipped:
        failed += 1
        print(f"FAIL {script}: no case shows that it can fail")
print(f"{len(cases) - failed - skipped} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or not cases else 0)
