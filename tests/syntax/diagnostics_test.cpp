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
