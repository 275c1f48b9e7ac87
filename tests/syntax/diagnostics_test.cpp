// The drawing of diagnostics, and suggestions.
#include "catch.hpp"

#include "syntax/diagnostics.hpp"
#include "syntax/parser.hpp"

using namespace collector::syntax;

namespace {

/// Everything that is wrong with `text`, drawn.
std::string drawn(const std::string& text) {
  Diagnostics found;
  (void)parse_file("x.alloy", text, found);
  std::string out;
  for (const Diagnostic& d : found.list()) out += to_drawing(d, text);
  return out;
}

}  // namespace

TEST_CASE("a diagnostic is drawn with the line before, carets and a hint") {
  const std::string text = "a {\n\tb = [1, oops, 3]\n}\n";
  const Diagnostic d{Severity::error,
                     "x.alloy",
                     {{2, 10, 13}, {2, 13, 16}},
                     "no such name",
                     "did you mean \"loops\"?"};
  CHECK(to_drawing(d, text) ==
        "x.alloy:2:10: no such name\n"
        " 1 | a {\n"
        " 2 | \tb = [1, oops, 3]\n"
        "   | \t        ^^^^\n"
        "hint: did you mean \"loops\"?\n");
}

TEST_CASE("all mistakes of a file come at once") {
  const std::string all = drawn("a = 1 2\nb = ]\nc = {x = }\n");
  CHECK(all.find("x.alloy:1:") != std::string::npos);
  CHECK(all.find("x.alloy:2:") != std::string::npos);
  CHECK(all.find("x.alloy:3:") != std::string::npos);
}

TEST_CASE("suggestions are near, or absent") {
  auto f = [](std::string_view word, std::vector<std::string> words, std::string_view want) {
    INFO(word);
    CHECK(nearest(word, words) == want);
  };
  f("ulr", {"url", "name"}, "url");
  f("scrape_intervall", {"scrape_interval", "scrape_timeout"}, "scrape_interval");
  f("x", {"url", "name"}, "");
  f("url", {"url"}, "");
}

TEST_CASE("drawings") {
  auto f = [](Span span, const std::string& text, const std::string& want) {
    CHECK(to_drawing({Severity::error, "x", span, "m", ""}, text) == want);
  };
  f({{1, 1, 0}, {1, 1, 0}}, "abc", "x:1:1: m\n 1 | abc\n   | ^\n");
  f({{1, 4, 3}, {1, 4, 3}}, "abc", "x:1:4: m\n 1 | abc\n   |    ^\n");
  f({{2, 3, 6}, {3, 3, 0}}, "abc\nd\tefg\n  h\n",
    "x:2:3: m\n 1 | abc\n 2 | d\tefg\n   |  \t^^^\n 3 |   h\n   |   ^\n");
  f({{10, 1, 0}, {10, 2, 0}}, "1\n2\n3\n4\n5\n6\n7\n8\n9\nab\r\n",
    "x:10:1: m\n  9 | 9\n 10 | ab\n    | ^^\n");
  f({{1, 1, 0}, {12, 1, 0}}, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n",
    "x:1:1: m\n 1 | a\n   | ^\n 2 | b\n   | ^\n 3 | c\n   | ^\n 4 | d\n   | ^\n 5 | e\n   | ^\n"
    " 6 | f\n   | ^\n 7 | g\n   | ^\n 8 | h\n   | ^\n   | ...\n");
  f({{7, 1, 0}, {7, 1, 0}}, "abc", "x:7:1: m\n");
  f({{1, 2, 1}, {1, 2, 1}}, "", "x:1:2: m\n");
  f({}, "abc", "x: m\n");
}

TEST_CASE("a drawing of a parsed file has its carets under the mistake") {
  CHECK(drawn("a {\n\tb = [1 2]\n}\n") ==
        "x.alloy:2:9: a comma is missing between expressions\n"
        " 1 | a {\n"
        " 2 | \tb = [1 2]\n"
        "   | \t       ^\n");
  CHECK(drawn("a.bc = 1\n") ==
        "x.alloy:1:1: an attribute's name has no dots\n 1 | a.bc = 1\n   | ^^^^\n");
}

TEST_CASE("diagnostics are sorted by file and place, equal ones once") {
  Diagnostics all;
  const auto add = [&](const std::string& file, int line, int column, const std::string& what) {
    all.error(file, {{line, column, 0}, {line, column, 0}}, what);
  };
  add("b", 1, 1, "x");
  add("a", 2, 1, "x");
  add("a", 1, 5, "x");
  add("a", 1, 5, "x");
  add("a", 1, 2, "x");
  all.sort();
  std::string got;
  for (const Diagnostic& d : all.list()) got += to_line(d) + "\n";
  CHECK(got == "a:1:2: x\na:1:5: x\na:2:1: x\nb:1:1: x\n");
}
