#include "net/http_message.hpp"

#include <fmt/format.h>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>

namespace collector::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t kReadSize = 64U << 10;

std::string text(beast::string_view v) { return std::string(v.data(), v.size()); }

/// Beast's grammar; what it finds goes straight into our message.
template <bool kRequest, class Message>
class Parser final : public http::basic_parser<kRequest> {
 public:
  Message message;
  std::size_t fields = 0;
  bool too_many = false;
  std::function<void(std::string_view)> on_body;

 private:
  using Ec = beast::error_code;
  void on_request_impl(http::verb, beast::string_view method, beast::string_view target, int,
                       Ec&) override {
    if constexpr (kRequest) {
      message.method = text(method);
      message.target = text(target);
    }
  }
  void on_response_impl(int status, beast::string_view, int, Ec&) override {
    if constexpr (!kRequest) message.status = status;
  }
  void on_field_impl(http::field, beast::string_view name, beast::string_view value,
                     Ec& ec) override {
    if (++fields > kMaxHeaderFields) {
      too_many = true;
      ec = http::error::header_limit;
      return;
    }
    message.headers.add(text(name), text(value));
  }
  void on_header_impl(Ec&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, Ec&) override {
    // The declared length is within the body limit: Beast checked it before it calls this.
    if (length && !streamed()) message.body.reserve(static_cast<std::size_t>(*length));
  }
  std::size_t on_body_impl(beast::string_view body, Ec&) override {
    take(body);
    return body.size();
  }
  bool streamed() const {
    if constexpr (kRequest)
      return false;
    else
      return on_body && message.status / 100 == 2;
  }
  void take(beast::string_view body) {
    if (streamed())
      on_body(std::string_view(body.data(), body.size()));
    else
      message.body.append(body.data(), body.size());
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, Ec&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, Ec&) override {
    take(body);
    return body.size();
  }
  void on_finish_impl(Ec&) override {}
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

/// Feeds `parser` until the message is whole. `*any` is set once there was a byte.
template <class P>
Task<Status> read_message(ReadBuffer& in, P& parser, ReadOptions options, bool* any) {
  parser.header_limit(static_cast<std::uint32_t>(kMaxHeaderBytes));
  if (options.on_body)
    parser.body_limit(boost::none);
  else
    parser.body_limit(static_cast<std::uint64_t>(options.max_body));
  parser.eager(true);
  while (!parser.is_done()) {
    if (!in.data().empty()) {
      *any = true;
      beast::error_code ec;
      const std::size_t used =
          parser.put(boost::asio::const_buffer(in.data().data(), in.data().size()), ec);
      in.consume(used);
      if (ec && ec != http::error::need_more) co_return parse_error(ec, options.max_body);
      if (parser.is_done()) break;
      if (used > 0 && !ec) continue;
    }
    const auto n = co_await in.fill(options.stop);
    if (!n) co_return n.error();
    if (*n > 0) continue;
    beast::error_code ec;
    if (parser.got_some()) parser.put_eof(ec);
    if (ec || !parser.is_done())
      co_return Status(Code::unavailable, *any ? "the connection was closed in mid-message"
                                               : "the connection was closed");
  }
  co_return Status();
}

}  // namespace

Task<Result<std::size_t>> ReadBuffer::fill(std::stop_token stop) {
  if (at_ > 0) {
    bytes_.erase(0, at_);
    at_ = 0;
  }
  const std::size_t before = bytes_.size();
  bytes_.resize(before + kReadSize);
  const std::span<std::byte> room = std::as_writable_bytes(std::span(bytes_)).subspan(before);
  const auto n = co_await stream_.read(room, stop);
  bytes_.resize(before + (n ? *n : 0));
  co_return n;
}

Task<Result<Received<Response>>> read_response(ReadBuffer& in, ReadOptions options, bool* any) {
  for (;;) {
    Parser<false, Response> parser;
    parser.skip(options.head);
    parser.on_body = options.on_body;
    const Status status = co_await read_message(in, parser, options, any);
    if (!status.ok()) co_return Result<Received<Response>>(status);
    if (parser.message.status / 100 == 1 && parser.message.status != 101) continue;
    Received<Response> received{std::move(parser.message), parser.keep_alive()};
    co_return Result<Received<Response>>(std::move(received));
  }
}

Task<Result<Received<Request>>> read_request(ReadBuffer& in, ReadOptions options) {
  Parser<true, Request> parser;
  bool any = !in.data().empty();
  const Status status = co_await read_message(in, parser, options, &any);
  if (!status.ok())
    co_return Result<Received<Request>>(any ? status : Status(Code::not_found, "no request"));
  Received<Request> received{std::move(parser.message), parser.keep_alive()};
  co_return Result<Received<Request>>(std::move(received));
}

std::string request_head(const Request& request, std::string_view target, std::string_view host) {
  std::string head = fmt::format("{} {} HTTP/1.1\r\n", request.method, target);
  if (!request.headers.contains("Host")) head += fmt::format("Host: {}\r\n", host);
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
