"""Every `alloy` code block of our components in Alloy's public documentation validates.

The documentation comes from the Go module proxy, as part of the module grafana/alloy, so nothing of it is
kept here. A block may use components that are not ours to have yet: only that complaint is allowed.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

from harness import SKIP, check, collector_binary, need

VERSION = "v1.11.0"
PAGES = {
    "components/prometheus": ["prometheus.scrape", "prometheus.receive_http", "prometheus.relabel", "prometheus.remote_write",
                              "prometheus.exporter.self", "prometheus.exporter.unix"],
    "components/discovery": ["discovery.relabel", "discovery.file", "discovery.http", "discovery.dns"],
    "components/local": ["local.file", "local.file_match"],
    "components/remote": ["remote.http"],
    "config-blocks": ["argument", "declare", "export", "foreach", "import.file", "import.string",
                      "import.http", "logging", "http", "tracing", "livedebugging"],
}
# Blocks that show something which this collector refuses, with the complaint that it must give.
REFUSED = [
    r"(import\.git|remotecfg) is not part of this version",
    r'block "(wal|tls)" is not supported',
    r'"(sampling_fraction|write_to|enabled|enable_protobuf_negotiation)" is not supported',
]
# What the pages leave out or have wrong, each with the complaint that it draws from Alloy as well.
FRAGMENT = [
    r'"[a-z_.]+\.[a-z_]+" refers to no component',  # of the reader's own configuration
    r'prometheus\.scrape needs the argument "(targets|forward_to)"',  # the page shows other arguments
    r'argument is only for modules',  # a template of the block alone
    r'url: "" is no URL',  # of an environment variable
    r'there is no block "client"',  # the page has it for prometheus.remote_write
    r"the character # has no place here", r"expected identifier, got an illegal character",  # no comment there
]


def blocks(text):
    return re.findall(r"^[ \t]*```alloy\n(.*?)^[ \t]*```", text, re.S | re.M)


def main():
    go = need("go")
    folder = tempfile.mkdtemp()
    with open(os.path.join(folder, "go.mod"), "w") as f:
        f.write("module docs\n")
    answer = subprocess.run([go, "mod", "download", "-json", f"github.com/grafana/alloy@{VERSION}"],
                            cwd=folder, capture_output=True, text=True, timeout=280)
    module = json.loads(answer.stdout or "{}")
    if "Dir" not in module:
        print("SKIP: the module proxy does not answer:", module.get("Error"), answer.stderr[:300])
        sys.exit(SKIP)
    known = set(json.loads(subprocess.run([collector_binary(), "reference", "--json"], check=True,
                                          capture_output=True).stdout)["components"])
    good = templates = partial = refused = fragments = 0
    bad = []
    for place, pages in PAGES.items():
        for page in pages:
            path = os.path.join(module["Dir"], "docs/sources/reference", place, page + ".md")
            with open(path) as f:
                found = blocks(f.read())
            check(found or page in ("http",), f"no block found in {page}")
            for number, block in enumerate(found, 1):
                block = re.sub(r'"<[A-Z_ ]*(LABEL|NAME|NAMESPACE)>"', '"label"', block)
                block = re.sub(r'"<[A-Z_ ]*URL[A-Z_ ]*>"', '"http://example.com/"', block)
                # What is left outside of quotes is a template for people, not a configuration.
                if re.search(r"<[A-Z0-9_ ]+>|\.\.\.|\b[A-Z]+_[A-Z]+\b", re.sub(r'"[^"\n]*"', '""', block)):
                    templates += 1
                    continue
                name = os.path.join(folder, f"{page}.{number}.alloy")
                with open(name, "w") as f:
                    f.write(block)
                run = subprocess.run([collector_binary(), "validate", name], capture_output=True,
                                     text=True)
                complaints = [l for l in run.stderr.splitlines() if ".alloy:" in l]
                left = []
                for line in complaints:
                    lacking = re.search(r'there is no component "([a-z_.0-9]+)"', line)
                    if lacking and lacking[1] not in known:
                        partial += 1
                    elif any(re.search(r, line) for r in REFUSED):
                        refused += 1
                    elif any(re.search(r, line) for r in FRAGMENT):
                        fragments += 1
                    else:
                        left.append(line)
                if left or (run.returncode not in (0, 1)):
                    bad.append((page, number, left, block))
                elif not complaints:
                    good += 1
    for page, number, left, block in bad:
        print(f"--- {page} block {number}\n{block}\n" + "\n".join(left))
    print(f"{good} blocks validate, {partial} components of others, {refused} refusals as documented, "
          f"{fragments} lines of fragments, {templates} templates, {len(bad)} wrong")
    check(not bad and good > 20, "blocks of the documentation do not validate")


if __name__ == "__main__":
    main()
