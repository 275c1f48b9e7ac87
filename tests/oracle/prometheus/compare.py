"""Relabelling and exposition parsing beside Prometheus' own Go packages. compare.py OURS [SEED [COUNT]]"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT, OPEN = "text/plain; version=0.0.4", "application/openmetrics-text; version=1.0.0"

BODIES = [
    (TEXT, b) for b in [
        "a 1\n", "a 1", "a{} 1\n", 'a{x="1"} 2 3\n', 'a{x="1",} 2\n', 'a{ x = "1" , y="2" } 2\n', "a\t1\n", "  a 1\n", "a  1  2\n",
        "a 1 2 3\n", "a\n", "a x\n", "a 1e3\n", "a +Inf\n", "a -Inf\n", "a NaN\n", "a nan\n", "a inf\n", "a 0x10\n", "a 1_000\n", "a .5\n", "a 5.\n",
        "a -0\n", "a 1 -5\n", "a 1 1.5\n", "a 1 99999999999999999999\n", "# c\na 1\n", "# HELP a b c\na 1\n", "# HELP a\na 1\n", "# TYPE a counter\na 1\n",
        "# TYPE a nope\na 1\n", "# TYPE a\na 1\n", "#a\na 1\n", "#\na 1\n", 'a{x="\\n\\\\\\""} 1\n', 'a{x="\\q"} 1\n', 'a{x="é"} 1\n', 'a{x="1" y="2"} 1\n',
        'a{x=1} 1\n', "a{x=\"1\" 1\n", 'a{"x"="1"} 1\n', '{"a"} 1\n', '{"a.b",x="1"} 1\n', '{"a", "x.y"="1"} 1\n', "{x=\"1\"} 1\n", "1a 1\n", "a:b 1\n", "a-b 1\n",
        "\n\na 1\n\n", "a 1\r\n", "a 1\nb 2\na 1\n", 'a{x="1",x="2"} 1\n', 'a{__name__="b"} 1\n', 'a{x=""} 1\n', "a 1 # c\n", "a 123456789012345678\n",
        "a 0.1\n", "a 1e-400\n", "a 1e400\n", "a 4.9e-324\n", "a 2.2250738585072011e-308\n", "a 9007199254740993\n", "a 1.7976931348623157e308\n", "a 00012\n",
    ]
] + [
    (OPEN, b) for b in [
        "a 1\n# EOF\n", "a 1\n# EOF", "a 1\n", "# EOF\n", "# EOF\na 1\n", "a 1 1.5\n# EOF\n", "a 1 1e3\n# EOF\n", "a  1\n# EOF\n", "a 1 \n# EOF\n", "a{} 1\n# EOF\n",
        "# TYPE a counter\na_total 1\n# EOF\n", "# TYPE a counter\na_total 1 # {} 0.5\n# EOF\n", '# TYPE a histogram\na_bucket{le="1"} 2 # {t="x"} 0.5 1.2\n# EOF\n',
        "# HELP a b\n# TYPE a gauge\n# UNIT a b\na 1\n# EOF\n", "# UNIT a_s s\na_s 1\n# EOF\n", "#c\na 1\n# EOF\n", "# c\na 1\n# EOF\n", "a 1\n\n# EOF\n", '{"a.b"} 1\n# EOF\n',
        "a NaN\n# EOF\n", "a +Inf\n# EOF\n", "a 1 -1.5\n# EOF\n", "a 1 NaN\n# EOF\n", 'a{x="1",} 1\n# EOF\n', 'a{x="1", y="2"} 1\n# EOF\n', "# TYPE a info\na_info 1\n# EOF\n",
        "# TYPE a stateset\na 1\n# EOF\n", "# TYPE a gaugehistogram\na_gcount 1\n# EOF\n", "# TYPE a unknown\na 1\n# EOF\n", "a_total 1 # {x=\"1\"} 1\n# EOF\n", "a 1 2 # {} 3\n# EOF\n",
    ]
]


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def word(self):
        return self.r.choice(["a", "b", "foo", "bar", "x1", "é", "", "a;b", "http_requests_total", "$1", "A"])

    def name(self):
        return self.r.choice(["a", "b", "c", "__name__", "__meta_x", "__meta_y", "job", "instance", "__tmp", "env"])

    def relabel(self):
        r = self.r
        rules = []
        for _ in range(r.randrange(1, 4)):
            action = r.choice(["replace"] * 4 + ["keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap",
                                                 "labeldrop", "labelkeep", "lowercase", "uppercase"])
            rules.append({
                "source_labels": [self.name() for _ in range(r.randrange(3))], "separator": r.choice([";", "", "-", "::"]),
                "regex": r.choice(["(.*)", "a", "a.*", "(a)(b)?", "(?P<n>.+)", "(.+);(.+)", "", "__meta_(.+)", "b|foo", "[ab]", "(?i)A", "."]),
                "modulus": r.choice([1, 2, 7, 1000]), "targetlabel": r.choice([self.name(), self.name(), "x_$1", "${1}"]),
                "replacement": r.choice(["$1", "", "new", "${1}-$2", "$n", "${n}", "$$", "$1x", "pre_$1", "$0"]), "action": action})
        return {"op": "relabel", "labels": {self.name(): self.word() for _ in range(r.randrange(6))}, "rules": rules}

    def body(self):
        r = self.r
        kind = r.choice([TEXT, TEXT, OPEN])
        lines = []
        for _ in range(r.randrange(1, 5)):
            lines.append(r.choice(["# HELP m some \\\\ text", "# TYPE m counter", "# TYPE m gauge", "# a comment", "", None, None, None, None]))
            if lines[-1] is not None:
                continue
            values = ["1", "a b", 'q\\\\\\"', "é", "\\\\n"]
            labels = ",".join(r.choice(["x", "y", "z_1", "le"]) + f'{i}="' + r.choice(values) + '"' for i in range(r.randrange(3)))
            sep = r.choice([" ", " ", "  ", "\t"])
            stamp = r.choice(["", "", " 1700000000000", " 1.5", " -3"])
            lines[-1] = r.choice(["m", "m_total", "n:x"]) + ("{" + labels + r.choice(["}", ",}", "}"]) if labels or r.random() < .2 else "") + sep + r.choice(
                ["1", "2.5", "1e3", "NaN", "+Inf", "-Inf", "0.1", "-7", "1e-7", "123456789"]) + stamp
        text = "\n".join(lines) + "\n" + ("# EOF\n" if kind == OPEN else "")
        if r.random() < 0.4:
            at = r.randrange(len(text))
            text = r.choice([text[:at] + text[at + 1:], text[:at] + r.choice('{}",= #\n\\x1é') + text[at:]])
        return {"op": "parse", "type": kind, "body": text}


def on_purpose(request, theirs):
    """What we take and they do not, or otherwise: negative timestamps, which the text format allows; lines that end
    in CR LF; blanks before a name, which become part of it there; `le` of OpenMetrics, which Prometheus 3 respells."""
    body = request.get("body", "")
    if request["op"] == "relabel":  # two labels onto one: the order there is that of earlier changes
        return sum(r["action"] == "labelmap" for r in request["rules"]) > 0
    if "openmetrics" in request["type"] and theirs.get("error"):  # read as leniently as the text format
        return True
    return ("metric type \" " in theirs.get("error", "") or 'got "-"' in theirs.get("error", "") or "\r" in body or body.startswith(" ") or "\n " in body
            or ("openmetrics" in request.get("type", "") and "le=" in body))


def ask(program, requests):
    run = subprocess.run([program], input="\n".join(json.dumps(r) for r in requests) + "\n", capture_output=True, text=True)
    answers = [json.loads(line) for line in run.stdout.split("\n") if line]
    assert len(answers) == len(requests), (program, run.returncode, len(answers), len(requests), run.stderr[-500:])
    return answers


def sans_empty(labels):
    return {k: v for k, v in (labels or {}).items() if v != ""}


def samples(answer):
    return [(sans_empty(s["labels"]), s["value"], s.get("timestamp")) for s in answer.get("samples") or []]


def main():
    ours = sys.argv[1]
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 5000
    if not shutil.which("go"):
        print("SKIP: go is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("go.mod", "main.go"):
            shutil.copy(os.path.join(HERE, name), folder)
        built = subprocess.run(["go", "build", "-o", "oracle", "."], cwd=folder, capture_output=True, text=True,
                               env={**os.environ, "GOFLAGS": "-mod=mod"})
        if built.returncode:
            print("SKIP: the oracle cannot be built:", built.stderr[-300:])
            sys.exit(77)
        g = Generator(seed)
        requests = [{"op": "parse", "type": t, "body": b} for t, b in BODIES]
        for _ in range(count):
            requests += [g.relabel(), g.body()]
        theirs, mine = ask(os.path.join(folder, "oracle"), requests), ask(ours, requests)
    counts = dict.fromkeys(["accepted", "refused", "acceptance", "relabel", "samples", "panic"], 0)
    shown = {}
    for r, t, m in zip(requests, theirs, mine):
        if t.get("error") == "panic":
            counts["panic"] += 1
            continue
        counts["accepted" if t["ok"] else "refused"] += 1
        problem = None
        if t["ok"] != m["ok"]:
            problem = "acceptance"
        elif t["ok"] and r["op"] == "relabel":
            if t["kept"] != m["kept"] or sans_empty(t.get("labels")) != sans_empty(m.get("labels")):
                problem = "relabel"
        elif t["ok"] and samples(t) != samples(m):
            problem = "samples"
        if problem and not on_purpose(r, t):
            counts[problem] += 1
            shown.setdefault(problem, []).append((r, t, m))
    for cases in shown.values():
        cases.sort(key=lambda c: len(json.dumps(c[0])))
        for r, t, m in cases[:int(os.environ.get("SHOW", "8"))]:
            print(f"{json.dumps(r)}\n  theirs {json.dumps(t)}\n  ours   {json.dumps(m)}")
    print(f"{len(requests)} questions: {counts}")
    sys.exit(any(counts[k] for k in ("acceptance", "relabel", "samples")))


if __name__ == "__main__":
    main()
