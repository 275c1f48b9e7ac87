#include "net/dns_resolver.hpp"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <fmt/format.h>
#include <netdb.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <map>

namespace collector::net {
namespace {

namespace asio = boost::asio;

constexpr int kTimeoutMs = 2000;
constexpr int kTries = 3;

Status dns_error(const std::string& name, int code) {
  const Code kind = code == ARES_ENOTFOUND || code == ARES_ENODATA ? Code::not_found
                    : code == ARES_ECANCELLED                      ? Code::cancelled
                    : code == ARES_ETIMEOUT                        ? Code::deadline_exceeded
                                                                   : Code::unavailable;
  // A name that is not there today may be there tomorrow: asking again is worth it.
  return Status(kind, fmt::format("resolve {}: {}", name, ares_strerror(code)),
                code != ARES_ECANCELLED);
}

}  // namespace

struct DnsResolver::State : std::enable_shared_from_this<State> {
  SystemLoop& loop;
  ares_channel channel{};
  bool open = false;
  std::map<ares_socket_t, std::shared_ptr<asio::posix::stream_descriptor>> sockets;
  TimerId timer = TimerId::none;

  explicit State(SystemLoop& l) : loop(l) {
    ares_options options{};
    options.timeout = kTimeoutMs;
    options.tries = kTries;
    options.sock_state_cb = [](void* self, ares_socket_t socket, int readable, int writable) {
      static_cast<State*>(self)->changed(socket, readable != 0, writable != 0);
    };
    options.sock_state_cb_data = this;
    open = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS &&
           ares_init_options(&channel, &options,
                             ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) ==
               ARES_SUCCESS;
  }
  ~State() {
    loop.disarm(timer);
    if (open) ares_destroy(channel);
    ares_library_cleanup();
    for (auto& [fd, descriptor] : sockets) descriptor->release();
  }

  /// c-ares wants to know when `socket` is ready; with neither it is about to close it.
  void changed(ares_socket_t socket, bool readable, bool writable) {
    auto it = sockets.find(socket);
    if (!readable && !writable) {
      if (it == sockets.end()) return;
      it->second->release();  // the descriptor is c-ares's own
      sockets.erase(it);
      return;
    }
    if (it == sockets.end())
      it = sockets
               .emplace(socket,
                        std::make_shared<asio::posix::stream_descriptor>(loop.context(), socket))
               .first;
    if (readable) wait(it->second, socket, false);
    if (writable) wait(it->second, socket, true);
    tick();
  }

  void wait(const std::shared_ptr<asio::posix::stream_descriptor>& descriptor, ares_socket_t socket,
            bool write) {
    descriptor->async_wait(
        write ? asio::posix::stream_descriptor::wait_write
              : asio::posix::stream_descriptor::wait_read,
        [weak = weak_from_this(), descriptor, socket, write](const boost::system::error_code& e) {
          const auto self = weak.lock();
          if (e || !self) return;
          ares_process_fd(self->channel, write ? ARES_SOCKET_BAD : socket,
                          write ? socket : ARES_SOCKET_BAD);
          const auto it = self->sockets.find(socket);
          if (it != self->sockets.end() && it->second == descriptor && !write)
            self->wait(descriptor, socket, false);
          self->tick();
        });
  }

  void tick() {
    timeval most{1, 0};
    timeval left{};
    if (sockets.empty()) {
      loop.disarm(std::exchange(timer, TimerId::none));
      return;
    }
    if (timer != TimerId::none) return;
    const timeval* next = ares_timeout(channel, &most, &left);
    timer = loop.arm(std::chrono::seconds(next->tv_sec) + std::chrono::microseconds(next->tv_usec) +
                         std::chrono::milliseconds(1),
                     [weak = weak_from_this()] {
                       const auto self = weak.lock();
                       if (!self) return;
                       self->timer = TimerId::none;
                       ares_process_fd(self->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
                       self->tick();
                     });
  }
};

namespace {

/// One question under way: whoever comes first, the answer or the stop, resumes the asker.
template <class T>
struct Question {
  std::string name;
  Network::RecordType type = Network::RecordType::a;
  Function<void(Result<T>)> done;
  void finish(Result<T> result) {
    if (auto d = std::exchange(done, nullptr)) d(std::move(result));
  }
};
using AddressQuestion = Question<std::vector<std::string>>;
using RecordQuestion = Question<std::vector<DnsRecord>>;

void got_addresses(void* arg, int status, int, ares_addrinfo* info) {
  const std::unique_ptr<std::shared_ptr<AddressQuestion>> held(
      static_cast<std::shared_ptr<AddressQuestion>*>(arg));
  AddressQuestion& question = **held;
  if (status != ARES_SUCCESS) return question.finish(dns_error(question.name, status));
  std::vector<std::string> found;
  for (const ares_addrinfo_node* node = info->nodes; node; node = node->ai_next) {
    char text[INET6_ADDRSTRLEN];
    const void* address =
        node->ai_family == AF_INET
            ? static_cast<const void*>(&reinterpret_cast<sockaddr_in*>(node->ai_addr)->sin_addr)
            : static_cast<const void*>(&reinterpret_cast<sockaddr_in6*>(node->ai_addr)->sin6_addr);
    if (inet_ntop(node->ai_family, address, text, sizeof text)) found.emplace_back(text);
  }
  ares_freeaddrinfo(info);
  question.finish(std::move(found));
}

int wire_type(Network::RecordType type) {
  switch (type) {
    case Network::RecordType::a:
      return ns_t_a;
    case Network::RecordType::aaaa:
      return ns_t_aaaa;
    case Network::RecordType::srv:
      return ns_t_srv;
    case Network::RecordType::mx:
      return ns_t_mx;
    case Network::RecordType::ns:
      break;
  }
  return ns_t_ns;
}

/// The answers of the wanted type, by c-ares's own parsers.
int parse_answer(Network::RecordType type, const unsigned char* data, int size,
                 std::vector<DnsRecord>& out) {
  int status = ARES_SUCCESS;
  if (type == Network::RecordType::a || type == Network::RecordType::aaaa) {
    hostent* host = nullptr;
    status = type == Network::RecordType::a
                 ? ares_parse_a_reply(data, size, &host, nullptr, nullptr)
                 : ares_parse_aaaa_reply(data, size, &host, nullptr, nullptr);
    if (status != ARES_SUCCESS) return status;
    for (char** a = host->h_addr_list; *a; ++a) {
      char text[INET6_ADDRSTRLEN];
      if (inet_ntop(host->h_addrtype, *a, text, sizeof text)) out.push_back({text, 0});
    }
    ares_free_hostent(host);
  } else if (type == Network::RecordType::srv) {
    ares_srv_reply* reply = nullptr;
    status = ares_parse_srv_reply(data, size, &reply);
    for (const ares_srv_reply* r = reply; r; r = r->next) out.push_back({r->host, r->port});
    if (reply) ares_free_data(reply);
  } else if (type == Network::RecordType::mx) {
    ares_mx_reply* reply = nullptr;
    status = ares_parse_mx_reply(data, size, &reply);
    for (const ares_mx_reply* r = reply; r; r = r->next) out.push_back({r->host, 0});
    if (reply) ares_free_data(reply);
  } else {
    hostent* host = nullptr;
    status = ares_parse_ns_reply(data, size, &host);
    if (status != ARES_SUCCESS) return status;
    for (char** a = host->h_aliases; *a; ++a) out.push_back({*a, 0});
    ares_free_hostent(host);
  }
  return status;
}

void got_answer(void* arg, int status, int, unsigned char* data, int size) {
  const std::unique_ptr<std::shared_ptr<RecordQuestion>> held(
      static_cast<std::shared_ptr<RecordQuestion>*>(arg));
  RecordQuestion& question = **held;
  std::vector<DnsRecord> records;
  if (status == ARES_SUCCESS) status = parse_answer(question.type, data, size, records);
  if (status == ARES_ENODATA) return question.finish(std::vector<DnsRecord>{});
  if (status != ARES_SUCCESS) return question.finish(dns_error(question.name, status));
  question.finish(std::move(records));
}

}  // namespace

DnsResolver::DnsResolver(SystemLoop& loop) : state_(std::make_shared<State>(loop)) {}
DnsResolver::~DnsResolver() = default;

Task<Result<std::vector<std::string>>> DnsResolver::addresses(std::string host,
                                                              std::stop_token stop) {
  in6_addr numeric{};
  if (inet_pton(AF_INET, host.c_str(), &numeric) == 1 ||
      inet_pton(AF_INET6, host.c_str(), &numeric) == 1)
    co_return std::vector<std::string>{host};
  if (!state_->open)
    co_return Result<std::vector<std::string>>(Status(Code::unavailable, "c-ares does not start"));
  auto question = std::make_shared<AddressQuestion>();
  question->name = host;
  auto cancel = [question] { question->finish(Status(Code::cancelled, "stopped")); };
  auto initiate = [&](Function<void(Result<std::vector<std::string>>)> done) {
    question->done = std::move(done);
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(state_->channel, host.c_str(), nullptr, &hints, got_addresses,
                     new std::shared_ptr<AddressQuestion>(question));
    state_->tick();
    if (stop.stop_requested()) cancel();
  };
  std::stop_callback on_stop(stop, cancel);
  auto result = co_await await_callback<Result<std::vector<std::string>>>(initiate);
  co_return result;
}

Task<Result<std::vector<DnsRecord>>> DnsResolver::query(std::string name, Network::RecordType type,
                                                        std::stop_token stop) {
  if (!state_->open)
    co_return Result<std::vector<DnsRecord>>(Status(Code::unavailable, "c-ares does not start"));
  auto question = std::make_shared<RecordQuestion>();
  question->name = name;
  question->type = type;
  auto cancel = [question] { question->finish(Status(Code::cancelled, "stopped")); };
  auto initiate = [&](Function<void(Result<std::vector<DnsRecord>>)> done) {
    question->done = std::move(done);
    ares_query(state_->channel, name.c_str(), ns_c_in, wire_type(type), got_answer,
               new std::shared_ptr<RecordQuestion>(question));
    state_->tick();
    if (stop.stop_requested()) cancel();
  };
  std::stop_callback on_stop(stop, cancel);
  auto result = co_await await_callback<Result<std::vector<DnsRecord>>>(initiate);
  co_return result;
}

}  // namespace collector::net
