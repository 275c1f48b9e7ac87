"""Our configuration language beside Alloy's own Go package: what is accepted, how it is formatted, what it
evaluates to, and where the first complaint stands. compare.py OURS [SEED [COUNT]]

Where their formatter gives another text when it is asked again, ours is to give what that settles on. Theirs is no
measure where it panics, and where its formatter breaks the file or changes what a string stands for (tabs and
trailing blanks in raw strings, backslashes in quoted names): there ours is to keep the strings and settle at once.
"""
import base64
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

import cases

HERE = os.path.dirname(os.path.abspath(__file__))


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def name(self):
        return self.r.choice(["a", "bb", "ccc", "long_name", "x1", "_y", "é"])

    def comment(self):
        r = self.r
        return r.choice(["", "", "", "", " // c", " /* d */", "\n// own line", "\n/* block\ncomment */", " /* e */ // f"])

    def gap(self):
        return self.r.choice(["\n", "\n", "\n\n", "\n\n\n", "\r\n"])

    def between(self):
        """What may stand between two tokens of an expression within brackets."""
        return self.r.choice(["", "", "", "", "", "", " ", " ", "\n", " /* x */ ", " // y\n", "\n\n"])

    def expression(self, depth=0, inside=False):
        r = self.r
        kind = r.randrange(16 if depth < 3 else 6)
        if kind == 0:
            return r.choice(["1", "2.5", "0", "17", "1e2", "007", ".5", "18446744073709551615", "9223372036854775808"])
        if kind == 1:
            return r.choice(['"a"', '"b\\n"', "`raw`", '""', '"é"', '"\\u00e9"', "`two\nlines`", '"1"'])
        if kind == 2:
            return r.choice(["true", "false", "null"])
        if kind == 3:
            return r.choice(["secret", "open", "closed", "object", "object.key", "object.list", "constants.os"])
        if kind in (4, 5):
            return r.choice(["7", '"z"', "[]", "{}"])
        e = lambda: self.expression(depth + 1, inside)
        b = self.between if inside else lambda: r.choice(["", "", " ", " /* w */ "])
        if kind in (6, 7, 8):
            op = r.choice(["+", "+", "+", "-", "*", "/", "%", "^", "==", "!=", "<", "<=", ">", ">=", "&&", "||"])
            space = r.choice(["", " ", " ", " "])
            left = e()
            return left + space + op + (space or " ") + b() + e()
        if kind == 9:
            return "(" + b() + self.expression(depth + 1, inside) + ")"
        if kind == 10:
            return r.choice(["-", "!"]) + e()
        if kind in (11, 12):
            return self.list(depth, kind == 11)
        if kind == 13:
            return e() + r.choice(["[0]", ".k", '["k"]', "[1]", ".mm"])
        function = r.choice(["string.format", "coalesce", "array.concat", "string.join", "encoding.to_json", "string.split",
                             "string.to_upper", "convert.nonsensitive", "string.replace", "nope", "encoding.from_json", "f"])
        arguments = [self.expression(depth + 1, True) for _ in range(r.randrange(4))]
        if function == "string.format":
            arguments.insert(0, r.choice(['"%v"', '"%s %d"', '"%5v|%-5v"', '"%q"', '"%x"', '"%"']))
        return function + "(" + ("," + self.between()).join(self.between() + a for a in arguments) + r.choice(["", "", ","] if arguments else [""]) + ")"

    def list(self, depth, array):
        r = self.r
        items = [self.expression(depth + 1, True) for _ in range(r.randrange(5))]
        if not array:
            keys = r.sample(["k", "l", "mm", '"n o"', "`p`", '"k"'], len(items))
            items = [k + r.choice([" = ", "=", " = "]) + i for k, i in zip(keys, items)]
        style = r.randrange(4)
        if style == 0:
            body = ", ".join(items)
        elif style == 1 and items:
            body = "\n" + ",\n".join(items) + ",\n"
        elif style == 2 and items:
            body = "\n" + "".join(i + "," + r.choice(["", " // c", " /* d */"]) + "\n" for i in items)
        else:
            body = ",".join(self.between() + i + r.choice(["", "", " /* x */"]) for i in items)
            if items and r.random() < 0.3:
                body += "," + self.between()
        return "[" + body + "]" if array else "{" + body + "}"

    def body(self, depth=0):
        r = self.r
        out = r.choice(["", "", "", "// first\n", "\n\n", "/* first */ "]) if depth == 0 else ""
        for i in range(r.randrange(5)):
            if r.random() < 0.65 or depth > 2:
                out += f"{self.name()}{i}{r.choice([' ', '', '  '])}= {self.expression()}{self.comment()}" + self.gap()
            else:
                label = r.choice(["", ' "l"', ' "m_n"', ' "é"'])
                inner = self.body(depth + 1)
                opening = r.choice(["\n", " ", " // o\n"]) if inner else r.choice(["", " ", "\n", "\n// only\n", " /* in */ "])
                out += f"{self.name()}.{self.name()}{label} {{{opening}{inner}}}{self.comment()}" + self.gap()
        return out

    def mutated(self, text):
        r = self.r
        pieces = list("{}[](),.=\"`+-*/ \n1a#&|'\\\t\r_é") + ["//", "/*", "*/", "\n}\n", "a = ", '"x"', "\u00a0", "\ufeff", "\x00", "==", "{ }", "[", "b {"]
        for _ in range(r.randrange(1, 4)):
            at = r.randrange(len(text) + 1)
            to = min(len(text), at + r.choice([1, 1, 1, 2, 5]))
            text = r.choice([text[:at] + text[to:], text[:at] + r.choice(pieces) + text[at:], text[:at] + r.choice(pieces) + text[to:],
                             text[:at] + text[at:to] * 2 + text[to:]])
        if r.random() < 0.03:
            raw = text.encode()
            at = r.randrange(len(raw) + 1)
            return raw[:at] + bytes([r.randrange(128, 256)]) + raw[at:]
        return text


def endless(text):
    """Theirs counts up to an exponent one by one."""
    found = text if isinstance(text, str) else text.decode(errors="replace")
    return found.count("^") > 1 or "^" in found and re.search(r"\d{7}", found)


def request(op, text):
    if isinstance(text, bytes):
        return {"op": op, "text": text.decode(errors="backslashreplace"), "bytes": base64.b64encode(text).decode()}
    return {"op": op, "text": text}


def ask(program, requests):
    run = subprocess.run([program], input="\n".join(map(json.dumps, requests)) + "\n", capture_output=True, text=True,
                         timeout=120, env={**os.environ, "ORACLE_SET": "set é"})
    answers = [json.loads(line) for line in run.stdout.split("\n") if line]
    assert len(answers) == len(requests), (program, run.returncode, len(answers), len(requests), run.stderr[-500:])
    return answers


def first(answer):
    """Where the first complaint begins and ends; None where there is no place."""
    for p in answer.get("places") or []:
        start = p["line"], p["column"]
        return (start, (p["end_line"], p["end_column"]) if p["end_line"] else start) if start[0] else None


def cut(text, place):
    """What stands in the text at a place, ends included. Columns are in bytes."""
    lines = text.encode().split(b"\n")
    (line, column), (last, end) = place
    out = b"\n".join(lines[line - 1:last])
    return out[column - 1:len(out) - len(lines[last - 1]) + end].decode(errors="replace")


class Comparison:
    def __init__(self, theirs, ours):
        self.theirs, self.ours = theirs, ours
        self.counts = dict.fromkeys(["equal", "refused by both", "on purpose", "no oracle"], 0)
        self.wrong = {}

    def run(self, requests):
        requests = list({json.dumps(r): r for r in requests}.values())
        theirs, mine = ask(self.theirs, requests), ask(self.ours, requests)
        formatted = [i for i, r in enumerate(requests) if r["op"] == "format" and theirs[i]["ok"] and mine[i]["ok"]]
        settled = self.settle(formatted, theirs)
        again = dict(zip(formatted, ask(self.ours, [request("format", mine[i]["text"]) for i in formatted])))
        extra = [request("strings", text) for i in formatted
                 for text in (requests[i]["text"], settled[i] or "", mine[i]["text"])]
        strings = [self.contents(a) for a in ask(self.theirs, extra)]
        before, after, kept = (dict(zip(formatted, strings[k::3])) for k in range(3))
        for i, (r, t, m) in enumerate(zip(requests, theirs, mine)):
            problem = None
            if i in again:
                if not again[i]["ok"] or again[i]["text"] != m["text"]:
                    problem = "formatted twice"
                elif before[i] != kept[i]:
                    problem = "a string changed"
                elif settled[i] == m["text"]:
                    self.counts["equal"] += 1
                elif settled[i] is None or before[i] != after[i]:
                    self.counts["on purpose"] += 1
                else:
                    problem = "text"
            else:
                problem = self.judge(r, t, m)
            if problem:
                self.wrong.setdefault(problem, []).append((r, t, m))

    def settle(self, formatted, theirs):
        """Theirs formatted again until it stays: None where it breaks or never does."""
        texts = {i: theirs[i]["text"] for i in formatted}
        moving = list(formatted)
        for _ in range(8):
            answers = ask(self.theirs, [request("format", texts[i]) for i in moving])
            changed = [(i, a) for i, a in zip(moving, answers) if not a["ok"] or a["text"] != texts[i]]
            texts.update((i, a["text"] if a["ok"] else None) for i, a in changed)
            moving = [i for i, a in changed if a["ok"]]
            if not moving:
                break
        texts.update((i, None) for i in moving)
        return texts

    def contents(self, answer):
        """What stands in the strings. An empty label is none, and a name may change its quotes."""
        return [s[1:-1] for s in answer.get("strings", []) if len(s) > 2]

    def judge(self, r, t, m):
        if t.get("error") == "panic":
            self.counts["no oracle"] += 1
        elif t["ok"] != m["ok"]:
            if r["text"] not in cases.OTHERWISE and (not t["ok"] or not self.purpose(r, t, m)):
                return "acceptance"
            self.counts["on purpose"] += 1
        elif t["ok"]:
            if r["text"] in cases.OTHERWISE:
                self.counts["on purpose"] += 1
                return None
            if t.get("value") != m.get("value"):
                return "value"
            self.counts["equal"] += 1
        elif first(t) is None or first(t) == first(m):
            self.counts["refused by both"] += 1
        elif self.purpose(r, t, m) or self.same_operand(r, t, m):
            self.counts["on purpose"] += 1
        else:
            return "place"
        return None

    def purpose(self, r, t, m):
        message = m["places"][0]["message"] if m.get("places") else ""
        # Theirs stops reading an expression at the end of its line, and has no limit of nesting. It shows what is
        # in secrets, and functions.
        return (r["op"] == "eval" and message.startswith("expected end of file") or message == "this is nested too deep"
                or message.endswith((" has no text", " has no form in JSON"))
                # It guesses where a name with dots ends.
                or first(m) and first(t)[0] == first(m)[0] and "with no \".\"" in t["error"])

    def same_operand(self, r, t, m):
        """Theirs looks up who is to blame by value, and takes the last operand that is equal; it names the function
        where ours names the argument, and the element where ours names its array."""
        if r["op"] != "eval" or not first(m):
            return False
        (start, end), (own_start, own_end) = first(t), first(m)
        if own_start <= start and end <= own_end:
            return True
        blamed, named = cut(r["text"], first(t)), cut(r["text"], first(m))
        if re.fullmatch(r"[\w.]+", blamed) and start < own_start and "(" in cut(r["text"], (start, own_start)):
            return True
        one, other = ask(self.theirs, [request("eval", blamed), request("eval", named)])
        return one["ok"] and other["ok"] and one["value"] == other["value"]


def build(folder):
    """The oracle's program, or None."""
    if not shutil.which("go"):
        return print("SKIP: go is not installed")
    for name in ("go.mod", "main.go"):
        shutil.copy(os.path.join(HERE, name), folder)
    built = subprocess.run(["go", "build", "-o", "oracle", "."], cwd=folder, capture_output=True, text=True,
                           env={**os.environ, "GOFLAGS": "-mod=mod"})
    if built.returncode:
        return print("SKIP: the oracle cannot be built:", built.stderr[-300:])
    return os.path.join(folder, "oracle")


def main():
    ours = sys.argv[1]
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 3000
    with tempfile.TemporaryDirectory() as folder:
        oracle = build(folder)
        if not oracle:
            sys.exit(77)
        comparison = Comparison(oracle, ours)
        comparison.run([request("eval", e) for e in cases.expressions()] + [request("format", f) for f in cases.FILES])
        print(f"tables: {comparison.counts}")
        g = Generator(seed)
        requests = []
        for _ in range(count):
            text = g.body()
            requests += [request("format", text), request("format", g.mutated(text))]
            text = g.expression()
            requests += [request("eval", e) for e in (text, g.mutated(text)) if not endless(e)]
        comparison.run(requests)
    for problem, wrong in comparison.wrong.items():
        wrong.sort(key=lambda w: len(w[0]["text"]))
        print(f"{problem}: {len(wrong)}")
        for r, t, m in wrong[:int(os.environ.get("SHOW", "8"))]:
            print(f"  {r['op']} {r['text']!r}\n    theirs {json.dumps(t, ensure_ascii=False)}\n    ours   {json.dumps(m, ensure_ascii=False)}")
    print(f"with seed {seed}: {comparison.counts}")
    sys.exit(bool(comparison.wrong))


if __name__ == "__main__":
    main()
