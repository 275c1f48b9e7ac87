#include "net/system_network.hpp"

#include "base/system_files.hpp"
#include "net/dns_resolver.hpp"
#include "net/system_datagrams.hpp"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/un.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/write.hpp>

#include <map>

namespace collector::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

Status status_of(const boost::system::error_code& error, std::string_view doing) {
  if (error == asio::error::operation_aborted)
    return Status(Code::cancelled, fmt::format("{}: stopped", doing));
  return base::errno_status(error.value(), doing);
}

std::string text_of(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  return address.is_v6() ? fmt::format("[{}]:{}", address.to_string(), endpoint.port())
                         : fmt::format("{}:{}", address.to_string(), endpoint.port());
}

/// Cancels the socket's operations when the stop is requested. Everything runs on the loop.
template <class Socket>
auto cancel_on(std::stop_token stop, const std::shared_ptr<Socket>& socket) {
  auto cancel = [socket] {
    boost::system::error_code ignored;
    socket->cancel(ignored);
  };
  return std::stop_callback<decltype(cancel)>(std::move(stop), std::move(cancel));
}

template <class Socket>
class SocketStream final : public Stream {
 public:
  SocketStream(std::shared_ptr<Socket> socket, std::string peer)
      : socket_(std::move(socket)), peer_(std::move(peer)) {
    boost::system::error_code ignored;
    if constexpr (std::is_same_v<Socket, tcp::socket>)
      socket_->set_option(tcp::no_delay(true), ignored);
  }
  ~SocketStream() override { shut(); }

  Task<Result<std::size_t>> read(std::span<std::byte> into, std::stop_token stop) override {
    if (stop.stop_requested()) co_return Status(Code::cancelled, "read: stopped");
    using Answer = std::pair<boost::system::error_code, std::size_t>;
    auto socket = socket_;
    auto initiate = [&](Function<void(Answer)> done) {
      socket->async_read_some(
          asio::buffer(into.data(), into.size()),
          [done = std::move(done), socket](boost::system::error_code e, std::size_t n) mutable {
            done({e, n});
          });
    };
    auto on_stop = cancel_on(stop, socket);
    const Answer answer = co_await await_callback<Answer>(initiate);
    if (answer.first == asio::error::eof) co_return std::size_t{0};
    if (answer.first) co_return status_of(answer.first, "read from " + peer_);
    co_return answer.second;
  }

  Task<Status> write(std::span<const std::byte> bytes, std::stop_token stop) override {
    if (stop.stop_requested()) co_return Status(Code::cancelled, "write: stopped");
    auto socket = socket_;
    auto initiate = [&](Function<void(boost::system::error_code)> done) {
      asio::async_write(*socket, asio::buffer(bytes.data(), bytes.size()),
                        [done = std::move(done), socket](boost::system::error_code e,
                                                         std::size_t) mutable { done(e); });
    };
    auto on_stop = cancel_on(stop, socket);
    const boost::system::error_code error =
        co_await await_callback<boost::system::error_code>(initiate);
    if (error) co_return status_of(error, "write to " + peer_);
    co_return Status();
  }

  void close() override { shut(); }
  std::string peer() const override { return peer_; }

 private:
  void shut() {
    boost::system::error_code ignored;
    socket_->shutdown(Socket::shutdown_both, ignored);
    socket_->close(ignored);
  }
  std::shared_ptr<Socket> socket_;
  std::string peer_;
};
using TcpStream = SocketStream<tcp::socket>;

template <class Socket, class Endpoint>
Task<boost::system::error_code> connect_socket(std::shared_ptr<Socket> socket, Endpoint endpoint,
                                               std::stop_token stop) {
  auto initiate = [&](Function<void(boost::system::error_code)> done) {
    socket->async_connect(endpoint, [done = std::move(done),
                                     socket](boost::system::error_code e) mutable { done(e); });
  };
  auto on_stop = cancel_on(stop, socket);
  const boost::system::error_code error =
      co_await await_callback<boost::system::error_code>(initiate);
  co_return error;
}

class TcpListener final : public Listener {
 public:
  explicit TcpListener(std::shared_ptr<tcp::acceptor> acceptor) : acceptor_(std::move(acceptor)) {}
  ~TcpListener() override { close(); }

  Task<Result<std::unique_ptr<Stream>>> accept(std::stop_token stop) override {
    if (stop.stop_requested())
      co_return Result<std::unique_ptr<Stream>>(Status(Code::cancelled, "accept: stopped"));
    auto acceptor = acceptor_;
    auto socket = std::make_shared<tcp::socket>(acceptor->get_executor());
    auto initiate = [&](Function<void(boost::system::error_code)> done) {
      acceptor->async_accept(*socket, [done = std::move(done), acceptor,
                                       socket](boost::system::error_code e) mutable { done(e); });
    };
    auto on_stop = cancel_on(stop, acceptor);
    const boost::system::error_code error =
        co_await await_callback<boost::system::error_code>(initiate);
    if (error) co_return Result<std::unique_ptr<Stream>>(status_of(error, "accept"));
    boost::system::error_code ignored;
    const std::string peer = text_of(socket->remote_endpoint(ignored));
    co_return Result<std::unique_ptr<Stream>>(std::make_unique<TcpStream>(socket, peer));
  }

  std::uint16_t port() const override {
    boost::system::error_code ignored;
    return acceptor_->local_endpoint(ignored).port();
  }
  void close() override {
    boost::system::error_code ignored;
    acceptor_->close(ignored);
  }

 private:
  std::shared_ptr<tcp::acceptor> acceptor_;
};

}  // namespace

class SystemNetwork::Resolver : public DnsResolver {
  using DnsResolver::DnsResolver;
};

/// One inotify descriptor; each watch is a (wd, callback) pair.
struct SystemNetwork::Inotify : std::enable_shared_from_this<Inotify> {
  explicit Inotify(SystemLoop& loop)
      : descriptor(loop.context(), ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

  struct Watch {
    std::shared_ptr<Inotify> owner;
    int wd;
    Function<void()> changed;
    Watch(std::shared_ptr<Inotify> o, int w, Function<void()> f)
        : owner(std::move(o)), wd(w), changed(std::move(f)) {
      owner->watches.emplace(wd, this);
    }
    ~Watch() {
      auto [from, to] = owner->watches.equal_range(wd);
      for (auto it = from; it != to; ++it)
        if (it->second == this) {
          owner->watches.erase(it);
          break;
        }
      if (!owner->watches.contains(wd)) ::inotify_rm_watch(owner->descriptor.native_handle(), wd);
    }
  };

  void wait() {
    waiting = true;
    descriptor.async_read_some(
        asio::buffer(buffer),
        [weak = weak_from_this()](boost::system::error_code e, std::size_t n) {
          const auto self = weak.lock();
          if (e || !self) return;
          self->dispatch(n);
          self->wait();
        });
  }
  void dispatch(std::size_t size) {
    std::vector<Watch*> hit;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      auto [from, to] = watches.equal_range(event->wd);
      for (auto it = from; it != to; ++it)
        if (std::find(hit.begin(), hit.end(), it->second) == hit.end()) hit.push_back(it->second);
      at += sizeof(inotify_event) + event->len;
    }
    for (Watch* watch : hit)
      for (const auto& [wd, alive] : watches)
        if (alive == watch) {
          watch->changed();
          break;
        }
  }

  asio::posix::stream_descriptor descriptor;
  std::multimap<int, Watch*> watches;
  alignas(inotify_event) char buffer[4096];
  bool waiting = false;
};

SystemNetwork::SystemNetwork(SystemLoop& loop) : loop_(loop) {}
SystemNetwork::~SystemNetwork() = default;

SystemNetwork::Resolver& SystemNetwork::resolver() {
  if (!resolver_) resolver_ = std::make_unique<Resolver>(loop_);
  return *resolver_;
}

Task<Result<std::unique_ptr<Stream>>> SystemNetwork::connect(std::string host, std::uint16_t port,
                                                             std::stop_token stop) {
  if (host.starts_with('/')) {
    using Local = asio::local::stream_protocol;
    if (host.size() >= sizeof(sockaddr_un::sun_path))
      co_return Result<std::unique_ptr<Stream>>(
          Status(Code::invalid_argument, host + " is too long for the path of a socket"));
    auto socket = std::make_shared<Local::socket>(loop_.context());
    const auto failed = co_await connect_socket(socket, Local::endpoint(host), stop);
    if (failed) co_return Result<std::unique_ptr<Stream>>(status_of(failed, "dial unix " + host));
    co_return Result<std::unique_ptr<Stream>>(
        std::make_unique<SocketStream<Local::socket>>(socket, host));
  }
  auto stream = co_await connect_from({}, std::move(host), port, std::move(stop));
  co_return stream;
}

Task<Result<std::unique_ptr<Stream>>> SystemNetwork::connect_from(std::string source,
                                                                  std::string host,
                                                                  std::uint16_t port,
                                                                  std::stop_token stop) {
  boost::system::error_code no_source;
  const auto from =
      source.empty() ? asio::ip::address() : asio::ip::make_address(source, no_source);
  if (no_source)
    co_return Result<std::unique_ptr<Stream>>(
        Status(Code::invalid_argument, fmt::format("\"{}\" is no numeric address", source)));
  auto addresses = co_await resolver().addresses(host, stop);
  if (!addresses) co_return Result<std::unique_ptr<Stream>>(addresses.error());
  Status last(Code::not_found, fmt::format("{} has no address", host), true);
  for (const std::string& address : *addresses) {
    boost::system::error_code error;
    const auto parsed = asio::ip::make_address(address, error);
    if (error) continue;
    if (stop.stop_requested())
      co_return Result<std::unique_ptr<Stream>>(Status(Code::cancelled, "connect: stopped"));
    const tcp::endpoint endpoint(parsed, port);
    auto socket = std::make_shared<tcp::socket>(loop_.context());
    if (!source.empty()) {
      socket->open(endpoint.protocol(), error);
      if (!error) socket->bind(tcp::endpoint(from, 0), error);
      last = status_of(error, "bind to " + source);
      if (error) continue;
    }
    const auto failed = co_await connect_socket(socket, endpoint, stop);
    if (!failed)
      co_return Result<std::unique_ptr<Stream>>(
          std::make_unique<TcpStream>(socket, text_of(endpoint)));
    last = status_of(failed, fmt::format("dial tcp {}", text_of(endpoint)));
  }
  co_return Result<std::unique_ptr<Stream>>(std::move(last));
}

Result<std::unique_ptr<Datagrams>> SystemNetwork::datagrams(const std::string& address,
                                                            std::uint16_t port,
                                                            const DatagramOptions& options) {
  return system_datagrams(loop_, address, port, options);
}

Result<std::unique_ptr<Listener>> SystemNetwork::listen(const std::string& address,
                                                        std::uint16_t port) {
  boost::system::error_code error;
  const auto parsed = asio::ip::make_address(address, error);
  if (error)
    return Status(Code::invalid_argument, fmt::format("\"{}\" is no numeric address", address));
  const tcp::endpoint endpoint(parsed, port);
  auto acceptor = std::make_shared<tcp::acceptor>(loop_.context());
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error) return status_of(error, "listen on " + text_of(endpoint));
  return std::unique_ptr<Listener>(std::make_unique<TcpListener>(std::move(acceptor)));
}

Task<Result<std::vector<DnsRecord>>> SystemNetwork::resolve(std::string name, RecordType type,
                                                            std::stop_token stop) {
  return resolver().query(std::move(name), type, std::move(stop));
}

Task<Result<std::vector<std::string>>> SystemNetwork::addresses(std::string host,
                                                                std::stop_token stop) {
  return resolver().addresses(std::move(host), std::move(stop));
}

Result<std::shared_ptr<void>> SystemNetwork::watch(const std::string& path,
                                                   Function<void()> changed) {
  if (!inotify_) inotify_ = std::make_shared<Inotify>(loop_);
  const int wd =
      ::inotify_add_watch(inotify_->descriptor.native_handle(), path.c_str(),
                          IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                              IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF | IN_ATTRIB);
  if (wd < 0) return base::errno_status(errno, "watch " + path);
  if (!inotify_->waiting) inotify_->wait();
  return std::shared_ptr<void>(std::make_shared<Inotify::Watch>(inotify_, wd, std::move(changed)));
}

}  // namespace collector::net
