#include "net/http_client.hpp"

#include "base/base64.hpp"
#include "net/content_encoding.hpp"
#include "net/http2_session.hpp"
#include "net/http_message.hpp"
#include "net/http_trace.hpp"

#include <fmt/format.h>

#include <deque>
#include <map>

namespace collector::net {
namespace {

/// As many as Prometheus keeps (common/config, NewRoundTripperFromConfig): many targets may be
/// behind one address.
constexpr std::size_t kIdlePerOrigin = 1000;
constexpr Duration kIdleTime = std::chrono::seconds(90);

struct Connection {
  std::unique_ptr<Stream> stream;
  std::unique_ptr<ReadBuffer> in;
  Instant idle_since;
  std::shared_ptr<Http2Session> http2;  ///< instead of the others, where ALPN chose it
};

/// RFC 7617.
std::string basic(const Url& url) { return "Basic " + base::base64(url.user + ":" + url.password); }

}  // namespace

struct HttpClient::State : std::enable_shared_from_this<State> {
  Loop& loop;
  Network& network;
  ConnectSettings settings;
  std::shared_ptr<TlsContext> tls;
  std::map<std::string, std::deque<Connection>> idle;  ///< by origin; the latest ones last
  std::map<std::string, std::shared_ptr<Http2Session>> sessions;
  TimerId sweeper = TimerId::none;

  State(Loop& l, Network& n, ConnectSettings s) : loop(l), network(n), settings(std::move(s)) {}
  ~State() { loop.disarm(sweeper); }

  std::optional<Connection> take(const std::string& origin) {
    const auto at = idle.find(origin);
    if (at == idle.end()) return std::nullopt;
    retire(at->second);
    std::optional<Connection> connection;
    if (!at->second.empty()) {
      connection.emplace(std::move(at->second.back()));
      at->second.pop_back();
    }
    if (at->second.empty()) idle.erase(at);
    return connection;
  }

  void retire(std::deque<Connection>& connections) {
    while (!connections.empty() && loop.now() - connections.front().idle_since >= kIdleTime)
      connections.pop_front();
  }

  bool usable(Http2Session& session) {
    if (session.idle() && loop.now() - session.idle_since() >= kIdleTime) session.close();
    return session.usable();
  }

  /// The HTTP/2 connection to `origin` while it is good for another request.
  std::shared_ptr<Http2Session> session(const std::string& origin) {
    const auto at = sessions.find(origin);
    if (at == sessions.end()) return nullptr;
    if (usable(*at->second)) return at->second;
    sessions.erase(at);
    return nullptr;
  }

  /// Nobody may ever ask for an origin again: a target that is gone leaves no connection behind.
  void sweep_later() {
    if (sweeper != TimerId::none || (idle.empty() && sessions.empty())) return;
    sweeper = loop.arm(kIdleTime, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->sweeper = TimerId::none;
      for (auto& [origin, connections] : self->idle) self->retire(connections);
      std::erase_if(self->idle, [](const auto& entry) { return entry.second.empty(); });
      std::erase_if(self->sessions,
                    [&](const auto& entry) { return !self->usable(*entry.second); });
      self->sweep_later();
    });
  }

  void keep(const std::string& origin, Connection connection) {
    auto& connections = idle[origin];
    retire(connections);
    if (connections.size() >= kIdlePerOrigin) return;
    connection.idle_since = loop.now();
    connection.in->rest();
    connections.push_back(std::move(connection));
    sweep_later();
  }

  Task<Result<Connection>> open(Url url, std::string address, HttpTrace* trace,
                                std::stop_token stop) {
    const bool tunnel = settings.proxy && url.tls();
    const std::string& place = address.empty() ? url.host : address;
    const std::string host = settings.proxy ? settings.proxy->host : place;
    const std::uint16_t port = settings.proxy ? settings.proxy->port : url.port;
    HttpTrace::mark(trace, &HttpTrace::dialled);
    auto stream = co_await network.connect(host, port, stop);
    if (!stream) co_return Result<Connection>(stream.error());
    std::unique_ptr<Stream> transport = std::move(*stream);
    if (settings.proxy && settings.proxy->tls()) {
      auto secured = co_await secure(std::move(transport), settings.proxy->host, stop);
      if (!secured) co_return Result<Connection>(secured.error().in("proxy"));
      transport = std::move(*secured);
    }
    if (tunnel) {
      const Status status = co_await dig(*transport, place, url.port, stop);
      if (!status.ok()) co_return Result<Connection>(status);
    }
    HttpTrace::mark(trace, &HttpTrace::connected);
    if (url.tls()) {
      auto secured = co_await secure(std::move(transport), url.host, stop);
      if (!secured) co_return Result<Connection>(secured.error());
      HttpTrace::mark(trace, &HttpTrace::secured);
      if (trace) trace->tls = (*secured)->peer_certificates();
      const bool http2 = (*secured)->protocol() == "h2";
      transport = std::move(*secured);
      if (http2) {
        Connection connection;
        connection.http2 = Http2Session::start(loop, std::move(transport), settings.budget);
        co_return Result<Connection>(std::move(connection));
      }
    }
    Connection connection;
    connection.stream = std::move(transport);
    connection.in = std::make_unique<ReadBuffer>(*connection.stream, settings.budget);
    co_return Result<Connection>(std::move(connection));
  }

  Task<Result<std::unique_ptr<TlsStream>>> secure(std::unique_ptr<Stream> stream, std::string host,
                                                  std::stop_token stop) {
    if (!tls) {
      auto made = TlsContext::client(settings.tls);
      if (!made) co_return Result<std::unique_ptr<TlsStream>>(made.error());
      tls = std::move(*made);
    }
    auto secured = co_await tls_connect(tls, std::move(stream), std::move(host), std::move(stop));
    co_return secured;
  }

  /// CONNECT (RFC 9110, 9.3.6).
  Task<Status> dig(Stream& stream, std::string host, std::uint16_t port, std::stop_token stop) {
    Request request;
    request.method = "CONNECT";
    const std::string target =
        fmt::format("{}:{}", host.find(':') == std::string::npos ? host : "[" + host + "]", port);
    request.headers = settings.proxy_headers;
    if (!settings.proxy->user.empty())
      request.headers.set("Proxy-Authorization", basic(*settings.proxy));
    const std::string head = request_head(request, target, target);
    const Status sent = co_await stream.write(std::as_bytes(std::span(head)), stop);
    if (!sent.ok()) co_return sent;
    ReadBuffer in(stream, settings.budget);
    ReadOptions options;
    options.head = true;
    options.stop = stop;
    bool any = false;
    auto answer = co_await read_response(in, options, &any);
    if (!answer) co_return answer.error().in("proxy");
    if (answer->message.status != 200)
      co_return Status(from_http(answer->message.status),
                       fmt::format("proxy answered CONNECT with {}", answer->message.status));
    co_return Status();
  }

  /// What stands in the request line.
  std::string target_of(const Url& url, const SendOptions& options) const {
    if (!settings.proxy || url.tls()) return url.target;
    Url place = url;
    if (!options.address.empty()) place.host = options.address;
    return place.to_text();
  }

  /// `*any` says whether anything of an answer came before the error.
  Task<Result<Received<Response>>> exchange(Connection& connection, const Request& request,
                                            const Url& url, const SendOptions& options,
                                            std::stop_token stop, bool* any) {
    std::string bytes = request_head(request, target_of(url, options), url.authority());
    // One write for small bodies, which wakes the server once; a large one is not copied.
    const bool together = request.body.size() <= (64U << 10);
    if (together) bytes += request.body;
    Status sent = co_await connection.stream->write(std::as_bytes(std::span(bytes)), stop);
    if (sent.ok() && !together)
      sent = co_await connection.stream->write(std::as_bytes(std::span(request.body)), stop);
    if (!sent.ok() && sent.code() == Code::cancelled) co_return Result<Received<Response>>(sent);
    // A server may refuse early and close: its answer is worth more than our write error.
    ReadOptions read;
    read.max_body = options.max_body;
    read.head = request.method == "HEAD";
    read.on_body = options.on_body;
    read.every_body = options.every_body;
    read.trace = options.trace;
    read.stop = stop;
    read.budget = settings.budget;
    read.pool = options.pool;
    auto response = co_await read_response(*connection.in, read, any);
    if (!response && !sent.ok()) co_return Result<Received<Response>>(sent);
    co_return response;
  }

  /// Everything given outlives the call.
  Task<Result<Response>> talk(const Request& request, const Url& url, const SendOptions& options,
                              std::stop_token stop) {
    const std::string origin = url.origin();
    bool multiplexed_before = false;
    for (;;) {
      if (auto http2 = session(origin)) {
        bool unprocessed = false;
        HttpTrace::mark(options.trace, &HttpTrace::ready);
        auto response = co_await http2->send(request, url, options, stop, &unprocessed);
        // Once: a server that refuses everything must not keep us here.
        if (!response && unprocessed && !std::exchange(multiplexed_before, true)) {
          if (sessions[origin] == http2) sessions.erase(origin);
          continue;
        }
        co_return response;
      }
      std::optional<Connection> connection = take(origin);
      const bool pooled = connection.has_value();
      if (!pooled) {
        auto opened = co_await open(url, options.address, options.trace, stop);
        if (!opened) co_return Result<Response>(opened.error());
        if (opened->http2) {
          auto& slot = sessions[origin];
          // Somebody else may have opened one meanwhile: one carries all.
          if (slot && slot->usable())
            opened->http2->close();
          else
            slot = std::move(opened->http2);
          sweep_later();
          continue;
        }
        connection.emplace(std::move(*opened));
      }
      bool any = false;
      HttpTrace::mark(options.trace, &HttpTrace::ready);
      auto response = co_await exchange(*connection, request, url, options, stop, &any);
      if (!response) {
        const Code code = response.error().code();
        // Closed while it was idle; so are its neighbours, most likely.
        if (pooled && !any && code == Code::unavailable) {
          idle.erase(origin);
          continue;
        }
        co_return Result<Response>(response.error());
      }
      if (response->keep_alive && connection->in->data().empty())
        keep(origin, std::move(*connection));
      response->message.charge = std::move(response->charge);
      co_return Result<Response>(std::move(response->message));
    }
  }
};

HttpClient::HttpClient(Loop& loop, Network& network, ConnectSettings settings)
    : state_(std::make_shared<State>(loop, network, std::move(settings))) {}
HttpClient::~HttpClient() {
  for (auto& [origin, session] : state_->sessions) session->close();
  state_->sessions.clear();
}

Task<Result<Response>> HttpClient::send(Request request, SendOptions options) {
  auto url = Url::parse(request.url);
  if (!url) co_return Result<Response>(url.error());
  auto response = co_await ask(request, std::move(*url), std::move(options));
  co_return response;
}

Task<Result<Response>> HttpClient::ask(const Request& asked, Url url, SendOptions options) {
  auto self = state_;
  // The stop that the exchange sees is the caller's or the deadline's, whichever comes first.
  std::stop_source stop;
  bool late = false;
  auto pass_on = [&stop] { stop.request_stop(); };
  std::stop_callback on_stop(options.stop, pass_on);
  TimerId timer = TimerId::none;
  if (options.timeout > Duration{})
    timer = self->loop.arm(options.timeout, [&] {
      late = true;
      timer = TimerId::none;
      stop.request_stop();
    });
  if (options.on_body) options.decode = false;
  std::optional<Request> more;  // what is asked with headers of ours
  const auto add = [&](std::string name, std::string value) {
    if (!more) more = asked;
    more->headers.set(std::move(name), std::move(value));
  };
  if (options.decode && !asked.headers.contains("Accept-Encoding"))
    add("Accept-Encoding", std::string(kAcceptEncoding));
  const auto& proxy = self->settings.proxy;
  if (proxy && !url.tls() && !proxy->user.empty()) add("Proxy-Authorization", basic(*proxy));
  const Request& request = more ? *more : asked;
  const auto doing = [&] { return request.method + " " + url.origin() + url.target; };
  auto response = co_await self->talk(request, url, options, stop.get_token());
  self->loop.disarm(timer);
  if (!response) {
    if (late)
      co_return Result<Response>(
          Status(Code::deadline_exceeded, fmt::format("{}: no answer in time", doing())));
    co_return response;
  }
  if (options.decode) {
    const Status decoded = decode_body(response->headers, response->body, options.max_decoded,
                                       self->settings.budget, response->charge, options.pool);
    if (!decoded.ok()) co_return Result<Response>(decoded.in(doing()));
  }
  co_return response;
}

}  // namespace collector::net
