// prometheus.exporter.static: what it serves and what it refuses, as Prometheus' text parser does.
#include "catch.hpp"
#include "component_bench.hpp"

#include "pipeline/controller.hpp"
#include "receive/components.hpp"

using namespace collector;

namespace {

std::string served(ComponentBench& bench) {
  net::Request request;
  request.target = "/metrics";
  std::optional<net::Response> response;
  spawn(bench.node("prometheus.exporter.static.s").component().serve(std::move(request)),
        [&](net::Response r) { response = std::move(r); });
  bench.loop.settle();
  REQUIRE(response);
  CHECK(response->headers.get("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
  return response->body;
}

std::string problems(const std::string& text) {
  ComponentBench bench{receive::prometheus_exporter_static()};
  std::string out;
  spawn(bench.controller->load(
            {{"test", "prometheus.exporter.static \"s\" {\ntext = `" + text + "`\n}\n"}}),
        [&](syntax::Diagnostics d) {
          for (const auto& one : d.list()) out += syntax::to_line(one) + "\n";
        });
  for (int i = 0; i < 10; ++i) bench.loop.advance(std::chrono::milliseconds(1));
  return out;
}

}  // namespace

TEST_CASE("the text is served, and its target says who it is") {
  ComponentBench bench{receive::prometheus_exporter_static()};
  bench.load(
      "prometheus.exporter.static \"s\" {\ntext = `\n# TYPE a counter\na{x=\"1\"} 2\nb 3 1000\n  "
      "`\n}\n");
  CHECK(served(bench) == "# TYPE a counter\na{x=\"1\"} 2\nb 3 1000\n");
  const auto& targets =
      bench.node("prometheus.exporter.static.s").exports().object().at("targets").array();
  REQUIRE(targets.size() == 1);
  const std::string shown = syntax::to_text(targets[0]);
  CHECK(shown.find("instance = \"prometheus.exporter.static.s\"") != std::string::npos);
  CHECK(shown.find("job = \"integrations/static\"") != std::string::npos);
  bench.load("prometheus.exporter.static \"s\" { }\n");
  CHECK(served(bench).empty());
}

TEST_CASE("texts that are no exposition are refused with their line") {
  CHECK(problems("a 1\n").empty());
  CHECK(problems("# HELP a x\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n")
            .empty());
  CHECK(problems("a 1\nb{ 2\n").find("line 2") != std::string::npos);
  CHECK(problems("a one\n").find("\"one\" is no value") != std::string::npos);
  CHECK(problems("# TYPE a gauge\n# TYPE a gauge\n").find("second TYPE") != std::string::npos);
  CHECK(problems("a_bucket{le=\"1\"} 1\n# TYPE a_bucket gauge\n").find("second TYPE") !=
        std::string::npos);
  CHECK(problems("# HELP a x\n# HELP a y\n").find("second HELP") != std::string::npos);
  CHECK(problems("{\"a.b\"} 1\n").find("no place") != std::string::npos);
}
