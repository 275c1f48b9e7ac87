// Datagrams over real sockets on loopback.
#include "catch.hpp"

#include "net/system_network.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

using namespace collector;

namespace {

/// A bound UDP socket that blocks, as another program would have one.
struct Peer {
  Peer() : fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in here{};
    here.sin_family = AF_INET;
    inet_pton(AF_INET, "127.0.0.1", &here.sin_addr);
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&here), sizeof here) == 0);
    socklen_t size = sizeof here;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&here), &size);
    port = ntohs(here.sin_port);
  }
  ~Peer() { ::close(fd); }
  std::string hear(sockaddr_in& from) const {
    char buffer[100];
    socklen_t size = sizeof from;
    const ssize_t n =
        ::recvfrom(fd, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
    return std::string(buffer, n < 0 ? 0 : static_cast<std::size_t>(n));
  }
  void say(const std::string& text, const sockaddr_in& to) const {
    ::sendto(fd, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  int fd;
  std::uint16_t port;
};

struct Bench {
  net::SystemLoop loop;
  net::SystemNetwork network{loop};
  std::string buffer = std::string(100, '\0');
  std::optional<Result<net::Datagrams::Received>> received;

  void listen(net::Datagrams& socket, std::stop_token stop = {}) {
    received.reset();
    spawn(socket.receive(std::as_writable_bytes(std::span(buffer)), std::move(stop)),
          [this](Result<net::Datagrams::Received> r) { received = std::move(r); });
  }
  void say(net::Datagrams& socket, const std::string& text) {
    std::optional<Status> sent;
    spawn(socket.send(std::as_bytes(std::span(text)), {}), [&](Status s) { sent = std::move(s); });
    for (int i = 0; i < 100 && !sent; ++i) loop.run_for(std::chrono::milliseconds(20));
    REQUIRE(sent);
    CHECK(sent->ok());
  }
  void wait() {
    for (int i = 0; i < 250 && !received; ++i) loop.run_for(std::chrono::milliseconds(20));
    REQUIRE(received);
  }
};

}  // namespace

TEST_CASE("datagrams go to and come from their peer only") {
  Bench b;
  const Peer peer;
  const Peer stranger;
  auto socket = b.network.datagrams("127.0.0.1", peer.port, {});
  REQUIRE(socket.has_value());
  b.say(**socket, "hello");
  sockaddr_in from{};
  CHECK(peer.hear(from) == "hello");
  stranger.say("psst", from);
  peer.say("answer", from);
  b.listen(**socket);
  b.wait();
  REQUIRE(b.received->has_value());
  CHECK(b.buffer.substr(0, (*b.received)->size) == "answer");
  CHECK((*b.received)->hop_limit > 0);
}

TEST_CASE("a datagram socket ends its wait when told to, and when nobody is there") {
  Bench b;
  std::optional<Peer> peer(std::in_place);
  auto socket = b.network.datagrams("127.0.0.1", peer->port, {});
  REQUIRE(socket.has_value());
  std::stop_source stop;
  b.listen(**socket, stop.get_token());
  b.loop.run_for(std::chrono::milliseconds(10));
  CHECK(!b.received);
  stop.request_stop();
  b.wait();
  CHECK(b.received->error().code() == Code::cancelled);
  peer.reset();
  b.say(**socket, "anybody?");
  b.listen(**socket);
  b.wait();
  CHECK(b.received->error().code() == Code::unavailable);
}

TEST_CASE("datagrams refuse what is no address") {
  Bench b;
  CHECK(b.network.datagrams("localhost", 53, {}).error().code() == Code::invalid_argument);
  net::DatagramOptions options;
  options.source = "here";
  CHECK(b.network.datagrams("127.0.0.1", 53, options).error().code() == Code::invalid_argument);
}

TEST_CASE("an echo comes back, where this process may send one") {
  Bench b;
  net::DatagramOptions options;
  options.protocol = net::DatagramOptions::Protocol::icmp_echo;
  options.hop_limit = 9;
  auto socket = b.network.datagrams("127.0.0.1", 0, options);
  if (!socket) {
    CHECK(socket.error().code() == Code::permission_denied);
    return;
  }
  // RFC 792: type 8, code 0, checksum, id 0x1234, sequence 1, "box!".
  std::string request(
      "\x08\0\0\0\x12\x34\0\x01"
      "box!",
      12);
  std::uint32_t sum = 0x0800 + 0x1234 + 0x0001 + 0x626F + 0x7821;
  sum = (sum & 0xFFFF) + (sum >> 16);
  request[2] = static_cast<char>(~sum >> 8 & 0xFF);
  request[3] = static_cast<char>(~sum & 0xFF);
  b.say(**socket, request);
  do {  // a raw socket sees the request as well
    b.listen(**socket);
    b.wait();
    REQUIRE(b.received->has_value());
  } while (b.buffer[0] != 0);
  CHECK((*b.received)->size == 12);
  CHECK(b.buffer.substr(6, 6) == request.substr(6));
}
