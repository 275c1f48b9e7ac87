#include "net/http_message.hpp"

#include "net/http_trace.hpp"
#include "net/incoming_body.hpp"

#include <fmt/format.h>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>

namespace collector::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

// A buffer doubles as long as reads fill it.
constexpr std::size_t kLeastReadSize = 16U << 10;
constexpr std::size_t kReadSize = 64U << 10;
/// Of a declared body: what is made ready for bytes that may never come.
constexpr std::size_t kBodyStep = 1U << 20;

std::string text(beast::string_view v) { return std::string(v.data(), v.size()); }

/// Beast's grammar; what it finds goes straight into our message.
template <bool kRequest, class Message>
class Parser final : public http::basic_parser<kRequest> {
 public:
  explicit Parser(IncomingBody& b) : body(b) {}

  Message message;
  IncomingBody& body;
  std::size_t fields = 0;
  /// Takes a 2xx body of a response instead of `body`, when set.
  std::function<void(std::string_view)> on_body;
  bool every_body = false;
  HttpTrace* trace = nullptr;

  /// Once, before the first byte of the body: Beast asks when that comes, we as soon as the header
  /// is there. A declared length is within the body limit: Beast has checked it by then.
  Status declare(const boost::optional<std::uint64_t>& length) {
    if (std::exchange(declared_, true) || !length || streamed()) return {};
    direct_ = true;
    return body.declare(*length);
  }
  /// Bytes of a declared body that may be read right into it.
  std::uint64_t direct() const {
    return direct_ && this->is_header_done() ? this->content_length_remaining().value_or(0) : 0;
  }

 private:
  using Ec = beast::error_code;
  void on_request_impl(http::verb, beast::string_view method, beast::string_view target, int,
                       Ec&) override {
    if constexpr (kRequest) {
      message.method = text(method);
      message.target = text(target);
    }
  }
  void on_response_impl(int status, beast::string_view, int version, Ec&) override {
    if constexpr (!kRequest) message.status = status;
    if (trace) trace->version = fmt::format("HTTP/{}.{}", version / 10, version % 10);
  }
  void on_field_impl(http::field, beast::string_view name, beast::string_view value,
                     Ec& ec) override {
    if (++fields > kMaxHeaderFields) {
      ec = http::error::header_limit;
      return;
    }
    message.headers.add(text(name), text(value));
  }
  void on_header_impl(Ec&) override {
    if constexpr (!kRequest) {
      if (!trace) return;
      trace->head.status = message.status;
      trace->head.headers = message.headers;
    }
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, Ec& ec) override {
    if (!declare(length).ok()) ec = http::error::body_limit;
  }
  std::size_t on_body_impl(beast::string_view bytes, Ec& ec) override {
    const std::string_view piece(bytes.data(), bytes.size());
    if (streamed())
      on_body(piece);
    else if (!body.append(piece).ok())
      ec = http::error::body_limit;
    return bytes.size();
  }
  bool streamed() const {
    if constexpr (kRequest)
      return false;
    else
      return on_body && (every_body || message.status / 100 == 2);
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, Ec&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, Ec& ec) override {
    return on_body_impl(bytes, ec);
  }
  void on_finish_impl(Ec&) override {}

  bool declared_ = false, direct_ = false;
};

Status parse_error(const beast::error_code& ec, std::size_t max_body) {
  if (ec == http::error::body_limit)
    return Status(Code::out_of_range, fmt::format("body is over the limit of {} bytes", max_body));
  if (ec == http::error::header_limit)
    return Status(Code::out_of_range,
                  fmt::format("header is over the limit of {} fields or {} bytes", kMaxHeaderFields,
                              kMaxHeaderBytes));
  return Status(Code::data_loss, fmt::format("malformed HTTP: {}", ec.message()));
}

Status cut_off(bool any) {
  return {Code::unavailable,
          any ? "the connection was closed in mid-message" : "the connection was closed"};
}

/// The rest of a declared body, past the parser.
Task<Status> read_body(ReadBuffer& in, IncomingBody& body, std::uint64_t left,
                       std::stop_token stop) {
  while (left > 0) {
    const std::size_t most = static_cast<std::size_t>(std::min<std::uint64_t>(left, kBodyStep));
    const auto n = co_await in.stream().read(body.room(most), stop);
    if (!n) co_return n.error();
    if (*n == 0) co_return cut_off(true);
    body.put(*n);
    left -= *n;
  }
  co_return Status();
}

/// Feeds `parser` until the message is whole. `*any` is set once there was a byte.
template <class P>
Task<Status> feed(ReadBuffer& in, P& parser, std::size_t max_body, std::stop_token stop,
                  bool* any) {
  parser.header_limit(static_cast<std::uint32_t>(kMaxHeaderBytes));
  if (parser.on_body)
    parser.body_limit(boost::none);
  else
    parser.body_limit(static_cast<std::uint64_t>(max_body));
  parser.eager(true);
  while (!parser.is_done()) {
    if (!in.data().empty()) {
      *any = true;
      HttpTrace::mark(parser.trace, &HttpTrace::answered);
      beast::error_code ec;
      const std::size_t used =
          parser.put(boost::asio::const_buffer(in.data().data(), in.data().size()), ec);
      in.consume(used);
      if (!parser.body.failure().ok()) co_return parser.body.failure();
      if (ec && ec != http::error::need_more) co_return parse_error(ec, max_body);
      if (parser.is_done()) break;
      if (parser.is_header_done())
        if (Status s = parser.declare(parser.content_length()); !s.ok()) co_return s;
      if (used > 0 && !ec && !in.data().empty()) continue;
      if (const std::uint64_t left = parser.direct(); left > 0 && in.data().empty()) {
        Status rest = co_await read_body(in, parser.body, left, std::move(stop));
        co_return rest;
      }
    }
    const auto n = co_await in.fill(stop);
    if (!parser.body.failure().ok()) co_return parser.body.failure();
    if (!n) co_return n.error();
    if (*n > 0) continue;
    beast::error_code ec;
    if (parser.got_some()) parser.put_eof(ec);
    if (ec || !parser.is_done()) co_return cut_off(*any);
  }
  co_return Status();
}

template <bool kRequest, class Message>
Task<Result<Received<Message>>> receive(ReadBuffer& in, ReadOptions options, bool* any) {
  // The read ends when the caller wants it to, and when the budget cuts the body.
  std::stop_source stop;
  auto pass_on = [&stop] { stop.request_stop(); };
  const std::stop_callback on_stop(options.stop, pass_on);
  IncomingBody body(options.budget, kRequest ? "request_body" : "response_body", pass_on,
                    options.pool);
  Parser<kRequest, Message> parser(body);
  if constexpr (!kRequest) {
    parser.skip(options.head);
    parser.on_body = options.on_body;
    parser.every_body = options.every_body;
    parser.trace = options.trace;
  }
  const Status status = co_await feed(in, parser, options.max_body, stop.get_token(), any);
  if (!status.ok()) co_return Result<Received<Message>>(status);
  Received<Message> received{std::move(parser.message), parser.keep_alive()};
  received.message.body = body.take(received.charge);
  co_return Result<Received<Message>>(std::move(received));
}

}  // namespace

Task<Result<std::size_t>> ReadBuffer::fill(std::stop_token stop) {
  if (at_ > 0) {
    bytes_.erase(0, at_);
    at_ = 0;
  }
  const std::size_t before = bytes_.size();
  const std::size_t most = std::max(at_once_, kLeastReadSize);
  if (before + most > bytes_.capacity()) {
    bytes_.reserve(before + most);
    charge_ = budget_.charge(bytes_.capacity(), "connection");
  }
  bytes_.resize(before + most);
  const std::span<std::byte> room = std::as_writable_bytes(std::span(bytes_)).subspan(before);
  const auto n = co_await stream_.read(room, stop);
  bytes_.resize(before + (n ? *n : 0));
  if (n && *n == most) at_once_ = std::min(2 * most, kReadSize);
  co_return n;
}

void ReadBuffer::rest() {
  if (!data().empty()) return;
  bytes_ = std::string();
  at_ = at_once_ = 0;
  charge_.release();
}

Task<Result<Received<Response>>> read_response(ReadBuffer& in, ReadOptions options, bool* any) {
  for (;;) {
    auto received = co_await receive<false, Response>(in, options, any);
    const int status = received ? received->message.status : 0;
    if (status / 100 == 1 && status != 101) continue;
    co_return received;
  }
}

Task<Result<Received<Request>>> read_request(ReadBuffer& in, ReadOptions options) {
  bool any = !in.data().empty();
  auto received = co_await receive<true, Request>(in, std::move(options), &any);
  if (!received && !any) co_return Result<Received<Request>>(Status(Code::not_found, "no request"));
  co_return received;
}

std::string request_head(const Request& request, std::string_view target, std::string_view host) {
  std::string head;
  head.reserve(512);
  head.append(request.method).append(" ").append(target).append(" HTTP/1.1\r\n");
  if (!request.headers.contains("Host")) head.append("Host: ").append(host).append("\r\n");
  for (const auto& [name, value] : request.headers.all())
    head.append(name).append(": ").append(value).append("\r\n");
  if (!request.body.empty() ||
      (request.method != "GET" && request.method != "HEAD" && request.method != "CONNECT"))
    head += fmt::format("Content-Length: {}\r\n", request.body.size());
  return head += "\r\n";
}

std::string response_head(const Response& response, bool keep_alive) {
  std::string head =
      fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  for (const auto& [name, value] : response.headers.all())
    head.append(name).append(": ").append(value).append("\r\n");
  if (response.status != 204 && response.status != 304)
    head += fmt::format("Content-Length: {}\r\n", response.body.size());
  head += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
  return head;
}

}  // namespace collector::net
