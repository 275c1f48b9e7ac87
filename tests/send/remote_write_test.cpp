// The queue, its retries and its account. Rules: prometheus/prometheus storage/remote, the remote
// write 1.0 specification, RFC 9110 for Retry-After.
#include "catch.hpp"
#include "component_bench.hpp"
#include "send/components.hpp"
#include "send/remote_write_endpoint.hpp"
#include "write_request.hpp"

using namespace collector;
using namespace std::chrono_literals;

namespace {

constexpr const char* kId = "prometheus.remote_write.x";

struct Server {
  explicit Server(ComponentBench& bench, std::string at = "server:80") : bench_(bench) {
    bench.network.add(at, [this](net::Request r) { return answer(std::move(r)); });
  }
  Task<net::Response> answer(net::Request request) {
    requests.push_back(request);
    times.push_back(bench_.loop.now());
    net::Response response;
    response.status = status;
    response.headers = headers;
    response.body = "the reason\n";
    if (delay.count() > 0) {
      const bool slept = co_await sleep_for(bench_.loop, delay, {});
      (void)slept;
    }
    if (response.status / 100 == 2)
      for (auto& s : decode_write_request(request.body)) got.push_back(s);
    co_return response;
  }
  std::vector<double> values() const {
    std::vector<double> out;
    for (const auto& s : got) out.push_back(s.value);
    return out;
  }
  ComponentBench& bench_;
  int status = 204;
  net::Headers headers;
  Duration delay{};
  std::vector<net::Request> requests;
  std::vector<Instant> times;
  std::vector<WrittenSample> got;
};

std::string config(const std::string& inside, const std::string& outside = "") {
  return "prometheus.remote_write \"x\" {\n" + outside + "\nendpoint {\nname = \"e\"\n" +
         "url = \"http://u:hunter2@server/api/v1/write\"\n" + inside + "\n}\n}\n";
}
std::vector<SeenSample> samples(int first, int n) {
  std::vector<SeenSample> out;
  for (int i = first; i < first + n; ++i)
    out.push_back({"m", 1'700'000'000'000 + i, static_cast<double>(i)});
  return out;
}
std::vector<double> numbers(int n) {
  std::vector<double> out;
  for (int i = 0; i < n; ++i) out.push_back(i);
  return out;
}
Ledger ledger(ComponentBench& bench, const std::string& name = "e") {
  return bench.node(kId).component().ledgers().at(name);
}
void balanced(const Ledger& l) {
  std::uint64_t dropped = 0;
  for (const auto& [reason, n] : l.dropped) dropped += n;
  CHECK(l.accepted == l.delivered + l.waiting + dropped);
}

}  // namespace

TEST_CASE("a batch waits for the deadline, then is one request with the protocol's headers") {
  ComponentBench bench{send::prometheus_remote_write()};
  Server server(bench);
  bench.load(config("headers = { \"X-Scope-OrgID\" = \"me\" }",
                    "external_labels = { \"cluster\" = \"c$1\", \"__name__\" = \"no\" }"));
  const auto outcome = bench.offer(kId, bench.batch(1, samples(0, 3)));
  REQUIRE(outcome);
  CHECK(outcome->kind == Outcome::Kind::delivered);
  bench.loop.advance(4900ms);
  CHECK(server.requests.empty());
  CHECK(ledger(bench).waiting == 3);
  bench.loop.advance(200ms);
  REQUIRE(server.requests.size() == 1);
  const net::Headers& h = server.requests[0].headers;
  CHECK(server.requests[0].method == "POST");
  CHECK(h.get("Content-Encoding") == "snappy");
  CHECK(h.get("Content-Type") == "application/x-protobuf");
  CHECK(h.get("X-Prometheus-Remote-Write-Version") == "0.1.0");
  CHECK(h.get("X-Scope-OrgID") == "me");
  CHECK(server.values() == numbers(3));
  CHECK(server.got.at(0).series == "__name__=m,cluster=c$1");  // what the series has wins
  CHECK(server.got.at(0).ms == 1'700'000'000'000);
  CHECK(ledger(bench).delivered == 3);
  balanced(ledger(bench));
  CHECK(bench.metric("prometheus_remote_storage_samples_total") == 3);
  CHECK(bench.metric("prometheus_remote_storage_samples_pending") == 0);
  std::string text;
  bench.controller->metrics().write(text);
  CHECK(text.find("hunter2") == std::string::npos);
  CHECK(text.find("u:xxxxx@server") != std::string::npos);
}

TEST_CASE("a full request leaves at once, and requests of one source keep its order") {
  ComponentBench bench{send::prometheus_remote_write()};
  Server server(bench);
  server.delay = 100ms;
  bench.load(config("queue_config {\nmax_samples_per_send = 10\nmin_shards = 4\n}"));
  bench.offer(kId, bench.batch(1, samples(0, 35)));
  bench.loop.advance(50ms);
  CHECK(server.requests.size() == 1);  // one source, one request in flight
  bench.loop.advance(6s);
  CHECK(server.values() == numbers(35));
  CHECK(server.requests.size() == 4);
}

TEST_CASE("5xx is retried with doubling delays, each partly by chance") {
  ComponentBench bench{send::prometheus_remote_write()};
  Server server(bench);
  server.status = 503;
  bench.load(
      config("queue_config {\nbatch_send_deadline = \"0s\"\nmin_backoff = \"100ms\"\n"
             "max_backoff = \"1s\"\n}"));
  bench.offer(kId, bench.batch(1, samples(0, 2)));
  bench.loop.advance(20s);
  REQUIRE(server.times.size() > 10);
  Duration delay = 100ms;
  for (std::size_t i = 1; i < server.times.size(); ++i) {
    const Duration waited = server.times[i] - server.times[i - 1];
    CHECK(waited >= delay / 2);
    CHECK(waited <= delay + 20ms);
    delay = std::min<Duration>(delay * 2, 1s);
  }
  CHECK(server.requests[3].headers.get("Retry-Attempt") == "3");
  CHECK(bench.metric("prometheus_remote_storage_samples_retried_total") ==
        2.0 * static_cast<double>(server.times.size()));
  server.status = 200;
  bench.loop.advance(2s);
  CHECK(server.values() == numbers(2));
  balanced(ledger(bench));
}

TEST_CASE("429 obeys Retry-After, or is final when the arguments say so") {
  ComponentBench bench{send::prometheus_remote_write()};
  Server server(bench);
  server.status = 429;
  server.headers.set("Retry-After", "7");
  bench.load(config("queue_config {\nbatch_send_deadline = \"0s\"\n}"));
  bench.offer(kId, bench.batch(1, samples(0, 1)));
  bench.loop.advance(6900ms);
  CHECK(server.requests.size() == 1);
  server.status = 204;
  bench.loop.advance(200ms);
  CHECK(server.values() == numbers(1));

  server.status = 429;
  bench.load(config("queue_config {\nbatch_send_deadline = \"0s\"\nretry_on_http_429 = false\n}"));
  bench.offer(kId, bench.batch(1, samples(0, 1)));
  bench.loop.advance(1s);
  CHECK(ledger(bench).dropped.at("refused by the endpoint") == 1);
  balanced(ledger(bench));
}

TEST_CASE("400 drops the request with counter, log and reason, and the next one goes through") {
  ComponentBench bench{send::prometheus_remote_write()};
  Server server(bench);
  server.status = 400;
  bench.load(config("queue_config {\nbatch_send_deadline = \"0s\"\n}"));
  bench.offer(kId, bench.batch(1, samples(0, 3)));
  bench.loop.advance(1s);
  CHECK(server.requests.size() == 1);
  CHECK(bench.metric("prometheus_remote_storage_samples_failed_total") == 3);
  CHECK(bench.log.text.find("HTTP status 400 Bad Request: the reason") != std::string::npos);
  CHECK(bench.log.text.find("hunter2") == std::string::npos);
  server.status = 200;
  bench.offer(kId, bench.batch(1, samples(3, 1)));
  bench.loop.advance(1s);
  CHECK(server.values() == std::vector<double>{3});
  balanced(ledger(bench));
}

TEST_CASE("a full queue hands the batch back; beside one with room it alone drops") {
  ComponentBench bench{send::prometheus_remote_write()};
  const std::string queue = "queue_config {\ncapacity = 10\nmax_shards = 1\n}";
  bench.load(config(queue));  // nobody answers
  CHECK(bench.offer(kId, bench.batch(1, samples(0, 6)))->kind == Outcome::Kind::delivered);
  const auto full = bench.offer(kId, bench.batch(1, samples(6, 6)));
  REQUIRE(full);
  CHECK(full->kind == Outcome::Kind::retry);
  CHECK(full->reason == "queue full");
  CHECK(full->after > 0s);
  CHECK(ledger(bench).accepted == 6);

  Server good(bench, "good:80");
  bench.load(config(queue, "endpoint {\nname = \"good\"\nurl = \"http://good/\"\n}"));
  CHECK(bench.offer(kId, bench.batch(1, samples(6, 6)))->kind == Outcome::Kind::delivered);
  CHECK(ledger(bench).dropped.at("queue full") == 6);
  bench.loop.advance(6s);
  CHECK(good.got.size() == 6);
  balanced(ledger(bench));
  balanced(ledger(bench, "good"));
}

TEST_CASE("an update keeps the queue and sends it to the new place") {
  ComponentBench bench{send::prometheus_remote_write()};
  bench.load(config("queue_config {\nbatch_send_deadline = \"0s\"\n}"));
  bench.offer(kId, bench.batch(1, samples(0, 4)));
  bench.loop.advance(2s);
  CHECK(ledger(bench).waiting == 4);
  Server other(bench, "other:80");
  bench.load(
      "prometheus.remote_write \"x\" {\nendpoint {\nname = \"e\"\nurl = \"http://other/w\"\n"
      "write_relabel_config {\ntarget_label = \"added\"\nreplacement = \"yes\"\n}\n}\n}\n");
  bench.loop.advance(10s);
  CHECK(other.values() == numbers(4));
  CHECK(other.got.at(0).series == "__name__=m");  // requests are made once
  bench.offer(kId, bench.batch(1, samples(4, 1)));
  bench.loop.advance(10s);
  CHECK(other.got.back().series == "__name__=m,added=yes");
  balanced(ledger(bench));
}

TEST_CASE("write relabelling that drops counts as delivered") {
  ComponentBench bench{send::prometheus_remote_write()};
  Server server(bench);
  bench.load(
      config("write_relabel_config {\nsource_labels = [\"__name__\"]\nregex = \"m\"\n"
             "action = \"drop\"\n}\nqueue_config {\nbatch_send_deadline = \"0s\"\n}"));
  bench.offer(kId, bench.batch(1, samples(0, 5)));
  bench.loop.advance(1s);
  CHECK(server.requests.empty());
  CHECK(ledger(bench).delivered == 5);
  CHECK(ledger(bench).waiting == 0);
}

TEST_CASE("sample_age_limit drops what became too old while it waited") {
  ComponentBench bench{send::prometheus_remote_write()};
  Server server(bench);
  server.status = 500;
  bench.load(config("queue_config {\nbatch_send_deadline = \"0s\"\nsample_age_limit = \"20s\"\n}"));
  const std::int64_t now = bench.loop.wall().unix_ms();
  bench.offer(kId, bench.batch(1, {{"m", now, 1}, {"m", now + 3'600'000, 2}}));
  bench.loop.advance(40s);
  server.status = 200;
  bench.loop.advance(10s);
  CHECK(server.values() == std::vector<double>{2});
  CHECK(ledger(bench).dropped.at("too old") == 1);
  balanced(ledger(bench));
}

TEST_CASE("a stop drains what it can, at once") {
  ComponentBench bench{send::prometheus_remote_write()};
  Server server(bench);
  server.delay = 100ms;
  bench.load(config("queue_config {\nmax_samples_per_send = 10\nbatch_send_deadline = \"1h\"\n}"));
  bench.offer(kId, bench.batch(1, samples(0, 25)));
  CHECK(bench.stop(5s));
  CHECK(server.values() == numbers(25));
  CHECK(ledger(bench).waiting == 0);
}

TEST_CASE("a stop with a dead endpoint ends at the deadline and says what was left") {
  ComponentBench bench{send::prometheus_remote_write()};
  bench.load(config("queue_config {\nbatch_send_deadline = \"0s\"\n}"));
  bench.offer(kId, bench.batch(1, samples(0, 25)));
  const Instant begin = bench.loop.now();
  bench.stop(1s);
  CHECK(bench.loop.now() - begin < 1500ms);
  CHECK(ledger(bench).waiting == 25);
  CHECK(bench.log.text.find("were not delivered before the stop") != std::string::npos);
  CHECK(bench.metric("prometheus_remote_storage_samples_dropped_total") == 25);
  balanced(ledger(bench));
}

TEST_CASE("Retry-After and redacted URLs") {
  const WallTime now{784'111'777LL * 1'000'000'000};  // Sun, 06 Nov 1994 08:49:37 GMT (RFC 9110)
  CHECK(send::retry_after("120", now) == Duration(120s));
  CHECK(send::retry_after("Sun, 06 Nov 1994 08:50:07 GMT", now) == Duration(30s));
  CHECK(send::retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now) == Duration(0s));
  CHECK(send::retry_after("86400", now) == Duration(5min));
  for (const char* bad : {"", "soon", "-1", "1.5", "Sun, 06 Xyz 1994 08:49:37 GMT"})
    CHECK(send::retry_after(bad, now) == std::nullopt);
  CHECK(send::redacted_url("http://u:p@h/x") == "http://u:xxxxx@h/x");
  CHECK(send::redacted_url("http://u@h/x") == "http://u@h/x");
  CHECK(send::redacted_url("http://h:80/a@b:c") == "http://h:80/a@b:c");
}
