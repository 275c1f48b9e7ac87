// prometheus.receive_http over connections in memory: requests that libprotobuf wrote, answers by
// the specifications (prometheus.io/docs/specs/prw) and by what the destinations say.
#include "batch_keeper.hpp"

#include "remote_write_v1.pb.h"
#include "remote_write_v2.pb.h"

#include "net/http.hpp"
#include "receive/components.hpp"
#include "receive/write_receiver.hpp"
#include "wire/compression.hpp"

#include <fmt/format.h>

using namespace collector;
using namespace std::chrono_literals;
namespace v2 = io::prometheus::write::v2;

namespace {

constexpr const char* kV2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

struct Connection {
  std::unique_ptr<Stream> stream;
  std::string in;
  bool over = false;
};

Task<void> pump(std::shared_ptr<Connection> c) {
  std::array<std::byte, 4096> room{};
  for (;;) {
    const auto n = co_await c->stream->read(room, {});
    if (!n || *n == 0) break;
    c->in.append(reinterpret_cast<const char*>(room.data()), *n);
  }
  c->over = true;
}

struct Answer {
  int status = 0;
  net::Headers headers;
  std::string body;
};

struct World {
  ComponentBench bench{receive::prometheus_receive_http(), batch_keeper()};

  explicit World(const std::string& arguments = "",
                 const std::string& http = "listen_port = 9009") {
    load(arguments, http);
  }
  void load(const std::string& arguments, const std::string& http) {
    bench.load("prometheus.receive_http \"in\" {\nhttp {\n" + http +
               "\n}\nforward_to = [test.keeper.out.receiver]\n" + arguments +
               "\n}\ntest.keeper \"out\" { }\n");
    bench.loop.settle();
  }
  Keeper& keeper() { return dynamic_cast<Keeper&>(bench.node("test.keeper.out").component()); }
  std::shared_ptr<Connection> dial(std::uint16_t port = 9009,
                                   const std::string& peer = "192.0.2.1:1000") {
    auto c = std::make_shared<Connection>();
    c->stream = bench.outside.dial(port, peer);
    REQUIRE(c->stream);
    spawn(pump(c), [] {});
    return c;
  }
  void write(const std::shared_ptr<Connection>& c, std::string bytes) {
    spawn(c->stream->write(std::as_bytes(std::span(bytes)), {}), [](Status) {});
    bench.loop.settle();
  }
  static std::string post(const std::string& body, const std::string& type = "",
                          const std::string& more = "") {
    return fmt::format(
        "POST /api/v1/metrics/write HTTP/1.1\r\nHost: x\r\n{}{}Content-Length: {}\r\n\r\n{}",
        type.empty() ? "" : "Content-Type: " + type + "\r\n", more, body.size(), body);
  }
  /// The next answer that is whole.
  static std::optional<Answer> next(const std::shared_ptr<Connection>& c) {
    const auto end = c->in.find("\r\n\r\n");
    if (end == std::string::npos) return std::nullopt;
    Answer answer;
    std::size_t at = c->in.find("\r\n");
    answer.status = std::stoi(c->in.substr(9, 3));
    while (at < end) {
      const std::size_t stop = c->in.find("\r\n", at + 2);
      const std::string line = c->in.substr(at + 2, stop - at - 2);
      answer.headers.add(line.substr(0, line.find(':')), line.substr(line.find(':') + 2));
      at = stop;
    }
    const auto length = answer.headers.get("Content-Length");
    const std::size_t size = length.empty() ? 0 : std::stoul(std::string(length));
    if (c->in.size() < end + 4 + size) return std::nullopt;
    answer.body = c->in.substr(end + 4, size);
    c->in.erase(0, end + 4 + size);
    return answer;
  }
  Answer send(const std::string& bytes, const std::string& peer = "192.0.2.1:1000") {
    auto c = dial(9009, peer);
    write(c, bytes);
    auto answer = next(c);
    REQUIRE(answer);
    c->stream->close();
    bench.loop.settle();
    return *answer;
  }
};

std::string snappy(const std::string& plain) {
  std::string out;
  wire::snappy_compress(plain, out);
  return out;
}

std::string body1(int series, const std::string& name = "m") {
  prometheus::WriteRequest request;
  for (int i = 0; i < series; ++i) {
    auto& ts = *request.add_timeseries();
    for (const auto& [n, v] :
         {std::pair<std::string, std::string>{"__name__", name}, {"n", std::to_string(i)}}) {
      auto& label = *ts.add_labels();
      label.set_name(n);
      label.set_value(v);
    }
    auto& sample = *ts.add_samples();
    sample.set_value(i);
    sample.set_timestamp(1'700'000'000'000);
  }
  return snappy(request.SerializeAsString());
}

/// `good` series with a sample, one of them with an exemplar, one with a histogram, `bad` ones
/// without a name.
std::string body2(int good, int bad) {
  v2::Request request;
  for (const char* symbol : {"", "__name__", "m", "job", "a", "h", "Help."})
    request.add_symbols(symbol);
  for (int i = 0; i < good + bad; ++i) {
    auto& ts = *request.add_timeseries();
    ts.add_labels_refs(i < good ? 1 : 3);
    ts.add_labels_refs(i < good ? 2 : 4);
    ts.mutable_metadata()->set_type(v2::Metadata::METRIC_TYPE_GAUGE);
    ts.mutable_metadata()->set_help_ref(6);
    ts.add_samples()->set_timestamp(1000 + i);
    if (i == 0) ts.add_exemplars()->set_timestamp(900);
  }
  auto& ts = *request.add_timeseries();
  ts.add_labels_refs(1);
  ts.add_labels_refs(5);
  auto& h = *ts.add_histograms();
  h.set_count_int(1);
  h.set_zero_count_int(1);
  h.set_timestamp(5);
  return snappy(request.SerializeAsString());
}

std::string written(const Answer& answer) {
  std::string out;
  for (const char* kind : {"Samples", "Histograms", "Exemplars"})
    out +=
        std::string(answer.headers.get(fmt::format("X-Prometheus-Remote-Write-{}-Written", kind))) +
        " ";
  return out;
}

std::string problems(const std::string& arguments) {
  ComponentBench bench{receive::prometheus_receive_http()};
  std::string out;
  spawn(bench.controller->load({{"test", "prometheus.receive_http \"in\" {\nforward_to = []\n" +
                                             arguments + "\n}\n"}}),
        [&](syntax::Diagnostics d) {
          for (const auto& one : d.list()) out += syntax::to_line(one) + "\n";
        });
  for (int i = 0; i < 10; ++i) bench.loop.advance(1ms);
  return out;
}

}  // namespace

TEST_CASE("Content-Type says which message it is") {
  using receive::write_message_of;
  CHECK(write_message_of("") == 1);
  CHECK(write_message_of("application/x-protobuf") == 1);
  CHECK(write_message_of("application/x-protobuf;proto=prometheus.WriteRequest") == 1);
  CHECK(write_message_of(kV2) == 2);
  CHECK(write_message_of(
            "Application/X-Protobuf; charset=x; proto=\"io.prometheus.write.v2.Request\"") == 2);
  CHECK(write_message_of("application/x-protobuf;proto=other") == 0);
  CHECK(write_message_of("application/x-protobuf;proto") == 0);
  CHECK(write_message_of("application/json") == 0);
}

TEST_CASE("1.0 is answered when the destination has it") {
  World w;
  w.keeper().hold = true;
  auto c = w.dial();
  w.write(c, World::post(body1(3), "application/x-protobuf", "Content-Encoding: snappy\r\n"));
  CHECK(!World::next(c));
  REQUIRE(w.keeper().held.size() == 1);
  CHECK(w.keeper().kept[0].batch.size() == 3);
  CHECK(w.bench.metric("prometheus_receive_http_inflight_requests{") == 1);
  CHECK(w.bench.metric("prometheus_receive_http_tcp_connections{") == 1);
  w.keeper().held[0].settle(Outcome::delivered());
  w.bench.loop.settle();
  const auto answer = World::next(c);
  REQUIRE(answer);
  CHECK(answer->status == 204);
  CHECK(written(*answer) == "   ");
  // The connection carries the next one.
  w.keeper().hold = false;
  w.write(c, World::post(body1(2)));
  REQUIRE(World::next(c));
  CHECK(w.bench.metric("prometheus_forwarded_samples_total{") == 5);
  CHECK(w.bench.metric("prometheus_receive_http_request_duration_seconds_count{") == 2);
  CHECK(w.bench.metric("prometheus_receive_http_inflight_requests{") == 0);
  CHECK(w.bench.metric("prometheus_receive_http_series{") == 3);
}

TEST_CASE("what a destination says is what the sender hears") {
  World w(
      "accepted_remote_write_protobuf_messages = [\"prometheus.WriteRequest\", "
      "\"io.prometheus.write.v2.Request\"]");
  w.keeper().outcome = Outcome::retry("outbox full", 2500ms);
  Answer answer = w.send(World::post(body1(3)));
  CHECK(answer.status == 503);
  CHECK(answer.headers.get("Retry-After") == "3");
  CHECK(answer.body == "outbox full\n");
  answer = w.send(World::post(body2(3, 1), kV2));
  CHECK(answer.status == 503);
  CHECK(written(answer) == "0 0 0 ");
  w.keeper().outcome = Outcome::rejected("too old", 2);
  answer = w.send(World::post(body2(3, 1), kV2));
  CHECK(answer.status == 400);
  CHECK(written(answer) == "1 1 1 ");
  CHECK(answer.body ==
        "1 of 6 items were refused; the first: there is no metric name, got {job=\"a\"}; 2 items "
        "were refused by a destination: too old\n");
}

TEST_CASE("2.0: written counts, in full and in part") {
  World w("accepted_remote_write_protobuf_messages = [\"io.prometheus.write.v2.Request\"]");
  Answer answer = w.send(World::post(body2(3, 0), kV2));
  CHECK(answer.status == 204);
  CHECK(written(answer) == "3 1 1 ");
  answer = w.send(World::post(body2(3, 2), kV2));
  CHECK(answer.status == 400);
  CHECK(written(answer) == "3 1 1 ");
  CHECK(answer.body ==
        "2 of 7 items were refused; the first: there is no metric name, got {job=\"a\"}\n");
  CHECK(w.bench.metric("prometheus_api_remote_write_invalid_labels_samples_total{") == 2);
  CHECK(w.bench.metric("prometheus_receive_http_refused_items_total{") == 2);
  CHECK(w.keeper().kept.size() == 2);
  // Metadata of each of the eight series that were taken; nobody asked for it.
  CHECK(w.bench.metric("prometheus_receive_http_metadata_left_out_total{") == 6);
  // Nothing at all is written in full.
  answer = w.send(World::post(snappy(""), kV2));
  CHECK(answer.status == 204);
  CHECK(written(answer) == "0 0 0 ");
  answer = w.send(World::post(snappy("\x2a"), kV2));
  CHECK(answer.status == 400);
  CHECK(written(answer) == "0 0 0 ");
  CHECK(w.send(World::post(body1(1))).status == 415);
}

TEST_CASE("what is not a request that is served here") {
  World w;
  CHECK(w.send(World::post(body2(1, 0), kV2)).status == 415);
  CHECK(w.send(World::post(body1(1), "application/json")).status == 415);
  CHECK(w.send(World::post(body1(1), "", "Content-Encoding: zstd\r\n")).status == 415);
  CHECK(w.send(World::post("not snappy")).status == 400);
  CHECK(w.send(World::post(snappy("\x0a\x05"))).status == 400);
  CHECK(w.send("GET /api/v1/metrics/write HTTP/1.1\r\nHost: x\r\n\r\n").status == 405);
  CHECK(w.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").status == 404);
  CHECK(w.send("POST /api/v1/metrics/write HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n")
            .status == 413);
  // 100 MiB of zeros: its length is refused, it is not made.
  std::string bomb = snappy(std::string(100U << 20, '\0'));
  CHECK(w.send(World::post(bomb)).status == 413);
  CHECK(w.keeper().kept.empty());
  CHECK(w.bench.metric("prometheus_receive_http_refused_requests_total{") == 9);
  CHECK(w.bench.metric("prometheus_receive_http_refused_requests_total{component_id=\"prometheus."
                       "receive_http.in\",reason=\"too_large\"") == 2);
}

TEST_CASE("a sender is one whatever its connections") {
  World w;
  w.send(World::post(body1(1)), "192.0.2.1:1000");
  w.send(World::post(body1(1)), "192.0.2.1:2000");
  w.send(World::post(body1(1)), "192.0.2.2:1000");
  auto& taken = w.keeper().kept;
  REQUIRE(taken.size() == 3);
  CHECK(taken[0].batch.columns().order_key == taken[1].batch.columns().order_key);
  CHECK(taken[0].batch.columns().order_key != taken[2].batch.columns().order_key);
  CHECK(taken[0].batch.columns().series == taken[2].batch.columns().series);
}

TEST_CASE("metadata goes with the sender's batches when asked for") {
  World w(
      "append_metadata = true\naccepted_remote_write_protobuf_messages = "
      "[\"prometheus.WriteRequest\", \"io.prometheus.write.v2.Request\"]");
  prometheus::WriteRequest request;
  request.add_metadata()->set_metric_family_name("old_total");
  CHECK(w.send(World::post(snappy(request.SerializeAsString()))).status == 204);
  CHECK(w.keeper().kept.empty());  // metadata alone waits for samples
  CHECK(w.send(World::post(body2(1, 0), kV2)).status == 204);
  CHECK(w.send(World::post(body1(1)), "192.0.2.9:1").status == 204);
  auto& taken = w.keeper().kept;
  REQUIRE(taken.size() == 2);
  const auto& known = taken[0].batch.columns().metadata;
  REQUIRE(known);
  REQUIRE(known->size() == 3 - 1);
  CHECK(known->at(0).family == "m");
  CHECK(known->at(0).help == "Help.");
  CHECK(known->at(1).family == "old_total");
  CHECK(!taken[1].batch.columns().metadata);
}

TEST_CASE("a destination that takes too long is not waited for") {
  World w("", "listen_port = 9009\nserver_write_timeout = \"5s\"");
  w.keeper().hold = true;
  auto c = w.dial();
  w.write(c, World::post(body1(3)));
  w.bench.loop.advance(4s);
  CHECK(!World::next(c));
  w.bench.loop.advance(2s);
  const auto answer = World::next(c);
  REQUIRE(answer);
  CHECK(answer->status == 503);
  CHECK(answer->body == "the destinations did not confirm in time\n");
  // It may come all the same: nobody waits for it any more.
  w.keeper().held[0].settle(Outcome::delivered());
  w.bench.loop.settle();
  CHECK(c->in.empty());
  CHECK(w.bench.metric("prometheus_forwarded_samples_total{") == 3);
}

TEST_CASE("a request must arrive in time; between requests there is more") {
  World w("", "listen_port = 9009\nserver_read_timeout = \"5s\"\nserver_idle_timeout = \"60s\"");
  const std::string request = World::post(body1(1));
  auto slow = w.dial();
  w.write(slow, request.substr(0, 20));
  w.bench.loop.advance(6s);
  CHECK(slow->over);
  auto c = w.dial();
  w.write(c, request);
  CHECK(World::next(c)->status == 204);
  w.bench.loop.advance(58s);
  w.write(c, request.substr(0, 20));
  w.bench.loop.advance(4s);
  w.write(c, request.substr(20));
  REQUIRE(World::next(c));
  w.write(c, request.substr(0, 20));
  w.bench.loop.advance(6s);
  CHECK(c->over);
  auto idle = w.dial();
  w.write(idle, request);
  w.bench.loop.advance(59s);
  CHECK(!idle->over);
  w.bench.loop.advance(2s);
  CHECK(idle->over);
}

TEST_CASE("bytes that no destination has confirmed have a limit") {
  World w;
  w.keeper().hold = true;
  // One series of 2.5 million samples of four bytes.
  std::string series = "\x0a\x0d\x0a\x08__name__\x12\x01m";
  for (int i = 0; i < 2'500'000; ++i) series += "\x12\x02\x10\x05";
  prometheus::WriteRequest empty;
  empty.add_timeseries();
  std::string plain = "\x0a";
  for (std::size_t n = series.size();; n >>= 7) {
    plain += static_cast<char>(n < 0x80 ? n : (n & 0x7f) | 0x80);
    if (n < 0x80) break;
  }
  auto c = w.dial();
  w.write(c, World::post(snappy(plain + series)));
  REQUIRE(w.keeper().held.size() == 1);
  CHECK(w.keeper().kept[0].batch.size() == 2'500'000);
  const Answer answer = w.send(World::post(body1(1)));
  CHECK(answer.status == 503);
  CHECK(answer.headers.get("Retry-After") == "1");
  w.keeper().held[0].settle(Outcome::delivered());
  w.keeper().held.clear();
  w.keeper().kept.clear();
  w.keeper().hold = false;
  w.bench.loop.settle();
  CHECK(World::next(c)->status == 204);
  CHECK(w.send(World::post(body1(1))).status == 204);
}

TEST_CASE("without memory the sender is asked to come again") {
  World w;
  const Budget& budget = w.bench.controller->seams().budget;
  const std::string body = body1(2000);
  CHECK(w.send(World::post(body)).status == 204);
  w.keeper().kept.clear();
  w.bench.loop.settle();
  const std::uint64_t idle = budget.usage().used;
  CHECK(idle < 1U << 20);  // the series that are remembered
  // Each question of the way is refused once; what was taken until then is given back.
  int refusals = 0;
  for (std::uint64_t n = 1;; ++n) {
    w.bench.controller->seams().budget.refuse_call(n);
    const Answer answer = w.send(World::post(body));
    w.keeper().kept.clear();
    w.bench.loop.settle();
    CHECK(budget.usage().used == idle);
    if (answer.status == 204) break;
    REQUIRE(answer.status == 503);
    CHECK(answer.headers.get("Retry-After") == "1");
    ++refusals;
  }
  CHECK(refusals >= 3);  // the body, what it decodes to, the columns
}

TEST_CASE("a stop lets requests end, and does not wait for ever") {
  World w("graceful_shutdown_timeout = \"3s\"");
  w.keeper().hold = true;
  auto c = w.dial();
  w.write(c, World::post(body1(3)));
  bool stopped = false;
  spawn(w.bench.controller->stop(w.bench.loop.now() + 10s), [&](bool) { stopped = true; });
  w.bench.stopped = true;
  w.bench.loop.advance(2s);
  CHECK(!World::next(c));
  CHECK(!w.bench.outside.listens(9009));
  w.bench.loop.advance(2s);
  const auto answer = World::next(c);
  REQUIRE(answer);
  CHECK(answer->status == 503);
  w.bench.loop.advance(8s);
  CHECK(stopped);
  CHECK(c->over);
}

TEST_CASE("a port that is taken is tried again, and the health says so") {
  ComponentBench bench{receive::prometheus_receive_http()};
  auto other = bench.outside.listen("::", 9009);
  bench.load(
      "prometheus.receive_http \"in\" {\nhttp {\nlisten_port = 9009\n}\nforward_to = []\n}\n");
  bench.loop.advance(40s);
  auto& node = bench.node("prometheus.receive_http.in");
  const auto report = node.health().report(bench.loop);
  CHECK(report.state == pipeline::HealthReport::State::unhealthy);
  CHECK(report.reason.find("address already in use") != std::string::npos);
  CHECK(bench.log.text.find("cannot listen") != std::string::npos);
  other->reset();
  bench.loop.advance(2s);
  CHECK(node.health().report(bench.loop).state == pipeline::HealthReport::State::healthy);
  CHECK(bench.outside.listens(9009));
  CHECK(node.component().debug_info()["listening_on"] == "[::]:9009");
}

TEST_CASE("a changed server listens anew; other changes leave it") {
  World w;
  auto c = w.dial();
  w.load("append_metadata = true", "listen_port = 9009");
  w.write(c, World::post(body1(1)));
  CHECK(World::next(c)->status == 204);
  w.load("", "listen_port = 9010\nlisten_address = \"localhost\"");
  w.bench.loop.settle();
  CHECK(!w.bench.outside.listens(9009));
  REQUIRE(w.bench.outside.listens(9010));
  auto d = w.dial(9010);
  w.write(d, World::post(body1(1)));
  CHECK(World::next(d)->status == 204);
}

TEST_CASE("more connections than allowed are closed") {
  World w("", "listen_port = 9009\nconn_limit = 1");
  auto first = w.dial();
  w.bench.loop.settle();
  auto second = w.dial();
  w.bench.loop.settle();
  CHECK(second->over);
  w.write(first, World::post(body1(1)));
  CHECK(World::next(first)->status == 204);
  CHECK(w.bench.metric("prometheus_receive_http_tcp_connections_limit{") == 1);
}

TEST_CASE("series that are not sent any more are given up") {
  World w;
  w.send(World::post(body1(100)));
  w.keeper().kept.clear();
  CHECK(w.bench.controller->series().size() == 100);
  for (int i = 0; i < 6; ++i) {
    w.bench.loop.advance(2min);
    w.send(World::post(body1(10)));
    w.keeper().kept.clear();
  }
  w.bench.loop.advance(3min);
  CHECK(w.bench.metric("prometheus_receive_http_series{") == 10);
}

TEST_CASE("mistakes in the configuration") {
  CHECK(problems("") == "");
  CHECK(problems("accepted_remote_write_protobuf_messages = []").find("should not be empty") !=
        std::string::npos);
  CHECK(problems("accepted_remote_write_protobuf_messages = [\"x\"]")
            .find("\"x\" is neither \"prometheus.WriteRequest\" nor") != std::string::npos);
  CHECK(problems("http {\nlisten_port = 70000\n}").find("0 to 65535") != std::string::npos);
  CHECK(problems("http {\nserver_read_timeout = \"-1s\"\n}").find("negative") != std::string::npos);
  CHECK(problems("http {\ntls {\n}\n}").find("must specify either cert_pem or cert_file") !=
        std::string::npos);
  CHECK(problems("http {\ntls {\ncert_pem = \"a\"\nkey_pem = \"b\"\nmin_version = \"TLS12\"\n}\n}")
            .find("unknown TLS version \"TLS12\"") != std::string::npos);
  CHECK(problems("http {\ntls {\ncert_pem = \"a\"\nkey_pem = \"b\"\nmin_version = "
                 "\"VersionTLS13\"\ncipher_suites = \"TLS_AES_128_GCM_SHA256,\"\n}\n}") == "");
}
