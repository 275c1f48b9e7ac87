// Tokens of the configuration language, as Alloy's syntax package v0.1.2 cuts them.
#include "syntax/scanner.hpp"

#include "catch.hpp"

using namespace collector::syntax;

namespace {

/// The tokens of `text` with a blank between; a terminator is `;`.
std::string tokens(const std::string& text, Diagnostics& found) {
  const std::string file;
  Scanner scanner(text, file, found);
  std::string out;
  for (Lexeme at = scanner.next(); at.token != Token::end; at = scanner.next()) {
    if (!out.empty()) out += ' ';
    out += at.token == Token::terminator ? ";" : std::string(at.text);
  }
  return out;
}

}  // namespace

TEST_CASE("text is cut into tokens") {
  auto f = [](const std::string& text, const std::string& want) {
    INFO(text);
    Diagnostics found;
    CHECK(tokens(text, found) == want);
    CHECK(found.empty());
  };
  f("", "");
  f("a", "a ;");
  f("a=1\nb = 2\n", "a = 1 ; b = 2 ;");
  f("a\n\n\nb", "a ; b ;");
  f("a.b \"c\" {\n}\n", "a . b \"c\" { } ;");
  f("[1,\n2\n]", "[ 1 , 2 ; ] ;");
  f("1.5.5 1..2 .5e3 1e-3x", "1.5 .5 1. .2 .5e3 1e-3 x ;");
  f("007a", "007 a ;");
  f("||&&!!====<<=>>=", "|| && ! != == = < <= > >=");
  f("+-*/%^{}()[],.", "+ - * / % ^ { } ( ) [ ] , .");
  f("trueish null nullx _a1", "trueish null nullx _a1 ;");
  f("\u00e9\u0663 \u65e5\u672c", "\u00e9\u0663 \u65e5\u672c ;");
  f("\"a\\\"b\" `c\nd`", "\"a\\\"b\" `c\nd` ;");
  f("\xef\xbb\xbfm", "m ;");
  f("a\r\nb", "a ; b ;");
}

TEST_CASE("a comment that ends the line comes after the statement's end") {
  auto f = [](const std::string& text, const std::string& want) {
    INFO(text);
    Diagnostics found;
    CHECK(tokens(text, found) == want);
    CHECK(found.empty());
  };
  f("a // c\nb", "a ; // c b ;");
  f("a /* c */ b", "a /* c */ b ;");
  f("a /* c */\nb", "a ; /* c */ b ;");
  f("a /* c\n */ b", "a ; /* c\n */ b ;");
  f("a /* c */ // d\nb", "a ; /* c */ // d b ;");
  f("a /* c */", "a ; /* c */");
  f("= // c\n1", "= // c 1 ;");
  f("// c\r\n", "// c");
  f("1//2", "1 ; //2");
  f("1/2", "1 / 2 ;");
}

TEST_CASE("what cannot stand there is said with its place") {
  auto f = [](const std::string& text, const std::string& want) {
    INFO(text);
    Diagnostics found;
    (void)tokens(text, found);
    std::string got;
    for (const Diagnostic& d : found.list())
      got += (got.empty() ? "" : " ") + std::to_string(d.span.start.line) + ":" +
             std::to_string(d.span.start.column);
    CHECK(got == want);
  };
  f("a = #", "1:5");
  f("'a'", "1:1");
  f("\"a", "1:1");
  f("\"a\nb\"", "1:1 2:2");
  f("`a\nb", "1:1");
  f("/* a\nb", "1:1");
  f("1e+", "1:1");
  f("a & b | c", "1:4 1:8");
  f("\"\\q\\x4\\u12\\400\"", "1:3 1:5 1:8 1:12");
  f("\"\\U00110000\"", "1:3");
  f("a\xff", "1:2");
  f("\"\xc3\"", "1:2");
  f(std::string("a\0", 2), "1:2");
  f("a\xef\xbb\xbf", "1:2");
  f("\xe2\x82\xac", "1:1");
  f("\u0663", "1:1");
  f("a\u0301", "1:2");
}

TEST_CASE("identifiers") {
  auto f = [](const std::string& text, bool want) {
    INFO(text);
    CHECK(is_identifier(text) == want);
  };
  f("a", true);
  f("_", true);
  f("a1_", true);
  f("\u65e5\u672c", true);
  f("a\u0663", true);
  f("", false);
  f("1a", false);
  f("a-b", false);
  f("a.b", false);
  f("true", false);
  f("null", false);
  f("\xff", false);
  f("a\U0001F600", false);
}
