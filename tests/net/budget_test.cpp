// What arrives is on the account of the budget, over HTTP/1 and HTTP/2, for clients and servers.
#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "net/http2_session.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "net/memory_network.hpp"
#include "wire/compression.hpp"

#include <fmt/format.h>

using namespace collector;
using namespace std::chrono_literals;
using Refusal = Budget::Refusal;

namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// A server that answers every connection with what a test says, byte by byte.
struct RawWorld {
  testing::SeededRandom random{1};
  testing::SimulatedLoop loop;
  testing::SimulatedNetwork network{loop, random};
  std::vector<std::unique_ptr<Listener>> listeners;
  Budget budget;

  explicit RawWorld(std::uint64_t limit) : budget(limit) {}

  using Answer = std::function<Task<void>(Stream&)>;
  static Task<void> serve_all(Listener& listener, Answer answer) {
    for (;;) {
      auto stream = co_await listener.accept({});
      if (!stream) co_return;
      spawn(serve(std::move(*stream), answer), [] {});
    }
  }
  static Task<void> serve(std::unique_ptr<Stream> stream, Answer answer) {
    std::byte head[4096];
    const auto n = co_await stream->read(head, {});
    if (n && *n > 0) co_await answer(*stream);
    stream->close();
  }
  void host(const std::string& name, Answer answer) {
    network.listen_as(name);
    listeners.push_back(*network.listen("", 80));
    spawn(serve_all(*listeners.back(), std::move(answer)), [] {});
  }
  /// `size` bytes in chunks, one each 10 ms; 0: without end.
  Answer chunked(std::size_t size) {
    return [this, size](Stream& stream) -> Task<void> {
      const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
      Status sent = co_await stream.write(bytes_of(head), {});
      const std::string piece(25'000, 'x');
      for (std::size_t done = 0; sent.ok() && (size == 0 || done < size); done += piece.size()) {
        const std::string chunk = fmt::format("{:x}\r\n", piece.size()) + piece + "\r\n";
        sent = co_await stream.write(bytes_of(chunk), {});
        const bool slept = co_await sleep_for(loop, 10ms, {});
        (void)slept;
      }
      const std::string end = "0\r\n\r\n";
      if (sent.ok()) sent = co_await stream.write(bytes_of(end), {});
    };
  }
  net::ConnectSettings settings() {
    net::ConnectSettings out;
    out.budget = budget;
    return out;
  }
  using Outcome = std::optional<Result<net::Response>>;
  void get(net::HttpClient& client, const std::string& url, Outcome& into) {
    net::Request request;
    request.url = url;
    net::SendOptions options;
    options.max_body = std::size_t{1} << 30;
    options.timeout = 10min;
    spawn(client.send(std::move(request), options),
          [&into](Result<net::Response> r) { into.emplace(std::move(r)); });
  }
  bool run_until(Function<bool()> done) { return loop.run_until(std::move(done), 20min); }
  ~RawWorld() {
    for (auto& listener : listeners) listener->close();
    loop.run_for(1min);
  }
};

}  // namespace

TEST_CASE("two half-received bodies do not wait for each other: the older one comes to its end") {
  RawWorld world(2'200'000);
  world.host("first", world.chunked(1'000'000));
  world.host("second", world.chunked(1'000'000));
  RawWorld::Outcome first, second;
  {
    net::HttpClient client(world.loop, world.network, world.settings());
    world.get(client, "http://first/", first);
    world.loop.run_for(50ms);
    world.get(client, "http://second/", second);
    REQUIRE(world.run_until([&] { return first && second; }));
  }
  REQUIRE(first->has_value());
  CHECK((*first)->body.size() == 1'000'000);
  REQUIRE_FALSE(second->has_value());
  CHECK(second->error().code() == Code::resource_exhausted);
  CHECK(second->error().what().find("cut in favour of an older one") != std::string::npos);
  CHECK(world.budget.usage().refused.at({"response_body", Refusal::cut}) == 1);
  CHECK(world.budget.usage().peak <= 2'200'000 + 4 * (64U << 10));
  first.reset();
  world.loop.run_for(1s);
  CHECK(world.budget.usage().used == 0);
}

TEST_CASE("an endless body is cut at the limit") {
  RawWorld world(1'000'000);
  world.host("endless", world.chunked(0));
  RawWorld::Outcome answer;
  {
    net::HttpClient client(world.loop, world.network, world.settings());
    world.get(client, "http://endless/", answer);
    REQUIRE(world.run_until([&] { return answer.has_value(); }));
  }
  REQUIRE_FALSE(answer->has_value());
  CHECK(answer->error().code() == Code::resource_exhausted);
  CHECK(world.budget.usage().peak <= 1'000'000 + 2 * (64U << 10));
  world.loop.run_for(1s);
  CHECK(world.budget.usage().used == 0);
}

TEST_CASE("a declared length is taken whole before the body comes, or refused") {
  RawWorld world(1'000'000);
  std::size_t sent_pieces = 0;
  const auto declares = [&](std::size_t length) -> RawWorld::Answer {
    return [&, length](Stream& stream) -> Task<void> {
      const std::string head = fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", length);
      Status sent = co_await stream.write(bytes_of(head), {});
      const std::string piece(length / 10, 'x');
      for (int i = 0; i < 10 && sent.ok(); ++i) {
        const bool slept = co_await sleep_for(world.loop, 100ms, {});
        (void)slept;
        sent = co_await stream.write(bytes_of(piece), {});
        ++sent_pieces;
      }
    };
  };
  world.host("huge", declares(5'000'000));
  world.host("one", declares(700'000));
  world.host("two", declares(700'000));
  RawWorld::Outcome huge, one, two;
  {
    net::HttpClient client(world.loop, world.network, world.settings());
    world.get(client, "http://huge/", huge);
    REQUIRE(world.run_until([&] { return huge.has_value(); }));
    REQUIRE_FALSE(huge->has_value());
    CHECK(huge->error().code() == Code::resource_exhausted);
    CHECK(sent_pieces == 0);
    world.get(client, "http://one/", one);
    world.loop.run_for(150ms);
    CHECK(world.budget.usage().used >= 700'000);
    world.get(client, "http://two/", two);
    REQUIRE(world.run_until([&] { return two.has_value(); }));
    CHECK_FALSE(one.has_value());
    REQUIRE(world.run_until([&] { return one.has_value(); }));
  }
  REQUIRE_FALSE(two->has_value());
  REQUIRE(one->has_value());
  CHECK((*one)->body.size() == 700'000);
  CHECK(world.budget.usage().refused.at({"response_body", Refusal::over_limit}) == 1);
  CHECK(world.budget.usage().refused.at({"response_body", Refusal::no_room}) == 1);
  one.reset();
  world.loop.run_for(1s);
  CHECK(world.budget.usage().used == 0);
}

TEST_CASE("whatever is refused, the account returns to nothing") {
  RawWorld world(Budget::kNoLimit);
  std::string plain;
  for (int i = 0; i < 20'000; ++i) plain += fmt::format("line {} of what was compressed\n", i);
  const std::string body = wire::gzip(plain);
  world.host("zipped", [&](Stream& stream) -> Task<void> {
    const std::string answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n" +
        fmt::format("{:x}\r\n", body.size()) + body + "\r\n0\r\n\r\n";
    const Status sent = co_await stream.write(bytes_of(answer), {});
    (void)sent;
  });
  std::uint64_t n = 0;
  for (bool failed = true; failed;) {
    world.budget.refuse_call(++n);
    RawWorld::Outcome answer;
    {
      net::HttpClient client(world.loop, world.network, world.settings());
      world.get(client, "http://zipped/", answer);
      REQUIRE(world.run_until([&] { return answer.has_value(); }));
    }
    failed = !answer->has_value();
    if (failed) CHECK(answer->error().code() == Code::resource_exhausted);
    if (!failed) {
      CHECK((*answer)->body == plain);
      CHECK(world.budget.usage().used >= plain.size());
    }
    answer.reset();
    world.loop.run_for(1s);
    CHECK(world.budget.usage().used == 0);
    REQUIRE(n < 100);
  }
  CHECK(n > 2);
}

TEST_CASE("connections that break give back what they held") {
  testing::SeededRandom random{7};
  testing::SimulatedLoop loop;
  testing::SimulatedNetwork network{loop, random};
  Budget budget(5'000'000);
  network.listen_as("server");
  net::HttpServer::Options options;
  options.budget = budget;
  net::HttpServer server(
      loop,
      [](net::Request request) -> Task<net::Response> {
        net::Response response;
        response.body = request.body + std::string(300'000, 'y');
        co_return response;
      },
      options);
  server.serve(*network.listen("", 80));
  testing::LinkQuality quality;
  quality.reset = 0.2;
  network.quality(quality);
  int good = 0, bad = 0;
  {
    net::ConnectSettings settings;
    settings.budget = budget;
    net::HttpClient client(loop, network, settings);
    for (int i = 0; i < 60; ++i) {
      net::Request request;
      request.method = "POST";
      request.url = "http://server/";
      request.body = std::string(200'000, 'x');
      std::optional<Result<net::Response>> answer;
      spawn(client.send(std::move(request), {}),
            [&](Result<net::Response> r) { answer.emplace(std::move(r)); });
      REQUIRE(loop.run_until([&] { return answer.has_value(); }, 10min));
      ++(answer->has_value() ? good : bad);
    }
  }
  CHECK(good > 5);
  CHECK(bad > 5);
  server.close();
  loop.run_for(5min);
  CHECK(budget.usage().used == 0);
  CHECK(budget.usage().peak > 500'000);
}

TEST_CASE("a server without room says 503 and when to come again") {
  testing::SeededRandom random{1};
  testing::SimulatedLoop loop;
  testing::SimulatedNetwork network{loop, random};
  Budget budget(1'000'000);
  network.listen_as("server");
  net::HttpServer::Options options;
  options.budget = budget;
  std::uint64_t while_handled = 0;
  net::HttpServer server(
      loop,
      [&](net::Request request) -> Task<net::Response> {
        const std::string taken = std::move(request.body);
        while_handled = budget.usage().used;
        net::Response response;
        response.body = std::to_string(taken.size());
        co_return response;
      },
      options);
  server.serve(*network.listen("", 80));
  net::HttpClient client(loop, network);
  const auto post = [&](std::size_t size) {
    net::Request request;
    request.method = "POST";
    request.url = "http://server/";
    request.body = std::string(size, 'x');
    std::optional<Result<net::Response>> answer;
    spawn(client.send(std::move(request), {}),
          [&](Result<net::Response> r) { answer.emplace(std::move(r)); });
    REQUIRE(loop.run_until([&] { return answer.has_value(); }, 10min));
    return std::move(*answer);
  };
  const auto refused = post(2'000'000);
  REQUIRE(refused.has_value());
  CHECK(refused->status == 503);
  CHECK(refused->headers.get("Retry-After") == "1");
  const auto taken = post(900'000);
  REQUIRE(taken.has_value());
  CHECK(taken->body == "900000");
  CHECK(while_handled >= 900'000);
  CHECK(budget.usage().refused.at({"request_body", Refusal::over_limit}) == 1);
  server.close();
  loop.run_for(5min);
  CHECK(budget.usage().used == 0);
}

namespace {

/// The other side of an HTTP/2 connection, frame by frame (RFC 9113, 4.1).
struct RawHttp2 {
  testing::SimulatedLoop loop;
  Budget budget;
  std::unique_ptr<Stream> end;
  std::shared_ptr<net::Http2Session> session;
  std::string received;
  std::optional<Result<net::Response>> answers[2];

  explicit RawHttp2(std::uint64_t limit) : budget(limit) {
    auto [ours, theirs] = net::memory_pipe(loop, "client", "server");
    end = std::move(theirs);
    session = net::Http2Session::start(loop, std::move(ours), budget);
    spawn(drain(*this), [] {});
    send(4, 0, 0, "");  // SETTINGS
  }
  ~RawHttp2() {
    session->close();
    end->close();
    loop.run_for(1s);
  }
  static Task<void> drain(RawHttp2& self) {
    std::byte buffer[4096];
    for (;;) {
      const auto n = co_await self.end->read(buffer, {});
      if (!n || *n == 0) co_return;
      self.received.append(reinterpret_cast<const char*>(buffer), *n);
    }
  }
  void send(int type, int flags, int stream, const std::string& payload) {
    std::string frame;
    for (const int shift : {16, 8, 0}) frame += static_cast<char>(payload.size() >> shift);
    frame += static_cast<char>(type);
    frame += static_cast<char>(flags);
    for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(stream >> shift);
    frame += payload;
    spawn(write(*end, std::move(frame)), [](Status) {});
    loop.run_for(10ms);
  }
  static Task<Status> write(Stream& stream, std::string bytes) {
    const Status sent = co_await stream.write(bytes_of(bytes), {});
    co_return sent;
  }
  void data(int stream, std::size_t size) {
    for (; size > 10'000; size -= 10'000) send(0, 0, stream, std::string(10'000, 'x'));
    send(0, 0, stream, std::string(size, 'x'));
  }
  void get(int slot) {
    spawn(request(session),
          [this, slot](Result<net::Response> r) { answers[slot].emplace(std::move(r)); });
    loop.run_for(10ms);
  }
  static Task<Result<net::Response>> request(std::shared_ptr<net::Http2Session> session) {
    net::Request request;
    const auto url = net::Url::parse("https://server/");
    bool unprocessed = false;
    net::SendOptions options;
    options.max_body = std::size_t{1} << 30;
    auto answer = co_await session->send(request, *url, options, {}, &unprocessed);
    co_return answer;
  }
  struct Frame {
    int type = 0, stream = 0;
    std::string payload;
  };
  /// What the client sent after its preface of 24 bytes.
  std::vector<Frame> frames() const {
    std::vector<Frame> out;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(received[i]); };
    for (std::size_t at = 24; at + 9 <= received.size();) {
      const std::size_t size = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
      const int stream = byte(at + 5) << 24 | byte(at + 6) << 16 | byte(at + 7) << 8 | byte(at + 8);
      out.push_back({byte(at + 3), stream, received.substr(at + 9, size)});
      at += 9 + size;
    }
    return out;
  }
  /// 65,535 at first (RFC 9113, 6.9.2), and what WINDOW_UPDATE adds.
  std::uint64_t window_offered() const {
    std::uint64_t window = 65'535;
    for (const Frame& f : frames())
      if (f.type == 8 && f.stream == 0)
        for (std::uint64_t i = 0, add = 0; i < 4; ++i) {
          add = add << 8 | static_cast<unsigned char>(f.payload[i]);
          if (i == 3) window += add;
        }
    return window;
  }
};

const std::string kStatus200 = "\x88";  // HPACK: indexed field 8 (RFC 7541, A)
constexpr int kHeaders = 1, kEndHeaders = 4, kEndStream = 1, kResetStream = 3;

}  // namespace

TEST_CASE("HTTP/2: windows are no wider than what is left of the budget") {
  RawHttp2 wide(Budget::kNoLimit);
  wide.loop.run_for(10ms);
  CHECK(wide.window_offered() == 4U << 20);
  RawHttp2 narrow(300'000);  // 234,464 beside the connection's buffer of 64 KiB
  narrow.loop.run_for(10ms);
  CHECK(narrow.window_offered() == 128U << 10);
  RawHttp2 none(1000);
  none.loop.run_for(10ms);
  CHECK(none.window_offered() == 65'536);
}

TEST_CASE("HTTP/2: of two halves on one connection the younger is reset, the older ends well") {
  // Room for 20,000 and 30,000 and the 45,000 that the older grows to, but not for all three.
  RawHttp2 peer((64U << 10) + 76'000);
  peer.get(0);
  peer.get(1);
  peer.send(kHeaders, kEndHeaders, 1, kStatus200);
  peer.send(kHeaders, kEndHeaders, 3, kStatus200);
  peer.data(1, 20'000);
  peer.data(3, 20'000);
  peer.data(1, 20'000);
  REQUIRE(peer.answers[1]);
  REQUIRE_FALSE(peer.answers[1]->has_value());
  CHECK(peer.answers[1]->error().code() == Code::resource_exhausted);
  bool reset = false;
  for (const auto& f : peer.frames()) reset = reset || (f.type == kResetStream && f.stream == 3);
  CHECK(reset);
  peer.send(0, kEndStream, 1, "");
  REQUIRE(peer.answers[0]);
  REQUIRE(peer.answers[0]->has_value());
  CHECK((*peer.answers[0])->body.size() == 40'000);
  CHECK(peer.budget.usage().used >= 40'000 + (64U << 10));
  peer.answers[0].reset();
  CHECK(peer.budget.usage().used == 64U << 10);
}

TEST_CASE("HTTP/2: a declared length without room is refused before its body") {
  RawHttp2 peer((64U << 10) + 70'000);
  peer.get(0);
  // content-length: 80000, literal without indexing, name 28 (RFC 7541, 6.2.2 and A)
  peer.send(kHeaders, kEndHeaders, 1, kStatus200 + std::string("\x0f\x0d\x05") + "80000");
  REQUIRE(peer.answers[0]);
  REQUIRE_FALSE(peer.answers[0]->has_value());
  CHECK(peer.answers[0]->error().code() == Code::resource_exhausted);
  CHECK(peer.budget.usage().used == 64U << 10);
}
