// One HTTP/2 connection as a client (RFC 9113, over nghttp2): requests side by side on one stream.
// One loop.
#pragma once

#include "net/http.hpp"

#include <map>
#include <memory>
#include <string>

struct nghttp2_session;

namespace collector::net {

class Http2Session : public std::enable_shared_from_this<Http2Session> {
 public:
  /// Begins the conversation over a connected stream on which ALPN chose h2.
  /// The budget pays for what responses take, and the windows in which the server may send are no
  /// wider than what is left of it.
  static std::shared_ptr<Http2Session> start(Loop& loop, std::unique_ptr<Stream> stream,
                                             Budget budget = Budget());
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;
  ~Http2Session();

  /// May carry another request.
  bool usable() const { return !closed_ && !going_away_; }
  bool idle() const { return exchanges_.empty(); }
  Instant idle_since() const { return idle_since_; }
  /// Ends the connection; what is under way fails with unavailable.
  void close();

  /// One request, one response. `*unprocessed` is set when the server did not look at it, so that
  /// another connection may carry it. `stop` resets the stream and ends it with cancelled; without
  /// room for the body it ends with resource_exhausted.
  Task<Result<Response>> send(const Request& request, const Url& url, const SendOptions& options,
                              std::stop_token stop, bool* unprocessed);

 private:
  struct Exchange;
  struct Callbacks;
  Http2Session(Loop& loop, std::unique_ptr<Stream> stream, Budget budget);
  static Task<void> read(std::shared_ptr<Http2Session> self);
  static Task<void> write(std::shared_ptr<Http2Session> self);
  /// Writes what nghttp2 has to say, unless that is under way.
  void pump();
  /// Sets how much the server may send before we say more.
  void fit_window();
  /// Ends an exchange from outside of nghttp2's callbacks.
  void reset(std::int32_t id, Status why);
  void fail(const Status& status);
  void finish(std::int32_t id, Status status);

  Loop& loop_;
  std::unique_ptr<Stream> stream_;
  Budget budget_;
  Reservation buffer_;
  std::int32_t window_ = 0;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, std::shared_ptr<Exchange>> exchanges_;
  std::stop_source stop_;
  Instant idle_since_;
  bool writing_ = false, closed_ = false, going_away_ = false;
};

}  // namespace collector::net
