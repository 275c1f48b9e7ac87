// RFC 3629, 3 and 4.
#include "base/utf8.hpp"
#include "catch.hpp"

using namespace collector;

TEST_CASE("a character of UTF-8, or none") {
  using std::string_view;
  auto f = [](string_view text, std::size_t want) {
    INFO(std::string(text));
    CHECK(base::utf8_character(text) == want);
  };
  f("", 0);
  f("a\xff", 1);
  f(string_view("\0", 1), 1);
  f("\xc3\xa9x", 2);
  f("\xe2\x98\x83", 3);
  f("\xf4\x8f\xbf\xbf", 4);
  f("\x80", 0);
  f("\xc3", 0);
  f("\xc0\x80", 0);          // overlong
  f("\xe0\x9f\xbf", 0);      // overlong
  f("\xed\xa0\x80", 0);      // a surrogate
  f("\xf4\x90\x80\x80", 0);  // above U+10FFFF
  f("\xf5\x80\x80\x80", 0);
  f("\xe2\x98", 0);
}
