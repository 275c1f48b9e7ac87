// The tree of a file, and every complaint about one. Places are those of Alloy's syntax package
// v0.1.2.
#include "syntax/parser.hpp"

#include "catch.hpp"

using namespace collector::syntax;

namespace {

std::string place(const Position& p) {
  return std::to_string(p.line) + ":" + std::to_string(p.column);
}

/// Statements in one line: `name=` for attributes, `id{...}` for blocks.
std::string outline(const Body& body) {
  std::string out;
  for (const Statement& statement : body.statements) {
    if (!out.empty()) out += ' ';
    if (const auto* attribute = std::get_if<Attribute>(&statement))
      out += attribute->name.name + "=";
    else
      out += std::get<1>(statement)->id() + "{" + outline(std::get<1>(statement)->body) + "}";
  }
  return out;
}

}  // namespace

TEST_CASE("files have attributes and blocks") {
  auto f = [](const std::string& text, const std::string& want) {
    INFO(text);
    Diagnostics found;
    const FilePtr file = parse_file("x", text, found);
    CHECK(found.empty());
    CHECK(outline(file->body) == want);
  };
  f("", "");
  f("// c\n", "");
  f("a = 1", "a=");
  f("a = 1\n\n\nb = [\n1,\n]\n", "a= b=");
  f("a { }", "a{}");
  f("a.b.c \"d\" { e = 1 }", "a.b.c.d{e=}");
  f("a \"\" { }", "a{}");
  f("a {\n b \"c\" {\n d = 1\n }\n e = 2\n}\nf = 3", "a{b.c{d=} e=} f=");
  f("\u65e5\u672c.\u8a9e \"\u540d\" { }", "\u65e5\u672c.\u8a9e.\u540d{}");
  f("a = {b = 1, \"c d\" = 2,\n}\n", "a=");
  f("a = f(\n1,\n2,\n)\n", "a=");
  f("a =\n1", "a=");
}

TEST_CASE("nodes know where they stand, both ends included") {
  Diagnostics found;
  const FilePtr file = parse_file("x", "a.b \"c\" {\n  d = f(1, [2]) + -g.h[0]\n}\n", found);
  REQUIRE(found.empty());
  const Block& block = *std::get<1>(file->body.statements.at(0));
  CHECK(place(block.name_span.start) == "1:1");
  CHECK(place(block.name_span.end) == "1:3");
  CHECK(place(block.label_span.start) == "1:5");
  CHECK(place(block.label_span.end) == "1:7");
  CHECK(place(block.left_curly) == "1:9");
  CHECK(place(block.right_curly) == "3:1");
  const Attribute& attribute = std::get<0>(block.body.statements.at(0));
  CHECK(place(attribute.name.span.start) == "2:3");
  CHECK(place(attribute.value->span.start) == "2:7");
  CHECK(place(attribute.value->span.end) == "2:25");
  const auto& sum = std::get<Binary>(attribute.value->node);
  CHECK(place(sum.op_position) == "2:17");
  CHECK(place(sum.left->span.end) == "2:15");
  CHECK(place(sum.right->span.start) == "2:19");
}

TEST_CASE("comments are kept, without carriage returns") {
  Diagnostics found;
  const FilePtr file = parse_file("x", "// a\r\nb = 1 /* c\r\nd */ // e\nf { // g\n}\n", found);
  CHECK(found.empty());
  std::string all;
  for (const Comment& comment : file->comments) all += comment.text + "|";
  CHECK(all == "// a|/* c\nd */|// e|// g|");
  CHECK(place(file->comments.at(1).span.start) == "2:7");
}

TEST_CASE("every mistake of a file is said, one a line") {
  auto f = [](const std::string& text, const std::string& want) {
    INFO(text);
    Diagnostics found;
    CHECK(parse_file("x", text, found));
    std::string got;
    for (const Diagnostic& d : found.list()) got += (got.empty() ? "" : " ") + place(d.span.start);
    CHECK(got == want);
  };
  f("a", "1:2");
  f("a =", "1:4");
  f("= 1", "1:1");
  f("}", "1:1");
  f("a = 1 b = 2", "1:7");
  f("a {", "1:4");
  f("a b { }", "1:3");
  f("a `b` { }", "1:3");
  f("a \"b-c\" { }", "1:3");
  f("a \"1b\" { }", "1:3");
  f("a \"true\" { }", "1:3");
  f("a \"b\" \"c\" { }", "1:7");
  f("a.b = 1", "1:1");
  f("a \"b\" = 1", "1:3");
  f("a = b \"c\" { }", "1:5");
  f("a = [1 2]", "1:8");
  f("a = {b = 1 c = 2}", "1:12");
  f("a = {1 = 2}", "1:6");
  f("a = [\n1\n]", "2:2");
  f("a = (1", "1:7");
  f("a { b = 1 c = 2 }", "1:11");
  f("a {\nb = 1 } c = 2", "2:9");
  f("a = 1 2\nb = ]\nc = {x = }\n", "1:7 2:5 3:10");
  f("a = *\nb = 1\nc = *\n", "1:5 3:5");
  f("a = #\nb = \"\\q\"\nc = @\n", "1:5 1:5 2:7 3:5 3:5");
}

TEST_CASE("nesting has an end") {
  const auto nested = [](int n) {
    const auto times = static_cast<std::size_t>(n);
    Diagnostics found;
    CHECK(parse_file("x", "a = " + std::string(times, '[') + std::string(times, ']'), found));
    return found.has_errors();
  };
  CHECK(!nested(60));
  CHECK(nested(100'000));
  Diagnostics found;
  std::string blocks;
  for (int i = 0; i < 100'000; ++i) blocks += "a {\n";
  CHECK(parse_file("x", blocks, found));
  CHECK(found.has_errors());
}

TEST_CASE("an expression stands alone") {
  auto f = [](const std::string& text, bool want) {
    INFO(text);
    Diagnostics found;
    CHECK((parse_expression("x", text, found) != nullptr) == want);
    CHECK(found.has_errors() == !want);
  };
  f("1", true);
  f("1 // c\n", true);
  f("[\n1,\n]", true);
  f("", false);
  f("1 2", false);
  f("1\n2", false);
  f("a = 1", false);
}
