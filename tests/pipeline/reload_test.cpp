// Reload is a difference: what did not change is not touched, what changed gets update, what left
// drains, and a configuration that does not load changes nothing.
#include "catch.hpp"
#include "component_bench.hpp"

using namespace collector;
using namespace std::chrono_literals;

namespace {

struct ProbeArguments {
  std::string text;
  std::vector<std::string> list;
  static constexpr auto fields() {
    return std::tuple{attr<&ProbeArguments::text>("text", "Anything but \"bad\"."),
                      attr<&ProbeArguments::list>("list", "More.")};
  }
};
struct ProbeExports {
  std::string text;
  static constexpr auto fields() {
    return std::tuple{attr<&ProbeExports::text>("text", "The text, doubled.")};
  }
};

/// What happened to all probes, in order.
std::vector<std::string>& events() {
  static std::vector<std::string> list;
  return list;
}

class Probe final : public Component<ProbeArguments, ProbeExports> {
 public:
  explicit Probe(Context& context) : Component(context) { say("created"); }
  ~Probe() override { say("destroyed"); }
  Task<Status> run() override {
    say("runs");
    co_await pipeline::until_stopped(context().loop(), context().stop());
    say("drained");
    co_return Status();
  }

 protected:
  Status update(ProbeArguments args) override {
    if (args.text == "bad") return {Code::invalid_argument, "this text is bad"};
    say("updated to " + args.text);
    set_exports({args.text + args.text});
    return {};
  }

 private:
  void say(const std::string& what) { events().push_back(context().label() + " " + what); }
};

std::vector<std::string> since() { return std::exchange(events(), {}); }
using Events = std::vector<std::string>;

struct ProbeBench : ComponentBench {
  ProbeBench() : ComponentBench{define<Probe>("test.probe", "Says what happens to it.")} {
    since();
  }
  void settle() { loop.advance(100ms); }
  /// The diagnostics of a load that must fail.
  std::string refused(const std::string& text) {
    std::string problems;
    bool done = false;
    spawn(controller->load({{"test", text}}), [&](syntax::Diagnostics d) {
      for (const auto& one : d.list()) problems += syntax::to_line(one) + "\n";
      done = true;
    });
    for (int i = 0; i < 100 && !done; ++i) loop.advance(1ms);
    REQUIRE(done);
    return problems;
  }
};

}  // namespace

TEST_CASE("components are made in the order of their references, and reloads touch what changed") {
  ProbeBench bench;
  bench.load(
      "test.probe \"b\" { text = test.probe.a.text }\n"
      "test.probe \"a\" { text = \"x\" }\n"
      "test.probe \"c\" { text = \"y\" }\n");
  bench.settle();
  const Events first = since();
  const auto at = [&](const std::string& what) {
    return std::find(first.begin(), first.end(), what) - first.begin();
  };
  CHECK(at("a updated to x") < at("b updated to xx"));
  CHECK(std::count(first.begin(), first.end(), "c runs") == 1);

  bench.load(
      "// moved about, and said otherwise\n"
      "test.probe \"c\" { text = \"\" + \"y\" }\n"
      "test.probe \"a\" { text = \"x\" }\n"
      "test.probe \"b\" { text = test.probe.a.text }\n");
  bench.settle();
  CHECK(since() == Events{});

  bench.load(
      "test.probe \"a\" { text = \"z\" }\n"
      "test.probe \"b\" { text = test.probe.a.text }\n");
  bench.settle();
  Events third = since();
  std::sort(third.begin(), third.end());
  CHECK(third == Events{"a updated to z", "b updated to zz", "c destroyed", "c drained"});
  bench.stop(1s);
}

TEST_CASE("a configuration that does not load changes nothing") {
  ProbeBench bench;
  bench.load("test.probe \"a\" { text = \"x\" }\n");
  bench.settle();
  since();
  CHECK(bench.refused("test.probe \"a\" { text = \"y\" }\ntest.probe \"b\" { txt = \"\" }\n")
            .find("txt") != std::string::npos);
  CHECK(bench.refused("test.probe \"a\" { text = 1 + }\n") != "");
  CHECK(bench
            .refused("test.probe \"a\" { text = test.probe.b.text }\n"
                     "test.probe \"b\" { text = test.probe.a.text }\n")
            .find("in a circle") != std::string::npos);
  bench.settle();
  CHECK(since() == Events{});
  CHECK(bench.node("test.probe.a").exports().object().at("text").string() == "xx");
  bench.stop(1s);
}

TEST_CASE("what a component refuses keeps its old arguments and shows in its health") {
  ProbeBench bench;
  bench.load("test.probe \"a\" { text = \"x\" }\n");
  bench.settle();
  since();
  (void)bench.refused("test.probe \"a\" { text = \"bad\" }\n");
  bench.settle();
  CHECK(bench.node("test.probe.a").exports().object().at("text").string() == "xx");
  const auto health = bench.node("test.probe.a").health().report(bench.loop);
  CHECK(health.state == pipeline::HealthReport::State::unhealthy);
  CHECK(health.reason.find("this text is bad") != std::string::npos);
  bench.load("test.probe \"a\" { text = \"y\" }\n");
  bench.settle();
  CHECK(bench.node("test.probe.a").health().report(bench.loop).state ==
        pipeline::HealthReport::State::healthy);
  bench.stop(1s);
}

TEST_CASE("declare, foreach and modules make components of their own") {
  ProbeBench bench;
  bench.load(R"(
declare "twice" {
  argument "in" { }
  test.probe "inner" { text = argument.in.value }
  export "out" { value = test.probe.inner.text }
}
twice "t" { in = "m" }
test.probe "after" { text = twice.t.out }
foreach "each" {
  collection = ["p", "q"]
  var        = "one"
  template {
    test.probe "each" { text = one }
  }
}
)");
  bench.settle();
  const Events made = since();
  for (const char* want :
       {"inner updated to m", "after updated to mm", "each updated to p", "each updated to q"})
    CHECK(std::count(made.begin(), made.end(), want) == 1);
  bench.stop(1s);
}

TEST_CASE("a custom component may stand before the import that brings it") {
  ProbeBench bench;
  bench.load(R"(
lib.one "x" { }
import.string "lib" {
  content = "declare \"one\" {\n  test.probe \"inner\" { text = \"i\" }\n}"
}
)");
  bench.settle();
  const Events made = since();
  CHECK(std::count(made.begin(), made.end(), "inner updated to i") == 1);
  bench.stop(1s);
}

TEST_CASE("a mistake in an imported module is drawn from its own text") {
  ProbeBench bench;
  std::string drawn;
  spawn(bench.controller->load({{"test", R"(
import.string "lib" {
  content = "declare \"one\" {\n  test.probe \"inner\" { txt = 1 }\n}"
}
lib.one "x" { }
)"}}),
        [&](syntax::Diagnostics d) { drawn = syntax::to_drawings(d); });
  bench.settle();
  CHECK(drawn.find("2 |   test.probe \"inner\" { txt = 1 }") != std::string::npos);
  CHECK(drawn.find("^^^") != std::string::npos);
  bench.stop(1s);
}

TEST_CASE("a collector that stops loads nothing more") {
  ProbeBench bench;
  bench.load("test.probe \"a\" { text = \"x\" }\n");
  bench.stop(1s);
  since();
  CHECK(bench.refused("test.probe \"b\" { text = \"y\" }\n").find("stopping") != std::string::npos);
  bench.settle();
  const Events after = since();
  CHECK(std::count(after.begin(), after.end(), "b runs") == 0);
}
