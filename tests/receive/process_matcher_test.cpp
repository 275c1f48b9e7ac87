// Groups of prometheus.exporter.process. Names as Go's text/template writes them.
#include "catch.hpp"

#include "receive/process/matcher.hpp"

using namespace collector;
using namespace collector::receive::named_process;

namespace {

Attributes postgres() {
  Attributes a;
  a.pid = 42;
  a.comm = "postgres";
  a.user = "db";
  a.command_line = {"/usr/bin/postgres", "-D", "/data/main", "-p", "5433"};
  a.cgroups = {"/init.scope", "/user.slice"};
  a.start.unix_ns = 1'700'000'123'450'000'000;
  return a;
}

std::string named(const std::string& name) {
  auto matcher = Matcher::compile({name, {}, {}, {R"(-D (?P<dir>\S+) -p (?P<port>\d+))"}});
  REQUIRE(matcher.has_value());
  const auto group = matcher->match(postgres());
  REQUIRE(group);
  return *group;
}

std::string refused(const std::string& name) {
  auto matcher = Matcher::compile({name, {"x"}, {}, {}});
  REQUIRE(!matcher.has_value());
  return matcher.error().what();
}

bool matches(Rules rules, const Attributes& process = postgres()) {
  auto matcher = Matcher::compile(rules);
  REQUIRE(matcher.has_value());
  return matcher->match(process).has_value();
}

}  // namespace

TEST_CASE("fields of a name") {
  CHECK(named("") == "postgres");
  CHECK(named("{{.ExeBase}}|{{ .ExeFull }}|{{.Comm}}") == "postgres|/usr/bin/postgres|postgres");
  CHECK(named("{{.Username}}:{{.PID}}") == "db:42");
  CHECK(named("{{.StartTime}}") == "2023-11-14 22:15:23.45 +0000 UTC");
  CHECK(named("{{.Matches.port}}-{{index .Matches \"dir\"}}") == "5433-/data/main");
  CHECK(named("{{.Matches.none}}|{{index .Matches \"none\"}}|") == "<no value>||");
  CHECK(named("{{.Matches}}") == "map[:-D /data/main -p 5433 dir:/data/main port:5433]");
  CHECK(named("{{.Cgroups}} {{index .Cgroups 1}}") == "[/init.scope /user.slice] /user.slice");
  CHECK(named("a {{index .Cgroups 2}} b") == "a ");
  CHECK(named("a {{- .Comm -}} b{{/* nothing */}}") == "apostgresb");
}

TEST_CASE("what a name cannot hold is refused") {
  CHECK(refused("{{.Comm").find("not closed") != std::string::npos);
  CHECK(refused("{{.Nope}}").find("no field .Nope") != std::string::npos);
  for (const char* bad : {"{{if .Comm}}x{{end}}", "{{.Comm.x}}", "{{printf \"%s\" .Comm}}",
                          "{{.Comm | len}}", "{{}}", "{{index .Cgroups \"1\"}}"})
    CHECK(!refused(bad).empty());
  CHECK(!Matcher::compile({"x", {}, {}, {}}).has_value());
  CHECK(!Matcher::compile({"x", {}, {}, {"("}}).has_value());
}

TEST_CASE("rules") {
  CHECK(matches({"", {"bash", "postgres"}, {}, {}}));
  CHECK(!matches({"", {"postgre"}, {}, {}}));
  CHECK(matches({"", {}, {"postgres"}, {}}));
  CHECK(matches({"", {}, {"/usr/bin/postgres"}, {}}));
  CHECK(!matches({"", {}, {"/opt/postgres"}, {}}));
  // All kinds of rules, and all expressions.
  CHECK(!matches({"", {"bash"}, {"postgres"}, {}}));
  CHECK(matches({"", {}, {}, {"5433", "^/usr"}}));
  CHECK(!matches({"", {}, {}, {"5433", "^-D"}}));
  Attributes kernel = postgres();
  kernel.command_line.clear();
  CHECK(!matches({"", {}, {"postgres"}, {}}, kernel));
  CHECK(matches({"", {"postgres"}, {}, {}}, kernel));
}
