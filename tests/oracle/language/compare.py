"""Our configuration language beside Alloy's own Go package: what is accepted, how it is formatted, what it
evaluates to, and where the first complaint stands. compare.py OURS [SEED [COUNT]]"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

EXPRESSIONS = r'''
1 | -1 | +1 | 007 | 1.5 | .5 | 1. | 1e3 | 1E-3 | 1e | 0x10 | 9223372036854775807 | 9223372036854775808
18446744073709551615 | 18446744073709551616 | "a" | "" | "\n\t\\\"" | "\u00e9" | "\U0001F600" | "\x41" | "\101" | "\'"
"\q" | "\u12" | "unterminated | `raw \n "x"` | `` | true | false | null | nope | [] | [1] | [1,] | [1,2,3][1] | [1][5]
[1][-1] | [1]["a"] | {} | {a = 1} | {a = 1,} | {"a b" = 1} | {a = 1}.a | {a = 1}["a"] | {a = 1}["b"] | {a = 1}.b
{a = {b = [1, 2]}}.a.b[1] | {a = 1, a = 2} | {a = 1 b = 2} | (1) | ((1)) | () | 1 + 2 * 3 | (1 + 2) * 3 | 2 ^ 3 ^ 2
-2 ^ 2 | 7 / 2 | 7.0 / 2 | 7 % 3 | -7 % 3 | 7 % 0 | 1 / 0 | 1.0 / 0 | 7 % 2.5 | "a" + "b" | "a" - "b" | 1 + "a" | [1] + [2]
{a = 1} + {b = 2} | 1 == 1.0 | 1 == "1" | "a" == "a" | [1, 2] == [1, 2] | {a = 1} == {a = 1} | null == null | 1 != 2
1 < 2 | 2 <= 2 | "a" < "b" | "a" < 1 | true < false | true && false | true || false | 1 && true | !true | !1 | -"a" | !!true
true && false || true | true || true && false | 1 < 2 == true | 1 == 1 && 2 == 2 | 1 + 2 == 3 | not | 1 2 | 1 + | + | * 1 | "a" "b"
string.format("%s-%d-%v", "a", 1, true) | string.join(["a", "b"], "-") | string.split("a,b", ",") | string.to_upper("a")
string.to_lower("A") | string.replace("aa", "a", "b") | string.trim("xax", "x") | string.trim_prefix("ab", "a")
string.trim_suffix("ab", "b") | string.trim_space(" a ") | string.nope("a") | string.join() | string.join("a", "b")
encoding.from_json("{\"a\": [1, 2.5, null]}") | encoding.from_json("x") | encoding.from_yaml("a: 1\nb: [x, y]")
encoding.from_base64("!") | array.concat([1], [2, "a"]) | array.concat() | array.concat(1)
coalesce("", "a") | coalesce(null, 0, 5) | coalesce() | json_decode("[1]") | json_path("{\"a\": {\"b\": 3}}", ".a.b")
concat([1], [2]) | to_upper("a") | format("%d", 5) | env("NOT_SET_ANYWHERE") | sys.env("NOT_SET_ANYWHERE")
constants.os | constants.arch | convert.nonsensitive("a") | nonsensitive("a") | constants.nope | 1.a | [1,2].a | "a".b | "a"[0]
1()  | string.format | string.format("%d") | string.format("%d", "a") | string.format("%5.2f|%-5s|%05d|%x", 3.14159, "ab", 42, 255)
encoding.to_json({a = 1, b = [true, null, "x"]}) | encoding.to_base64("a") | 1
array.combine_maps([{a = 1, b = 2}], [{a = 1, c = 3}], ["a"]) | file.path_join("a", "b", "../c") | string.format("%q", "a\n")
1 /* c */ + 2 | 1 // c | [1, // c
2] | {a = 1, // c
b = 2} | 4 - 3 - 2 | 2 * 3 / 4 % 5 | 1e309 | 0.1 + 0.2 | 1e21 | 123456789012 * 1000000 | 3 - 5 | 3.0 | 2 ^ 0.5 | 2 ^ -1
'''

FILES = ['', '\n', 'a = 1', 'a = 1\n', 'a=1\nb = 2\n\n\nc = 3', 'a = [1,2,\n3]', 'a = {b = 1, c = 2}', 'a = {\nb = 1,\nccc = 2,\n}',
         'block { }', 'block {}', 'block "l" { a = 1 }', 'block "l" {\na = 1\n}', 'a.b.c "x" {\n}', 'a.b.c "x" {\n\n\na = 1\n\n\n\nb = 2\n\n}',
         '// c\na = 1 // d\n// e\n', '/* c */ a = /* d */ 1 /* e */\n', 'x { // c\n}\n', 'x {\n// c\n}\n', 'x {\n a = 1 // c\n bbb = 2 // d\n}\n',
         'a = 1 b = 2', 'block "l" "m" { }', 'block l { }', 'a', 'a =', '= 1', 'a = }', '}', '{', 'a { b { c { d = 1 } } }', 'a = f(1,2)',
         'a = f(\n1,\n2,\n)', 'a = [\n1,\n2,\n]', 'a = -1', 'a = !b', 'a = (1 + 2)', 'a = b.c[0].d', 'a = "x"\r\nb = 2\r\n', '\ta\t=\t1',
         'a = 1 /* x\ny */\nb = 2', 'block "a-b" { }', 'block "a b" { }', 'block "" { }', 'block "1a" { }', 'a = #', 'a = 1 # c', "a = 'x'",
         'x {\n/* c */\n}\n', 'x {\n\n// c\n\n// d\n\n}\n', '// only', '/* only */', '/* open', 'a = "open', 'a = `open', 'a = `r\nw`\n',
         'long_name = 1\nb = 2\nblock { }\nc = 3\n', 'a = {\n  // c\n  b = 1,\n}\n', 'a = [\n  // c\n  1,\n  // d\n]\n', 'a = [ // c\n1]', 'a = [1 // c\n]',
         'a = [1, 2 // c\n]', 'a = {b = {c = 1}}', 'a = {\n"x y" = 1,\nz = 2}', 'b { a = 1 }\nb { a = 2 }', 'b { }\n\n\n\nb { }', 'a = 1;', 'a.b = 1',
         'a = 1\n\n// c\nb = 2\n', 'a { } // c\nb { }', 'é = 1', 'a = "é"', 'a = [[1,2],[3,4]]', 'a = [{b = 1},{c = 2}]', 'a = f({b = 1})', 'declare "x" { argument "a" { } }']


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def name(self):
        return self.r.choice(["a", "bb", "ccc", "long_name", "x1", "_y"])

    def comment(self):
        r = self.r
        return r.choice(["", "", "", "", " // c", " /* d */", "\n// own line", "\n/* block\ncomment */"])

    def gap(self):
        return self.r.choice(["\n", "\n", "\n\n", "\n\n\n"])

    def expression(self, depth=0):
        r = self.r
        kind = r.randrange(14 if depth < 3 else 6)
        if kind == 0:
            return r.choice(["1", "2.5", "0", "17", "1e2"])
        if kind == 1:
            return r.choice(['"a"', '"b\\n"', "`raw`", '""'])
        if kind == 2:
            return r.choice(["true", "false", "null"])
        if kind in (3, 4, 5):
            return r.choice(["7", '"z"', "[]", "{}"])
        e = lambda: self.expression(depth + 1)
        if kind in (6, 7):
            return e() + r.choice([" + ", "+", " * ", " - ", " == ", " < ", " && ", " || ", " / ", " ^ ", " % ", " != "]) + e()
        if kind == 8:
            return "(" + e() + ")"
        if kind == 9:
            return r.choice(["-", "!"]) + e()
        if kind in (10, 11):
            sep = r.choice([", ", ",", ",\n", ", // c\n"])
            items = [e() for _ in range(r.randrange(4))]
            if kind == 10:
                body, ends = sep.join(items), "[]"
            else:
                keys = r.sample(["k", "l", "mm", '"n o"'], len(items))
                body, ends = sep.join(f"{k} = {i}" for k, i in zip(keys, items)), "{}"
            if "\n" in sep and items:
                body = "\n" + body + sep.replace("// c", "")
            return ends[0] + body + ends[1]
        if kind == 12:
            return e() + r.choice(["[0]", ".k", '["k"]'])
        return r.choice(['string.format("%v", ', "coalesce(", "array.concat("]) + e() + ")"

    def body(self, depth=0):
        r = self.r
        out = ""
        for i in range(r.randrange(5)):
            if r.random() < 0.65 or depth > 2:
                out += f"{self.name()}{i} = {self.expression()}{self.comment()}" + self.gap()
            else:
                label = r.choice(["", ' "l"', ' "m_n"'])
                inner = self.body(depth + 1)
                opening = r.choice(["\n", " ", " // o\n"]) if inner else r.choice(["", " ", "\n", "\n// only\n"])
                out += f"{self.name()}.{self.name()}{label} {{{opening}{inner}}}{self.comment()}" + self.gap()
        return out

    def mutated(self, text):
        r = self.r
        if not text:
            return text
        for _ in range(r.randrange(1, 3)):
            at = r.randrange(len(text))
            text = r.choice([text[:at] + text[at + 1:], text[:at] + r.choice("{}[](),.=\"`+-*/ \n1a#&|") + text[at:]])
            if not text:
                return text
        return text


def ask(program, requests):
    run = subprocess.run([program], input="\n".join(json.dumps(r) for r in requests) + "\n", capture_output=True, text=True)
    answers = [json.loads(line) for line in run.stdout.split("\n") if line]
    assert len(answers) == len(requests), (program, run.returncode, len(answers), len(requests), run.stderr[-500:])
    return answers


def first(answer):
    places = answer.get("places") or []
    return (places[0]["Line"], places[0]["Column"]) if places and places[0]["Line"] else None


def differs_on_purpose(error, theirs, ours):
    """Theirs looks an operand up by its value and takes the last one that is equal, or names the function where
    ours names the argument."""
    by_value = "for binop" in error or "expected object or array" in error
    return (by_value and theirs > ours) or (" encoding." in error and ours > theirs)


def close(a, b):
    if isinstance(a, float) or isinstance(b, float):
        return isinstance(a, (int, float)) and isinstance(b, (int, float)) and (a == b or abs(a - b) <= 1e-12 * abs(b))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
    return a == b


def main():
    ours = sys.argv[1]
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 3000
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
        requests = [{"op": "eval", "text": e.strip()} for line in EXPRESSIONS.split(" | ") for e in line.split("\n")
                    if e.strip() and "//" not in e and not e.strip().startswith(("2]", "b = 2}"))]
        requests += [{"op": "format", "text": t} for t in FILES]
        g = Generator(seed)
        for _ in range(count):
            text = g.body()
            requests.append({"op": "format", "text": text})
            requests.append({"op": "format", "text": g.mutated(text)})
            requests.append({"op": "eval", "text": g.expression()})
        theirs, mine = ask(os.path.join(folder, "oracle"), requests), ask(ours, requests)
    counts = dict.fromkeys(["accepted", "refused", "acceptance", "text", "value", "place", "panic"], 0)
    shown = {}
    for r, t, m in zip(requests, theirs, mine):
        # A defect of theirs, or a value that JSON cannot say: no oracle.
        if t.get("error") == "panic" or str(t.get("error")).startswith("json: unsupported"):
            counts["panic"] += 1
            continue
        counts["accepted" if t["ok"] else "refused"] += 1
        problem = None
        if t["ok"] != m["ok"]:
            problem = "acceptance"
        elif t["ok"] and r["op"] == "format" and t.get("text", "") != m["text"]:
            problem = "text"
        elif t["ok"] and r["op"] == "eval" and not close(t.get("value"), m["value"]):
            problem = "value"
        elif not t["ok"] and first(t) and first(t) != first(m):
            problem = None if differs_on_purpose(t["error"], first(t), first(m)) else "place"
        if problem:
            counts[problem] += 1
            shown.setdefault(problem, []).append((r, t, m))
    for problem, cases in shown.items():
        cases.sort(key=lambda c: len(c[0]["text"]))
        for r, t, m in cases[:int(os.environ.get("SHOW", "8"))]:
            print(f"{problem}: {r['op']} {r['text']!r}\n  theirs {json.dumps(t)}\n  ours   {json.dumps(m)}")
    print(f"{len(requests)} questions: {counts}")
    sys.exit(any(counts[k] for k in ("acceptance", "text", "value", "place")))


if __name__ == "__main__":
    main()
