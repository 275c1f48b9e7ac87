// List and watch against a scripted API on virtual time: where each request resumes, after
// bookmarks, lines that are cut, 410 Gone in both its forms, and servers that are away. The
// protocol is kubernetes.io's "API concepts".
#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "platform/json_fields.hpp"
#include "platform/kubernetes_watch.hpp"

#include <fmt/format.h>

using namespace collector;
using namespace std::chrono_literals;

namespace {

/// One answer: raw bytes, and whether the connection is cut after them or stays open.
struct Answer {
  std::string bytes;
  bool cut = false;
};

std::string plain(int status, const std::string& body) {
  return fmt::format(
      "HTTP/1.1 {} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", status,
      body.size(), body);
}
std::string chunk(const std::string& text) {
  return fmt::format("{:x}\r\n{}\r\n", text.size(), text);
}
const std::string kStream = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string kEnd = "0\r\n\r\n";

std::string object(const std::string& name, int version) {
  return fmt::format(R"({{"metadata":{{"name":"{}","resourceVersion":"{}"}}}})", name, version);
}
std::string list(int version, const std::string& items, const std::string& next = "") {
  return fmt::format(R"({{"metadata":{{"resourceVersion":"{}","continue":"{}"}},"items":[{}]}})",
                     version, next, items);
}
std::string event(const std::string& type, const std::string& what) {
  return fmt::format(R"({{"type":"{}","object":{}}})", type, what) + "\n";
}

struct World : platform::KubernetesSink {
  testing::SeededRandom random{1};
  testing::SimulatedLoop loop;
  testing::SimulatedNetwork network{loop, random};
  testing::SimulatedFiles files{loop, random};
  Seams seams{loop, network, files, random};
  std::unique_ptr<Listener> listener;
  std::stop_source stop, server_stop;
  std::vector<Answer> script;  ///< one for each request; then nothing is answered
  std::vector<std::string> asked;
  std::vector<std::string> seen;
  std::size_t failures = 0;
  bool ended = false;
  std::unique_ptr<net::ConfiguredClient> client;
  std::unique_ptr<platform::KubernetesWatch> watch;

  explicit World(std::vector<Answer> answers) : script(std::move(answers)) {
    network.listen_as("api");
    listener = *network.listen("", 80);
    spawn(accept(), [] {});
    client = std::make_unique<net::ConfiguredClient>(seams, net::HttpClientSettings());
    watch = std::make_unique<platform::KubernetesWatch>(
        loop, random, *client,
        platform::KubernetesCollection{"http://api/api/v1/pods", "app in (a,b)", "x=y"}, *this);
    spawn(watch->run(stop.get_token()), [this] { ended = true; });
  }
  ~World() override {
    stop.request_stop();
    server_stop.request_stop();
    loop.run_until([&] { return ended; }, 1min);
    loop.run_for(2min);
    CHECK(ended);
  }
  Task<void> accept() {
    for (;;) {
      auto stream = co_await listener->accept(server_stop.get_token());
      if (!stream) co_return;
      spawn(talk(std::shared_ptr<Stream>(std::move(*stream))), [] {});
    }
  }
  Task<void> talk(std::shared_ptr<Stream> stream) {
    std::string in, buffer(4096, '\0');
    for (;;) {
      const std::size_t end = in.find("\r\n\r\n");
      if (end == std::string::npos) {
        auto n = co_await stream->read(std::as_writable_bytes(std::span(buffer)),
                                       server_stop.get_token());
        if (!n || *n == 0) co_return;
        in.append(buffer, 0, *n);
        continue;
      }
      const std::string target = in.substr(4, in.find(' ', 4) - 4);
      in.erase(0, end + 4);
      asked.push_back(target);
      if (asked.size() > script.size()) continue;
      const Answer& answer = script[asked.size() - 1];
      const Status sent =
          co_await stream->write(std::as_bytes(std::span(answer.bytes)), server_stop.get_token());
      if (!sent.ok() || answer.cut) {
        stream->close();
        co_return;
      }
    }
  }

  void begin_list() override { seen.emplace_back("["); }
  void end_list() override { seen.emplace_back("]"); }
  void put(const nlohmann::json& o) override {
    seen.push_back("+" + platform::text(platform::member(o, "metadata"), "name"));
  }
  void remove(const nlohmann::json& o) override {
    seen.push_back("-" + platform::text(platform::member(o, "metadata"), "name"));
  }
  void report(const Status& status) override { failures += status.ok() ? 0 : 1; }

  /// `list`, `list continue`, or `watch VERSION`, request by request.
  std::vector<std::string> requests() const {
    std::vector<std::string> out;
    for (const std::string& target : asked) {
      CHECK(net::query_value(target, "labelSelector") == "app in (a,b)");
      CHECK(net::query_value(target, "fieldSelector") == "x=y");
      if (net::query_value(target, "watch"))
        out.push_back("watch " + net::query_value(target, "resourceVersion").value_or("none"));
      else
        out.push_back(net::query_value(target, "continue") ? "list continue" : "list");
    }
    return out;
  }
};

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("a list in pages, events in pieces, and a resume after a bookmark and a cut line") {
  const std::string added = event("ADDED", object("c", 12));
  World w({{plain(200, list(10, object("a", 1), "next"))},
           {plain(200, list(10, object("b", 2)))},
           {kStream + chunk(added.substr(0, 5)) + chunk(added.substr(5)) +
                chunk(event("MODIFIED", object("a", 13)) + event("DELETED", object("b", 14))) +
                chunk(event("BOOKMARK", object("", 40))) +
                chunk(event("ADDED", object("lost", 41)).substr(0, 30)),
            true},
           {kStream + chunk(event("ADDED", object("lost", 41)))}});
  w.loop.run_for(5s);
  CHECK(w.requests() == Strings{"list", "list continue", "watch 10", "watch 40"});
  CHECK(w.seen == Strings{"[", "+a", "+b", "]", "+c", "+a", "-b", "+lost"});
  CHECK(net::query_value(w.asked[2], "allowWatchBookmarks") == "true");
  CHECK(w.failures == 1);
}

TEST_CASE("a watch that ends by itself is resumed, and 410 Gone leads to a new list") {
  const std::string gone =
      R"({"kind":"Status","message":"too old","reason":"Expired","code":410,"metadata":{}})";
  World w({{plain(200, list(10, object("a", 1)))},
           {kStream + chunk(event("MODIFIED", object("a", 11))) + kEnd},
           {kStream + chunk(event("ERROR", gone))},
           {plain(200, list(50, object("b", 45)))},
           {plain(410, gone)},
           {plain(200, list(60, ""))},
           {kStream}});
  w.loop.run_for(30s);
  CHECK(w.requests() ==
        Strings{"list", "watch 10", "watch 11", "list", "watch 50", "list", "watch 60"});
  CHECK(w.seen == Strings{"[", "+a", "]", "+a", "[", "+b", "]", "[", "]"});
  CHECK(w.failures == 0);
}

TEST_CASE("an API that fails is asked again, later and later; what was known stays") {
  World w({{plain(200, list(10, object("a", 1)))},
           {plain(500, "{}")},
           {plain(403, R"({"message":"forbidden"})")},
           {"garbage", true},
           {plain(200, "no JSON")},
           {kStream + chunk("{]\n"), true},
           {kStream + chunk(event("ADDED", object("b", 11)))}});
  w.loop.run_for(2s);
  CHECK(w.asked.size() >= 2);
  CHECK(w.asked.size() <= 4);
  w.loop.run_for(2min);
  CHECK(w.requests() ==
        Strings{"list", "watch 10", "watch 10", "watch 10", "watch 10", "watch 10", "watch 10"});
  CHECK(w.seen == Strings{"[", "+a", "]", "+b"});
  CHECK(w.failures >= 4);
}

TEST_CASE("a silent watch is renewed after at most ten minutes and a half") {
  World w({{plain(200, list(10, ""))}, {kStream}, {kStream}});
  w.loop.run_for(4min);
  CHECK(w.asked.size() == 2);
  w.loop.run_for(7min);
  CHECK(w.requests() == Strings{"list", "watch 10", "watch 10"});
}
