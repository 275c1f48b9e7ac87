#include "net/http2_session.hpp"

#include "net/http_message.hpp"
#include "net/http_trace.hpp"
#include "net/incoming_body.hpp"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>

namespace collector::net {
namespace {

constexpr std::size_t kWriteAtOnce = 64U << 10;
constexpr std::size_t kReadAtOnce = 64U << 10;
constexpr std::int32_t kStreamWindow = 1 << 20;
constexpr std::int32_t kConnectionWindow = 4 << 20;
constexpr std::int32_t kLeastWindow = 64 << 10;
constexpr std::uint32_t kHeaderTable = 4096;

/// Fields that speak of a connection have no place in HTTP/2 (RFC 9113, 8.2.2).
bool of_connection(std::string_view name) {
  for (const std::string_view banned :
       {"connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "host"})
    if (equal_fold(name, banned)) return true;
  return false;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

nghttp2_nv field(const std::string& name, const std::string& value) {
  nghttp2_nv nv{};
  nv.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
  nv.namelen = name.size();
  nv.value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
  nv.valuelen = value.size();
  return nv;
}

}  // namespace

struct Http2Session::Exchange {
  explicit Exchange(Budget budget, Function<void()> cut)
      : received(std::move(budget), "response_body", std::move(cut)) {}

  std::string body;  ///< of the request, what is left of it from `sent`
  std::size_t sent = 0;
  Response response;
  IncomingBody received;
  std::size_t header_bytes = 0, max_body = 0;
  std::function<void(std::string_view)> on_body;
  bool every_body = false;
  HttpTrace* trace = nullptr;
  bool streams() const { return on_body && (every_body || response.status / 100 == 2); }
  bool any = false, unprocessed = false;
  bool bodiless = false;  ///< the answer to HEAD declares the length of a body that does not come
  Status failed;          ///< why we reset it
  Function<void(Status)> done;
};

/// What nghttp2 calls; `user` is the session.
struct Http2Session::Callbacks {
  static Http2Session& session(void* user) { return *static_cast<Http2Session*>(user); }
  static Exchange* exchange(void* user, std::int32_t id) {
    auto& all = session(user).exchanges_;
    const auto at = all.find(id);
    return at == all.end() ? nullptr : at->second.get();
  }
  static int refuse(nghttp2_session* s, Exchange& e, std::int32_t id, Status why) {
    e.failed = std::move(why);
    return nghttp2_submit_rst_stream(s, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  }

  static int header(nghttp2_session* s, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user) {
    Exchange* e = exchange(user, frame->hd.stream_id);
    if (!e || frame->hd.type != NGHTTP2_HEADERS) return 0;
    e->any = true;
    HttpTrace::mark(e->trace, &HttpTrace::answered);
    const std::string_view n(reinterpret_cast<const char*>(name), name_size);
    const std::string_view v(reinterpret_cast<const char*>(value), value_size);
    e->header_bytes += n.size() + v.size();
    if (e->header_bytes > kMaxHeaderBytes || e->response.headers.all().size() >= kMaxHeaderFields)
      return refuse(s, *e, frame->hd.stream_id,
                    {Code::out_of_range, "the response's header is over the limit"});
    if (n == ":status") {
      int status = 0;
      std::from_chars(v.data(), v.data() + v.size(), status);
      // An interim answer (1xx) is followed by the real one.
      e->response = Response();
      e->response.status = status;
    } else if (!n.starts_with(':')) {
      e->response.headers.add(std::string(n), std::string(v));
    }
    return 0;
  }

  static int data(nghttp2_session* s, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                  std::size_t size, void* user) {
    Exchange* e = exchange(user, id);
    if (!e || !e->failed.ok()) return 0;
    if (e->streams()) {
      e->on_body(std::string_view(reinterpret_cast<const char*>(bytes), size));
      return 0;
    }
    if (size > e->max_body - e->received.size()) return refuse(s, *e, id, too_long(*e));
    const Status taken = e->received.append({reinterpret_cast<const char*>(bytes), size});
    return taken.ok() ? 0 : refuse(s, *e, id, taken);
  }

  static Status too_long(const Exchange& e) {
    return {Code::out_of_range, fmt::format("body is over the limit of {} bytes", e.max_body)};
  }

  /// The response's header is whole: what it declares is taken or refused at once.
  static int declare(nghttp2_session* s, Exchange& e, std::int32_t id) {
    const std::string_view text = e.response.headers.get("content-length");
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    const bool declared = !text.empty() && error == std::errc() && end == text.data() + text.size();
    if (!declared || e.streams() || e.bodiless || !e.failed.ok() || e.response.status < 200)
      return 0;
    if (length > e.max_body) return refuse(s, e, id, too_long(e));
    const Status taken = e.received.declare(length);
    return taken.ok() ? 0 : refuse(s, e, id, taken);
  }

  static int frame(nghttp2_session* s, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) session(user).going_away_ = true;
    if (frame->hd.type != NGHTTP2_HEADERS || !(frame->hd.flags & NGHTTP2_FLAG_END_HEADERS))
      return 0;
    Exchange* e = exchange(user, frame->hd.stream_id);
    if (e && e->trace && e->response.status >= 200) {
      e->trace->version = "HTTP/2.0";
      e->trace->head.status = e->response.status;
      e->trace->head.headers = e->response.headers;
    }
    if (!e || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    return declare(s, *e, frame->hd.stream_id);
  }

  static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
    Exchange* e = exchange(user, id);
    if (!e) return 0;
    Status status = e->failed.ok() ? e->received.failure() : e->failed;
    if (status.ok() && code == NGHTTP2_REFUSED_STREAM) {
      e->unprocessed = true;
      status = Status(Code::unavailable, "the server refused the stream");
    } else if (status.ok() && code != NGHTTP2_NO_ERROR) {
      status =
          Status(Code::unavailable, fmt::format("stream reset: {}", nghttp2_http2_strerror(code)));
    } else if (status.ok() && e->response.status < 200) {
      status = Status(Code::data_loss, "the stream ended without a response");
    }
    session(user).finish(id, std::move(status));
    return 0;
  }

  static ssize_t request_body(nghttp2_session*, std::int32_t id, std::uint8_t* into,
                              std::size_t room, std::uint32_t* flags, nghttp2_data_source*,
                              void* user) {
    Exchange* e = exchange(user, id);
    if (!e) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::size_t n = std::min(room, e->body.size() - e->sent);
    std::memcpy(into, e->body.data() + e->sent, n);
    e->sent += n;
    if (e->sent == e->body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(n);
  }
};

Http2Session::Http2Session(Loop& loop, std::unique_ptr<Stream> stream, Budget budget)
    : loop_(loop),
      stream_(std::move(stream)),
      budget_(std::move(budget)),
      buffer_(budget_.charge(kReadAtOnce, "connection")),
      idle_since_(loop.now()) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::stream_closed);
  nghttp2_session_client_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  const std::array<nghttp2_settings_entry, 4> settings{
      {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
       {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeaderBytes},
       {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, kHeaderTable}}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  fit_window();
}

Http2Session::~Http2Session() { nghttp2_session_del(session_); }

std::shared_ptr<Http2Session> Http2Session::start(Loop& loop, std::unique_ptr<Stream> stream,
                                                  Budget budget) {
  std::shared_ptr<Http2Session> session(
      new Http2Session(loop, std::move(stream), std::move(budget)));
  session->pump();
  spawn(read(session), [] {});
  return session;
}

void Http2Session::close() { fail(Status(Code::unavailable, "the connection was closed")); }

Task<void> Http2Session::read(std::shared_ptr<Http2Session> self) {
  std::string buffer(kReadAtOnce, '\0');
  for (;;) {
    auto n = co_await self->stream_->read(std::as_writable_bytes(std::span(buffer)),
                                          self->stop_.get_token());
    if (self->closed_) co_return;
    if (!n || *n == 0) {
      self->fail(n ? Status(Code::unavailable, "the server closed the connection") : n.error());
      co_return;
    }
    const auto used = nghttp2_session_mem_recv(
        self->session_, reinterpret_cast<const std::uint8_t*>(buffer.data()), *n);
    if (used < 0) {
      self->fail(Status(Code::data_loss,
                        fmt::format("no HTTP/2: {}", nghttp2_strerror(static_cast<int>(used)))));
      co_return;
    }
    self->fit_window();
    self->pump();
    const bool over =
        !nghttp2_session_want_read(self->session_) && !nghttp2_session_want_write(self->session_);
    if (over) {
      self->fail(Status(Code::unavailable, "the server ended the connection"));
      co_return;
    }
  }
}

void Http2Session::fit_window() {
  // In powers of two, so that it does not change with every frame. What is in a window may come
  // whatever we think of it by then: the least keeps streams going, and bodies are charged by
  // themselves.
  std::int32_t window = kConnectionWindow;
  const std::uint64_t left = budget_.left();
  while (window > kLeastWindow && static_cast<std::uint64_t>(window) > left) window /= 2;
  if (std::exchange(window_, window) == window) return;
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, window);
}

void Http2Session::reset(std::int32_t id, Status why) {
  const auto at = exchanges_.find(id);
  if (closed_ || at == exchanges_.end()) return;
  if (const Status& cut = at->second->received.failure(); !cut.ok()) why = cut;
  at->second->failed = why;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  finish(id, std::move(why));
  pump();
}

void Http2Session::pump() {
  if (writing_ || closed_) return;
  writing_ = true;
  spawn(write(shared_from_this()), [] {});
}

Task<void> Http2Session::write(std::shared_ptr<Http2Session> self) {
  std::string bytes;
  while (!self->closed_) {
    bytes.clear();
    while (bytes.size() < kWriteAtOnce) {
      const std::uint8_t* part = nullptr;
      const auto size = nghttp2_session_mem_send(self->session_, &part);
      if (size <= 0) break;
      bytes.append(reinterpret_cast<const char*>(part), static_cast<std::size_t>(size));
    }
    if (bytes.empty()) break;
    const Status sent =
        co_await self->stream_->write(std::as_bytes(std::span(bytes)), self->stop_.get_token());
    if (!sent.ok()) {
      self->fail(sent);
      break;
    }
  }
  self->writing_ = false;
}

void Http2Session::fail(const Status& status) {
  if (std::exchange(closed_, true)) return;
  auto all = std::exchange(exchanges_, {});
  stop_.request_stop();
  stream_->close();
  for (auto& [id, exchange] : all) {
    if (!exchange->any) exchange->unprocessed = going_away_ && exchange->sent == 0;
    // By post: the sender may not wait yet.
    loop_.post([exchange = exchange, status] {
      if (auto done = std::exchange(exchange->done, nullptr)) done(status);
    });
  }
}

void Http2Session::finish(std::int32_t id, Status status) {
  const auto at = exchanges_.find(id);
  if (at == exchanges_.end()) return;
  const auto exchange = at->second;
  exchanges_.erase(at);
  if (exchanges_.empty()) idle_since_ = loop_.now();
  // By post: nghttp2 is in the middle of a frame.
  loop_.post([exchange, status = std::move(status)]() mutable {
    if (auto done = std::exchange(exchange->done, nullptr)) done(std::move(status));
  });
}

Task<Result<Response>> Http2Session::send(const Request& request, const Url& url,
                                          const SendOptions& options, std::stop_token stop,
                                          bool* unprocessed) {
  auto self = shared_from_this();
  if (!usable()) {
    *unprocessed = true;
    co_return Status(Code::unavailable, "the connection is closed");
  }
  const std::string_view host = request.headers.get("Host");
  // Names and values live until nghttp2 has copied them.
  std::vector<std::pair<std::string, std::string>> fields{
      {":method", request.method},
      {":scheme", url.scheme},
      {":authority", host.empty() ? url.authority() : std::string(host)},
      {":path", url.target}};
  for (const auto& [name, value] : request.headers.all())
    if (!of_connection(name)) fields.emplace_back(lower(name), value);
  if (!request.body.empty() && !request.headers.contains("Content-Length"))
    fields.emplace_back("content-length", std::to_string(request.body.size()));
  std::vector<nghttp2_nv> nvs;
  for (const auto& [name, value] : fields) nvs.push_back(field(name, value));
  // The cut may come out of another stream's callback, in which nghttp2 must not be asked to write.
  auto number = std::make_shared<std::int32_t>(-1);
  auto cut = [weak = weak_from_this(), number] {
    if (auto session = weak.lock())
      session->loop_.post([session, number] { session->reset(*number, Status()); });
  };
  auto exchange = std::make_shared<Exchange>(budget_, std::move(cut));
  exchange->bodiless = request.method == "HEAD";
  exchange->body = request.body;
  exchange->max_body = options.max_body;
  exchange->on_body = options.on_body;
  exchange->every_body = options.every_body;
  exchange->trace = options.trace;
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::request_body;
  const std::int32_t id =
      nghttp2_submit_request(session_, nullptr, nvs.data(), nvs.size(),
                             request.body.empty() ? nullptr : &provider, nullptr);
  if (id < 0) {
    going_away_ = true;  // its numbers are used up
    *unprocessed = true;
    co_return Status(Code::unavailable, nghttp2_strerror(id));
  }
  exchanges_[id] = exchange;
  *number = id;
  fit_window();
  pump();
  auto cancel = [self, id] { self->reset(id, Status(Code::cancelled, "stopped")); };
  const std::stop_callback on_stop(stop, cancel);
  auto wait = [&](Function<void(Status)> done) { exchange->done = std::move(done); };
  const Status status = co_await await_callback<Status>(wait);
  if (!status.ok()) {
    *unprocessed = exchange->unprocessed;
    co_return status;
  }
  exchange->response.body = exchange->received.take(exchange->response.charge);
  co_return std::move(exchange->response);
}

}  // namespace collector::net
