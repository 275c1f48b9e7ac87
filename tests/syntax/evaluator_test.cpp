// Values of expressions. What is expected is what Alloy's syntax package v0.1.2 answers.
#include "catch.hpp"
#include "syntax/expressions.hpp"

using namespace collector::syntax;

namespace {

void gives(const std::string& expression, const std::string& want) {
  INFO(expression);
  CHECK(value_of(expression) == want);
}

/// Fails, and the complaint is about what stands at line:column.
void fails(const std::string& expression, const std::string& want) {
  INFO(expression);
  CHECK(place_of(expression) == want);
}

}  // namespace

TEST_CASE("literals stand for values") {
  auto f = gives;
  f("7", "7");
  f("007", "7");
  f("0777", "511");
  f("08", "8");
  f("9223372036854775807", "9223372036854775807");
  f("18446744073709551615", "18446744073709551615");
  f("1.5", "1.5");
  f(".5", "0.5");
  f("1.", "1");
  f("1E-3", "0.001");
  f("1e-400", "0");
  f("true", "true");
  f("null", "null");
  f(R"("\a\b\f\n\r\t\v\\\"")", R"("\a\b\f\n\r\t\v\\\"")");
  f(R"("\x41\101\u00e9\U0001F600")", "\"AA\u00e9\U0001F600\"");
  f("`raw\n\\n\"`", R"("raw\n\\n\"")");
  f("`a\r\nb`", R"("a\nb")");
  f(R"("\xff")", R"("\xff")");
}

TEST_CASE("what stands for no value is refused where it stands") {
  auto f = fails;
  f("0x10", "1:2");
  f("1e", "1:1");
  f("1e309", "1:1");
  f("\"abc", "1:1");
  f(R"("\q")", "1:3");
  f(R"("\u12")", "1:3");
  f(R"("\ud800")", "1:3");
  f(R"("\400")", "1:3");
  f("'a'", "1:1");
  f("nope", "1:1");
  f("1 2", "1:3");
  f("[1 2]", "1:4");
  f("\u20ac", "1:1");
}

TEST_CASE("operators bind as they should") {
  auto f = gives;
  f("1 + 2 * 3", "7");
  f("(1 + 2) * 3", "9");
  f("2 ^ 3 ^ 2", "512");
  f("-2 ^ 2", "4");
  f("4 - 3 - 2", "-1");
  f("10 - 2 * 3 ^ 2", "-8");
  f("true || true && false", "true");
  f("1 < 2 == true", "true");
  f("!true || true", "true");
  f("1 - -1", "2");
}

TEST_CASE("numbers keep their kind") {
  auto f = gives;
  f("7 / 2", "3");
  f("-7 / 2", "-3");
  f("7 / 2.0", "3.5");
  f("-7 % 3", "-1");
  f("7 % 2.5", "2");
  f("2 ^ -1", "2");
  f("2 ^ 0.5", "1.4142135623730951");
  f("2 ^ 64", "0");
  f("9223372036854775807 + 1", "-9223372036854775808");
  f("(-9223372036854775807 - 1) / -1", "-9223372036854775808");
  f("(-9223372036854775807 - 1) % -1", "0");
  f("18446744073709551615 > 18446744073709551614", "true");
  f("18446744073709551615 == -1", "true");
  f("1 == 1.0", "true");
  f("0.1 + 0.2", "0.30000000000000004");
  fails("1 / 0", "1:5");
  fails("1 % 0.0", "1:5");
}

TEST_CASE("what is equal and what comes first") {
  auto f = gives;
  f(R"(1 == "1")", "false");
  f("[1, 2] == [1, 2.0]", "true");
  f("{a = 1} == {a = 1, b = 2}", "false");
  f("[] == {}", "false");
  f("null == null", "true");
  f("null == false", "false");
  f("string.format == string.format", "false");
  f(R"("a" < "b")", "true");
  f(R"("a" < "B")", "false");
  f(R"("a" + "b")", R"("ab")");
}

TEST_CASE("operands of wrong types are named") {
  auto f = fails;
  f(R"("a" - "b")", "1:1");
  f(R"(7 + "a")", "1:5");
  f(R"("a" < 7)", "1:7");
  f("7 && true", "1:1");
  f("false && 7", "1:10");
  f("!7", "1:2");
  f(R"(-"a")", "1:2");
  f("[1] + [2]", "1:1");
  f("true && nope", "1:9");
}

TEST_CASE("arrays and objects are looked into") {
  auto f = gives;
  f("[1, \"a\", null,]", R"([1, "a", null])");
  f("[1, 2, 3][2]", "3");
  f("[1, 2, 3][1.9]", "2");
  f("[[1, 2], [3]][0][1]", "2");
  f("{a = {b = [1, 2]}}.a.b[1]", "2");
  f(R"({"a b" = 1}["a b"])", "1");
  f(R"({a = 1}["b"])", "null");
  f("{a = 1, a = 2}", "{a = 2}");
  f(R"({"a\nb" = 1})", R"({"a\\nb" = 1})");  // names are not unescaped
  fails("[1, 2][2]", "1:8");
  fails("[1, 2][-1]", "1:8");
  fails(R"([1]["a"])", "1:5");
  fails("{a = 1}.b", "1:9");
  fails("{a = 1}[0]", "1:9");
  fails("\"a\"[0]", "1:1");
  fails("true.a", "1:1");
  fails("7()", "1:1");
}

TEST_CASE("a name that does not exist is suggested") {
  CHECK(value_of("{abc = 1}.abd").find("1:11: ") == 0);
  Diagnostics found;
  const auto expression = parse_expression("", "{abc = 1}.abd", found);
  REQUIRE(expression);
  CHECK(!evaluate(*expression, standard_library(), "", found));
  CHECK(found.list().at(0).hint == "did you mean \"abc\"?");
}

TEST_CASE("secrets stay secrets") {
  auto f = [](const std::string& expression, const std::string& type, const std::string& want) {
    INFO(expression);
    Diagnostics found;
    const auto parsed = parse_expression("", expression, found);
    REQUIRE(parsed);
    const auto value = evaluate(*parsed, scope_of_tests(), "", found);
    REQUIRE(value);
    const auto secret = value->capsule_as<Secret>();
    const auto optional = value->capsule_as<OptionalSecret>();
    CHECK((secret     ? "secret"
           : optional ? optional->sensitive() ? "closed" : "open"
                      : "text") == type);
    CHECK((secret ? secret->reveal() : optional ? optional->reveal() : value->string()) == want);
    CHECK((to_text(*value) == "(secret)") == (type == "secret" || type == "closed"));
  };
  f(R"(secret + "a")", "secret", "s3a");
  f(R"("a" + secret)", "secret", "as3");
  f("secret + secret", "secret", "s3s3");
  f("secret + closed", "secret", "s3c2");
  f("open + secret", "secret", "o1s3");
  f(R"(closed + "a")", "closed", "c2a");
  f(R"("a" + closed)", "closed", "ac2");
  f("open + closed", "closed", "o1c2");
  f("open + open", "open", "o1o1");
  f(R"(open + "a")", "text", "o1a");
  f(R"("a" + open)", "text", "ao1");
  f("convert.nonsensitive(secret)", "text", "s3");
  f("convert.nonsensitive(closed)", "text", "c2");
}

TEST_CASE("secrets are compared but not shown") {
  auto f = gives;
  f("secret == \"s3\"", "true");
  f("\"s3\" == secret", "true");
  f("secret == closed", "false");
  f("closed == \"c2\"", "true");
  f("open == \"o1\"", "true");
  f("[secret] == [\"s3\"]", "false");
  f("{a = [secret]}", "{a = [(secret)]}");
  f("string.to_upper(open)", R"("O1")");
  fails("string.to_upper(secret)", "1:17");
  fails("string.to_upper(closed)", "1:17");
  fails("string.join([secret], \",\")", "1:13");
  fails("secret < \"a\"", "1:1");
  fails("secret - secret", "1:1");
  // Alloy would write these out.
  fails("string.format(\"%s\", secret)", "1:21");
  fails("string.format(\"%v\", [{a = secret}])", "1:21");
  fails("encoding.to_json({a = secret})", "1:18");
}

TEST_CASE("references of an expression are its dotted paths") {
  auto f = [](const std::string& expression, const std::string& want) {
    INFO(expression);
    Diagnostics found;
    const auto parsed = parse_expression("", expression, found);
    REQUIRE(parsed);
    std::string got;
    for (const ReferencePath& path : references(*parsed)) {
      std::string name;
      for (const std::string& part : path.parts) name.append(name.empty() ? "" : ".").append(part);
      got.append(got.empty() ? "" : " ").append(name);
    }
    CHECK(got == want);
  };
  f("1", "");
  f("a.b.c", "a.b.c");
  f("[a.b, {x = c}.y, f(d.e)[g]]", "a.b c f d.e g");
  f("a.b[0].c", "a.b");
  f("-a + (b.c)", "a b.c");
}
