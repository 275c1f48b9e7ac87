// Messages of the DNS by RFC 1035; how records are written is shown beside miekg/dns in
// tests/e2e/blackbox_families.py.
#include "catch.hpp"

#include "receive/blackbox/dns_message.hpp"
#include "receive/blackbox/dns_names.hpp"

#include <fmt/format.h>

using namespace collector;
using namespace collector::receive::blackbox;

namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int v : values) out += static_cast<char>(v);
  return out;
}

/// The example of RFC 1035, 4.1.4: F.ISI.ARPA, FOO.F.ISI.ARPA, ARPA, the root; here as a question
/// for the first, with records of the others.
std::string example() {
  std::string m = bytes({0x12, 0x34, 0x84, 0x00, 0, 1, 0, 2, 0, 1, 0, 0});
  m += bytes({1, 'F', 3, 'I', 'S', 'I', 4, 'A', 'R', 'P', 'A', 0, 0, 1, 0, 1});  // at 12
  m += bytes({3, 'F', 'O', 'O', 0xC0, 12, 0, 5, 0, 1, 0, 0, 1, 0x2C, 0, 2, 0xC0, 18});
  m += bytes({0, 0, 16, 0, 3, 0, 0, 0, 60, 0, 4, 3, 'a', '"', 'b'});
  m += bytes({0xC0, 18, 0, 6, 0, 1, 0, 0, 0, 1, 0, 24, 0xC0, 12, 0xC0, 12});
  m += bytes({0x78, 0xC4, 0x92, 0xE1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4});
  return m;
}

}  // namespace

TEST_CASE("dns: a question") {
  auto query = dns_query({"box.attic.", 28, 1, true}, 0xABCD);
  REQUIRE(query.has_value());
  CHECK(*query == bytes({0xAB, 0xCD, 1, 0,   0,   1,   0,   0,   0, 0, 0,  0, 3, 'b',
                         'o',  'x',  5, 'a', 't', 't', 'i', 'c', 0, 0, 28, 0, 1}));
  CHECK(*dns_query({"box.attic", 28, 1, true}, 0xABCD) == *query);
  CHECK(dns_query({".", 2, 1, false}, 1)->substr(2, 2) == bytes({0, 0}));
  CHECK(dns_query({".", 2, 1, false}, 1)->size() == 17);
  CHECK(dns_query({"a\\.b", 1, 1, false}, 1)->substr(12, 5) == bytes({3, 'a', '.', 'b', 0}));
  CHECK(!dns_query({"a..b", 1, 1, true}, 1));
  CHECK(!dns_query({std::string(64, 'a'), 1, 1, true}, 1));
  std::string longest;
  for (int i = 0; i < 127; ++i) longest += "a.";
  CHECK(dns_query({longest, 1, 1, true}, 1));
  CHECK(!dns_query({longest + "b", 1, 1, true}, 1));
}

TEST_CASE("dns: names are followed back, records are written as in zone files") {
  auto answer = dns_answer(example());
  REQUIRE(answer.has_value());
  CHECK(answer->id == 0x1234);
  CHECK(answer->rcode == 0);
  REQUIRE(answer->answers.size() == 2);
  CHECK(answer->answers[0].text == "FOO.F.ISI.ARPA.\t300\tIN\tCNAME\tARPA.");
  CHECK(answer->answers[1].text == ".\t60\tCH\tTXT\t\"a\\\"b\"");
  REQUIRE(answer->authorities.size() == 1);
  CHECK(answer->authorities[0].text ==
        "ARPA.\t1\tIN\tSOA\tF.ISI.ARPA. F.ISI.ARPA. 2026148577 1 2 3 4");
  CHECK(answer->authorities[0].serial == 2026148577U);
}

TEST_CASE("dns: every cut is noticed, a truncated answer gives what it has") {
  const std::string whole = example();
  for (std::size_t n = 0; n < whole.size(); ++n) {
    INFO(n);
    CHECK(!dns_answer(whole.substr(0, n)));
  }
  std::string truncated = whole.substr(0, whole.size() - 3);
  truncated[2] = static_cast<char>(0x86);
  auto answer = dns_answer(truncated);
  REQUIRE(answer.has_value());
  CHECK(answer->truncated);
  CHECK(answer->answers.size() == 2);
  CHECK(answer->authorities.empty());
}

TEST_CASE("dns: hostile messages end") {
  // A name that points to itself, and two that point to each other.
  std::string self = bytes({0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xC0, 12, 0, 1, 0, 1});
  CHECK(!dns_answer(self));
  std::string pair = bytes({0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xC0, 14, 0xC0, 12, 0, 1, 0, 1});
  CHECK(!dns_answer(pair));
  // A loop with a label in it grows beyond a name.
  std::string grows = bytes({0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0xC0, 12, 0, 1, 0, 1});
  CHECK(!dns_answer(grows));
  // Our own question back is no answer.
  CHECK(!dns_answer(*dns_query({"a", 1, 1, true}, 1)));
  // Data that is shorter than its type wants.
  CHECK(!dns_answer(
      bytes({0, 1, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 3, 1, 2, 3})));
}

TEST_CASE("dns: what has no form of its own has the general one") {
  auto answer = dns_answer(bytes(
      {0, 1, 0x80, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 77, 0, 0, 0, 5, 0, 2, 0xAB, 1}));
  REQUIRE(answer.has_value());
  CHECK(answer->rcode == 3);
  // RFC 3597, 5.
  CHECK(answer->answers.at(0).text == ".\t5\tCLASS77\tTYPE4660\t\\# 2 ab01");
  CHECK(dns_rcode_name(3) == "NXDOMAIN");
  CHECK(dns_type("HTTPS") == 65);
  CHECK(dns_class("CH") == 3);
  CHECK(!dns_type("https"));
}
