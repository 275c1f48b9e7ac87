// Discovery over simulated files, HTTP and DNS: what is exported, and that what was known stays in
// force while a source is broken.
#include "catch.hpp"
#include "component_bench.hpp"

#include <collector/engine/testing.hpp>

#include "discover/components.hpp"
#include "discover/target_groups.hpp"
#include "net/http_server.hpp"

using namespace collector;
using namespace std::chrono_literals;

namespace {

/// A controller over the simulated seams.
struct World {
  testing::SeededRandom random{1};
  testing::SimulatedLoop loop;
  testing::SimulatedNetwork network{loop, random};
  testing::SimulatedFiles files{loop, random};
  LogLines log;
  pipeline::Registry registry;
  std::unique_ptr<pipeline::Controller> controller;
  std::unique_ptr<net::HttpServer> server;

  World() {
    for (const Definition& d :
         {discover::discovery_dns(), discover::discovery_file(), discover::discovery_http(),
          discover::discovery_relabel(), discover::local_file(), discover::local_file_match(),
          discover::remote_http()})
      registry.add(d);
    controller = std::make_unique<pipeline::Controller>(
        Seams{loop, network, files, random}, registry, log, pipeline::Controller::Options{});
  }
  ~World() {
    bool ended = false;
    spawn(controller->stop(loop.now() + 5s), [&](bool) { ended = true; });
    loop.run_until([&] { return ended; }, 1min);
    if (server) server->close();
    loop.run_for(3min);
    controller.reset();
    loop.run_for(1s);
  }
  void load(const std::string& text) {
    std::string problems;
    bool done = false;
    spawn(controller->load({{"test", text}}), [&](syntax::Diagnostics d) {
      for (const auto& one : d.list()) problems += syntax::to_line(one) + "\n";
      done = true;
    });
    REQUIRE(loop.run_until([&] { return done; }, 1min));
    INFO(problems);
    REQUIRE(problems.empty());
    loop.run_for(1s);
  }
  std::string exported(const std::string& id, const std::string& name) {
    return syntax::to_text(controller->find(id)->exports().object().at(name));
  }
  bool healthy(const std::string& id) {
    return controller->find(id)->health().report(loop).state ==
           pipeline::HealthReport::State::healthy;
  }
};

}  // namespace

TEST_CASE("discovery.file reads JSON and YAML, and keeps what it knew of a broken file") {
  World w;
  w.files.put("/sd/a.json", R"([{"targets": ["h:1", "h:2"], "labels": {"env": "x"}}])");
  w.files.put("/sd/b.yaml", "- targets: ['y:1']\n");
  w.load(
      "discovery.file \"f\" {\nfiles = [\"/sd/*.json\", \"/sd/*.yaml\"]\nrefresh_interval = "
      "\"10s\"\n}\n");
  const std::string all = R"([{__address__ = "h:1", __meta_filepath = "/sd/a.json", env = "x"}, )"
                          R"({__address__ = "h:2", __meta_filepath = "/sd/a.json", env = "x"}, )"
                          R"({__address__ = "y:1", __meta_filepath = "/sd/b.yaml"}])";
  CHECK(w.exported("discovery.file.f", "targets") == all);
  w.files.put("/sd/a.json", "[{");
  w.loop.run_for(11s);
  CHECK(w.exported("discovery.file.f", "targets") == all);
  CHECK(w.log.text.find("/sd/a.json") != std::string::npos);
  (void)w.files.remove("/sd/b.yaml");
  w.files.put("/sd/a.json", "[]");
  w.loop.run_for(11s);
  CHECK(w.exported("discovery.file.f", "targets") == "[]");
}

TEST_CASE("discovery.http keeps its targets while the server answers badly") {
  World w;
  int status = 200;
  std::string type = "application/json; charset=utf-8",
              body = R"([{"targets": ["h:1"], "labels": {"a": "b"}}])";
  w.network.listen_as("sd");
  auto listener = w.network.listen("", 80);
  REQUIRE(listener.has_value());
  w.server = std::make_unique<net::HttpServer>(
      w.loop,
      [&](net::Request) -> Task<net::Response> {
        net::Response response;
        response.status = status;
        response.headers.set("Content-Type", type);
        response.body = body;
        co_return response;
      },
      net::HttpServer::Options{});
  w.server->serve(std::move(*listener));
  w.load("discovery.http \"h\" {\nurl = \"http://sd/targets\"\nrefresh_interval = \"10s\"\n}\n");
  const std::string known = R"([{__address__ = "h:1", __meta_url = "http://sd/targets", a = "b"}])";
  CHECK(w.exported("discovery.http.h", "targets") == known);
  for (const auto& [bad_status, bad_type, bad_body] :
       {std::tuple{500, "application/json", "[]"}, std::tuple{200, "text/html", "[]"},
        std::tuple{200, "application/json", "{}"}}) {
    status = bad_status;
    type = bad_type;
    body = bad_body;
    w.loop.run_for(11s);
    CHECK(w.exported("discovery.http.h", "targets") == known);
  }
  w.loop.run_for(40s);
  CHECK(!w.healthy("discovery.http.h"));
  body = "[]";
  w.loop.run_for(11s);
  CHECK(w.exported("discovery.http.h", "targets") == "[]");
  CHECK(w.healthy("discovery.http.h"));
}

TEST_CASE("discovery.dns makes targets of records") {
  World w;
  w.network.record("srv.x", Network::RecordType::srv, {{"node1.x", 9100}, {"node2.x.", 9101}});
  w.network.record("a.x", Network::RecordType::a, {{"10.0.0.1", 0}});
  w.network.record("six.x", Network::RecordType::aaaa, {{"fe80::1", 0}});
  w.load(R"(
discovery.dns "srv" { names = ["srv.x", "missing.x"] }
discovery.dns "a" {
  names = ["a.x"]
  type  = "A"
  port  = 80
}
discovery.dns "six" {
  names = ["six.x"]
  type  = "aaaa"
  port  = 80
}
)");
  CHECK(w.exported("discovery.dns.srv", "targets") ==
        R"([{__address__ = "node1.x:9100", __meta_dns_name = "srv.x", )"
        R"(__meta_dns_srv_record_port = "9100", __meta_dns_srv_record_target = "node1.x."}, )"
        R"({__address__ = "node2.x:9101", __meta_dns_name = "srv.x", )"
        R"(__meta_dns_srv_record_port = "9101", __meta_dns_srv_record_target = "node2.x."}])");
  CHECK(w.exported("discovery.dns.a", "targets") ==
        R"([{__address__ = "10.0.0.1:80", __meta_dns_name = "a.x"}])");
  CHECK(w.exported("discovery.dns.six", "targets") ==
        R"([{__address__ = "[fe80::1]:80", __meta_dns_name = "six.x"}])");
}

TEST_CASE("discovery.relabel, local.file and local.file_match feed one another") {
  World w;
  w.files.put("/etc/site", "attic");
  w.files.put("/log/a.log", "");
  w.files.put("/log/old/b.log", "");
  w.load(R"(
local.file "site" {
  filename       = "/etc/site"
  poll_frequency = "5s"
}
local.file_match "logs" {
  path_targets = [{"__path__" = "/log/**/*.log", "__path_exclude__" = "/log/old/*", "job" = "j"}]
}
discovery.relabel "named" {
  targets = local.file_match.logs.targets
  rule {
    target_label = "site"
    replacement  = local.file.site.content
  }
  rule {
    action = "labeldrop"
    regex  = "__path_exclude__"
  }
}
)");
  CHECK(w.exported("discovery.relabel.named", "output") ==
        R"([{__path__ = "/log/a.log", job = "j", site = "attic"}])");
  w.files.put("/etc/site", "cellar");
  w.files.put("/log/c.log", "");
  w.loop.run_for(11s);
  CHECK(w.exported("discovery.relabel.named", "output") ==
        R"([{__path__ = "/log/a.log", job = "j", site = "cellar"}, )"
        R"({__path__ = "/log/c.log", job = "j", site = "cellar"}])");
}

TEST_CASE("target groups that are wrong say where") {
  using discover::GroupFormat;
  auto bad = [](const char* text, GroupFormat format, const char* what) {
    INFO(text);
    const auto parsed = discover::parse_target_groups(text, format, {});
    REQUIRE(!parsed.has_value());
    CHECK(parsed.error().what().find(what) != std::string::npos);
  };
  bad("{", GroupFormat::json, "not valid JSON");
  bad("{}", GroupFormat::json, "not a list");
  bad("[null]", GroupFormat::json, "group 0");
  bad(R"([{"targets": []}, {"targets": [1]}])", GroupFormat::json, "group 1");
  bad(R"([{"target": []}])", GroupFormat::json, "unknown field \"target\"");
  bad("- targets: [a]\n  label: {}\n", GroupFormat::yaml, "unknown field \"label\"");
  bad("a: [", GroupFormat::yaml, "not valid YAML");
}
