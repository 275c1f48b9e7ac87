// The standard library. What is expected is from Alloy's reference, or what its syntax package
// v0.1.2 answers.
#include "catch.hpp"
#include "syntax/expressions.hpp"

#include <cstdlib>

using namespace collector::syntax;

namespace {

void gives(const std::string& expression, const std::string& want) {
  INFO(expression);
  CHECK(value_of(expression) == want);
}
void fails(const std::string& expression, const std::string& want) {
  INFO(expression);
  CHECK(place_of(expression) == want);
}

}  // namespace

TEST_CASE("array") {
  auto f = gives;
  f("array.concat([])", "[]");
  f("array.concat([1, 2], [3, 4])", "[1, 2, 3, 4]");
  f("array.concat([1, 2], [], [true, null])", "[1, 2, true, null]");
  f("array.concat([[1, 2], [3, 4]], [[5, 6]])", "[[1, 2], [3, 4], [5, 6]]");
  f(R"(array.combine_maps([{"instance"="1.1.1.1", "team"="A"}], [{"instance"="1.1.1.1", "cluster"="prod"}], ["instance"]))",
    R"([{cluster = "prod", instance = "1.1.1.1", team = "A"}])");
  f(R"(array.combine_maps([{"instance"="1.1.1.1", "team"="A"}], [{"instance"="1.1.1.1", "team"="B"}], ["instance"]))",
    R"([{instance = "1.1.1.1", team = "B"}])");
  f(R"(array.combine_maps([{i="1", t="A"}, {i="1", t="B"}], [{i="1", c="prod"}, {i="1", c="ops"}], ["i"]))",
    R"([{c = "prod", i = "1", t = "A"}, {c = "ops", i = "1", t = "A"}, )"
    R"({c = "prod", i = "1", t = "B"}, {c = "ops", i = "1", t = "B"}])");
  f(R"(array.combine_maps([{a = "1"}], [{a = "2"}], ["a"], true))", R"([{a = "1"}])");
  f(R"(array.group_by([{"type" = "fruit", "name" = "apple"}, {"type" = "fruit", "name" = "banana"}, {"type" = "vegetable", "name" = "carrot"}, {"name" = "rock"}], "type", false))",
    R"([{items = [{name = "apple", type = "fruit"}, {name = "banana", type = "fruit"}], type = "fruit"}, )"
    R"({items = [{name = "carrot", type = "vegetable"}], type = "vegetable"}, )"
    R"({items = [{name = "rock"}], type = ""}])");
  f(R"(array.group_by([{"type" = "fruit"}, {"name" = "rock"}], "type", true))",
    R"([{items = [{type = "fruit"}], type = "fruit"}])");
  fails("array.concat([1], 7)", "1:19");
  fails(R"(array.combine_maps([], [], []))", "1:28");
  fails(R"(array.group_by(7, "a", true))", "1:16");
}

TEST_CASE("coalesce, convert, constants, file, sys") {
  auto f = gives;
  f(R"(coalesce("a", "b"))", R"("a")");
  f(R"(coalesce("", "b"))", R"("b")");
  f(R"(coalesce(sys.env("DOES_NOT_EXIST"), "c"))", R"("c")");
  f("coalesce()", "null");
  f("coalesce(null, 0, [], {}, false)", "false");
  f(R"(convert.nonsensitive(secret))", R"("s3")");
  f("constants.os", R"("linux")");
  f("file.path_join()", R"("")");
  f(R"(file.path_join("this/is", "a/path"))", R"("this/is/a/path")");
  f(R"(file.path_join("a", "..", "..", "/b/"))", R"("../b")");
  f(R"(file.path_join("/", "..", "a"))", R"("/a")");
  f(R"(sys.env("DOES_NOT_EXIST"))", R"("")");
  ::setenv("SYNTAX_TEST", "set", 1);
  f(R"(sys.env("SYNTAX_TEST"))", R"("set")");
  fails("sys.env()", "1:1");
  fails("constants.nope", "1:11");
}

TEST_CASE("encoding") {
  auto f = gives;
  f(R"(encoding.from_json("15"))", "15");
  f(R"(encoding.from_json("[1, 2, 3]"))", "[1, 2, 3]");
  f(R"(encoding.from_json("null"))", "null");
  f(R"(encoding.from_json("{\"key\": \"value\"}"))", R"({key = "value"})");
  f(R"(encoding.from_json("\"\\ud83d\\ude00\\ud800\""))", "\"\U0001F600\ufffd\"");
  f(R"(encoding.from_yaml("15"))", "15");
  f(R"(encoding.from_yaml("[1, 2, 3]"))", "[1, 2, 3]");
  f(R"(encoding.from_yaml("null"))", "null");
  f(R"(encoding.from_yaml("key: value"))", R"({key = "value"})");
  f(R"(encoding.from_yaml("[0o17, 0x10, 017, 1_000, yes, '1', .inf]"))",
    R"([15, 16, 15, 1000, "yes", "1", inf])");
  f(R"(encoding.from_yaml("a: &x {c: 1}\nb:\n  <<: *x\n  d: 2"))",
    "{a = {c = 1}, b = {c = 1, d = 2}}");
  f(R"(encoding.to_json({"modules"={"http_2xx"={"prober"="http","timeout"="5s"}}}))",
    R"("{\"modules\":{\"http_2xx\":{\"prober\":\"http\",\"timeout\":\"5s\"}}}")");
  f(R"(encoding.to_json({a = "<&>", b = 1e20, c = 9e-7, d = [], e = {}}))",
    R"("{\"a\":\"\\u003c\\u0026\\u003e\",\"b\":100000000000000000000,\"c\":9e-7,\"d\":[],\"e\":{}}")");
  f(R"(encoding.to_base64("string123!?$*&()'-=@~"))", R"("c3RyaW5nMTIzIT8kKiYoKSctPUB+")");
  f(R"(encoding.from_base64("c3RyaW5nMTIzIT8kKiYoKSctPUB+"))", R"("string123!?$*&()'-=@~")");
  f(R"(encoding.to_URLbase64("string123!?$*&()'-=@~"))", R"("c3RyaW5nMTIzIT8kKiYoKSctPUB-")");
  f(R"(encoding.from_URLbase64("c3RyaW5nMTIzIT8kKiYoKSctPUB-"))", R"("string123!?$*&()'-=@~")");
  f(R"(encoding.url_encode("string123!?$*&()'-=@~"))",
    R"("string123%21%3F%24%2A%26%28%29%27-%3D%40~")");
  f(R"(encoding.url_decode("string123%21%3F%24%2A%26%28%29%27-%3D%40~"))",
    R"("string123!?$*&()'-=@~")");
  for (const char* bad : {R"(encoding.from_json("x"))", R"(encoding.from_json("[1,]"))",
                          R"(encoding.from_json("{} x"))", R"(encoding.from_yaml("[1, 2"))",
                          R"(encoding.from_yaml("a: 1\na: 2"))", R"(encoding.from_base64("YQ"))",
                          R"(encoding.url_decode("%zz"))", "encoding.to_json([])"}) {
    INFO(bad);
    CHECK(place_of(bad) != "fine");
  }
}

TEST_CASE("json_path") {
  auto f = gives;
  f(R"(json_path("{\"key\": \"value\"}", ".key"))", R"(["value"])");
  f(R"(json_path("[{\"name\": \"Department\",\"value\": \"IT\"},{\"name\":\"TestStatus\",\"value\":\"Pending\"}]", "[?(@.name == \"Department\")].value"))",
    R"(["IT"])");
  f(R"(json_path("{\"key\": \"value\"}", ".nonexists"))", "[]");
  f(R"(json_path("{\"key\": \"value\"}", ".key")[0])", R"("value")");
  f(R"(json_path("{\"a\": [{\"b\": 1}, {\"b\": 2}]}", "$..b"))", "[1, 2]");
  f(R"(json_path("[1,2,3,4,5]", "$[1:4:2]"))", "[2, 4]");
  f(R"(json_path("[1,2,3,4,5]", "$[-2:]"))", "[4, 5]");
  fails(R"(json_path("x", "$"))", "1:11");
  fails(R"(json_path("{}", "$["))", "1:17");
}

TEST_CASE("string") {
  auto f = gives;
  f(R"(string.join(["foo", "bar", "baz"], "-"))", R"("foo-bar-baz")");
  f(R"(string.join(["foo", "bar", "baz"], ", "))", R"("foo, bar, baz")");
  f(R"(string.join(["foo"], ", "))", R"("foo")");
  f(R"(string.join([1, 2.5, null], ","))", R"("1,2.5,")");
  f(R"(string.replace("1 + 2 + 3", "+", "-"))", R"("1 - 2 - 3")");
  f(R"(string.replace("aé", "", "-"))", R"("-a-é-")");
  f(R"(string.split("foo,bar,baz", "," ))", R"(["foo", "bar", "baz"])");
  f(R"(string.split("foo", ","))", R"(["foo"])");
  f(R"(string.split("", ","))", R"([""])");
  f(R"(string.split("aé", ""))", R"(["a", "é"])");
  f(R"(string.to_lower("HELLO"))", R"("hello")");
  f(R"(string.to_upper("hello"))", R"("HELLO")");
  f(R"(string.to_upper("àß ας дж"))", R"("Àß ΑΣ ДЖ")");
  f(R"(string.trim("?!hello?!", "!?"))", R"("hello")");
  f(R"(string.trim("foobar", "far"))", R"("oob")");
  f(R"(string.trim("   hello! world.!  ", "! "))", R"("hello! world.")");
  f(R"(string.trim("éaà", "é"))", R"("aà")");
  f(R"(string.trim_prefix("helloworld", "hello"))", R"("world")");
  f(R"(string.trim_suffix("helloworld", "world"))", R"("hello")");
  f(R"(string.trim_space("  hello\n\n"))", R"("hello")");
  f(R"(string.trim_space("\u00a0a\u3000"))", R"("a")");
  f("string.to_upper(1e21)", R"("1000000000000000000000")");
  fails(R"(string.join(["a", [1]], "-"))", "1:13");
  fails(R"(string.replace("a", true, "b"))", "1:21");
}

TEST_CASE("string.format") {
  auto f = [](const std::string& arguments, const std::string& want) {
    gives("string.format(" + arguments + ")", to_text(Value(want)));
  };
  f(R"("Hello, %s!", "Ander")", "Hello, Ander!");
  f(R"("There are %d lights", 4)", "There are 4 lights");
  f(R"("%5d|%-5d|%05d|%+d|% d", 42, 42, 42, 42, 42)", "   42|42   |00042|+42| 42");
  f(R"("%x %X %#x %o %#o %O %b %#b", 255, 255, 255, 8, 8, 8, 5, 5)",
    "ff FF 0xff 10 010 0o10 101 0b101");
  f(R"("%8.3d|%-8.3d|%08.3d|%.0d", 7, 7, 7, 0)", "     007|007     |     007|");
  f(R"("%.2f|%8.2f|%08.2f|%+.1f|%e|%g", 3.14159, 3.14159, -3.14159, 3.14159, 1234.5, 1e6)",
    "3.14|    3.14|-0003.14|+3.1|1.234500e+03|1e+06");
  f(R"("%v %v %v %b %x", 100000.0, 1e20, 1e-5, 1.5, 1.5)",
    "100000 1e+20 1e-05 6755399441055744p-52 0x1.8p+00");
  f(R"("%q %+q %#q %x % X", "a\"é", "é", "b", "hi", "hi")",
    "\"a\\\"é\" \"\\u00e9\" `b` 6869 68 69");
  f(R"("%5s|%-5s|%.2s|%5.1s", "é", "é", "éàü", "éàü")", "    é|é    |éà|    é");
  f(R"("%c %U %#U %q", 233, 233, 233, 10)", "é U+00E9 U+00E9 'é' '\\n'");
  f(R"("%v %d %q %s", [1, "a", null], [1, 2], ["a"], {b = "x", a = "y"})",
    "[1 a <nil>] [1 2] [\"a\"] map[a:y b:x]");
  f(R"("%#v %#v %#v", "a", [1, null], {a = 1.5})",
    "\"a\" []interface {}{1, interface {}(nil)} map[string]interface {}{\"a\":1.5}");
  f(R"("%T %T %T %T", 1, 1.5, [1], null)", "int float64 []interface {} <nil>");
  f(R"("%*d|%-*d|%.*f|%[2]d %[1]d", 5, 42, 3, 7, 1, 2.55)", "   42|7  |2.5|42 5");
  f(R"("%d", "a")", "%!d(string=a)");
  f(R"("%z|%d", 1)", "%!z(int=1)|%!d(MISSING)");
  f(R"("%é", 1)", "%!é(int=1)");
  f(R"("%d", 1, "x", null)", "1%!(EXTRA string=x, <nil>)");
  f(R"("%*d", "a", 1)", "%!(BADWIDTH)1");
  f(R"("%[3]d", 1)", "%!d(BADINDEX)");
  f(R"("100%")", "100%!(NOVERB)");
  f(R"("%%")", "%");
  fails("string.format()", "1:1");
}

TEST_CASE("names from before the namespaces still work") {
  auto f = gives;
  f("concat([1], [2])", "[1, 2]");
  f(R"(env("DOES_NOT_EXIST"))", R"("")");
  f("nonsensitive(secret)", R"("s3")");
  f(R"(json_decode("[1]"))", "[1]");
  f(R"(yaml_decode("a: 1"))", "{a = 1}");
  f(R"(base64_decode("YQ=="))", R"("a")");
  f(R"(format("%d", 5))", R"("5")");
  f(R"(join(split(trim(" a b ", " "), " "), "-"))", R"("a-b")");
  f(R"(to_upper(to_lower(replace("A", "A", "B"))))", R"("B")");
  f(R"(trim_prefix(trim_suffix(trim_space(" abc "), "c"), "a"))", R"("b")");
}
