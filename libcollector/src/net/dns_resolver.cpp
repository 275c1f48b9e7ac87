#include "net/dns_resolver.hpp"

#include "base/system_files.hpp"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <fmt/format.h>
#include <netdb.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <map>
#include <optional>

namespace collector::net {
namespace {

namespace asio = boost::asio;

constexpr int kTimeoutMs = 2000;
constexpr int kTries = 3;
constexpr const char* kResolvConf = "/etc/resolv.conf";

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
  FileInfo configured;  ///< resolv.conf as it was when this began
  ares_channel channel{};
  bool open = false, closing = false;
  std::map<ares_socket_t, std::shared_ptr<asio::posix::stream_descriptor>> sockets;
  TimerId timer = TimerId::none;

  State(SystemLoop& l, FileInfo resolv_conf) : loop(l), configured(resolv_conf) {
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

  /// The names that a question for `name` tries, in order (resolv.conf(5): search, ndots).
  std::vector<std::string> candidates(const std::string& name) const {
    if (name.ends_with('.')) return {name};
    ares_options options{};
    int mask = 0;
    if (ares_save_options(channel, &options, &mask) != ARES_SUCCESS) return {name};
    std::vector<std::string> out;
    for (int i = 0; i < options.ndomains; ++i) out.push_back(name + '.' + options.domains[i]);
    const bool first = std::count(name.begin(), name.end(), '.') >= options.ndots;
    out.insert(first ? out.begin() : out.end(), name);
    ares_destroy_options(&options);
    return out;
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
template <class T, class Asked>
struct Question {
  std::string name;
  Asked* asked = nullptr;
  Network::RecordType type = Network::RecordType::a;
  Function<void(Result<T>)> done;
  void finish(Result<T> result) {
    if (auto d = std::exchange(done, nullptr)) d(std::move(result));
  }
  /// Out of a callback of c-ares, which whoever is resumed may destroy: hence by post.
  static void answer(const std::shared_ptr<Question>& question, Result<T> result) {
    if (!question->done) return;
    if (question->asked->closing) return question->finish(std::move(result));
    question->asked->loop.post(
        [question, result = std::move(result)]() mutable { question->finish(std::move(result)); });
  }
};

template <class Q>
void got_addresses(void* arg, int status, int, ares_addrinfo* info) {
  const std::unique_ptr<std::shared_ptr<Q>> held(static_cast<std::shared_ptr<Q>*>(arg));
  if (status != ARES_SUCCESS) return Q::answer(*held, dns_error((*held)->name, status));
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
  Q::answer(*held, std::move(found));
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

template <class Q>
void got_answer(void* arg, int status, int, unsigned char* data, int size) {
  const std::unique_ptr<std::shared_ptr<Q>> held(static_cast<std::shared_ptr<Q>*>(arg));
  std::vector<DnsRecord> records;
  if (status == ARES_SUCCESS) status = parse_answer((*held)->type, data, size, records);
  if (status == ARES_ENODATA) return Q::answer(*held, std::vector<DnsRecord>{});
  if (status != ARES_SUCCESS) return Q::answer(*held, dns_error((*held)->name, status));
  Q::answer(*held, std::move(records));
}

}  // namespace

DnsResolver::DnsResolver(SystemLoop& loop) : loop_(loop) {}
DnsResolver::~DnsResolver() {
  if (!state_ || !state_->open) return;
  state_->closing = true;
  ares_cancel(state_->channel);
}

std::shared_ptr<DnsResolver::State> DnsResolver::current() {
  base::SystemFiles files;
  auto info = files.info(kResolvConf);
  const FileInfo now = info ? *info : FileInfo();
  if (state_ && state_->configured.modified == now.modified && state_->configured.size == now.size)
    return state_;
  state_ = std::make_shared<State>(loop_, now);
  return state_;
}

Task<Result<std::vector<std::string>>> DnsResolver::addresses(std::string host,
                                                              std::stop_token stop) {
  in6_addr numeric{};
  if (inet_pton(AF_INET, host.c_str(), &numeric) == 1 ||
      inet_pton(AF_INET6, host.c_str(), &numeric) == 1)
    co_return std::vector<std::string>{host};
  const auto state = current();
  if (!state->open)
    co_return Result<std::vector<std::string>>(Status(Code::unavailable, "c-ares does not start"));
  using Asked = Question<std::vector<std::string>, State>;
  auto question = std::make_shared<Asked>();
  question->name = host;
  question->asked = state.get();
  auto cancel = [question] { question->finish(Status(Code::cancelled, "stopped")); };
  auto initiate = [&](Function<void(Result<std::vector<std::string>>)> done) {
    question->done = std::move(done);
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(state->channel, host.c_str(), nullptr, &hints, got_addresses<Asked>,
                     new std::shared_ptr<Asked>(question));
    state->tick();
    if (stop.stop_requested()) cancel();
  };
  std::stop_callback on_stop(stop, cancel);
  auto result = co_await await_callback<Result<std::vector<std::string>>>(initiate);
  co_return result;
}

Task<Result<std::vector<DnsRecord>>> DnsResolver::query(std::string name, Network::RecordType type,
                                                        std::stop_token stop) {
  const auto state = current();
  if (!state->open)
    co_return Result<std::vector<DnsRecord>>(Status(Code::unavailable, "c-ares does not start"));
  // As Prometheus: the first name that is there decides, and only when all are said not to be is
  // there none.
  std::optional<Status> failed;
  std::optional<Status> absent;
  for (const std::string& candidate : state->candidates(name)) {
    auto records = co_await ask(state, candidate, type, stop);
    if (records || records.error().code() == Code::cancelled) co_return records;
    (records.error().code() == Code::not_found ? absent : failed) = records.error();
  }
  co_return Result<std::vector<DnsRecord>>(failed ? *failed : *absent);
}

Task<Result<std::vector<DnsRecord>>> DnsResolver::ask(std::shared_ptr<State> state,
                                                      std::string name, Network::RecordType type,
                                                      std::stop_token stop) {
  using Asked = Question<std::vector<DnsRecord>, State>;
  auto question = std::make_shared<Asked>();
  question->name = name;
  question->asked = state.get();
  question->type = type;
  auto cancel = [question] { question->finish(Status(Code::cancelled, "stopped")); };
  auto initiate = [&](Function<void(Result<std::vector<DnsRecord>>)> done) {
    question->done = std::move(done);
    ares_query(state->channel, name.c_str(), ns_c_in, wire_type(type), got_answer<Asked>,
               new std::shared_ptr<Asked>(question));
    state->tick();
    if (stop.stop_requested()) cancel();
  };
  std::stop_callback on_stop(stop, cancel);
  auto result = co_await await_callback<Result<std::vector<DnsRecord>>>(initiate);
  co_return result;
}

}  // namespace collector::net
