// Passwords that stand in texts.
#include "catch.hpp"

#include "base/redact.hpp"

using namespace collector;

TEST_CASE("passwords in URLs are not shown") {
  auto f = [](const char* in, const char* want) { CHECK(base::without_passwords(in) == want); };
  f("http://u:p@h/x", "http://u:(secret)@h/x");
  f("http://u@h/x", "http://u@h/x");
  f("http://h/x?a=b:c@d", "http://h/x?a=b:c@d");
  f("a http://u:p@h and https://v:q@i/", "a http://u:(secret)@h and https://v:(secret)@i/");
  f("http://u:p@x@h/", "http://u:(secret)@h/");
  f("plain", "plain");
}
