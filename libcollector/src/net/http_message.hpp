// HTTP/1 messages to and from a Stream: Beast's parser without its sockets (RFC 9112).
#pragma once

#include "net/http.hpp"

#include <functional>
#include <memory>
#include <string>

namespace collector::net {

/// Caps against hostile peers (DESIGN.md, 7).
inline constexpr std::size_t kMaxHeaderFields = 100;
inline constexpr std::size_t kMaxHeaderBytes = 16U << 10;

/// Bytes that were read from a stream and not yet used.
class ReadBuffer {
 public:
  explicit ReadBuffer(Stream& stream, Budget budget = Budget())
      : stream_(stream), budget_(std::move(budget)) {}
  std::string_view data() const { return std::string_view(bytes_).substr(at_); }
  void consume(std::size_t n) {
    at_ += n;
    if (at_ == bytes_.size()) {
      bytes_.clear();
      at_ = 0;
    }
  }
  /// Adds at least one byte; 0 at the end of the stream.
  Task<Result<std::size_t>> fill(std::stop_token stop);
  /// Keeps no memory while the connection has nothing to read.
  void rest();
  Stream& stream() { return stream_; }

 private:
  Stream& stream_;
  Budget budget_;
  Reservation charge_;
  std::string bytes_;
  std::size_t at_ = 0, at_once_ = 0;
};

struct ReadOptions {
  std::size_t max_body = 20U << 20;
  bool head = false;  ///< the response to a HEAD request has no body
  /// Takes a 2xx body piece by piece, whatever its size.
  std::function<void(std::string_view)> on_body;
  bool every_body = false;     ///< on_body takes bodies of every status
  HttpTrace* trace = nullptr;  ///< of a response
  std::stop_token stop;
  Budget budget{};           ///< pays for the body
  BodyPool* pool = nullptr;  ///< gives memory for it
};

/// What was read, and whether the connection may carry another message.
template <class Message>
struct Received {
  Message message;
  bool keep_alive = false;
  Reservation charge{};  ///< of the body
};

/// One response; 1xx ones before it are skipped. `*any` is set once a byte of it has arrived.
/// resource_exhausted: the budget has no room for the body.
Task<Result<Received<Response>>> read_response(ReadBuffer& in, ReadOptions options, bool* any);
/// One request; not_found when the stream ended before its first byte.
Task<Result<Received<Request>>> read_request(ReadBuffer& in, ReadOptions options);

/// The head of a request, Host and Content-Length included.
std::string request_head(const Request& request, std::string_view target, std::string_view host);
std::string response_head(const Response& response, bool keep_alive);

}  // namespace collector::net
