// Join addresses as Alloy's page on `run` lists their forms.
#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "sharding/join_addresses.hpp"

using namespace collector;
using namespace collector::sharding;
using namespace std::chrono_literals;

namespace {

using Lookup = JoinAddress::Lookup;

void reads(const std::string& text, Lookup lookup, const std::string& host, std::uint16_t port) {
  INFO(text);
  const auto parsed = parse_join_address(text, 12345);
  REQUIRE(parsed.has_value());
  CHECK(parsed->lookup == lookup);
  CHECK(parsed->host == host);
  CHECK(parsed->port == port);
}

struct World {
  testing::SeededRandom random{1};
  testing::SimulatedLoop loop;
  testing::SimulatedNetwork network{loop, random};
  World() {
    using Type = Network::RecordType;
    network.record("both", Type::a, {{"10.0.0.1"}, {"10.0.0.2"}});
    network.record("both", Type::aaaa, {{"fd00::1"}});
    network.record("both", Type::srv, {{"n1.", 7946}, {"n2.", 7946}, {"n1.", 1}});
    network.record("service", Type::srv, {{"n1.", 7946}, {"n2.", 7946}});
    network.record("n1", Type::a, {{"10.1.0.1"}});
    network.record("n2", Type::a, {{"10.1.0.2"}});
    network.record("empty", Type::a, {});
    network.record("empty", Type::srv, {});
  }
  Result<std::vector<std::string>> ask(const std::string& text) {
    std::optional<Result<std::vector<std::string>>> out;
    spawn(look_up(network, *parse_join_address(text, 12345), {}),
          [&](Result<std::vector<std::string>> found) { out = std::move(found); });
    REQUIRE(loop.run_until([&] { return out.has_value(); }, 1min));
    return *out;
  }
};

}  // namespace

TEST_CASE(
    "a join address is a host or an address, with or without a port and a way to look it up") {
  reads("node", Lookup::any, "node", 12345);
  reads("node:80", Lookup::any, "node", 80);
  reads("10.0.0.1:80", Lookup::any, "10.0.0.1", 80);
  reads("[::1]:80", Lookup::any, "::1", 80);
  reads("[::1]", Lookup::any, "::1", 12345);
  reads("::1", Lookup::any, "::1", 12345);
  reads("dns+node:80", Lookup::a, "node", 80);
  reads("dnssrv+_http._tcp.node", Lookup::srv, "_http._tcp.node", 12345);
  reads("dnssrvnoa+node", Lookup::srv_no_a, "node", 12345);
  for (const std::string bad : {"", "dns+", ":80", "a b", "http://a:80", "u@h:1", "a:b:c", "a:0",
                                "a:65536", "a:x", "[::1"}) {
    INFO(bad);
    CHECK_FALSE(parse_join_address(bad, 12345).has_value());
  }
}

TEST_CASE("names come to addresses by the records that their prefix asks for") {
  using List = std::vector<std::string>;
  World world;
  CHECK(*world.ask("10.9.9.9:1") == List{"10.9.9.9:1"});
  CHECK(*world.ask("both:80") == List{"10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80"});
  CHECK(*world.ask("dns+both") == List{"10.0.0.1:12345", "10.0.0.2:12345", "[fd00::1]:12345"});
  CHECK(*world.ask("dnssrv+both") == List{"10.1.0.1:12345", "10.1.0.2:12345"});
  CHECK(*world.ask("dnssrvnoa+both") == List{"n1:12345", "n2:12345"});
  CHECK(*world.ask("service") == List{"10.1.0.1:12345", "10.1.0.2:12345"});
}

TEST_CASE("nothing found is an error, never an empty list") {
  World world;
  for (const std::string text : {"nowhere", "dns+nowhere", "dnssrv+nowhere", "dnssrvnoa+nowhere",
                                 "empty", "dns+empty", "dnssrv+empty", "dns+service"}) {
    INFO(text);
    CHECK_FALSE(world.ask(text).has_value());
  }
}
