// Clusters of probed nodes on virtual time and an in-memory network: who joins, crashes, restarts,
// is cut off or lies, and what every node then believes. The promises are those of DESIGN on
// clusters: all agree on a revision, an error or an empty answer never means "I am alone", a view
// that shrinks by more than half is confirmed twice.
#include "catch.hpp"

#include <collector/engine/sharding.hpp>
#include <collector/engine/testing.hpp>

#include "net/http_server.hpp"
#include "sharding/probe_message.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

using namespace collector;
using namespace collector::sharding;
using namespace std::chrono_literals;

namespace {

using State = ProbedMembership::State;

struct World {
  testing::SeededRandom random;
  testing::SimulatedLoop loop;
  testing::SimulatedNetwork network{loop, random};
  testing::SimulatedFiles files{loop, random};

  struct Node {
    std::unique_ptr<Network> network;
    std::unique_ptr<net::HttpServer> server;
    std::unique_ptr<ProbedMembership> member;
    std::vector<std::string> problems;
    std::size_t changes = 0;
    std::shared_ptr<void> watching;
  };
  std::map<std::string, Node> nodes;
  std::vector<std::string> join{"a"};
  /// What a host that is no node of ours answers to probes.
  std::map<std::string, std::unique_ptr<net::HttpServer>> strangers;
  std::vector<std::unique_ptr<Network>> stranger_networks;
  std::map<std::string, std::size_t> asked;

  explicit World(std::uint64_t seed = 1) : random(seed) {
    std::vector<std::string> hosts{"elsewhere", "twin", "x", "liar", "odd"};
    for (char c = 'a'; c <= 'h'; ++c) hosts.emplace_back(1, c);
    for (int i = 0; i < 30; ++i) hosts.push_back(fmt::format("gone-{}", i));
    for (const std::string& host : hosts) network.record(host, Network::RecordType::a, {{host}});
  }
  ~World() {
    while (!nodes.empty()) end(nodes.begin()->first);
    strangers.clear();
    loop.run_for(1min);
  }

  ProbedMembership::Options options(const std::string& name) {
    ProbedMembership::Options o;
    o.node_name = name;
    o.cluster_name = "blue";
    o.advertise_address = name + ":80";
    o.default_port = 80;
    o.join = join;
    o.log = [this, name](bool problem, std::string_view message) {
      if (problem) nodes[name].problems.emplace_back(message);
    };
    return o;
  }
  ProbedMembership& start(const std::string& name) { return start(name, options(name)); }
  ProbedMembership& start(const std::string& host, ProbedMembership::Options o) {
    Node& node = nodes[host];
    if (!node.network) node.network = network.host(host);
    node.member =
        std::make_unique<ProbedMembership>(Seams{loop, *node.network, files, random}, std::move(o));
    node.watching = node.member->on_change([&node] { ++node.changes; });
    node.server = std::make_unique<net::HttpServer>(
        loop,
        [member = node.member.get()](net::Request request) -> Task<net::Response> {
          net::Response response;
          auto answer = member->answer(request.body);
          if (!answer)
            response.status = answer.error().code() == Code::failed_precondition ? 409 : 400;
          response.body = answer ? *answer : answer.error().what();
          co_return response;
        },
        net::HttpServer::Options());
    node.server->serve(*node.network->listen("", 80));
    node.member->start();
    node.member->participate();
    return *node.member;
  }
  void stranger(const std::string& host, std::function<net::Response(const net::Request&)> answer) {
    stranger_networks.push_back(network.host(host));
    strangers[host] = std::make_unique<net::HttpServer>(
        loop,
        [this, host, answer](net::Request request) -> Task<net::Response> {
          ++asked[host];
          co_return answer(request);
        },
        net::HttpServer::Options());
    strangers[host]->serve(*stranger_networks.back()->listen("", 80));
  }
  /// The process is gone without a word.
  void end(const std::string& name) {
    Node& node = nodes.at(name);
    bool stopped = false;
    spawn(node.member->stop(), [&] { stopped = true; });
    node.server->close();
    network.crash(name);
    REQUIRE(loop.run_until([&] { return stopped; }, 1min));
    node.server.reset();
    node.watching.reset();
    node.member.reset();
    nodes.erase(name);
  }
  bool leave(const std::string& name, Duration within) {
    std::optional<bool> told;
    spawn(nodes.at(name).member->leave(loop.now() + within), [&](bool all) { told = all; });
    REQUIRE(loop.run_until([&] { return told.has_value(); }, within + 1s));
    return *told;
  }
  ProbedMembership& operator[](const std::string& name) { return *nodes.at(name).member; }

  std::string seen(const std::string& name) {
    std::string all;
    for (const Member& m : (*this)[name].view().members) all += m.name;
    return all;
  }
  bool all_see(const std::string& expected) {
    std::set<std::uint64_t> revisions;
    for (auto& [name, node] : nodes) {
      if (seen(name) != expected || !node.member->ready()) return false;
      revisions.insert(node.member->view().revision);
    }
    return revisions.size() == 1;
  }
  bool settle(const std::string& expected, Duration within) {
    return loop.run_until([&] { return all_see(expected); }, within);
  }
  /// How many nodes hold each of 500 keys for theirs.
  std::map<std::size_t, std::size_t> holders() {
    std::vector<Claim> claims;
    for (int i = 0; i < 500; ++i) claims.push_back({key_of(fmt::format("target-{}", i)), 1, false});
    std::vector<std::size_t> count(claims.size());
    for (auto& [name, node] : nodes) {
      const auto verdicts = node.member->decide(claims);
      REQUIRE(verdicts.size() == claims.size());
      for (std::size_t i = 0; i < claims.size(); ++i) count[i] += verdicts[i] == Verdict::mine;
    }
    std::map<std::size_t, std::size_t> by;
    for (const std::size_t n : count) ++by[n];
    return by;
  }
};

const std::map<std::size_t, std::size_t> kEachOnce{{1, 500}};

net::Response says(const ProbeMessage& message) {
  net::Response response;
  response.body = message.to_json();
  return response;
}
ProbeMessage message(const std::string& node, const std::string& address) {
  ProbeMessage m;
  m.node = node;
  m.instance = "of " + address;
  m.cluster = "blue";
  m.address = address;
  m.state = State::participant;
  return m;
}

}  // namespace

TEST_CASE("nodes that know one address find each other and divide the work") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    World world(seed);
    world.network.quality({.latency = 5ms, .jitter = 20ms, .loss = 0.05});
    for (const std::string name : {"a", "b", "c", "d", "e"}) world.start(name);
    REQUIRE(world.settle("abcde", 20s));
    CHECK(world.holders() == kEachOnce);
  }
}

TEST_CASE("one that joins later takes its share, and only it gains") {
  World world;
  for (const std::string name : {"a", "b", "c"}) world.start(name);
  REQUIRE(world.settle("abc", 10s));
  std::map<std::string, std::vector<Verdict>> before;
  std::vector<Claim> claims;
  for (int i = 0; i < 2000; ++i) claims.push_back({key_of(fmt::format("t{}", i)), 1, false});
  for (const std::string name : {"a", "b", "c"}) before[name] = world[name].decide(claims);
  world.start("d");
  REQUIRE(world.settle("abcd", 10s));
  CHECK(world.holders() == kEachOnce);
  std::size_t moved = 0;
  for (const std::string name : {"a", "b", "c"}) {
    const auto after = world[name].decide(claims);
    for (std::size_t i = 0; i < claims.size(); ++i) {
      if (before[name][i] == after[i]) continue;
      CHECK(after[i] == Verdict::others);
      ++moved;
    }
  }
  CHECK(static_cast<double>(moved) <= 1.2 / 4 * 2000);
}

TEST_CASE("a node that crashed is a member until three probes failed, then its work moves") {
  World world;
  for (const std::string name : {"a", "b", "c"}) world.start(name);
  REQUIRE(world.settle("abc", 10s));
  world.end("c");
  const Instant crashed = world.loop.now();
  world.loop.run_for(1900ms);
  CHECK(world.seen("a") == "abc");  // two probes at the most
  REQUIRE(world.settle("ab", 10s));
  CHECK(world.loop.now() - crashed < 7s);  // three rounds of an interval and a time limit each
  CHECK(world["a"].counters().failed == 1);
  CHECK(world["a"].counters().leaves == 1);
  CHECK(world.holders() == kEachOnce);
  world.start("c");
  REQUIRE(world.settle("abc", 10s));
  CHECK(world.holders() == kEachOnce);
  CHECK(world["a"].counters().conflicts == 0);
}

TEST_CASE("a restart under the same name at another address is the same member") {
  World world;
  for (const std::string name : {"a", "b", "c"}) world.start(name);
  REQUIRE(world.settle("abc", 10s));
  const auto revision = world["a"].view().revision;
  world.end("c");
  auto moved = world.options("c");
  moved.advertise_address = "elsewhere:80";
  world.start("elsewhere", std::move(moved));
  world.loop.run_for(20s);
  for (const std::string host : {"a", "b", "elsewhere"}) {
    CHECK(world.seen(host) == "abc");
    CHECK(world[host].view().revision == revision);
  }
  CHECK(world.holders() == kEachOnce);
}

TEST_CASE("who leaves in order is told to all and no probe has to fail") {
  World world;
  for (const std::string name : {"a", "b", "c", "d"}) world.start(name);
  REQUIRE(world.settle("abcd", 10s));
  CHECK(world.leave("b", 5s));
  for (const std::string name : {"a", "c", "d"}) CHECK(world.seen(name) == "acd");
  CHECK_FALSE(world["b"].has_successor() == false);
  world.end("b");
  REQUIRE(world.settle("acd", 5s));
  CHECK(world["a"].counters().failed == 0);
  CHECK(world.holders() == kEachOnce);
}

TEST_CASE("a majority that vanishes keeps its work until that is confirmed twice") {
  World world;
  for (const std::string name : {"a", "b", "c", "d", "e"}) world.start(name);
  REQUIRE(world.settle("abcde", 10s));
  for (const std::string name : {"b", "c", "d"}) world.network.cut(name, true);
  REQUIRE(world.loop.run_until([&] { return world["a"].counters().views_held > 0; }, 20s));
  CHECK(world.seen("a") == "abcde");
  const Instant held = world.loop.now();
  REQUIRE(world.loop.run_until([&] { return world.seen("a") == "ae"; }, 20s));
  CHECK(world.loop.now() - held > 1s);
  for (const std::string name : {"b", "c", "d"}) world.network.cut(name, false);
  REQUIRE(world.settle("abcde", 30s));
  CHECK(world.holders() == kEachOnce);
}

TEST_CASE("a short cut of a majority moves nothing") {
  World world;
  for (const std::string name : {"a", "b", "c", "d", "e"}) world.start(name);
  REQUIRE(world.settle("abcde", 10s));
  const std::size_t changes = world.nodes.at("a").changes;
  for (const std::string name : {"b", "c", "d", "e"}) world.network.cut(name, true);
  world.loop.run_for(2s);
  for (const std::string name : {"b", "c", "d", "e"}) world.network.cut(name, false);
  world.loop.run_for(30s);
  CHECK(world.all_see("abcde"));
  CHECK(world.nodes.at("a").changes == changes);
}

TEST_CASE("a partition that heals ends in one view") {
  for (const std::uint64_t seed : {1U, 2U}) {
    World world(seed);
    world.join = {"a", "d"};
    for (const std::string name : {"a", "b", "c", "d"}) world.start(name);
    REQUIRE(world.settle("abcd", 10s));
    for (const std::string left : {"a", "b"})
      for (const std::string right : {"c", "d"}) world.network.part(left, right, true);
    REQUIRE(world.loop.run_until([&] { return world.seen("a") == "ab" && world.seen("d") == "cd"; },
                                 30s));
    for (const std::string left : {"a", "b"})
      for (const std::string right : {"c", "d"}) world.network.part(left, right, false);
    REQUIRE(world.settle("abcd", 90s));
    CHECK(world.holders() == kEachOnce);
  }
}

TEST_CASE("an error or an empty answer of DNS never means alone") {
  World world;
  world.join = {"dns+peers"};
  world.start("a");
  world.loop.run_for(2min);  // there is no such name
  CHECK_FALSE(world["a"].ready());
  CHECK(world["a"].not_ready_because().find("peers") != std::string::npos);
  CHECK(world["a"].counters().lookups_failed > 5);
  CHECK(world.holders() == std::map<std::size_t, std::size_t>{{0, 500}});
  world.network.record("peers", Network::RecordType::a, {});
  world.loop.run_for(1min);
  CHECK_FALSE(world["a"].ready());
  world.network.record("peers", Network::RecordType::a, {{"a"}, {"b"}});
  world.start("b");
  REQUIRE(world.settle("ab", 30s));
  // What was known stays, whatever DNS says later.
  world.network.record("peers", Network::RecordType::a, {});
  world.loop.run_for(5min);
  CHECK(world.all_see("ab"));
  CHECK(world["a"].counters().leaves == 0);
}

TEST_CASE("one of two join addresses that fails still keeps a lone node waiting") {
  World world;
  world.join = {"a", "dns+nowhere"};
  world.start("a");
  world.loop.run_for(1min);
  CHECK_FALSE(world["a"].ready());
}

TEST_CASE("the asked ones of many addresses may all be gone: the others are asked before alone") {
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U}) {
    World world(seed);
    world.join = {"a"};
    world.start("a");
    REQUIRE(world.settle("a", 20s));
    world.join = {"a"};
    for (int i = 0; i < 30; ++i) world.join.push_back(fmt::format("gone-{}", i));
    auto& late = world.start("b");
    bool alone = false;
    REQUIRE(world.loop.run_until(
        [&] {
          alone = alone || (late.ready() && late.view().members.size() < 2);
          return world.all_see("ab");
        },
        5min));
    CHECK_FALSE(alone);
  }
}

TEST_CASE("without join addresses a node is alone at once") {
  World world;
  world.join = {};
  world.start("a");
  REQUIRE(world.settle("a", 2s));
  CHECK_FALSE(world["a"].has_successor());
  CHECK(world.holders() == kEachOnce);
}

TEST_CASE("there is no work before as many members as are waited for, nor after they fell below") {
  World world;
  const auto waiting = [&](const std::string& name) {
    auto o = world.options(name);
    o.wait_for_size = 3;
    return o;
  };
  world.start("a", waiting("a"));
  world.start("b", waiting("b"));
  world.loop.run_for(1min);
  CHECK_FALSE(world["a"].ready());
  CHECK(world["a"].not_ready_because() == "2 of 3 members are there");
  CHECK(world.holders() == std::map<std::size_t, std::size_t>{{0, 500}});
  world.start("c", waiting("c"));
  REQUIRE(world.settle("abc", 10s));
  CHECK(world.holders() == kEachOnce);
  world.end("c");
  world.loop.run_for(20s);
  CHECK_FALSE(world["a"].ready());
}

TEST_CASE("the wait for members ends after its time limit") {
  World world;
  auto o = world.options("a");
  o.wait_for_size = 3;
  o.wait_timeout = 30s;
  world.start("a", std::move(o));
  world.loop.run_for(25s);
  CHECK_FALSE(world["a"].ready());
  world.loop.run_for(40s);
  CHECK(world["a"].ready());
  CHECK(world.holders() == kEachOnce);
}

TEST_CASE("another cluster's nodes are no members, on either side, and are named once") {
  World world;
  world.start("a");
  auto other = world.options("x");
  other.cluster_name = "green";
  world.start("x", std::move(other));
  world.loop.run_for(2min);
  CHECK(world.seen("a") == "a");
  CHECK(world.seen("x") == "x");
  std::size_t named = 0;
  for (const std::string& problem : world.nodes.at("x").problems)
    named += problem.find("green") != std::string::npos;
  CHECK(named == 1);
}

TEST_CASE("two nodes with one name: the older stays, it is counted and said") {
  World world;
  for (const std::string name : {"a", "b"}) world.start(name);
  REQUIRE(world.settle("ab", 10s));
  auto twin = world.options("b");
  twin.advertise_address = "twin:80";
  world.start("twin", std::move(twin));
  world.loop.run_for(20s);
  CHECK(world.seen("a") == "ab");
  CHECK(world["a"].view().members[1].address == "b:80");
  CHECK(world["a"].counters().conflicts == 1);
  CHECK(world["b"].counters().conflicts == 1);
}

TEST_CASE("what a stranger says of others makes no members and costs no more than its share") {
  World world;
  world.join = {"a", "liar"};
  world.stranger("liar", [round = 0](const net::Request&) mutable {
    ProbeMessage m = message("liar", "liar:80");
    ++round;
    for (int i = 0; i < 1000; ++i) {
      const std::string name = fmt::format("ghost-{}-{}", round, i);
      m.members.push_back({name, name + ":80", true});
    }
    m.members.push_back({"b", "ghost:80", true});
    m.members.push_back({"cloud", "169.254.169.254:80", true});
    return says(m);
  });
  world.start("a");
  world.start("b");
  const bool joined = world.loop.run_until(
      [&] { return world.seen("a") == "abliar" && world.seen("b") == "abliar"; }, 2min);
  CHECK(joined);
  world.loop.run_for(1min);
  CHECK(world["a"].peers().size() <= 200);
  CHECK(world["a"].counters().hints_dropped > 0);
  for (const auto& peer : world["a"].peers()) CHECK(peer.address != "169.254.169.254:80");
  for (const Member& m : world["a"].view().members)
    if (m.name == "b") CHECK(m.address == "b:80");
  // An honest node still gets in.
  world.start("c");
  CHECK(world.loop.run_until([&] { return world.seen("a") == "abcliar"; }, 2min));
}

TEST_CASE("garbage, endless and odd answers are failed probes, said once, and nothing else") {
  World world;
  world.join = {"a", "b", "odd"};
  testing::SeededRandom random(4);
  world.stranger("odd", [&random](const net::Request&) {
    net::Response response;
    switch (random.below(6)) {
      case 0:
        response.body.assign(3U << 20, '[');
        break;
      case 1:
        response.status = 302;
        response.headers.set("Location", "http://169.254.169.254/latest/meta-data/");
        break;
      case 2:
        response.status = 409;
        response.body = fmt::format("\x1b[31m\xff {}", random.next());
        break;
      case 3:
        response.status = 500;
        break;
      case 4:
        response.body = message("odd", "odd:80").to_json().substr(0, random.below(60));
        break;
      default:
        for (int i = 0; i < 2000; ++i) response.body += static_cast<char>(random.next());
    }
    return response;
  });
  for (const std::string name : {"a", "b"}) world.start(name);
  REQUIRE(world.settle("ab", 30s));
  world.loop.run_for(1min);
  CHECK(world.all_see("ab"));
  CHECK(world.asked["odd"] > 60);
  for (const auto& peer : world["a"].peers())
    for (const char c : peer.error) CHECK((c >= ' ' && c <= '~'));
}

TEST_CASE("many nodes, joined, crashed and cut at random, agree once it is quiet") {
  for (const std::uint64_t seed : {11U, 12U, 13U}) {
    INFO("seed " << seed);
    World world(seed);
    world.join = {"a", "b", "c"};
    world.network.quality({.latency = 2ms, .jitter = 30ms, .loss = 0.02});
    testing::SeededRandom random(seed);
    const std::string letters = "abcdefgh";
    std::set<std::string> cut;
    for (int step = 0; step < 60; ++step) {
      const std::string name(1, letters[random.below(letters.size())]);
      switch (random.below(4)) {
        case 0:
        case 1:
          if (!world.nodes.contains(name)) world.start(name);
          break;
        case 2:
          if (world.nodes.contains(name)) world.end(name);
          break;
        default:
          world.network.cut(name, cut.insert(name).second || (cut.erase(name), false));
      }
      world.loop.run_for(std::chrono::milliseconds(random.below(5000)));
    }
    for (const char letter : letters) world.network.cut(std::string(1, letter), false);
    for (const std::string name : {"a", "b", "c"})
      if (!world.nodes.contains(name)) world.start(name);
    std::string expected;
    for (const auto& [name, node] : world.nodes) expected += name;
    INFO(expected);
    REQUIRE(world.settle(expected, 3min));
    CHECK(world.holders() == kEachOnce);
  }
}
