// What remote write does with its outbox: refusals of a part, bodies that are too large,
// credentials that are refused, restarts, levels, and the newest beside a backlog.
#include <collector/engine/testing.hpp>

#include "catch.hpp"
#include "component_bench.hpp"
#include "send/components.hpp"
#include "send/remote_write_endpoint.hpp"
#include "write_request.hpp"

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <set>

using namespace collector;
using namespace std::chrono_literals;

namespace {

constexpr const char* kId = "prometheus.remote_write.x";

/// Answers as `judge` says of the samples of a request; what it takes is in `got`.
struct Judge {
  using Samples = std::vector<WrittenSample>;
  Judge(ComponentBench& bench, std::function<int(const Samples&)> j) : judge(std::move(j)) {
    bench.network.add("server:80", [this, &bench](net::Request r) { return answer(bench, r); });
  }
  Task<net::Response> answer(ComponentBench& bench, net::Request request) {
    ++requests;
    authorization = request.headers.get("Authorization");
    const auto samples = decode_write_request(request.body);
    net::Response response;
    response.status = judge(samples);
    response.body = "because\n";
    if (delay.count() > 0) {
      const bool slept = co_await sleep_for(bench.loop, delay, {});
      (void)slept;
    }
    if (response.status / 100 == 2) got.insert(got.end(), samples.begin(), samples.end());
    co_return response;
  }
  std::vector<double> values() const {
    std::vector<double> out;
    for (const auto& s : got) out.push_back(s.value);
    return out;
  }
  std::function<int(const Samples&)> judge;
  Duration delay{};
  Samples got;
  std::size_t requests = 0;
  std::string authorization;
};

std::string config(const std::string& inside) {
  return "prometheus.remote_write \"x\" {\nendpoint {\nname = \"e\"\nurl = \"http://server/w\"\n" +
         inside + "\n}\n}\n";
}
Ledger ledger(ComponentBench& bench) { return bench.node(kId).component().ledgers().at("e"); }
void balanced(const Ledger& l) {
  std::uint64_t dropped = 0;
  for (const auto& [reason, n] : l.dropped) dropped += n;
  CHECK(l.accepted == l.delivered + l.waiting + dropped);
}
std::vector<SeenSample> samples(const std::string& name, int first, int n) {
  std::vector<SeenSample> out;
  for (int i = first; i < first + n; ++i)
    out.push_back({name, 1'700'000'000'000 + i, static_cast<double>(i)});
  return out;
}

struct Scratch {
  std::string path;
  Scratch() {
    char name[] = "/tmp/collector-outbox-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Scratch() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("of a joined request that is refused only the part at fault is given up") {
  ComponentBench bench{send::prometheus_remote_write()};
  Judge server(bench, [](const Judge::Samples& samples) {
    for (const auto& s : samples)
      if (s.labels.at("__name__") == "bad") return 400;
    return 204;
  });
  bench.load(config("queue_config {\nbatch_send_deadline = \"1s\"\n}"));
  for (int source = 0; source < 9; ++source)
    bench.offer(kId, bench.batch(static_cast<std::uint64_t>(source),
                                 samples(source == 4 ? "bad" : "good", source * 10, 3)));
  bench.loop.advance(5s);
  CHECK(server.got.size() == 24);
  CHECK(ledger(bench).delivered == 24);
  CHECK(ledger(bench).dropped.at("refused by the endpoint") == 3);
  CHECK(ledger(bench).waiting == 0);
  balanced(ledger(bench));
  CHECK(server.requests < 10);  // halves, not one by one
  CHECK(bench.metric("prometheus_remote_storage_samples_failed_total") == 3);
}

TEST_CASE("a request that is too large is halved: by its frames, then a lone frame by its series") {
  ComponentBench bench{send::prometheus_remote_write()};
  Judge server(bench, [](const Judge::Samples& s) { return s.size() > 4 ? 413 : 204; });
  bench.load(config("queue_config {\nbatch_send_deadline = \"1s\"\n}"));
  for (int source = 0; source < 4; ++source) {
    std::vector<SeenSample> batch;
    for (int i = 0; i < 8; ++i)
      batch.push_back({"m" + std::to_string(i), 1'700'000'000'000, source * 10.0 + i});
    bench.offer(kId, bench.batch(static_cast<std::uint64_t>(source), batch));
  }
  bench.loop.advance(5s);
  std::set<double> seen;
  for (const double v : server.values()) seen.insert(v);
  CHECK(seen.size() == 32);
  CHECK(server.got.size() == 32);
  CHECK(ledger(bench).delivered == 32);
  balanced(ledger(bench));
}

TEST_CASE("a half that is too large as well is given up, counted, and holds nobody up") {
  ComponentBench bench{send::prometheus_remote_write()};
  Judge server(bench, [](const Judge::Samples& s) { return s.size() > 2 ? 413 : 204; });
  bench.load(config("queue_config {\nbatch_send_deadline = \"0s\"\n}"));
  std::vector<SeenSample> batch;
  for (int i = 0; i < 8; ++i)
    batch.push_back({"m" + std::to_string(i), 1'700'000'000'000, 1.0 * i});
  bench.offer(kId, bench.batch(1, batch));
  bench.loop.advance(2s);
  CHECK(ledger(bench).dropped.at("refused by the endpoint") == 8);
  bench.offer(kId, bench.batch(1, samples("n", 0, 2)));
  bench.loop.advance(2s);
  CHECK(server.got.size() == 2);
  balanced(ledger(bench));
}

TEST_CASE("refused credentials make the data wait, few requests ask, and new ones release it") {
  for (const char* how : {"password", "server"}) {
    ComponentBench bench{send::prometheus_remote_write()};
    bool strict = true;
    Judge server(bench, [&](const Judge::Samples&) { return strict ? 401 : 204; });
    const std::string queue = "queue_config {\nbatch_send_deadline = \"0s\"\n}\n";
    bench.load(config(queue + "basic_auth {\nusername = \"u\"\npassword = \"old\"\n}"));
    for (int i = 0; i < 20; ++i) {
      bench.offer(kId, bench.batch(1, samples("m", i, 1)));
      bench.loop.advance(15s);
    }
    CHECK(ledger(bench).waiting == 20);
    CHECK(ledger(bench).dropped.empty());
    CHECK(server.requests < 30);
    CHECK(bench.metric("collector_outbox_parked_seconds") > 200);
    strict = false;
    const std::size_t before = server.requests;
    if (how == std::string("password")) {
      bench.load(config(queue + "basic_auth {\nusername = \"u\"\npassword = \"new\"\n}"));
      bench.loop.advance(1s);                           // at once
      CHECK(server.authorization == "Basic dTpuZXc=");  // u:new
    } else {
      bench.loop.advance(61s);  // at the next probe
    }
    CHECK(server.requests > before);
    bench.loop.advance(5s);
    CHECK(server.got.size() == 20);
    std::vector<double> sorted = server.values();
    std::sort(sorted.begin(), sorted.end());
    CHECK(server.values() == sorted);
    CHECK(bench.metric("collector_outbox_parked_seconds") == 0);
    balanced(ledger(bench));
  }
}

TEST_CASE("on_auth_error = drop gives refused requests up") {
  ComponentBench bench{send::prometheus_remote_write()};
  Judge server(bench, [](const Judge::Samples&) { return 403; });
  bench.load(config(
      "queue_config {\nbatch_send_deadline = \"0s\"\n}\noutbox {\non_auth_error = \"drop\"\n}"));
  bench.offer(kId, bench.batch(1, samples("m", 0, 3)));
  bench.loop.advance(1s);
  CHECK(ledger(bench).dropped.at("refused by the endpoint") == 3);
  balanced(ledger(bench));
}

TEST_CASE("credentials that are taken with a part of a request are no longer said to be refused") {
  ComponentBench bench{send::prometheus_remote_write()};
  bool strict = true;
  Judge server(bench, [&](const Judge::Samples& s) {
    if (s.size() > 4) return 413;
    return strict ? 401 : 204;
  });
  bench.load(config("queue_config {\nbatch_send_deadline = \"0s\"\n}"));
  std::vector<SeenSample> batch;
  for (int i = 0; i < 8; ++i)
    batch.push_back({"m" + std::to_string(i), 1'700'000'000'000, 1.0 * i});
  bench.offer(kId, bench.batch(1, batch));
  bench.loop.advance(2min);
  CHECK(bench.metric("collector_outbox_parked_seconds") > 100);
  strict = false;
  bench.loop.advance(2min);
  CHECK(server.got.size() == 8);
  CHECK(ledger(bench).delivered == 8);
  CHECK(bench.metric("collector_outbox_parked_seconds") == 0);
  balanced(ledger(bench));
}

TEST_CASE("full = drop_oldest takes what comes and counts what goes") {
  ComponentBench bench{send::prometheus_remote_write()};
  Scratch scratch;
  ComponentBench disk({send::prometheus_remote_write()}, scratch.path);
  disk.load(config("outbox {\nsize = \"1MiB\"\nfull = \"drop_oldest\"\n}"));  // nobody answers
  for (int i = 0; i < 400; ++i) {
    std::vector<SeenSample> batch;
    for (int k = 0; k < 100; ++k)
      batch.push_back({"series_" + std::to_string(k), 1'700'000'000'000 + i, 1.0 * i});
    const auto outcome = disk.offer(kId, disk.batch(1, batch));
    REQUIRE(outcome);
    CHECK(outcome->kind == Outcome::Kind::delivered);
  }
  const Ledger l = ledger(disk);
  CHECK(l.accepted == 40'000);
  CHECK(l.dropped.at("outbox full") > 10'000);
  CHECK(l.waiting > 5'000);
  balanced(l);
}

TEST_CASE("full = drop_oldest takes what comes where what goes is exemplars only") {
  Scratch scratch;
  ComponentBench disk({send::prometheus_remote_write()}, scratch.path);
  disk.load(config("outbox {\nsize = \"1MiB\"\nfull = \"drop_oldest\"\n}"));  // nobody answers
  for (int i = 0; i < 400; ++i) {
    Metrics batch = disk.batch(1, {});
    for (int k = 0; k < 100; ++k)
      batch.edit().exemplars.push_back({disk.series({{"__name__", "e" + std::to_string(k)}}),
                                        1'700'000'000'000 + i,
                                        1.0 * i,
                                        {{"trace_id", std::string(64, 'a')}}});
    const auto outcome = disk.offer(kId, std::move(batch));
    REQUIRE(outcome);
    CHECK(outcome->kind == Outcome::Kind::delivered);
  }
  balanced(ledger(disk));
}

TEST_CASE(
    "what a stopped or killed collector left on disk is sent by the next, once and in order") {
  for (const bool killed : {false, true}) {
    Scratch scratch;
    {
      ComponentBench bench({send::prometheus_remote_write()}, scratch.path);
      bench.load(config(""));
      for (int i = 0; i < 30; ++i) {
        const auto outcome = bench.offer(kId, bench.batch(1, samples("m", i, 1)));
        REQUIRE(outcome);
        CHECK(outcome->kind == Outcome::Kind::delivered);
      }
      if (!killed) {
        bench.stop(1s);
        CHECK(ledger(bench).waiting == 30);
        CHECK(ledger(bench).durable);
      } else {
        // As the file system sees it at this moment.
        std::filesystem::copy(scratch.path, scratch.path + "-copy",
                              std::filesystem::copy_options::recursive);
      }
    }
    if (killed) {
      std::filesystem::remove_all(scratch.path);
      std::filesystem::rename(scratch.path + "-copy", scratch.path);
    }
    ComponentBench next({send::prometheus_remote_write()}, scratch.path);
    Judge server(next, [](const Judge::Samples&) { return 204; });
    next.load(config(""));
    next.loop.advance(10s);
    std::vector<double> expected;
    for (int i = 0; i < 30; ++i) expected.push_back(i);
    CHECK(server.values() == expected);
    CHECK(ledger(next).accepted == 30);
    balanced(ledger(next));
    next.stop(1s);
    next.loop.advance(1s);
  }
}

TEST_CASE("two collectors on one folder have their own, and the one that is left sends both") {
  Scratch scratch;
  auto first = std::make_unique<ComponentBench>(
      std::initializer_list<Definition>{send::prometheus_remote_write()}, scratch.path);
  first->load(config(""));
  first->offer(kId, first->batch(1, samples("first", 0, 1)));
  {
    ComponentBench second({send::prometheus_remote_write()}, scratch.path);
    second.load(config(""));
    second.offer(kId, second.batch(1, samples("second", 0, 1)));
    CHECK(ledger(second).accepted == 1);
    second.stop(1s);
  }
  first->stop(1s);
  first.reset();
  ComponentBench third({send::prometheus_remote_write()}, scratch.path);
  Judge server(third, [](const Judge::Samples&) { return 204; });
  third.load(config(""));
  third.loop.advance(10s);
  std::set<std::string> names;
  for (const auto& s : server.got) names.insert(s.labels.at("__name__"));
  CHECK(names == std::set<std::string>{"first", "second"});
  CHECK(ledger(third).delivered == 2);
}

TEST_CASE(
    "the block at the root holds for all endpoints that say nothing else, and where it says") {
  Scratch scratch;
  const std::string other = scratch.path + "/other";
  const std::string root = "outbox {\nlevel = \"stored\"\npath = \"" + other + "\"\n}\n";
  {
    ComponentBench bench({send::prometheus_remote_write()}, scratch.path);
    bench.load(root + config(""));
    bench.offer(kId, bench.batch(1, samples("m", 0, 1)));
    CHECK(ledger(bench).durable);
    CHECK(std::filesystem::exists(other + "/" + kId));
    CHECK(!std::filesystem::exists(scratch.path + "/outbox"));
    bench.stop(1s);
  }
  ComponentBench bench({send::prometheus_remote_write()}, scratch.path);
  bench.load("outbox {\nlevel = \"queued\"\n}\n" + config(""));
  bench.offer(kId, bench.batch(1, samples("m", 0, 1)));
  CHECK(!ledger(bench).durable);
  CHECK(!std::filesystem::exists(scratch.path + "/outbox"));
}

TEST_CASE("level delivered answers the source when the endpoint has it") {
  Scratch scratch;
  ComponentBench bench({send::prometheus_remote_write()}, scratch.path);
  Judge server(bench, [](const Judge::Samples&) { return 204; });
  bench.load(config("outbox {\nlevel = \"delivered\"\n}"));
  auto answer = std::make_shared<std::optional<Outcome>>();
  Metrics batch = bench.batch(1, samples("m", 0, 3));
  batch.ack = Ack(bench.loop, [answer](Outcome o) { *answer = std::move(o); });
  bench.receiver(kId).consume(std::move(batch));
  bench.loop.advance(4s);
  CHECK(!*answer);  // it lingers
  bench.loop.advance(2s);
  REQUIRE(*answer);
  CHECK((*answer)->kind == Outcome::Kind::delivered);
  CHECK(server.got.size() == 3);
}

TEST_CASE("out_of_order: while a backlog drains, the newest sample is under a minute old") {
  ComponentBench bench{send::prometheus_remote_write()};
  bool up = false;
  Judge server(bench, [&](const Judge::Samples&) { return up ? 204 : 503; });
  bench.load(
      config("queue_config {\nbatch_send_deadline = \"0s\"\nmax_samples_per_send = 10\n"
             "max_backoff = \"1s\"\ncapacity = 100000\n}\noutbox {\nout_of_order = true\n}"));
  // An hour of outage, one sample a second; then 100 requests of 10 a second.
  const auto now = [&] { return bench.loop.wall().unix_ms(); };
  const auto scrape = [&] {
    bench.offer(kId, bench.batch(1, {{"m", now(), static_cast<double>(now())}}));
    bench.loop.advance(1s);
  };
  for (int i = 0; i < 3600; ++i) scrape();
  up = true;
  server.delay = 500ms;
  std::int64_t worst = 0;
  bool backlog = false;
  for (int i = 0; i < 600; ++i) {
    scrape();
    double newest = 0;
    for (const double v : server.values()) newest = std::max(newest, v);
    if (i > 10) worst = std::max(worst, now() - static_cast<std::int64_t>(newest));
    if (i == 20) backlog = ledger(bench).waiting > 2000;
  }
  CHECK(backlog);
  CHECK(worst < 60'000);
  std::set<double> seen;
  for (const double v : server.values()) seen.insert(v);
  CHECK(seen.size() >= 4195);
  CHECK(server.got.size() == seen.size());  // nothing twice
  balanced(ledger(bench));
  CHECK(ledger(bench).waiting < 10);
}

TEST_CASE("an endpoint that leaves and comes back while its log drains gets another one") {
  Scratch scratch;
  const std::string other =
      "prometheus.remote_write \"x\" {\nendpoint {\nname = \"o\"\nurl = \"http://o/w\"\n}\n}\n";
  {
    ComponentBench bench({send::prometheus_remote_write()}, scratch.path);  // nobody answers
    bench.load(config(""));
    bench.offer(kId, bench.batch(1, samples("m", 0, 2)));
    bench.load(other);
    bench.load(config(""));
    const auto outcome = bench.offer(kId, bench.batch(1, samples("m", 2, 3)));
    REQUIRE(outcome);
    CHECK(outcome->kind == Outcome::Kind::delivered);
    CHECK(ledger(bench).durable);
    bench.loop.advance(70s);  // the one that left ends, the one that came goes on
    bench.offer(kId, bench.batch(1, samples("m", 5, 1)));
    CHECK(ledger(bench).waiting == 4);
    balanced(ledger(bench));
    bench.stop(1s);
  }
  ComponentBench next({send::prometheus_remote_write()}, scratch.path);
  Judge server(next, [](const Judge::Samples&) { return 204; });
  next.load(config(""));
  next.loop.advance(10s);
  std::vector<double> sorted = server.values();
  std::sort(sorted.begin(), sorted.end());
  CHECK(sorted == std::vector<double>{0, 1, 2, 3, 4, 5});
  CHECK(ledger(next).delivered == 6);
  balanced(ledger(next));
}

TEST_CASE("endpoints without a name that differ in what their URL asks for keep apart") {
  Scratch scratch;
  const std::string two =
      "prometheus.remote_write \"x\" {\nendpoint {\nurl = \"http://server/w?db=a\"\n}\n"
      "endpoint {\nurl = \"http://server/w?db=b\"\n}\n}\n";
  ComponentBench bench({send::prometheus_remote_write()}, scratch.path);
  bench.load(two);
  bench.offer(kId, bench.batch(1, samples("m", 0, 3)));
  std::set<std::string> logs;
  for (const auto& e : std::filesystem::directory_iterator(scratch.path + "/outbox/" + kId + "/0"))
    if (e.is_directory()) logs.insert(e.path().filename());
  CHECK(logs.size() == 2);
  for (const std::string& name : logs) CHECK(name.find('.') == std::string::npos);
}

TEST_CASE("a failed sync: the source offers the batch again, and nothing is counted twice") {
  testing::SimulatedLoop time_of_files;
  testing::SeededRandom random(1);
  testing::SimulatedFiles files(time_of_files, random);
  files.put("/data/present", "");
  ComponentBench bench({send::prometheus_remote_write()}, "/data", &files);
  Judge server(bench, [](const Judge::Samples&) { return 204; });
  bench.load(config("queue_config {\nmax_samples_per_send = 2\n}"));
  bench.offer(kId, bench.batch(1, samples("m", 0, 2)));
  bool broken = true;
  int syncs = 0;
  files.ignore_syncs([&](const std::string&) {
    // The call that follows, whatever it is, fails: both the sync and the one of the copy.
    if (broken) files.fail_call(1, Status(Code::unavailable, "I/O error"));
    ++syncs;
    return false;
  });
  const auto refused = bench.offer(kId, bench.batch(1, samples("m", 2, 5)));
  broken = false;
  files.fail_call(0, {});
  REQUIRE(refused);
  CHECK(syncs > 0);
  balanced(ledger(bench));
  const std::uint64_t accepted = refused->kind == Outcome::Kind::delivered ? 7 : 2;
  CHECK(ledger(bench).accepted == accepted);
  bench.loop.advance(10s);
  CHECK(server.got.size() == accepted);
  CHECK(ledger(bench).delivered == accepted);
  balanced(ledger(bench));
}
