"""Hand-written questions: expressions with their value, files with their layout, and what is wrong with files."""

LITERALS = r'''
0 | 1 | 7 | 007 | 08 | 0777 | 0o17 | 0x10 | 0xfe | 0b101 | 1_000 | 9223372036854775807 | 9223372036854775808
18446744073709551615 | 18446744073709551616 | 123456789012345678901234567890 | 1.5 | .5 | 1. | 1.e3 | .5e-3 | 1e3
1E-3 | 1e+3 | 1e | 1e+ | 1.5e | 1e309 | 1e-400 | 0.1 | 5e-324 | 1.7976931348623157e308 | 1.0 | 00.5 | 09.5 | 1..2 | .
"a" | "" | "\n\t\\\"" | "\a\b\f\v\r" | "\u00e9" | "\U0001F600" | "\x41" | "\101" | "\377" | "\400" | "\xff" | "\xfF"
"\ud800" | "\U00110000" | "\u12" | "\U0001" | "\x4" | "\xg0" | "\08" | "\'" | "\q" | "\ " | "\ | "abc | "a\" | "é😀"
'a' | 'a\'b' | ` | `` | `a` | `a\n"b"` | `é` | "`" | `"` | true | false | null | True | nil | TRUE | nope | _ | a1 | é | é٣ | ٣é
€ | 😀 | # | @ | $ | ; | : | ? | ~ | \ | & | && | | | || | = | == | ! | != | < | <= | > | >= | + | - | * | / | % | ^ | , | ( | ) | [
] | { | }
'''

OPERATORS = r'''
1 + 2 * 3 | (1 + 2) * 3 | 2 ^ 3 ^ 2 | -2 ^ 2 | 2 ^ -1 | 2 ^ 0 | 0 ^ 0 | 0 ^ 5 | 2 ^ 63 | 2 ^ 64 | 3 ^ 41 | 2.0 ^ 0.5 | 2 ^ 0.5 | -8 ^ 3 | 1 ^ -5
0 ^ -1 | 4 - 3 - 2 | 2 * 3 / 4 % 5 | 7 / 2 | -7 / 2 | 7.0 / 2 | 7 / 2.0 | 7 % 3 | -7 % 3 | 7 % -3 | 7 % 2.5 | -7.5 % 2 | 7 % 0 | 1 / 0
1.0 / 0 | 1 / 0.0 | 0.0 / 0 | 1 % 0.0 | 9223372036854775807 + 1 | -9223372036854775807 - 2 | 9223372036854775808 + 1
18446744073709551615 + 1 | 18446744073709551615 - 1 | 9223372036854775808 * 2 | 9223372036854775808 - 9223372036854775809
-9223372036854775808 | -18446744073709551615 | -(-9223372036854775807 - 1) | (-9223372036854775807 - 1) / -1
(-9223372036854775807 - 1) % -1 | 9223372036854775808 / 2 | 9223372036854775808 == 9223372036854775808.0
18446744073709551615 > 1 | 18446744073709551615 > 18446744073709551614 | 18446744073709551615 == -1 | 9223372036854775809 % 2
18446744073709551615 + 0.5 | 0.1 + 0.2 | 1e308 * 10 | -1e308 * 10 | 3 - 5 | 3.0 | -0 | -0.0 | 0.0 == -0.0 | 1e308 * 10 - 1e308 * 10
"a" + "b" | "a" - "b" | "a" * 2 | 1 + "a" | "a" + 1 | [1] + [2] | {a = 1} + {b = 2} | null + null | true + true | 1 + null | 1 + true
1 == 1.0 | 1 == "1" | "a" == "a" | "a" == "b" | [1, 2] == [1, 2] | [1, 2] == [1, 2.0] | [1] == [1, 2] | [] == [] | [] == {} | {} == {}
{a = 1} == {a = 1} | {a = 1} == {a = 1.0} | {a = 1} == {b = 1} | {a = 1} == {a = 1, b = 2} | null == null | null == 0 | null == false
1 != 2 | 1 != 1 | "a" != 1 | [1] != [2] | [[1], {a = [2]}] == [[1], {a = [2]}] | string.format == string.format | [string.join] == [string.join]
1 < 2 | 2 <= 2 | 2 < 1.5 | 3 > 2 | 3 >= 4 | "a" < "b" | "a" < "B" | "a" <= "a" | "b" > "a" | "é" > "z" | "" < "a" | "a" < 1 | 1 < "a"
true < false | null < null | [1] < [2] | {} < {} | 1 < 2 < 3 | true && false | true && true | true || false | false || false | 1 && true
true && 1 | true || 1 | false && 1 | false && nope | true || nope | null && true | "true" && true | !true | !!true | !1 | !"a" | !null | ! true
-"a" | -true | -null | -[] | - 1 | --1 | -(-1) | !-1 | -!true | +1 | true && false || true | true || true && false | 1 < 2 == true
1 == 1 && 2 == 2 | 1 == 2 == false | 1 + 2 == 3 | 1 < 2 && 2 < 3 || false | 10 - 2 * 3 ^ 2 | 2 * -3 | 2 ^ -2 * 3 | -1 - -1 | 1 - - 1
1 2 | 1 + | + 1 | * 1 | "a" "b" | 1 + * 2 | (1 + 2 | 1 + 2) | () | (1) | ((1)) | ( 1 ) | (1, 2) | 1 + (2 | 1 = 2 | a = 1 | 1 === 2 | 1 =! 2
1 <> 2 | 1 & 2 | 1 | 2 | 1 &&& 2 | !(1 == 1) | not true | 1 and 2
'''

COLLECTIONS = r'''
[] | [1] | [1,] | [,] | [1,,2] | [1 2] | [1, 2 | [1, "a", true, null, 2.5, [3], {a = 4}] | [[[]]] | {} | {a = 1} | {a = 1,} | {,} | {a = 1 b = 2}
{"a b" = 1} | {"a" = 1} | {"" = 1} | {`a` = 1} | {"a\"b" = 1} | {"a\nb" = 1} | {"é" = 1} | {é = 1} | {a = 1, a = 2} | {a = 1, "a" = 2} | {1 = 2}
{a} | {a = } | {a = 1 | {a: 1} | {null = 1} | {true = 1} | {a = {b = {c = {}}}} | {a.b = 1} | {(a) = 1} | {a = 1;} | {a == 1}
[1,2,3][0] | [1,2,3][2] | [1,2,3][3] | [1,2,3][-1] | [1,2,3][1.9] | [1,2,3][-0.5] | [1,2,3]["a"] | [1,2,3][true] | [1,2,3][null] | [1][[0]]
[1][18446744073709551615] | [][0] | [1][] | [1][0 | [1][0,1] | [[1, 2], [3]][0][1] | [1].a | [1].0 | {a = 1}.a | {a = 1}["a"] | {a = 1}["b"] | {a = 1}.b
{a = 1}[0] | {a = 1}[true] | {a = 1}.a.b | {a = null}.a | {a = null}["a"] | {"a b" = 1}["a b"] | {a = {b = [1, 2]}}.a.b[1] | {abc = 1}.abd
{a = 1}. | {a = 1}.1 | {a = 1}."a" | 1.a | 1 .a | "a".b | "a"[0] | true.a | null.a | null[0] | nope.a | nope[0] | nope() | object.key | object["key"]
object.list[2] | object.list | object | object.nope | object["nope"] | object.key.x | secret | open | closed | secret.a | secret[0] | closed["a"]
1() | "a"() | [](1) | null() | string() | string.format | [string.format] | {a = string.format} | string.nope("a") | (string.format)("a")
string["format"]("a") | object.key() | coalesce | constants
'''

SECRETS = r'''
secret == secret | secret == "s3" | "s3" == secret | secret != "s3" | secret == "x" | open == open | open == "o1" | "o1" == open | closed == closed
closed == "c2" | "c2" == closed | secret == closed | closed == open | open == secret | secret == open | secret == 1 | 1 == secret | null == secret
secret + secret | secret + "a" | "a" + secret | open + open | open + "a" | "a" + open | closed + "a" | "a" + closed | closed + open | open + closed
closed + closed | secret + open | open + secret | secret + closed | closed + secret | secret + 1 | 1 + secret | open + 1 | 1 + open | secret + null
secret < "a" | open < "a" | "a" < open | closed < "a" | closed < closed | secret - secret | -secret | !secret | secret && true | [secret] == [secret]
[secret] == ["s3"] | [open] == ["o1"] | [secret, open, closed] | {a = secret} | convert.nonsensitive(secret) | convert.nonsensitive(open)
convert.nonsensitive(closed) | convert.nonsensitive("a") | convert.nonsensitive(1) | convert.nonsensitive(null) | convert.nonsensitive([])
convert.nonsensitive() | convert.nonsensitive("a", "b") | nonsensitive(secret) | string.to_upper(secret) | string.to_upper(open)
string.to_upper(closed) | string.join([secret], ",") | string.join([open], ",") | string.format("%s", open) | encoding.from_json(secret)
encoding.from_json(open) | encoding.to_base64(open) | encoding.to_base64(closed) | coalesce(secret, "a") | coalesce(open, "a") | coalesce("", closed)
array.concat([secret], [open]) | file.path_join("a", secret) | file.path_join("a", open)
array.combine_maps([{a = secret, b = 1}], [{a = secret, c = 2}], ["a"]) | sys.env(secret) | sys.env(open)
'''

LIBRARY = r'''
string.format("") | string.format("a") | string.format() | string.format(1) | string.format("%s-%d-%v", "a", 1, true) | string.format("%d")
string.format("%d", "a") | string.format("%s", 1) | string.format("%s", 1.5) | string.format("%d", 1.5) | string.format("%t", true) | string.format("%t", 1)
string.format("%v", null) | string.format("%s", null) | string.format("%d", null) | string.format("%v", [1, "a", null, true]) | string.format("%v", {b = 1, a = [2]})
string.format("%s", [1, "a"]) | string.format("%d", [1, 2]) | string.format("%q", ["a", "b"]) | string.format("%v %v", 1) | string.format("%v", 1, 2, "x", null, [1])
string.format("%%") | string.format("%") | string.format("a%") | string.format("%z", 1) | string.format("%z") | string.format("%!") | string.format("%5d|%-5d|%05d|%+d|% d", 42, 42, 42, 42, 42)
string.format("%5d|%-5d|%05d|%+d|% d", -42, -42, -42, -42, -42) | string.format("%x %X %#x %#X %o %#o %O %b %#b", 255, 255, 255, 255, 8, 8, 8, 5, 5) | string.format("%x", -255)
string.format("%c|%U|%#U|%q", 65, 233, 233, 10) | string.format("%c %q %U", 128512, 128512, 128512) | string.format("%c", -1) | string.format("%c", 1114112) | string.format("%08b", 5) | string.format("%.3d", 7)
string.format("%8.3d|%-8.3d|%08.3d|%.0d", 7, 7, 7, 0) | string.format("%f|%.2f|%8.2f|%-8.2f|%08.2f|%+.1f", 3.14159, 3.14159, 3.14159, 3.14159, 3.14159, 3.14159)
string.format("%e|%E|%.2e|%g|%G|%.3g", 1234.5678, 1234.5678, 1234.5678, 1234.5678, 1e21, 1234.5678) | string.format("%g %g %g %g", 100000.0, 1000000.0, 1e20, 1e21)
string.format("%v %v %v %v", 100000.0, 1e20, 1e21, 1e-5) | string.format("%v %v", 0.1 + 0.2, 1.0) | string.format("%f", 1) | string.format("%g", 1e-7) | string.format("%6.2f%%", 12.345)
string.format("%v %f %+v %5v|%-5v|%05v", 1e308 * 10, 1e308 * 10, 1e308 * 10, 1e308 * 10, 1e308 * 10, 1e308 * 10) | string.format("%v", -1e308 * 10) | string.format("%v", 1e308 * 10 - 1e308 * 10)
string.format("%s|%5s|%-5s|%.2s|%5.1s|%05s", "abc", "abc", "abc", "abc", "abc", "abc") | string.format("%q|%#q|%+q|%10q", "a\"b\n", "a`b", "é", "x") | string.format("%#q", "ab") | string.format("%x|%X|% x|%#x|% #x", "hé", "hé", "hé", "hé", "hé")
string.format("%v|%#v|%+v|%T", "a", "a", "a", "a") | string.format("%#v %#v %#v %#v %#v", 1, 1.5, true, "a", null) | string.format("%#v", [1, "a"]) | string.format("%#v", {a = 1}) | string.format("%T %T %T %T %T %T %T", 1, 1.5, "a", true, null, [1], {a = 1})
string.format("%*d|%-*d|%.*f", 5, 42, 5, 42, 2, 3.14159) | string.format("%*d", "a", 1) | string.format("%*d", -5, 42) | string.format("%.*f", -2, 3.5) | string.format("%[1]d %[1]d", 1) | string.format("%[2]s %[1]s", "a", "b") | string.format("%[3]d", 1) | string.format("%[x]d", 1) | string.format("%[2]*[1]d", 2, 6) | string.format("%[1]d %d %d", 1, 2)
string.format("%5t|%-7t|", true, false) | string.format("%5v|%-5v|", null, null) | string.format("%é", 1) | string.format("é%s", "é") | string.format("%5s|%-5s|", "é", "😀") | string.format("%p", 1) | string.format("%w", "a") | string.format("%s", true) | string.format("%d", true) | string.format("%x", 1.5) | string.format("%b", 1.5)
string.format("%d", 18446744073709551615) | string.format("%v", 18446744073709551615) | string.format("%d %s", [1, "a"], {a = 1}) | string.format("%5d", [1, 2]) | string.format("%.1f", [1.25, 2.35]) | string.format("%s", string.format) | string.format("%v", [[1], [2, 3]]) | string.format("%v", {}) | string.format("%v", [])
string.format("%6d|%-6d|%+06d|%x", 1, 2, 3, [10, 11]) | string.format("%+.2e", 0.0) | string.format("%v", -0.0) | string.format("%g", 1234567.0) | string.format("%.10g", 0.1) | string.format("%#g", 1.0) | string.format("%#.3f", 1.0) | string.format("%#.0f", 1.0) | string.format("% f", 1.5) | string.format("%s %s", "a")
string.format("%6.3v", 3.14159) | string.format("%.3v", "abcdef") | string.format("%010.3f", -3.14159) | string.format("%+05d", 3) | string.format("%-05d|", 3) | string.format("%x", [1, "a"]) | string.format("%t", "x") | string.format("% d", 5) | string.format("%+q", "é😀") | string.format("%q", "\x00\x7fé\u200b") | string.format("%q", 233)
string.join(["a", "b"], "-") | string.join([], "-") | string.join(["a"], "-") | string.join([1, 2.5], "-") | string.join([true], "-") | string.join([null], "-") | string.join(["a", [1]], "-") | string.join() | string.join("a", "b") | string.join(["a"], 1) | string.join(["a", "b"], 1) | string.join(["a"]) | string.join(null, "-") | string.join(["a", "b"], null)
string.replace("aaa", "a", "b") | string.replace("aé", "", "-") | string.replace("", "", "-") | string.replace("abab", "ab", "") | string.replace("a", "b", "c") | string.replace(12321, 2, 5) | string.replace(true, "a", "b") | string.replace("a", "b")
string.split("a,b,c", ",") | string.split("abc", "") | string.split("é😀", "") | string.split("", ",") | string.split("", "") | string.split("a", ",") | string.split(",a,", ",") | string.split("a--b", "--") | string.split(121, 2) | string.split("\xff\xfeb", "")
string.to_lower("ABC") | string.to_lower("ÀÉÎ ΑΒΓ ДЖ İ") | string.to_upper("abc") | string.to_upper("àéî αβγς дж ß ŉ ǆ") | string.to_lower("ǅ Σ K Å") | string.to_upper(1.50) | string.to_upper() | string.to_upper("a", "b") | string.to_upper([]) | string.to_upper(null) | string.to_upper("\xff") | string.to_lower("A\xff")
string.trim("xxaxx", "x") | string.trim("", "x") | string.trim("abc", "") | string.trim("éaé", "é") | string.trim("éaà", "é") | string.trim("xyzax", "zyx") | string.trim("aaa", "a") | string.trim("?!hello?!", "!?") | string.trim("\xffa\xff", "\xff")
string.trim_prefix("ab", "a") | string.trim_prefix("ab", "b") | string.trim_prefix("a", "ab") | string.trim_prefix("a", "") | string.trim_suffix("ab", "b") | string.trim_suffix("ab", "a") | string.trim_suffix("b", "ab") | string.trim_space("  a b\t\n") | string.trim_space("\u00a0\u2003a\u3000\u0085") | string.trim_space("") | string.trim_space("\v\f\ra")
encoding.from_json("{\"a\": [1, 2.5, null, true, \"x\"]}") | encoding.from_json("1") | encoding.from_json("9223372036854775807") | encoding.from_json("1e400") | encoding.from_json("-0") | encoding.from_json("\"\\u00e9\\ud83d\\ude00\\ud800\"") | encoding.from_json("x") | encoding.from_json("") | encoding.from_json("[1,]") | encoding.from_json("{} x") | encoding.from_json(" null ") | encoding.from_json("{\"a\":1,\"a\":2}") | encoding.from_json("\"\xff\"") | encoding.from_json("01") | encoding.from_json("\"\t\"") | encoding.from_json("// c\n1") | encoding.from_json(1) | encoding.from_json(null) | encoding.from_json("[") | encoding.from_json("NaN") | encoding.from_json("[[[[]]]]") | encoding.from_json("\ufeff1")
encoding.from_yaml("a: 1\nb: [x, y]") | encoding.from_yaml("") | encoding.from_yaml("1") | encoding.from_yaml("1.5") | encoding.from_yaml("yes") | encoding.from_yaml("true") | encoding.from_yaml("True") | encoding.from_yaml("TRUE") | encoding.from_yaml("on") | encoding.from_yaml("y") | encoding.from_yaml("~") | encoding.from_yaml("null") | encoding.from_yaml("'1'") | encoding.from_yaml("\"a\\nb\"") | encoding.from_yaml("a: b: c") | encoding.from_yaml("- 1\n- 2") | encoding.from_yaml("{a: 1}") | encoding.from_yaml("[1, 2") | encoding.from_yaml("|\n a\n b\n") | encoding.from_yaml(">\n a\n b\n") | encoding.from_yaml("0x10") | encoding.from_yaml("0o17") | encoding.from_yaml("017") | encoding.from_yaml("0b11") | encoding.from_yaml("1_000") | encoding.from_yaml("1e3") | encoding.from_yaml(".inf") | encoding.from_yaml("-.inf") | encoding.from_yaml(".nan") | encoding.from_yaml("12345678901234567890") | encoding.from_yaml("123456789012345678901") | encoding.from_yaml("-5") | encoding.from_yaml("+5") | encoding.from_yaml("5.") | encoding.from_yaml(".5") | encoding.from_yaml("1:30") | encoding.from_yaml("a: &x 1\nb: *x") | encoding.from_yaml("a: &x {c: 1}\nb:\n  <<: *x\n  d: 2") | encoding.from_yaml("!!str 1") | encoding.from_yaml("!!int '1'") | encoding.from_yaml("a:\n  - b\n  -\n") | encoding.from_yaml("a: 1\na: 2") | encoding.from_yaml("# c") | encoding.from_yaml("a # c") | encoding.from_yaml("a\n---\nb") | encoding.from_yaml("a: !custom x") | encoding.from_yaml("\ta: 1") | encoding.from_yaml("a:\n\tb: 1") | encoding.from_yaml("-") | encoding.from_yaml("+") | encoding.from_yaml("- -1\n- 1-2\n- 1.2.3") | encoding.from_yaml("a: 'it''s'") | encoding.from_yaml("? a\n: b") | encoding.from_yaml("!!float 1") | encoding.from_yaml("!!bool 'true'") | encoding.from_yaml("!!binary aGk=") | encoding.from_yaml("*x") | encoding.from_yaml("''") | encoding.from_yaml("a:") | encoding.from_yaml("0") | encoding.from_yaml("-0") | encoding.from_yaml("00") | encoding.from_yaml("08") | encoding.from_yaml("1e") | encoding.from_yaml("0x") | encoding.from_yaml("0xg") | encoding.from_yaml("-0x10") | encoding.from_yaml("nan") | encoding.from_yaml("1: 2") | encoding.from_yaml("true: 2") | encoding.from_yaml("a: 2001-01-01") | encoding.from_yaml("x: \"é\"") | encoding.from_yaml("%YAML 1.2\n---\na") | encoding.from_yaml("@a") | encoding.from_yaml("a: `b") | encoding.from_yaml("a: b\n c: d") | encoding.from_yaml("- a\nb") | encoding.from_yaml("[a, {b: c}, d: e]") | encoding.from_yaml("a: |-\n  x\n  y\nb: >-\n  x\n  y\n") | encoding.from_yaml("NULL") | encoding.from_yaml("Null") | encoding.from_yaml("nUll")
encoding.to_json({}) | encoding.to_json({a = 1, b = [true, null, "x", 2.5, 1e21, 1e-7, 1.0, 100000000000000000000.0]}) | encoding.to_json({a = "<&>\u2028\"\\\n\x01\x7fé😀"}) | encoding.to_json({a = "\b\f\r\t"}) | encoding.to_json({"z" = 1, "a" = {"b" = {}}}) | encoding.to_json([]) | encoding.to_json(1) | encoding.to_json("a") | encoding.to_json(null) | encoding.to_json() | encoding.to_json({a = 18446744073709551615}) | encoding.to_json({a = "\xff"}) | encoding.to_json({a = 0.1, b = 123456789.125, c = -1.5e300, d = 1e20, e = 123456789012345680000.0, f = 1e-6, g = 9e-7, h = -0.0}) | encoding.to_json({a = 1e308 * 10}) | encoding.to_json({a = string.format}) | encoding.to_json({a = []}) | encoding.to_json({a = secret}) | encoding.to_json({"é" = 1, "<" = 2})
encoding.to_base64("") | encoding.to_base64("a") | encoding.to_base64("ab?>") | encoding.to_URLbase64("ab?>\xff\xfe") | encoding.to_base64("\xff\xfe\xfd") | encoding.to_base64(1) | encoding.to_base64() | string.trim_prefix(encoding.from_base64("YQ=="), "") | string.trim_prefix(encoding.from_base64("YQ"), "") | string.trim_prefix(encoding.from_base64("YQ="), "") | string.trim_prefix(encoding.from_base64("!"), "") | string.trim_prefix(encoding.from_base64(""), "") | string.trim_prefix(encoding.from_base64("Y Q=="), "") | string.trim_prefix(encoding.from_base64("YQ\n=="), "") | string.trim_prefix(encoding.from_base64("YR=="), "") | string.trim_prefix(encoding.from_base64("YQ==YQ=="), "") | string.trim_prefix(encoding.from_base64("_-_-"), "") | string.trim_prefix(encoding.from_base64("/+/+"), "") | string.trim_prefix(encoding.from_URLbase64("_-_-"), "") | string.trim_prefix(encoding.from_URLbase64("/+/+"), "") | string.trim_prefix(encoding.from_URLbase64("YQ=="), "") | string.trim_prefix(encoding.from_base64("//79"), "") | encoding.from_base64(1) | string.trim_prefix(base64_decode("YWJj"), "") | string.to_upper(encoding.from_base64("YWJj")) | encoding.from_base64("YWJj") + "d" | encoding.from_base64("YWJj")[0]
encoding.url_encode("a b&c=d/é?~-_.!*'()") | encoding.url_encode("") | encoding.url_encode("%+") | encoding.url_decode("a+b%26c%3Dd") | encoding.url_decode("%zz") | encoding.url_decode("%4") | encoding.url_decode("%") | encoding.url_decode("%c3%a9") | encoding.url_decode("%ff") | encoding.url_decode("a b") | encoding.url_encode("\xff\x00") | encoding.url_encode(1) | encoding.url_decode()
array.concat() | array.concat([]) | array.concat([1]) | array.concat([1], [2, "a"], [], [[3]]) | array.concat(1) | array.concat([1], null) | array.concat([1], "a") | concat([1], [2])
array.combine_maps([{a = "1", b = "2"}], [{a = "1", c = "3"}], ["a"]) | array.combine_maps([{a = "1"}, {a = "2"}], [{a = "1", c = "x"}, {a = "1", c = "y"}], ["a"]) | array.combine_maps([{a = "1"}], [{a = "2"}], ["a"]) | array.combine_maps([{a = "1"}], [{a = "2"}], ["a"], true) | array.combine_maps([{a = "1"}, {a = "3"}], [{a = "1", b = "2"}, {a = "9"}], ["a"], true) | array.combine_maps([{a = "1"}], [], ["a"], true) | array.combine_maps([], [], ["a"]) | array.combine_maps([{a = "1"}], [{a = "1"}], []) | array.combine_maps([{a = "1"}], [{a = "1"}], "a") | array.combine_maps(1, [], ["a"]) | array.combine_maps([1], [], ["a"]) | array.combine_maps([], [1], ["a"]) | array.combine_maps([], [], ["a"], 1) | array.combine_maps([], []) | array.combine_maps([{a = "1", b = "1"}], [{a = "1", b = "2"}], ["a", "b"]) | array.combine_maps([{a = "1", b = "1"}], [{a = "1", b = "1", c = "2"}], ["a", "b"]) | array.combine_maps([{a = "1"}], [{a = "1", b = "2"}], ["a", "zz"]) | array.combine_maps([{a = "1", x = "l"}], [{a = "1", x = "r"}], ["a"])
array.group_by([{a = "1"}], "a", true) | array.group_by([{a = "1", b = 1}, {a = "1", b = 2}], "a", true) | array.group_by([], "a", true) | array.group_by([{b = 1}], "a", true) | array.group_by([{b = 1}], "a", false) | array.group_by([{a = 1}], "a", true) | array.group_by([1], "a", true) | array.group_by(1, "a", true) | array.group_by([], 1, true) | array.group_by([], "a", 1) | array.group_by([]) | array.group_by([{items = "x"}], "items", true)
coalesce() | coalesce("", "a") | coalesce(null, 0, 5) | coalesce(null) | coalesce("") | coalesce(false, true) | coalesce(0.0, 1) | coalesce([], [1]) | coalesce({}, {a = 1}) | coalesce([], {}) | coalesce(null, "", 0, false, []) | coalesce(1, nope) | coalesce("a", "b") | coalesce([0]) | coalesce(-0.0, 3) | coalesce(string.format, 1) | coalesce({a = null}, 1) | coalesce(encoding.from_json("{}"), 2) | coalesce(encoding.from_json("\"\""), 2)
json_path("{\"a\": {\"b\": 3}}", ".a.b") | json_path("{\"a\": {\"b\": 3}}", "$.a.b") | json_path("{\"a\": {\"b\": 3}}", "a.b") | json_path("{\"a\": 1}", ".b") | json_path("[1,2,3]", "[0]") | json_path("[1,2,3]", "$[-1]") | json_path("[1,2,3]", "[0:2]") | json_path("[1,2,3]", "[*]") | json_path("[1,2,3]", "$[5]") | json_path("{\"a\": [{\"b\": 1}, {\"b\": 2}]}", "$.a[*].b") | json_path("{\"a\": [{\"b\": 1}, {\"b\": 2}]}", "$..b") | json_path("{\"a\": [{\"b\": 1}, {\"b\": 2}]}", "$.a[?(@.b == 2)].b") | json_path("{\"a\": [{\"b\": 1}, {\"b\": 2}]}", "$.a[?(@.b > 1)]") | json_path("{\"a\": [{\"b\": \"x\"}, {\"c\": 2}]}", "$.a[?(@.b == 'x')]") | json_path("{\"a b\": 1}", "$['a b']") | json_path("{\"a\":1,\"b\":2}", "$['a','b']") | json_path("{\"a\":1}", "$.*") | json_path("{\"a\":1}", "$") | json_path("x", "$") | json_path("{}", "$[") | json_path("{}", "") | json_path("[1,2,3,4,5]", "$[::2]") | json_path("[1,2,3,4,5]", "$[1:4:2]") | json_path("[1,2,3,4,5]", "$[-2:]") | json_path("[1,2,3]", "$[0,2]") | json_path("[1.5, 2]", "$[*]") | json_path("{\"a\": null, \"b\": true, \"c\": \"x\"}", "$.a") | json_path("[1, 9007199254740993]", "$") | json_path("[3,2,1]", "$[?(@ > 1)]") | json_path("[{\"a\":1,\"b\":2},{\"a\":1}]", "$[?(@.a == 1 && @.b == 2)]") | json_path("[{\"a\":1},{\"b\":1}]", "$[?(@.a)]") | json_path("[{\"a\":1},{\"b\":1}]", "$[?(@.a || @.b)]") | json_path("[{\"a\":true},{\"a\":false}]", "$[?(@.a == true)]") | json_path("[5,4,3,2,1]", "$[3:0:-1]") | json_path("[5,4,3,2,1]", "$[::-1]") | json_path(1, "$") | json_path("1", 1) | json_path("1") | json_path("[{\"k\":\"env\",\"v\":\"prod\"}]", "$[?(@.k==\"env\")].v") | json_path("{\"a\":[{\"b\":[1,2]},{\"b\":[3]}]}", "$.a[*].b[0]") | json_path("[[1,2],[3]]", "$[*][*]") | json_path("{} x", "$") | json_path("", "$")
file.path_join() | file.path_join("a") | file.path_join("a", "b", "../c") | file.path_join("/", "..", "a") | file.path_join("", "") | file.path_join("", "a") | file.path_join("a/", "/b/") | file.path_join("..", "..") | file.path_join(".") | file.path_join("a", 1) | file.path_join("a", null) | file.path_join("a//b/./c/..") | file.path_join("/a/../..") | file.path_join("../a", "..", "..", "b")
sys.env("NOT_SET_ANYWHERE") | env("NOT_SET_ANYWHERE") | sys.env("ORACLE_SET") | env("ORACLE_SET") | sys.env() | sys.env(1) | sys.env("") | constants.os | constants.arch | constants.hostname | constants.nope | constants.version | constants["os"]
json_decode("[1]") | yaml_decode("a: 1") | format("%d", 5) | join(["a"], ",") | replace("a", "a", "b") | split("a b", " ") | to_lower("A") | to_upper("a") | trim("xax", "x") | trim_prefix("ab", "a") | trim_suffix("ab", "b") | trim_space(" a ")
string.to_upper("a" | string.to_upper("a",) | string.to_upper(,) | string.to_upper("a" "b") | string.to_upper(string.to_lower("A") + "b")
'''

# Comments and line ends within expressions.
PLACED = ['1 /* c */ + 2', '1 // c', '1 /* c */', '/* c */ 1', '// c\n1', '[1, // c\n2]', '[ // c\n]', '{a = 1, // c\nb = 2}', '{a = 1 // c\n}',
          '{\n}', '[\n]', '[\n1,\n]', '[\n1\n]', '{\na = 1\n}', '{\na = 1,\n}', '(\n1)', '(1\n)', '(1 +\n2)', '1 +\n2', '1\n+ 2', 'f(\n1)',
          'string.to_upper(\n"a")', 'string.to_upper(\n"a",\n)', 'string.to_upper("a"\n)', 'string\n.to_upper("a")', 'string.\nto_upper("a")',
          '[1\n, 2]', '{a\n= 1}', '{a =\n1}', '-\n1', '[1][\n0]', '[1][0\n]', '', ' ', '\n', '\n\n1', '1\n\n', '"a\nb"', '`a\nb`', '`a\r\nb`', '"a\rb"',
          '1\r\n', '[1,\r\n2]', '1 /* \n */', '1 /* \n */ + 2', '1 + /* \n */ 2', '"\t"', '`\t`', '1\t+\t2', '1/2', '1//2', '1/*2', '1/ *2']

FILES = ['', '\n', ' ', 'a = 1', 'a = 1\n', 'a=1\nb = 2\n\n\nc = 3', 'a = [1,2,\n3]', 'a = {b = 1, c = 2}', 'a = {\nb = 1,\nccc = 2,\n}', 'a = {b = 1,\nc = 2}',
         'block { }', 'block {}', 'block {\n}', 'block {\n\n}', 'block "l" { a = 1 }', 'block "l" {\na = 1\n}', 'a.b.c "x" {\n}',
         'a.b.c "x" {\n\n\na = 1\n\n\n\nb = 2\n\n}', '// c\na = 1 // d\n// e\n', '/* c */ a = /* d */ 1 /* e */\n', 'x { // c\n}\n', 'x {\n// c\n}\n',
         'x {\n a = 1 // c\n bbb = 2 // d\n}\n', 'a = 1 b = 2', 'block "l" "m" { }', 'block l { }', 'a', 'a =', '= 1', 'a = }', '}', '{', 'a { b { c { d = 1 } } }',
         'a = f(1,2)', 'a = f(\n1,\n2,\n)', 'a = f(\n1,\n2)', 'a = f(1,\n2)', 'a = f(1,\n2,\n)', 'a = f()', 'a = f(\n)', 'a = [\n1,\n2,\n]', 'a = [\n1,\n2]',
         'a = [1,\n2,]', 'a = -1', 'a = !b', 'a = (1 + 2)', 'a = (\n1 + 2)', 'a = (1 +\n2)', 'a = b.c[0].d', 'a = b.\nc', 'a = b[\n0]', 'a = b[0\n]',
         'a = "x"\r\nb = 2\r\n', '\ta\t=\t1', 'a = 1 /* x\ny */\nb = 2', 'block "a-b" { }', 'block "a b" { }', 'block "" { }', 'block "1a" { }', 'block "é" { }',
         'block "a.b" { }', 'block `a` { }', "block 'a' { }", 'block "a\\n" { }', 'block "true" { }', 'block "null" { }', 'block "a', 'block "a" ', 'block "a" =',
         'block "a" = 1', 'a.b = 1', 'a.b "c" = 1', 'a. = 1', 'a. { }', 'a.1 { }', 'a..b { }', 'a."b" { }', '.a = 1', 'a."b" = 1', '1 = 2', '"a" = 1', 'true = 1',
         'null { }', 'a = #', 'a = 1 # c', "a = 'x'", 'x {\n/* c */\n}\n', 'x {\n\n// c\n\n// d\n\n}\n', '// only', '/* only */', '/* open', '// a\n\n\n// b\n',
         'a = "open', 'a = `open', 'a = `r\nw`\n', 'long_name = 1\nb = 2\nblock { }\nc = 3\n', 'a = {\n  // c\n  b = 1,\n}\n', 'a = [\n  // c\n  1,\n  // d\n]\n',
         'a = [ // c\n1]', 'a = [1 // c\n]', 'a = [1, 2 // c\n]', 'a = [1, // c\n2]', 'a = [ // c\n]', 'a = [\n// c\n]', 'a = { // c\n}', 'a = {\n// c\n}',
         'a = {b = {c = 1}}', 'a = {\n"x y" = 1,\nz = 2}', 'b { a = 1 }\nb { a = 2 }', 'b { }\n\n\n\nb { }', 'a = 1;', 'a = 1\n\n// c\nb = 2\n',
         'a { } // c\nb { }', 'é = 1', 'a = "é"', 'a = [[1,2],[3,4]]', 'a = [[\n1,2],[\n3,4]]', 'a = [{b = 1},{c = 2}]', 'a = [{\nb = 1},{\nc = 2}]', 'a = f({b = 1})',
         'a = f({\nb = 1,\n})', 'a = f([\n1,\n])', 'a = [f(\n1)]', 'declare "x" { argument "a" { } }', 'a = 1\n}\nb = 2', 'a {\nb = 1', 'a {\nb = \n}', 'a { b = 1 c = 2 }',
         'a { b = 1\nc = 2 }', 'a {\nb = 1 }', 'a {\n"x" = 1\n}', 'a = {\nb = 1\n}', 'a = {\nb = 1\nc = 2\n}', 'a = [\n1\n2\n]', 'a = f(\n1\n2\n)', 'a = (', 'a = [', 'a = {',
         'a = f(', 'a = [}', 'a = {]', 'a = (]', 'a = f(]', 'a = b "c" { }', 'a = b { }', 'a = b "c" { d = 1 }\ne = 2', 'a = b "c"', 'a = b {', 'a = b { c }', 'a = 1 { }',
         'a = {b = c { } }', 'a = [b "c" { }, 2]', 'a = 1 + b { }', 'a\n= 1', 'a =\n1', 'a\n{ }', 'a "b"\n{ }', 'a {\n} b { }', 'a { } b { }', 'a = [1] b = 2', 'a = 1\nb\nc = 3',
         'a = *\nb = *\nc = *', 'a = 1 2\nb = 1 2\n', 'a = [1 2]\nb = {c d}\n', 'a { b = }\nc { d = }', 'a = "\\q"\nb = "\\q"', 'a = |\n', 'a = 1 | 2', 'a = 1 & 2', 'a = b c\n',
         'a = 08', 'a = 1e', 'a = "\\u12"', '\ufeffa = 1', 'a\ufeff = 1', 'a = "\ufeff"', '// \ufeff', 'a = "\x00"', '\x00', 'a = 1 // \x00', 'a = 1\x00', b'a = "\xff"', b'\xff', b'a\xff = 1',
         b'a = \xff', b'a = 1 // \xff', b'a = 1 /* \xff */ b', b'a = b \xff', b'/* \xff', b'a = `\xff`', b'a \xff', b'a = "\xc3', b'\xef\xbb\xbfa = 1', b'\xef\xbb\xbf\xef\xbb\xbf', b'\xed\xa0\x80',
         b'\xf4\x90\x80\x80', b'\xc0\x80', 'a = 1\u2028', 'a = "\u2028"', 'a\u00a0= 1', '\u00a0', 'é1 = 2', 'aé = 2', 'a٣ = 2', '٣a = 2', 'ª = 1', '日本 = 1', '日本.語 "名" { }', 'a😀 = 1', '€ = 1',
         'a\u0301 = 1', 'a = b.é', 'a = é.b', 'block "日本" { }', 'block "a😀" { }', '\ra = 1', 'a\r= 1', 'a = 1\r', 'a = 1\r\n\r\nb = 2', 'a = 1\rb = 2', '\fa = 1', '\va = 1', 'a = "\t"', 'a = "x\ty"\nb = 2',
         '// c\r\na = 1\r\n', '/* a\r\nb */\r\na = 1\r\n', '/* a\rb */ a = 1', '// a\rb\na = 1', '/* a\r\nb\r\n*/ a = 1 // d\r\nb = 2', '/*\r*/ a = 1', '/* *\r/ */ a = 1',
         'a = 1 // c  \nbb = 2 // d\t\n', 'a = `x  \ny\t\nz`', 'a = `\tx\n\t\ty\tz\n`\nbb = 2', 'a = `x\ty\nxx\ty`', 'a = {"x\\ny" = 1}', 'a = {`x` = 1}', 'a = {`x\ny` = 1}', 'a = {"é" = 1}', 'a = {"\\u00e9" = 1}',
         'a = {"" = 1}', 'a = {`` = 1}', 'a = {"a\\"b" = 1}', 'a = "\\""', 'a = 1 .b', 'a = 1 . b', 'a = 1.5.b', 'a = "x".b', 'a = true.b', 'a = [1].b', 'a = - 1', 'a = - - 1', 'a = ! ! b', 'a = !-1', 'a = -(1)',
         'a = 1+2*3', 'a = 1 /2', 'a = 1/ 2', 'a = b/c', 'a = b / -c', 'a = 2^3^4', 'a = b&&c||d', 'a = b==c', 'a = b<c', 'a = (((b)))', 'a = b(c)(d)[e].f', 'a = b (c) [d] . e', 'a = [ ]', 'a = { }', 'a = ( b )',
         'a = f( 1 , 2 )', 'a = [ 1 , 2 , ]', 'a = { b = 1 , }', 'a = {b=1,c=2}', 'a = {bbb=1,\nc=2,\n"dddddd"=3}', 'a = {b = 1,\n\n\nc = 2}', 'a = {\nb = {\nc = 1,\n},\ndddd = 2,\ne = 3,\n}',
         'a = 1\nbbb = [\n1,\n]\ncc = 2\n', 'a = 1\nbbbb = 2\n\ncccccc = 3\n', 'a = 1\n// c\nbbbbbb = 2\n', 'a = 1 // c\n// d\nbbbbbb = 2 // e\n', 'a = 1 /* c */\nbbb = 2 /* d */\n', 'a = 1 /* c */ // d\n',
         'a /* 1 */ = /* 2 */ 1', 'a /* 1 */ "b" /* 2 */ { /* 3 */ } /* 4 */', 'a { /* 1 */ b = 1 /* 2 */ }', 'a = [/* 1 */ 1 /* 2 */, /* 3 */ 2 /* 4 */] /* 5 */', 'a = {/* 1 */ b /* 2 */ = /* 3 */ 1 /* 4 */}',
         'a = f(/* 1 */ 1 /* 2 */) /* 3 */', 'a = /* 1 */ b /* 2 */ . /* 3 */ c', 'a = b /* 1 */ [ /* 2 */ 0 /* 3 */ ]', 'a = 1 /* 1 */ + /* 2 */ 2', 'a = /* 1 */ - /* 2 */ 1', 'a = ( /* 1 */ 1 /* 2 */ )',
         'a = 1 + // c\n2', 'a = [\n1, // c\n2, // d\n]', 'a = [\n1, // c\n22, // d\n333 // e\n]', 'a = {\nb = 1, // c\nccc = 2, // d\n}', 'a = {\nb = 1, // c\nccc = 2 // d\n}', 'a = f(\n1, // c\n2, // d\n)', 'a = f( // c\n1,\n)',
         'a = f(1, // c\n2)', 'a {\n// 1\nb = 1\n\n// 2\n\n// 3\nc = 2\n// 4\n}\n// 5\n', '// 1\n\na { // 2\n\n// 3\n} // 4\n\n\n// 5', 'a { b = 1 } // c\n', 'a {\nb = 1 } // c\n', '/* a */ /* b */ c = 1', '/* a\n */ /* b */ c = 1',
         '/* a */\n/* b */\nc = 1', 'c = 1 /* a */ /* b */\n', 'c = 1 /* a\n*/ /* b */\nd = 2', 'a = 1\n/* c */ b = 2', 'a = [ /* c */ ]', 'a = { /* c */ }', 'a = f( /* c */ )', 'a = [\n/* c */ 1,\n]', 'a = [\n1, /* c */\n]',
         'a = [1, /* c\nd */ 2]', 'a { /* c\nd */ }', 'a {\n/* c\nd */\n}', 'a = 1 /* c\nd */ b = 2', 'a = 1 // c', 'a { // c', 'a { // c\nb = 1 // d\n} // e', '// a\n// b\n\n// c\n', '\n\n\n// a\n\n\n\nb = 1\n\n\n\n', '/**/', '/***/', '/*/', '//', '///',
         '/* // */ a = 1', '// /* \na = 1', 'a = "// c"', 'a = "/* c */"', 'a = `// c`', 'x = 1/2', 'x = 1 //2']
FILES += ['a = [\n1,\n\n\n2,\n]', 'a = [1,\n\n2]', 'a = [[\n1],\n[2],\n]', 'a = [\n[\n1,\n],\n]', 'a = {b = [\n1,\n],\nc = 2}', 'a = [{\nb = 1,\n}, {\nb = 2,\n}]', 'a = [\n{\nb = 1,\n},\n{b = 2},\n]', 'a = f([\n{\nb = 1,\n},\n], 2)',
          'a = f(\n{\nb = 1,\n},\n[\n2,\n])', 'a = f(1, f(\n2,\n3))', 'aaa {\nb = f(\n1,\n[\n2,\n],\n)\ncccc = 1\n}', 'a {\nb = `\n  x\n`\ncccc = 1\n}', 'a = f(`\nx\n`)', 'a = [`\nx\n`, 1]', 'a = {b = `\nx\n`,\nccc = 1}', 'a = `\n`\nbb = 1',
          'a {\nb = 1\nc { }\nd = 2\n\ne { f = 1 }\ng = 3\n}', 'a { b { }\nc { } }', 'a {\nb = 1\n\n\n\n// c\n\n\n\nd = 2\n}', 'a = 1\nb { c = 1 }\nddd = 2\nee = 3', 'a.b { c = 1 } \n\n// x\nd.e "f" { } // y\n// z\ng = 1']
# Names that only exist in files to be refused.
FILES += ['a {\n' * 100 + '}\n' * 100, 'a = ' + '[' * 60 + ']' * 60, 'a = ' + '(' * 60 + '1' + ')' * 60, 'a = ' + '-' * 60 + '1', 'a = 1' + ' + 1' * 300, 'a = b' + '.c' * 300, 'a = b' + '[0]' * 300]


def split(table):
    """The questions of a table: one between bars with blanks around them, or a line."""
    return [e.strip() for line in table.strip().split("\n") for e in line.split(" | ") if e.strip()]


def expressions():
    out = [e for table in (LITERALS, OPERATORS, COLLECTIONS, SECRETS, LIBRARY) for e in split(table)]
    return out + PLACED + ['1 | 2', '|', '||', 'true || false', 'false || false || true', 'true || 1', '1 || true']


# Where ours differs on purpose, beside what compare.py knows.
OTHERWISE = {
    # The version is the program's own.
    'constants', 'constants.version',
    # Bytes are text at once.
    'encoding.from_base64("YWJj") + "d"', 'encoding.from_base64("YWJj")[0]',
    # Minus zero, whole: zero.
    'encoding.from_json("-0")',
    # An empty document is none.
    'json_path("", "$")',
    # RFC 9535 counts down from the end.
    'json_path("[5,4,3,2,1]", "$[::-1]")',
    # Keys that are no text: theirs makes a map that the language cannot read.
    r'encoding.from_yaml("1: 2")', r'encoding.from_yaml("true: 2")',
    # A date stays the text that it is.
    r'encoding.from_yaml("a: 2001-01-01")',
    # yaml-cpp reads these, yaml.v3 does not.
    r'encoding.from_yaml("- a\nb")', r'encoding.from_yaml("%YAML 1.2\n---\na")',
    # Theirs refuses this when it writes, ours names the value.
    'encoding.to_json({a = 1e308 * 10})',
}
