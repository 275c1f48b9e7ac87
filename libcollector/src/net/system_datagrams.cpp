#include "net/system_datagrams.hpp"

#include "base/system_files.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <cerrno>
#include <cstring>

namespace collector::net {
namespace {

namespace asio = boost::asio;
using Descriptor = asio::posix::stream_descriptor;
using Endpoint = asio::ip::udp::endpoint;  // of every protocol: an address and a port

/// The length of an IPv4 header in front of what a raw socket reads (RFC 791, 3.1).
std::size_t header_size(std::span<const std::byte> packet) {
  return packet.empty() ? 0 : std::size_t{4} * (std::to_integer<std::size_t>(packet[0]) & 0xF);
}

class SystemDatagrams final : public Datagrams {
 public:
  SystemDatagrams(std::shared_ptr<Descriptor> socket, bool raw_v4, bool system_id)
      : socket_(std::move(socket)), raw_v4_(raw_v4), system_id_(system_id) {}
  ~SystemDatagrams() override {
    boost::system::error_code ignored;
    socket_->close(ignored);
  }

  Task<Status> send(std::span<const std::byte> bytes, std::stop_token stop) override {
    for (;;) {
      if (::send(socket_->native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0)
        co_return Status();
      if (errno != EAGAIN && errno != EINTR) co_return base::errno_status(errno, "send");
      const Status ready = co_await wait(socket_, Descriptor::wait_write, stop);
      if (!ready.ok()) co_return ready;
    }
  }

  Task<Result<Received>> receive(std::span<std::byte> into, std::stop_token stop) override {
    for (;;) {
      const Status ready = co_await wait(socket_, Descriptor::wait_read, stop);
      if (!ready.ok()) co_return Result<Received>(ready);
      Received received;
      const ssize_t n = read(into, received.hop_limit);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (n < 0) co_return Result<Received>(base::errno_status(errno, "receive"));
      received.size = static_cast<std::size_t>(n);
      if (raw_v4_) {
        const std::size_t header = std::min(header_size(into.first(received.size)), received.size);
        received.size -= header;
        std::memmove(into.data(), into.data() + header, received.size);
      }
      co_return received;
    }
  }

  bool system_sets_echo_id() const override { return system_id_; }

 private:
  static Task<Status> wait(std::shared_ptr<Descriptor> socket, Descriptor::wait_type what,
                           std::stop_token stop) {
    if (stop.stop_requested()) co_return Status(Code::cancelled, "stopped");
    auto initiate = [&](Function<void(boost::system::error_code)> done) {
      socket->async_wait(
          what, [done = std::move(done), socket](boost::system::error_code e) mutable { done(e); });
    };
    auto cancel = [socket] {
      boost::system::error_code ignored;
      socket->cancel(ignored);
    };
    const std::stop_callback on_stop(stop, cancel);
    const auto error = co_await await_callback<boost::system::error_code>(initiate);
    if (error) co_return Status(Code::cancelled, "stopped");
    co_return Status();
  }

  ssize_t read(std::span<std::byte> into, int& hop_limit) const {
    iovec part{into.data(), into.size()};
    alignas(cmsghdr) std::array<char, 128> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t n = ::recvmsg(socket_->native_handle(), &message, 0);
    if (n < 0) return n;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
      if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
          (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT))
        std::memcpy(&hop_limit, CMSG_DATA(c), sizeof hop_limit);
    return n;
  }

  std::shared_ptr<Descriptor> socket_;
  bool raw_v4_, system_id_;
};

bool set(int socket, int level, int option, int value) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

/// False with errno.
bool apply(int socket, bool v6, const DatagramOptions& options) {
  // Without these the hop limit of what comes is unknown, which is no reason to fail.
  if (v6)
    set(socket, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
  else
    set(socket, IPPROTO_IP, IP_RECVTTL, 1);
  if (options.hop_limit > 0 && !set(socket, v6 ? int{IPPROTO_IPV6} : int{IPPROTO_IP},
                                    v6 ? IPV6_UNICAST_HOPS : IP_TTL, options.hop_limit))
    return false;
  // The flag is set and what the system believes of the path is not asked (ip(7)).
  return !options.dont_fragment || v6 ||
         set(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
}

}  // namespace

Result<std::unique_ptr<Datagrams>> system_datagrams(SystemLoop& loop, const std::string& address,
                                                    std::uint16_t port,
                                                    const DatagramOptions& options) {
  boost::system::error_code error;
  const auto peer = asio::ip::make_address(address, error);
  if (error)
    return Status(Code::invalid_argument, fmt::format("\"{}\" is no numeric address", address));
  const bool v6 = peer.is_v6();
  const bool echo = options.protocol == DatagramOptions::Protocol::icmp_echo;
  const int family = v6 ? AF_INET6 : AF_INET;
  const int protocol = !echo ? 0 : v6 ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP};
  constexpr int kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  int fd = ::socket(family, SOCK_DGRAM | kFlags, protocol);
  const bool raw = fd < 0 && echo;
  if (raw) fd = ::socket(family, SOCK_RAW | kFlags, protocol);
  if (fd < 0) return base::errno_status(errno, echo ? "socket for echoes" : "socket");
  auto socket = std::make_shared<Descriptor>(loop.context(), fd);
  if (!apply(fd, v6, options)) return base::errno_status(errno, "socket");
  if (!options.source.empty()) {
    const auto source = asio::ip::make_address(options.source, error);
    if (error)
      return Status(Code::invalid_argument,
                    fmt::format("\"{}\" is no numeric address", options.source));
    const Endpoint from(source, 0);
    if (::bind(fd, from.data(), static_cast<socklen_t>(from.size())) != 0)
      return base::errno_status(errno, "bind to " + options.source);
  }
  const Endpoint to(peer, raw ? 0 : port);
  if (::connect(fd, to.data(), static_cast<socklen_t>(to.size())) != 0)
    return base::errno_status(errno, "reach " + address);
  return std::unique_ptr<Datagrams>(
      std::make_unique<SystemDatagrams>(std::move(socket), raw && !v6, echo && !raw));
}

}  // namespace collector::net
