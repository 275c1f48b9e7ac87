#include "net/http_server.hpp"

#include "net/content_encoding.hpp"
#include "net/http_message.hpp"

#include <algorithm>

namespace collector::net {
namespace {

constexpr std::size_t kPiece = 256U << 10;
constexpr std::size_t kSmallBody = 16U << 10;
constexpr std::size_t kHeadSize = 4U << 10;  // of an answer, about

/// Requests the stop of `source` after `limit` unless destroyed before; never when that is 0.
class Deadline {
 public:
  Deadline(Loop& loop, Duration limit, std::stop_source source) : loop_(loop) {
    if (limit <= Duration{}) return;
    timer_ = loop.arm(limit, [this, source]() mutable {
      timer_ = TimerId::none;
      source.request_stop();
    });
  }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() { loop_.disarm(timer_); }

 private:
  Loop& loop_;
  TimerId timer_ = TimerId::none;
};

Response plain(int status, std::string body) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(body);
  return response;
}

/// What a request that could not be read draws.
Response refused(const Status& why) {
  if (why.code() == Code::out_of_range) return plain(413, why.what() + "\n");
  if (why.code() != Code::resource_exhausted) return plain(400, why.what() + "\n");
  Response response = plain(503, why.what() + "\n");
  response.headers.add("Retry-After", "1");
  return response;
}

}  // namespace

/// Shared by the server and its connections' tasks, which may outlive it.
struct HttpServer::State : std::enable_shared_from_this<State> {
  Loop& loop;
  HttpHandler handler;
  Options options;
  std::unique_ptr<Listener> listener;
  std::uint16_t port = 0;
  std::stop_source stop;
  std::size_t connections = 0;

  State(Loop& l, HttpHandler h, Options o)
      : loop(l), handler(std::move(h)), options(std::move(o)) {}

  static Task<void> accept_all(std::shared_ptr<State> self) {
    while (!self->stop.stop_requested()) {
      auto stream = co_await self->listener->accept(self->stop.get_token());
      if (!stream) {
        if (stream.error().code() == Code::cancelled) co_return;
        // Out of descriptors, most likely: let connections end.
        const bool slept =
            co_await sleep_for(self->loop, std::chrono::milliseconds(100), self->stop.get_token());
        if (!slept) co_return;
        continue;
      }
      if (self->connections >= self->options.max_connections) continue;
      start(self, std::move(*stream));
    }
  }

  static void start(const std::shared_ptr<State>& self, std::unique_ptr<Stream> stream) {
    ++self->connections;
    spawn(converse(self, std::move(stream)), [self] { --self->connections; });
  }

  static Task<Result<std::unique_ptr<Stream>>> admit(State& self, std::unique_ptr<Stream> stream) {
    std::stop_source patience;
    auto pass_on = [&patience] { patience.request_stop(); };
    std::stop_callback on_close(self.stop.get_token(), pass_on);
    const Deadline deadline(self.loop, self.options.read_timeout, patience);
    auto admitted = co_await self.options.admission(std::move(stream), patience.get_token());
    co_return admitted;
  }

  static Task<void> converse(std::shared_ptr<State> self, std::unique_ptr<Stream> stream) {
    if (self->options.admission) {
      auto admitted = co_await admit(*self, std::move(stream));
      if (!admitted) co_return;
      stream = std::move(*admitted);
    }
    ReadBuffer in(*stream, self->options.budget);
    for (bool first = true;; first = false) {
      std::stop_source patience;
      auto pass_on = [&patience] { patience.request_stop(); };
      std::stop_callback on_close(self->stop.get_token(), pass_on);
      ReadOptions options;
      options.max_body = self->options.max_body;
      options.stop = patience.get_token();
      options.budget = self->options.budget;
      if (!first && in.data().empty()) {
        const Deadline deadline(self->loop, self->options.idle_timeout, patience);
        const auto more = co_await in.fill(patience.get_token());
        if (!more || *more == 0) break;
      }
      std::optional<Result<Received<Request>>> request;
      {
        const Deadline deadline(self->loop, self->options.read_timeout, patience);
        auto read = co_await read_request(in, options);
        request.emplace(std::move(read));
      }
      if (!*request) {
        const Code code = request->error().code();
        if (code == Code::not_found || code == Code::cancelled || code == Code::unavailable) break;
        const Response refusal = refused(request->error());
        if (self->options.on_unreadable) self->options.on_unreadable(refusal.status);
        const Status said = co_await write(*self, *stream, refusal, false, false);
        (void)said;
        break;
      }
      Request& message = (*request)->message;
      message.peer = stream->peer();
      const bool head = message.method == "HEAD";
      const bool keep_alive = (*request)->keep_alive && !self->stop.stop_requested();
      // The body stays on the account until it is answered, wherever the handler moves it.
      Reservation held = std::move((*request)->charge);
      Status decoded;
      if (self->options.max_decoded > 0)
        decoded = decode_body(message.headers, message.body, self->options.max_decoded,
                              self->options.budget, held);
      Response response;
      if (decoded.ok())
        response = co_await self->handler(std::move(message));
      else
        response = refused(decoded);
      const Reservation answer =
          self->options.budget.charge(response.body.size() + kHeadSize, "answer");
      const Status sent = co_await write(*self, *stream, response, keep_alive, head);
      if (!sent.ok() || !keep_alive) break;
      in.rest();
    }
    stream->close();
  }

  /// A client that does not read is cut off, so that it holds neither the answer nor a connection.
  static Task<Status> write_all(State& self, Stream& stream, std::string_view bytes) {
    std::span<const std::byte> rest = std::as_bytes(std::span(bytes));
    while (!rest.empty()) {
      const auto piece = rest.first(std::min(rest.size(), kPiece));
      std::stop_source patience;
      const Deadline deadline(self.loop, self.options.write_timeout, patience);
      Status sent = co_await stream.write(piece, patience.get_token());
      if (!sent.ok()) co_return sent;
      rest = rest.subspan(piece.size());
    }
    co_return Status();
  }

  static Task<Status> write(State& self, Stream& stream, const Response& response, bool keep_alive,
                            bool head) {
    std::string bytes = response_head(response, keep_alive);
    // One write for small bodies; a large one is not copied.
    const bool together = response.body.size() <= kSmallBody;
    if (!head && together) bytes += response.body;
    Status sent = co_await write_all(self, stream, bytes);
    if (sent.ok() && !head && !together) sent = co_await write_all(self, stream, response.body);
    co_return sent;
  }
};

HttpServer::HttpServer(Loop& loop, HttpHandler handler, Options options)
    : state_(std::make_shared<State>(loop, std::move(handler), std::move(options))) {}
HttpServer::~HttpServer() { close(); }

void HttpServer::serve(std::unique_ptr<Listener> listener) {
  state_->listener = std::move(listener);
  state_->port = state_->listener->port();
  spawn(State::accept_all(state_), [] {});
}
void HttpServer::serve(std::unique_ptr<Stream> stream) { State::start(state_, std::move(stream)); }
std::uint16_t HttpServer::port() const { return state_->port; }
std::size_t HttpServer::connections() const { return state_->connections; }
void HttpServer::close() {
  state_->stop.request_stop();
  if (state_->listener) state_->listener->close();
}

}  // namespace collector::net
