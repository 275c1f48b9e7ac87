// Probe messages are read from strangers: what is no message is refused, what is too much too.
#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "sharding/probe_message.hpp"

#include <fmt/format.h>

using namespace collector;
using namespace collector::sharding;

namespace {

ProbeMessage sample() {
  ProbeMessage m;
  m.node = "a";
  m.instance = "5f0c";
  m.cluster = "blue \"1\" \xc3\xa9";
  m.address = "10.0.0.1:12345";
  m.state = ProbedMembership::State::participant;
  m.revision = 0x9ae1'0000'0000'0001;
  m.members = {{"a", "10.0.0.1:12345", true}, {"b", "[::1]:1", true}};
  return m;
}

void same(const ProbeMessage& a, const ProbeMessage& b) {
  CHECK(a.node == b.node);
  CHECK(a.instance == b.instance);
  CHECK(a.cluster == b.cluster);
  CHECK(a.address == b.address);
  CHECK(a.state == b.state);
  CHECK(a.revision == b.revision);
  CHECK(a.members == b.members);
}

void refused(const std::string& text) {
  INFO(text.substr(0, 200));
  const auto parsed = ProbeMessage::parse(text);
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().code() == Code::invalid_argument);
}

std::string with(const std::string& from, const std::string& to) {
  std::string text = sample().to_json();
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("what is written is read") {
  const auto parsed = ProbeMessage::parse(sample().to_json());
  REQUIRE(parsed.has_value());
  same(*parsed, sample());
  // As the comment of the header draws it.
  const auto drawn = ProbeMessage::parse(
      R"({"node": "a", "instance": "5f0c", "cluster": "", "address": "10.0.0.1:12345",
          "state": "viewer", "revision": "9ae1", "members": [], "later": {"more": [1]}})");
  REQUIRE(drawn.has_value());
  CHECK(drawn->revision == 0x9ae1);
  CHECK(drawn->members.empty());
}

TEST_CASE("what is no probe is refused") {
  for (const std::string text : {"", "null", "[]", "{}", "{", "\"node\"", "1e999", "{\"node\":1}"})
    refused(text);
  refused(with("\"5f0c\"", "\"\""));
  refused(with("\"5f0c\"", "7"));
  refused(with("participant", "leader"));
  refused(with("\"9ae1000000000001\"", "\"\""));
  refused(with("\"9ae1000000000001\"", "\"xyz\""));
  refused(with("\"9ae1000000000001\"", "\"11111111111111111\""));
  refused(with("\"[::1]:1\"", "null"));
  refused(with("10.0.0.1:12345", "10.0.0.1\\n12345"));
  refused(with("5f0c", "5f\xff"));
  refused(with("5f0c", std::string(513, 'x')));
  refused(std::string(600U << 10, ' ') + sample().to_json());
  refused(std::string(500'000, '['));
  refused(with("\"cluster\":",
               "\"more\":" + std::string(100, '[') + std::string(100, ']') + ",\"cluster\":"));
  ProbeMessage many = sample();
  many.members.assign(kMostPeers + 1, {"n", "h:1", true});
  refused(many.to_json());
  many.members.pop_back();
  CHECK(ProbeMessage::parse(many.to_json()).has_value());
}

TEST_CASE("damaged messages are read within the limits or refused") {
  const std::string good = sample().to_json();
  testing::SeededRandom random(1);
  std::size_t read = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text = good;
    for (std::uint64_t n = random.below(6) + 1; n > 0 && !text.empty(); --n) {
      const auto at = random.below(text.size());
      switch (random.below(4)) {
        case 0:
          text[at] = static_cast<char>(random.next());
          break;
        case 1:
          text.erase(at, random.below(8) + 1);
          break;
        case 2:
          text.insert(at, text.substr(random.below(text.size()), random.below(40)));
          break;
        default:
          text.insert(at, 1, "{}[]\",:\\0"[random.below(9)]);
      }
    }
    auto parsed = ProbeMessage::parse(text);
    if (!parsed) continue;
    ++read;
    CHECK_FALSE(parsed->node.empty());
    CHECK(parsed->members.size() <= kMostPeers);
    const auto again = ProbeMessage::parse(parsed->to_json());  // what was taken can be told on
    REQUIRE(again.has_value());
    same(*parsed, *again);
  }
  CHECK(read > 100);  // not all of them were stopped at the door
}
