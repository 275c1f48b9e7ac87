// The probers of prometheus.exporter.blackbox on virtual time and a network in memory, and what the
// component says of a request. That families are those of blackbox_exporter is shown beside it in
// tests/e2e/blackbox_families.py.
#include "catch.hpp"
#include "component_bench.hpp"

#include "net/extended_network.hpp"
#include "receive/blackbox/cookies.hpp"
#include "receive/blackbox/http_date.hpp"
#include "receive/blackbox/probe.hpp"
#include "receive/components.hpp"

#include <fmt/format.h>

#include <cstring>
#include <map>

using namespace collector;
using namespace collector::receive::blackbox;

namespace {

using Reply = std::function<std::vector<std::string>(std::string)>;

/// Names with addresses; streams that a test talks on; datagrams that a function answers.
class StagedNetwork final : public Network, public net::ExtendedNetwork {
 public:
  explicit StagedNetwork(ManualLoop& l) : loop(l) {}

  Task<Result<std::unique_ptr<Stream>>> connect(std::string host, std::uint16_t port,
                                                std::stop_token) override {
    dialled.push_back(host + ":" + std::to_string(port));
    if (!listens) co_return Result<std::unique_ptr<Stream>>(Status(Code::unavailable, "refused"));
    auto [ours, theirs] = net::memory_pipe(loop, "a", "b");
    peer = std::move(theirs);
    co_return Result<std::unique_ptr<Stream>>(std::move(ours));
  }
  Result<std::unique_ptr<Listener>> listen(const std::string&, std::uint16_t) override {
    return Status(Code::unimplemented, "no listeners");
  }
  Task<Result<std::vector<DnsRecord>>> resolve(std::string, RecordType, std::stop_token) override {
    co_return Result<std::vector<DnsRecord>>(Status(Code::not_found, "no such name"));
  }
  Task<Result<std::vector<std::string>>> addresses(std::string host, std::stop_token) override {
    const auto at = names.find(host);
    if (at != names.end()) co_return at->second;
    co_return Result<std::vector<std::string>>(Status(Code::not_found, host + " has no address"));
  }
  Result<std::shared_ptr<void>> watch(const std::string&, Function<void()>) override {
    return Status(Code::unimplemented, "no watches");
  }
  Task<Result<std::unique_ptr<Stream>>> connect_from(std::string source, std::string host,
                                                     std::uint16_t port,
                                                     std::stop_token stop) override {
    sources.push_back(source);
    auto stream = co_await connect(std::move(host), port, std::move(stop));
    co_return stream;
  }
  Result<std::unique_ptr<net::Datagrams>> datagrams(const std::string&, std::uint16_t,
                                                    const net::DatagramOptions& o) override {
    options = o;
    return std::unique_ptr<net::Datagrams>(std::make_unique<Socket>(*this));
  }

  struct Socket final : net::Datagrams {
    explicit Socket(StagedNetwork& n) : network(n) {}
    Task<Status> send(std::span<const std::byte> bytes, std::stop_token) override {
      const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      for (std::string& one : network.reply(text)) waiting.push_back(std::move(one));
      co_return Status();
    }
    Task<Result<Received>> receive(std::span<std::byte> into, std::stop_token stop) override {
      const bool late = waiting.empty();
      // Nothing comes any more: until the stop.
      if (late) {
        const bool slept = co_await sleep_for(network.loop, std::chrono::hours(1), stop);
        CHECK(!slept);
        co_return Result<Received>(Status(Code::cancelled, "stopped"));
      }
      const std::string one = std::move(waiting.front());
      waiting.erase(waiting.begin());
      std::memcpy(into.data(), one.data(), one.size());
      co_return Received{one.size(), 61};
    }
    bool system_sets_echo_id() const override { return network.sets_id; }
    StagedNetwork& network;
    std::vector<std::string> waiting;
  };

  ManualLoop& loop;
  std::map<std::string, std::vector<std::string>> names;
  std::vector<std::string> dialled, sources;
  std::unique_ptr<Stream> peer;
  net::DatagramOptions options;
  Reply reply = [](std::string) { return std::vector<std::string>(); };
  bool listens = true, sets_id = false;
};

struct Bench {
  ManualLoop loop;
  StagedNetwork outside{loop};
  net::MemoryRoutes network{loop, outside};
  base::SystemFiles files;
  CountingRandom random;
  Seams seams{loop, network, files, random};
  Modules modules;
  std::stop_source stop;
  std::unique_ptr<Probe> probe;
  std::optional<bool> success;

  ~Bench() {
    stop.request_stop();
    outside.peer.reset();
    loop.settle();
  }
  /// Starts a probe; `finish` or `success` says how it ends.
  void start(Task<bool> (*prober)(Probe&), const std::string& module, const std::string& target) {
    auto read = read_modules("modules:\n  m:\n" + module);
    INFO((read ? std::string() : read.error().what()));
    REQUIRE(read.has_value());
    modules = std::move(*read);
    probe = std::make_unique<Probe>(seams, modules.at("m"), target, stop.get_token());
    success.reset();
    spawn(prober(*probe), [this](bool good) { success = good; });
    loop.settle();
  }
  bool finish() {
    for (int i = 0; i < 20 && !success; ++i) loop.advance(std::chrono::milliseconds(1));
    REQUIRE(success);
    return *success;
  }
  void says(const std::string& text) {
    REQUIRE(outside.peer);
    spawn(outside.peer->write(std::as_bytes(std::span(text)), {}), [](Status s) { CHECK(s.ok()); });
    loop.settle();
  }
  std::string hears() {
    std::string out(4096, '\0');
    REQUIRE(outside.peer);
    spawn(outside.peer->read(std::as_writable_bytes(std::span(out)), {}),
          [&](Result<std::size_t> n) { out.resize(n ? *n : 0); });
    loop.settle();
    return out;
  }
  /// The line of a sample, or empty.
  std::string sample(const std::string& start) const {
    const std::string text = "\n" + probe->families.text();
    const std::size_t at = text.find("\n" + start);
    if (at == std::string::npos) return {};
    return text.substr(at + 1, text.find('\n', at + 1) - at - 1);
  }
};

constexpr auto kTcp = "    prober: tcp\n";

}  // namespace

TEST_CASE("blackbox: one address is chosen, and its hash tells when it changes") {
  Bench b;
  b.outside.names["both.test"] = {"10.0.0.1", "2001:db8::7", "10.0.0.2"};
  b.outside.names["old.test"] = {"10.0.0.1"};
  const auto dialled = [&](const std::string& choice, const std::string& target) {
    b.outside.dialled.clear();
    b.start(probe_tcp, kTcp + ("    tcp: {" + choice + "}\n"), target);
    b.finish();
    return b.outside.dialled.empty() ? std::string() : b.outside.dialled[0];
  };
  CHECK(dialled("", "both.test:80") == "2001:db8::7:80");
  // FNV-1a by another program (Python) over the bytes of the address.
  CHECK(b.sample("probe_ip_addr_hash") == "probe_ip_addr_hash 1817903566");
  CHECK(b.sample("probe_ip_protocol") == "probe_ip_protocol 6");
  CHECK(dialled("preferred_ip_protocol: ip4", "both.test:80") == "10.0.0.1:80");
  CHECK(b.sample("probe_ip_addr_hash") == "probe_ip_addr_hash 1817209388");
  CHECK(dialled("", "old.test:80") == "10.0.0.1:80");
  CHECK(dialled("ip_protocol_fallback: false", "old.test:80").empty());
  CHECK(b.sample("probe_ip_protocol") == "probe_ip_protocol 0");
  CHECK(dialled("", "none.test:80").empty());
  CHECK(dialled("", "[::1]:443") == "::1:443");
  CHECK(dialled("", "::1:443").empty());
  CHECK(dialled("", "old.test:http").empty());
  CHECK(dialled("source_ip_address: 10.0.0.9", "old.test:80") == "10.0.0.1:80");
  CHECK(b.outside.sources == std::vector<std::string>{"10.0.0.9"});
}

TEST_CASE("blackbox: a conversation expects lines, bytes, and says what it heard") {
  Bench b;
  b.start(probe_tcp, std::string(kTcp) + R"(    tcp:
      query_response:
        - expect: "^220 (?P<who>[^ ]+) (.*)$"
          send: "HELO ${who}"
          labels: [{name: server, value: "$who"}, {name: said, value: "$2"}]
        - expect_bytes: "OK"
        - send: "BYE"
)",
          "10.0.0.1:25");
  b.says("100 wait\r\n220 box.test \"hi\"\r\nO");
  CHECK(b.hears() == "HELO box.test\n");
  CHECK(!b.success);
  b.says("K");
  CHECK(b.hears() == "BYE\n");
  CHECK(b.finish());
  CHECK(b.sample("probe_expect_info") ==
        "probe_expect_info{server=\"box.test\",said=\"\\\"hi\\\"\"} 1");
  CHECK(b.sample("probe_failed_due_to_regex") == "probe_failed_due_to_regex 0");
}

TEST_CASE("blackbox: a conversation fails by its regex, its bytes, its end, its deadline") {
  Bench b;
  const auto begin = [&](const std::string& step) {
    b.start(probe_tcp, kTcp + ("    tcp: {query_response: [" + step + "]}\n"), "10.0.0.1:25");
  };
  begin("{expect: yes}");
  b.says("no\nno, again");
  b.outside.peer->close();
  CHECK(!b.finish());
  CHECK(b.sample("probe_failed_due_to_regex") == "probe_failed_due_to_regex 1");
  begin("{expect: again$}");
  b.says("no, again");  // without a line feed
  b.outside.peer->close();
  CHECK(b.finish());
  begin("{expect_bytes: yes}");
  b.says("yep");
  CHECK(!b.finish());
  CHECK(b.sample("probe_failed_due_to_bytes") == "probe_failed_due_to_bytes 1");
  begin("{expect_bytes: yes}");
  b.says("ye");
  b.outside.peer->close();
  CHECK(!b.finish());
  begin("{expect: yes}");
  b.says(std::string(70'000, 'y'));
  CHECK(!b.finish());
  begin("{expect: yes}");
  b.stop.request_stop();
  CHECK(!b.finish());
}

TEST_CASE("blackbox: echoes are told from strangers'") {
  Bench b;
  const auto fix = [](std::string reply) {
    reply[0] = 0;  // an echo's reply
    reply[2] = reply[3] = 0;
    return reply;
  };
  b.outside.reply = [&](std::string request) {
    CHECK(request.size() == 8 + 40);
    CHECK(request[0] == 8);
    CHECK(request.substr(8, 28) == "Prometheus Blackbox Exporter");
    CHECK(request.substr(36) == std::string(12, '\0'));
    std::uint32_t sum = 0;  // RFC 1071: with its checksum the sum of a message is all ones
    for (std::size_t i = 0; i < request.size(); i += 2)
      sum += static_cast<std::uint32_t>(static_cast<unsigned char>(request[i])) << 8 |
             static_cast<unsigned char>(request[i + 1]);
    while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
    CHECK(sum == 0xFFFF);
    std::string other_id = fix(request);
    other_id[4] ^= 1;
    std::string other_sequence = fix(request);
    other_sequence[7] ^= 1;
    std::string other_text = fix(request);
    other_text[20] ^= 1;
    return std::vector<std::string>{
        request, other_id, other_sequence, other_text, fix(request).substr(0, 20), fix(request)};
  };
  const std::string module =
      "    prober: icmp\n    icmp: {payload_size: 40, ttl: 9, dont_fragment: true, "
      "source_ip_address: 10.0.0.9}\n";
  b.start(probe_icmp, module, "10.0.0.1");
  CHECK(b.finish());
  CHECK(b.sample("probe_icmp_reply_hop_limit") == "probe_icmp_reply_hop_limit 61");
  CHECK(b.outside.options.hop_limit == 9);
  CHECK(b.outside.options.dont_fragment);
  CHECK(b.outside.options.source == "10.0.0.9");
  // The system's own id is not ours to know.
  b.outside.sets_id = true;
  b.outside.reply = [&](std::string request) {
    std::string reply = fix(request);
    reply[4] ^= 1;
    return std::vector<std::string>{reply};
  };
  b.start(probe_icmp, module, "10.0.0.1");
  CHECK(b.finish());
  b.outside.sets_id = false;
  b.start(probe_icmp, module, "10.0.0.1");
  CHECK(!b.success);
  b.stop.request_stop();
  CHECK(!b.finish());
  CHECK(b.sample("probe_icmp_reply_hop_limit").empty());
}

TEST_CASE("blackbox: credentials and cookies over redirects") {
  Bench b;
  b.outside.names["a.test"] = {"10.0.0.1"};
  b.outside.names["b.test"] = {"10.0.0.2"};
  std::vector<std::string> seen;
  const auto serve = [&](std::string place, std::string to) {
    b.network.add(place, [&seen, place, to](net::Request r) -> Task<net::Response> {
      seen.push_back(fmt::format("{} {} {} host={} auth={} cookie={} key={}", place, r.method,
                                 r.target, r.headers.get("Host"), r.headers.get("Authorization"),
                                 r.headers.get("Cookie"), r.headers.get("X-Key")));
      net::Response out;
      if (r.target == "/start") {
        out.status = 302;
        out.headers.set("Location", "/next");
        out.headers.add("Set-Cookie", "box=oak; Path=/");
        out.headers.add("Set-Cookie", "old=x; Max-Age=0");
      } else if (r.target == "/next") {
        out.status = 307;
        out.headers.set("Location", to);
      }
      out.body = "done";
      co_return out;
    });
  };
  serve("10.0.0.1:80", "http://b.test/end");
  serve("10.0.0.2:80", "");
  const std::string module =
      "    prober: http\n    http: {method: POST, body: x, headers: {Host: vhost.test}, "
      "basic_auth: {username: u, password: p}, http_headers: {X-Key: {values: [k]}}}\n";
  b.start(probe_http, module, "http://a.test/start");
  CHECK(b.finish());
  REQUIRE(seen.size() == 3);
  CHECK(seen[0] == "10.0.0.1:80 POST /start host=vhost.test auth=Basic dTpw cookie= key=k");
  CHECK(seen[1] == "10.0.0.1:80 GET /next host=vhost.test auth=Basic dTpw cookie=box=oak key=k");
  CHECK(seen[2] == "10.0.0.2:80 GET /end host=b.test auth= cookie= key=");
  CHECK(b.sample("probe_http_redirects") == "probe_http_redirects 2");
  CHECK(b.sample("probe_http_uncompressed_body_length") == "probe_http_uncompressed_body_length 4");
}

TEST_CASE("blackbox: cookies by RFC 6265") {
  const auto url = [](const char* text) { return *net::Url::parse(text); };
  const auto sent = [&](const char* set, const char* from, const char* to) {
    Cookies jar;
    net::Headers answer;
    answer.add("Set-Cookie", set);
    jar.take(url(from), answer, {1'700'000'000'000'000'000});
    return jar.header(url(to));
  };
  CHECK(sent("a=1", "http://x.test/p/q", "http://x.test/p/r") == "a=1");
  CHECK(sent("a=1", "http://x.test/p/q", "http://x.test/other").empty());
  CHECK(sent("a=1", "http://x.test/p/q", "http://y.x.test/p/r").empty());
  CHECK(sent("a=1; Domain=.x.test; Path=/", "http://www.x.test/", "http://y.x.test/") == "a=1");
  CHECK(sent("a=1; Domain=test; Path=/", "http://x.test/", "http://x.test/").empty());
  CHECK(sent("a=1; Domain=y.test; Path=/", "http://x.test/", "http://y.test/").empty());
  CHECK(sent("a=1; Secure; Path=/", "https://x.test/", "http://x.test/").empty());
  CHECK(sent("a=1; Secure; Path=/", "https://x.test/", "https://x.test/") == "a=1");
  CHECK(sent("a=1; Path=/ab", "http://x.test/", "http://x.test/abc").empty());
  CHECK(sent("a=1; Expires=Wed, 21-Oct-2015 07:28:00 GMT", "http://x.test/", "http://x.test/")
            .empty());
  CHECK(sent("a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT; Max-Age=5", "http://x.test/",
             "http://x.test/") == "a=1");
  CHECK(sent("nothing", "http://x.test/", "http://x.test/").empty());
}

TEST_CASE("blackbox: dates in the three forms of RFC 9110") {
  CHECK(http_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777);
  CHECK(http_date("Sunday, 06-Nov-94 08:49:37 GMT") == 784111777);
  CHECK(http_date("Sun Nov  6 08:49:37 1994") == 784111777);
  CHECK(!http_date("Sun, 06 Nov 1994 08:49:37 CET"));
  CHECK(!http_date("Sun, 06 Nov 1994 24:49:37 GMT"));
  CHECK(!http_date("06.11.1994"));
  CHECK(!http_date(""));
}

TEST_CASE("blackbox: a body without an end is cut at its limit, its status stays") {
  Bench b;
  b.outside.names["a.test"] = {"10.0.0.1"};
  b.start(probe_http, "    prober: http\n    http: {body_size_limit: 10B}\n", "a.test");
  CHECK(b.hears().starts_with("GET / HTTP/1.1\r\nHost: a.test\r\n"));
  b.says("HTTP/1.1 200 OK\r\n\r\n0123456789abc");
  CHECK(!b.finish());
  CHECK(b.sample("probe_http_status_code") == "probe_http_status_code 200");
  CHECK(b.sample("probe_http_uncompressed_body_length") ==
        "probe_http_uncompressed_body_length 10");
  CHECK(b.sample("probe_http_content_length") == "probe_http_content_length -1");
}

TEST_CASE("blackbox: the scrape's timeout, less the offset, ends a probe") {
  ComponentBench bench{receive::prometheus_exporter_blackbox()};
  bench.load(R"(prometheus.exporter.blackbox "b" {
  config = "{modules: {quick: {prober: http, timeout: 1s}, slow: {prober: http}}}"
  target {
    name    = "web"
    address = "10.0.0.1"
    labels  = { "env" = "dev", "job" = "mine" }
  }
})");
  auto& component = bench.node("prometheus.exporter.blackbox.b").component();
  bench.network.add("10.0.0.1:80", [&](net::Request) -> Task<net::Response> {
    const bool slept = co_await sleep_for(bench.loop, std::chrono::seconds(300), {});
    CHECK(slept);
    co_return net::Response();
  });
  std::optional<net::Response> response;
  const auto ask = [&](const std::string& query, const std::string& timeout) {
    net::Request request;
    request.target = "/metrics?" + query;
    if (!timeout.empty()) request.headers.set("X-Prometheus-Scrape-Timeout-Seconds", timeout);
    response.reset();
    spawn(component.serve(std::move(request)), [&](net::Response r) { response = std::move(r); });
    bench.loop.settle();
  };
  const auto ends_after = [&](Duration d) {
    bench.loop.advance(d - std::chrono::milliseconds(1));
    const bool before = response.has_value();
    bench.loop.advance(std::chrono::milliseconds(2));
    return !before && response.has_value();
  };
  ask("target=10.0.0.1&module=slow", "3");
  CHECK(ends_after(std::chrono::milliseconds(2500)));
  CHECK(response->status == 200);
  CHECK(response->body.find("\nprobe_success 0\n") != std::string::npos);
  CHECK(response->body.find("\nprobe_timeout_seconds 2.5\n") != std::string::npos);
  ask("target=10.0.0.1&module=quick", "3");
  CHECK(ends_after(std::chrono::seconds(1)));
  ask("target=10.0.0.1&module=slow", "");
  CHECK(ends_after(std::chrono::milliseconds(119'500)));
  ask("target=10.0.0.1&module=slow", "soon");
  CHECK(response->status == 500);
  ask("target=10.0.0.1&module=none", "3");
  CHECK(response->status == 400);
  ask("module=slow", "3");
  CHECK(response->status == 400);
  // A stop ends what is under way, and waits for it.
  ask("target=10.0.0.1&module=slow&debug=true", "100");
  CHECK(bench.stop(std::chrono::seconds(5)));
  REQUIRE(response);
  CHECK(response->body.find("Logs for the probe:\n") == 0);
  bench.loop.advance(std::chrono::seconds(300));  // the server's own time
}

TEST_CASE("blackbox: targets lead a scraper here, with module and labels") {
  ComponentBench bench{receive::prometheus_exporter_blackbox()};
  bench.load(R"(prometheus.exporter.blackbox "b" {
  config  = "{modules: {}}"
  targets = [{"__address__" = "x:1", "name" = "n", "module" = "m", "env" = "dev", "job" = "mine"}]
})");
  const auto& targets =
      bench.node("prometheus.exporter.blackbox.b").exports().object().at("targets").array();
  REQUIRE(targets.size() == 1);
  const auto label = [&](const char* name) { return targets[0].object().at(name).string(); };
  CHECK(label("job") == "integrations/blackbox/n");
  CHECK(label("instance") == "prometheus.exporter.blackbox.b");
  CHECK(label("__param_target") == "x:1");
  CHECK(label("__param_module") == "m");
  CHECK(label("env") == "dev");
  CHECK(label("__metrics_path__") == "/api/v0/component/prometheus.exporter.blackbox.b/metrics");
}
