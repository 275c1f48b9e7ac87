// Every built-in component, whatever happens: created, fed, updated, stopped and destroyed, with
// each of its first calls to the file system failing in turn, and over a network that resets.
#include "catch.hpp"

#include <collector/engine/pipeline.hpp>
#include <collector/engine/testing.hpp>

#include "net/http_server.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

using namespace collector;
using namespace std::chrono_literals;

namespace {

/// The least that each component runs with, and the same after a change.
struct Case {
  std::string first, second;
};
const std::map<std::string, Case>& cases() {
  static const std::map<std::string, Case> all{
      {"collector.store", {"retention = \"1m\"", "retention = \"2m\""}},
      {"discovery.consul",
       {"server = \"server:80\"\ndatacenter = \"x\"",
        "server = \"nobody:80\"\nservices = [\"a\"]"}},
      {"discovery.dns", {"names = [\"a.b\"]", "names = [\"a.b\", \"c.d\"]"}},
      {"discovery.docker", {"host = \"http://server\"", "host = \"tcp://nobody:80\""}},
      {"discovery.file", {"files = [\"/d/*.json\"]", "files = [\"/d/a.yaml\"]"}},
      {"discovery.http", {"url = \"http://server/sd\"", "url = \"http://nobody/sd\""}},
      {"discovery.kubelet", {"url = \"http://server\"", "url = \"http://nobody\""}},
      {"discovery.kubernetes",
       {"role = \"pod\"\napi_server = \"http://server\"",
        "role = \"endpoints\"\napi_server = \"http://nobody\""}},
      {"discovery.process", {"", "refresh_interval = \"5s\""}},
      {"discovery.relabel",
       {"targets = [{\"a\" = \"b\"}]",
        "targets = []\nrule {\naction = \"labeldrop\"\nregex = \"a\"\n}"}},
      {"local.file", {"filename = \"/d/text\"", "filename = \"/d/text\"\nis_secret = true"}},
      {"local.file_match", {"path_targets = [{\"__path__\" = \"/d/**\"}]", "path_targets = []"}},
      {"prometheus.echo", {"", "format = \"openmetrics\""}},
      {"prometheus.enrich",
       {"forward_to = []\ntargets = []\ntarget_match_label = \"x\"",
        "forward_to = []\ntargets = [{\"x\" = \"y\"}]\ntarget_match_label = \"x\""}},
      {"prometheus.exporter.blackbox",
       {"config = \"{modules: {m: {prober: tcp}}}\"\n"
        "target {\nname = \"a\"\naddress = \"server:80\"\nmodule = \"m\"\n}",
        "config = \"{modules: {m: {prober: http}}}\""}},
      {"prometheus.exporter.process", {"", "matcher {\ncomm = [\"x\"]\n}"}},
      {"prometheus.exporter.self", {"", ""}},
      {"prometheus.exporter.static", {"text = \"a 1\\n\"", "text = \"b 1\\n\""}},
      {"prometheus.exporter.unix", {"", "set_collectors = [\"cpu\"]"}},
      {"prometheus.receive_http",
       {"forward_to = []\nhttp {\nlisten_port = 81\n}",
        "forward_to = []\nappend_metadata = true\nhttp {\nlisten_address = "
        "\"127.0.0.1\"\nlisten_port "
        "= 82\n}"}},
      {"prometheus.relabel",
       {"forward_to = []",
        "forward_to = []\nrule {\ntarget_label = \"a\"\nreplacement = \"b\"\n}"}},
      {"prometheus.remote_write",
       {"endpoint {\nurl = \"http://server/write\"\n}",
        "endpoint {\nurl = \"http://nobody/write\"\n}"}},
      {"prometheus.scrape",
       {"targets = [{\"__address__\" = \"server:80\"}]\nforward_to = []\nscrape_interval = \"2s\"\n"
        "scrape_timeout = \"1s\"",
        "targets = [{\"__address__\" = \"nobody:80\"}]\nforward_to = []\nscrape_interval = \"2s\"\n"
        "scrape_timeout = \"1s\""}},
      {"remote.http", {"url = \"http://server/text\"", "url = \"http://nobody/text\""}}};
  return all;
}

/// One life; the number of calls to the file system.
std::uint64_t live(const std::string& name, const Case& c, std::uint64_t failing_call, double reset,
                   std::uint64_t refused_question = 0) {
  testing::SeededRandom random(failing_call + 1);
  testing::SimulatedLoop loop;
  testing::SimulatedNetwork network(loop, random);
  testing::SimulatedFiles files(loop, random);
  files.put("/d/text", "content");
  files.put("/d/a.json", R"([{"targets": ["x:1"]}])");
  network.quality({1ms, 1ms, 0, 200ms, reset});
  network.listen_as("server");
  auto listener = network.listen("", 80);
  REQUIRE(listener.has_value());
  net::HttpServer server(
      loop,
      [](net::Request) -> Task<net::Response> {
        net::Response response;
        response.headers.set("Content-Type", "application/json");
        response.body = "[]";
        co_return response;
      },
      net::HttpServer::Options{});
  server.serve(std::move(*listener));
  Budget budget;
  const auto receives = [&](const std::string& component) {
    const std::set<std::string> all{"collector.store", "prometheus.echo", "prometheus.enrich",
                                    "prometheus.relabel", "prometheus.remote_write"};
    return all.contains(component);
  };
  const auto config = [&](const std::string& body) {
    std::string text = fmt::format("{} \"x\" {{\n{}\n}}\n", name, body);
    if (receives(name)) text += fmt::format("export \"in\" {{\nvalue = {}.x.receiver\n}}\n", name);
    return text;
  };
  {
    Pipeline::Options options;
    options.components = builtin_components();
    Pipeline pipeline(Seams{loop, network, files, random, budget}, std::move(options));
    budget.refuse_call(refused_question);
    files.fail_call(failing_call, Status(Code::unavailable, "injected I/O error"));
    for (const std::string& body : {c.first, c.second, c.first}) {
      std::optional<Status> loaded;
      spawn(pipeline.load(config(body)), [&](Status s) { loaded = std::move(s); });
      REQUIRE(loop.run_until([&] { return loaded.has_value(); }, 1min));
      if (failing_call == 0 && reset == 0) {
        INFO(name << "\n" << to_string(*loaded));
        REQUIRE(loaded->ok());
      }
      if (const auto receiver = pipeline.receiver("in"); receives(name) && receiver.state()) {
        bool settled = false;
        Ack ack(loop, [&settled](Outcome) { settled = true; });
        auto batch = pipeline.parse("a 1\nb{x=\"y\"} 2\n", std::move(ack));
        REQUIRE(batch.has_value());
        Pipeline::push(receiver, std::move(*batch));
        REQUIRE(loop.run_until([&] { return settled; }, 1min));
      }
      loop.run_for(7s);
      (void)pipeline.metrics_text();
    }
    std::optional<bool> stopped;
    spawn(pipeline.stop(loop.now() + 5s), [&](bool drained) { stopped = drained; });
    REQUIRE(loop.run_until([&] { return stopped.has_value(); }, 1min));
    // The rest of what is under way ends by itself.
    loop.run_for(2min);
  }
  server.close();
  loop.run_for(3min);
  CHECK(budget.usage().used == 0);
  return files.calls();
}

}  // namespace

TEST_CASE("every built-in component has a case") {
  std::set<std::string> known, tested;
  for (const Definition& d : builtin_components()) known.insert(std::string(d.name));
  for (const auto& [name, c] : cases()) tested.insert(name);
  CHECK(known == tested);
}

TEST_CASE("every component lives through creation, data, updates and its end") {
  for (const auto& [name, c] : cases()) {
    INFO(name);
    const std::uint64_t calls = live(name, c, 0, 0);
    // Each of the first calls fails once.
    for (std::uint64_t n = 1; n <= std::min<std::uint64_t>(calls, 40); ++n) live(name, c, n, 0);
  }
}

TEST_CASE("every component lives over a network that resets connections") {
  for (const auto& [name, c] : cases()) {
    INFO(name);
    for (std::uint64_t seed = 0; seed < 5; ++seed) live(name, c, 1000 + seed, 0.3);
  }
}

TEST_CASE("every component lives where the n-th question for memory is refused") {
  for (const auto& [name, c] : cases()) {
    INFO(name);
    for (std::uint64_t n = 1; n <= 8; ++n) live(name, c, 0, 0, n);
  }
}
