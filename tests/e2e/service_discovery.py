"""What a discovery component of ours and Prometheus' own discovery make of the same server.

discovery_fixtures/ holds what Prometheus 3.16 said (tests/oracle/discovery). SD_ORACLE names that program, built, to
ask it again; `--record` writes what it says."""
import json
import os
import pathlib
import re
import subprocess
import sys

from harness import SKIP, Stack, check, free_port, get, wait_for

FIXTURES = pathlib.Path(__file__).parent / "discovery_fixtures"


def python_with(module):
    """An interpreter that has an official client; E2E_PYTHON names one more."""
    for python in (os.environ.get("E2E_PYTHON"), sys.executable, "/usr/bin/python3"):
        if python and subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode == 0:
            return python
    print(f"SKIP: no python has the module {module}")
    sys.exit(SKIP)


def satisfied(module, code, *arguments):
    """Runs `code` with the official client; it fails when the fake is no server for it."""
    done = subprocess.run([python_with(module), "-c", code, *map(str, arguments)], capture_output=True, text=True)
    check(done.returncode == 0, f"the official client is not satisfied:\n{done.stdout}{done.stderr}")
    print(done.stdout.strip())


def as_set(targets):
    """Labels without a value are none."""
    return {frozenset((k, v) for k, v in t.items() if v) for t in targets}


class PrometheusSide:
    """Prometheus' discovery, live where there is one."""

    def __init__(self, stack, name, sd_config):
        self.url = None
        oracle = os.environ.get("SD_ORACLE")
        if oracle:
            config = stack.write(f"{name}.yml", "scrape_configs:\n- job_name: sd\n" +
                                 "".join(f"  {line}\n" for line in sd_config.splitlines()))
            port = free_port()
            stack.start(name, [oracle, config, f"127.0.0.1:{port}"])
            self.url = f"http://127.0.0.1:{port}/"
            wait_for(name, lambda: get(self.url))

    def live(self):
        return as_set(json.loads(get(self.url)))


class OurSide:
    def __init__(self, stack, component, body, name="collector"):
        self.id = f"{component}.it"
        self.collector = stack.collector(f'{component} "it" {{\n{body}\n}}\n', name=name)

    def targets(self):
        one = json.loads(get(f"{self.collector.url}/api/v0/components/{self.id}"))
        return as_set(one["exports"]["targets"])


def show(targets):
    return "\n".join(sorted("    " + str(dict(sorted(t))) for t in targets)) or "    none"


def agree(what, ours, theirs, seconds=60, but=None):
    """Both see the same targets, soon, and other ones than `but`. Returns them."""
    path = FIXTURES / (re.sub(r"\W+", "_", what) + ".json")
    recorded = as_set(json.loads(path.read_text())) if path.exists() else set()

    def same():
        wanted = theirs.live() if theirs.url else recorded
        return bool(wanted) and wanted != but and ours.targets() == wanted

    try:
        wait_for(what, same, seconds)
    except AssertionError:
        mine, wanted = ours.targets(), theirs.live() if theirs.url else recorded
        print(f"{what}: only ours:\n{show(mine - wanted)}\n  only Prometheus':\n{show(wanted - mine)}")
        raise
    targets = ours.targets()
    if theirs.url and "--record" in sys.argv:
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(sorted((dict(sorted(t)) for t in targets), key=str), indent=1, ensure_ascii=False) + "\n")
    elif theirs.url:
        check(recorded == targets, f"{path} is not what Prometheus says now")
    print(f"{what}: {len(targets)} targets, all as Prometheus has them{', asked just now' if theirs.url else ''}")
    return targets


__all__ = ["OurSide", "PrometheusSide", "Stack", "agree", "as_set", "check", "free_port", "satisfied", "wait_for"]
