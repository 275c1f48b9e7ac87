// The canonical layout. What is expected is what `alloy fmt` writes (syntax package v0.1.2), but
// for the cases that say otherwise.
#include "syntax/formatter.hpp"

#include "catch.hpp"
#include "syntax/parser.hpp"

using namespace collector::syntax;

namespace {

std::string formatted(const std::string& text) {
  Diagnostics found;
  const FilePtr file = parse_file("x", text, found);
  REQUIRE(!found.has_errors());
  return format(*file);
}

void gives(const std::string& text, const std::string& want) {
  INFO(text);
  const std::string got = formatted(text);
  CHECK(got == want);
  CHECK(formatted(got) == got);
}

}  // namespace

TEST_CASE("statements are laid out") {
  auto f = gives;
  f("", "\n");
  f("\n\n\n", "\n");
  f("a=1", "a = 1\n");
  f("a=1\nlong_name=2", "a         = 1\nlong_name = 2\n");
  f("a = 1\n\n\n\nlong_name = 2", "a = 1\n\nlong_name = 2\n");
  f("a { }", "a { }\n");
  f("a {\n\n}", "a { }\n");
  f("a \"b\" { c = 1 }", "a \"b\" {\n\tc = 1\n}\n");
  f("a { b = 1 }\nc { d = 2 }", "a {\n\tb = 1\n}\n\nc {\n\td = 2\n}\n");
  f("a {\n\n\nb = 1\n\n\n\ncc = 2\n\n}", "a {\n\tb = 1\n\n\tcc = 2\n}\n");
  f("a \"\" { }", "a { }\n");
  f("a = 1\r\nb = 2\r\n", "a = 1\nb = 2\n");
}

TEST_CASE("expressions are laid out") {
  auto f = gives;
  f("a = 1+2*-3", "a = 1 + 2 * -3\n");
  f("a = ( 1 )", "a = (1)\n");
  f("a = b . c [ 0 ] ( 1 , 2 , )", "a = b.c[0](1, 2)\n");
  f("a = [ 1 , 2 , ]", "a = [1, 2]\n");
  f("a = [1,\n2]", "a = [1,\n\t2]\n");
  f("a = [\n1,\n2,\n]", "a = [\n\t1,\n\t2,\n]\n");
  f("a = {b=1,c=2}", "a = {b = 1, c = 2}\n");
  f("a = {\nb=1,\nlong=2}", "a = {\n\tb    = 1,\n\tlong = 2}\n");
  f("a = f(\n1,\n2)", "a = f(\n\t1,\n\t2)\n");
  f("a = [{\nb = 1,\n}, {\nc = 2,\n}]", "a = [{\n\tb = 1,\n}, {\n\tc = 2,\n}]\n");
  f("a = {\"b\" = 1, `c` = 2}", "a = {\"b\" = 1, \"c\" = 2}\n");
  f("a = 1 .b", "a = 1 .b\n");
}

TEST_CASE("comments stay") {
  auto f = gives;
  f("// c", "// c\n");
  f("/* c */", "/* c */\n");
  f("// a\n\n\n// b\n", "// a\n\n// b\n");
  f("a = 1 // c\nbbb = 2 // d", "a   = 1 // c\nbbb = 2 // d\n");
  f("a { // b\n}", "a { // b\n}\n");
  f("a {\n// b\n}", "a {\n\t// b\n}\n");
  f("a {\n\n// b\n\n// c\n\nd = 1\n// e\n}\n// f",
    "a {\n\n\t// b\n\n\t// c\n\n\td = 1\n\t// e\n}\n// f\n");
  f("a = [\n// b\n1, // c\n/* d */ 2,\n]", "a = [\n\t// b\n\t1, // c\n\t/* d */ 2,\n]\n");
  f("a = {\n// b\nc = 1, // d\n}", "a = {\n\t// b\n\tc = 1, // d\n}\n");
  f("/* a */ b = /* c */ 1 /* d */", "/* a */ b = /* c */ 1 /* d */\n");
  f("a = 1 // blanks  \nb = 2", "a = 1 // blanks  \nb = 2\n");
}

TEST_CASE("every comment is kept wherever it stands") {
  auto f = [](const std::string& text) {
    INFO(text);
    const std::string got = formatted(text);
    INFO(got);
    for (int i = 1; i <= 8; ++i) {
      const std::string mark = "c" + std::to_string(i);
      CHECK((text.find(mark) == std::string::npos) == (got.find(mark) == std::string::npos));
    }
    CHECK(formatted(got) == got);
  };
  f("/* c1 */ a /* c2 */ = /* c3 */ 1 /* c4 */ + /* c5 */ 2 /* c6 */ // c7\n// c8");
  f("/* c1 */ a.b /* c2 */ \"l\" /* c3 */ { /* c4 */ d = 1 /* c5 */ } /* c6 */");
  f("a = [/* c1 */ 1 /* c2 */, /* c3 */ 2 /* c4 */, /* c5 */] // c6");
  f("a = {/* c1 */ b /* c2 */ = /* c3 */ 1 /* c4 */, /* c5 */} // c6");
  f("a = f /* c1 */ (/* c2 */ 1 /* c3 */, /* c4 */) /* c5 */ [ /* c6 */ 0 /* c7 */ ]");
  f("a = (/* c1 */ - /* c2 */ 1 /* c3 */ )");
  f("a = b /* c1 */ . /* c2 */ c /* c3 */");
  f("a = f(\n1, // c1\n2, // c2\n)");
  f("a = f( // c1\n((1)), // c2\n// c3\n[], // c4\n)");
  f("a = f( // c1\n( // c2\n/* c3 */ b))");
}

// `alloy fmt` changes these: it aligns tabs within strings, cuts blanks at the ends of their lines,
// escapes names again, and writes a comma that it cannot read.
TEST_CASE("what a file says stays") {
  auto f = gives;
  f("a = \"x\ty\"\nbb = 1", "a  = \"x\ty\"\nbb = 1\n");
  f("a = `x  \ny\t\nz`", "a = `x  \ny\t\nz`\n");
  f("long_name = `x\n\ty`", "long_name = `x\n\ty`\n");
  f("a = {\"x\\ny\" = 1}", "a = {\"x\\ny\" = 1}\n");
  f("a = {`x\"y` = 1}", "a = {`x\"y` = 1}\n");
  f("a = f(\n)", "a = f()\n");
}
