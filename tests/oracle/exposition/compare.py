"""Scrapes of text, OpenMetrics and protobuf beside Prometheus' own parsers: histograms, exemplars, start times, type and
unit labels, conversions, limits of buckets. compare.py OURS [SEED [COUNT]]"""
import base64
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT, OPEN = "text/plain; version=0.0.4", "application/openmetrics-text; version=1.0.0"
PROTO = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def settings(self, kind, body, **chosen):
        r = self.r
        return {"Op": "parse", "Type": kind, "Body": base64.b64encode(body).decode(), "Native": r.random() < .7, "Classic": r.random() < .4,
                "Convert": r.random() < .4, "Starts": r.random() < .5, "TypeAndUnit": r.random() < .4,
                "BucketLimit": r.choice([0, 0, 0, 4, 10]), "FinestSchema": r.choice([8, 8, 3, 0, -2]), **chosen}

    def exemplar(self, kind, stamps):
        r = self.r
        if kind == TEXT or r.random() < .5:
            return ""
        labels = r.choice(["", 'trace_id="abc"', 'b="1",a="é"', 'x="' + "0" * 140 + '"', 'a="1",a="2"', 'e=""'])
        return " # {" + labels + "} " + r.choice(["0.5", "3", "NaN", "1e3"]) + r.choice(stamps)

    def stamp(self, kind):
        return self.r.choice([""] * 6 + [" 1699999990" + ("000" if kind == TEXT else ".5")])

    def text(self):
        r = self.r
        kind = r.choice([TEXT, OPEN, OPEN])
        suffix = r.choice(["", "_seconds", ".seconds"])
        convert, starts = r.random() < .5, r.random() < .5
        # Prometheus gives an exemplar of a converted histogram that has no time that of one before
        stamps = [" 1700000000.25", " 1699999999"] + ([] if convert else [""])
        lines = []
        families = r.randrange(1, 4)
        for i in range(families):
            family = r.choice(["m", "other"]) + str(i) + suffix
            quoted = "." in family
            type_ = r.choice(["counter", "gauge", "histogram", "histogram", "summary"] + (["info", "gaugehistogram", "unknown"] if kind == OPEN else ["untyped"]))
            written = f'"{family}"' if quoted else family
            comments = [f"# TYPE {written} {type_}"]
            if r.random() < .4:
                comments.append(f"# HELP {written} some \\\\ text")
            # Prometheus refuses another unit than the name's, takes a unit for that of the next families too, and for
            # that of those before when it looks ahead for start times
            if kind == OPEN and suffix == "_seconds" and i == families - 1 and not starts and r.random() < .5:
                comments.append(f"# UNIT {written} seconds")
            r.shuffle(comments)
            lines += comments

            def line(part, labels, value, exemplar=""):
                labels = ",".join(labels)
                name = family + part
                series = ("{" + f'"{name}"' + ("," + labels if labels else "") + "}") if quoted else name + ("{" + labels + "}" if labels else "")
                lines.append(f"{series} {value}{stamp}{exemplar}")

            for n in range(r.randrange(1, 3)):
                # Prometheus gives a converted histogram the time of the line behind it
                own, stamp = [f'nr="{n}"'] if n or r.random() < .7 else [], "" if convert else self.stamp(kind)
                if r.random() < .1:
                    own.append('__type__="mine"')
                if type_ == "histogram":
                    # to the next histogram Prometheus gives the exemplars of one that it could not convert
                    off = r.random() < .1
                    example = (lambda: "") if convert and off else (lambda: self.exemplar(kind, stamps))
                    below, bounds = 0, sorted(r.sample(["0.1", "1", "2.5", "10", "1e6", "+Inf"], r.randrange(1, 6)), key=float)
                    for bound in bounds:
                        below += r.choice([0, 0, 1, 7, 2.5] if r.random() < .3 else [0, 0, 1, 7])
                        line("_bucket", own + [f'le="{bound}"'], below, example())
                    if r.random() < .85:
                        line("_count", own, below + 1 if off and bounds[-1] == "+Inf" else below)
                    if r.random() < .9:
                        line("_sum", own, r.choice(["1.5", "NaN", "-3"]))
                elif type_ == "summary":
                    for q in ("0.5", "1")[:r.randrange(3)]:
                        line("", own + [f'quantile="{q}"'], r.randrange(9))
                    line("_count", own, 3)
                    line("_sum", own, 4.5)
                elif type_ == "counter":
                    line("_total", own, r.randrange(9), self.exemplar(kind, stamps))
                else:
                    line(r.choice(["", "_info"]), own, r.randrange(9))
                if r.random() < .5 and type_ in ("counter", "histogram", "summary"):
                    stamp = ""
                    line("_created", own, r.choice(["1699999000.5", "1.6e9", "0"]))
        body = "\n".join(lines) + "\n" + ("# EOF\n" if kind == OPEN else "")
        return self.settings(kind, body.encode(), Convert=convert, Starts=starts)

    def protobuf(self, body):
        r = self.r
        body = bytearray(body)
        if body and r.random() < .1:
            at = r.randrange(len(body))
            body = body[:at] if r.random() < .5 else body[:at] + bytes([r.randrange(256)]) + body[at + 1:]
        return self.settings(PROTO, bytes(body)), bytes(body)


def on_purpose(request, theirs, mine):
    """Of damaged bytes only whether they are taken is compared: a timestamp that became one of the future is left out
    by the scrape and not by the parser. A known field of another wire type is an unknown one, as libprotobuf has it.
    A unit that is not UTF-8 is refused here: it would become a label or metadata that a receiver refuses."""
    return "damaged" in request and (theirs["ok"] == mine["ok"] or "proto: wrong wireType" in theirs.get("error", "")
                                     or "the unit is not UTF-8" in mine.get("error", ""))


def ask(program, requests):
    run = subprocess.run([program], input="\n".join(json.dumps(r) for r in requests) + "\n", capture_output=True, text=True)
    answers = [json.loads(line) for line in run.stdout.split("\n") if line]
    assert len(answers) == len(requests), (program, run.returncode, len(answers), len(requests), run.stderr[-500:])
    return answers


def key(labels):
    return json.dumps({k: v for k, v in labels.items() if v != ""}, sort_keys=True)


def samples(answer):
    """Floats in order, then histograms in order: our columns have them apart."""
    rows = [(key(s["labels"]), s.get("value"), s["timestamp"], s["start"], s.get("histogram")) for s in answer["samples"]]
    return [r for r in rows if not r[4]] + [r for r in rows if r[4]]


def exemplars(answer, flat):
    if flat:
        rows = [(key(e["series"]), key(e["labels"]), e["value"], e["timestamp"]) for e in answer["exemplars"]]
    else:
        rows = [(key(s["labels"]), key(e["labels"]), e["value"], e["timestamp"]) for s in answer["samples"] for e in s["exemplars"]]
    return sorted(rows)


def main():
    ours = sys.argv[1]
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 3000
    if not shutil.which("go"):
        print("SKIP: go is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        oracle = os.environ.get("ORACLE_EXPOSITION")
        if not oracle:
            for name in ("go.mod", "main.go"):
                shutil.copy(os.path.join(HERE, name), folder)
            built = subprocess.run(["go", "build", "-o", "oracle", "."], cwd=folder, capture_output=True, text=True,
                                   env={**os.environ, "GOFLAGS": "-mod=mod"})
            if built.returncode:
                print("SKIP: the oracle cannot be built:", built.stderr[-300:])
                sys.exit(77)
            oracle = os.path.join(folder, "oracle")
        g = Generator(seed)
        requests = [g.text() for _ in range(count)]
        made = ask(oracle, [{"Op": "make", "Seed": seed * 1_000_003 + i} for i in range(count)])
        for m in made:
            whole = base64.b64decode(m.get("body") or "")
            request, body = g.protobuf(whole)
            requests.append({**request, **({"damaged": True} if body != whole else {})})
        theirs, mine = ask(oracle, requests), ask(ours, requests)
    counts = dict.fromkeys(["accepted", "refused", "damaged", "histograms", "starts", "exemplar rows", "acceptance", "samples", "exemplars", "panic"], 0)
    shown = {}
    for r, t, m in zip(requests, theirs, mine):
        if t.get("error") == "panic":
            counts["panic"] += 1
            continue
        counts["accepted" if t["ok"] else "refused"] += 1
        counts["damaged"] += "damaged" in r
        if t["ok"]:
            counts["histograms"] += sum("histogram" in s for s in t["samples"])
            counts["starts"] += sum(s["start"] != 0 for s in t["samples"])
            counts["exemplar rows"] += sum(len(s["exemplars"]) for s in t["samples"])
        problem = None
        if t["ok"] != m["ok"]:
            problem = "acceptance"
        elif t["ok"] and samples(t) != samples(m):
            problem = "samples"
        elif t["ok"] and exemplars(t, False) != exemplars(m, True):
            problem = "exemplars"
        if problem and not on_purpose(r, t, m):
            counts[problem] += 1
            shown.setdefault(problem, []).append((r, t, m))
    for problem, cases in shown.items():
        cases.sort(key=lambda c: len(c[0]["Body"]))
        for r, t, m in cases[:int(os.environ.get("SHOW", "4"))]:
            a, b = ((exemplars(t, False), exemplars(m, True)) if problem == "exemplars" else (samples(t), samples(m)) if t["ok"] and m["ok"]
                    else ([t.get("error")], [m.get("error")]))
            print(f"{problem}: { {k: v for k, v in r.items() if k != 'Body'} }\n{base64.b64decode(r['Body'])!r}\n  theirs {[x for x in a if x not in b]}\n"
                  f"  ours   {[x for x in b if x not in a]}")
    print(f"{len(requests)} bodies: {counts}")
    sys.exit(any(counts[k] for k in ("acceptance", "samples", "exemplars")))


if __name__ == "__main__":
    main()
