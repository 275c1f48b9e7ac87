// prometheus.receive_http: a server that remote-write senders send to.
#include "base/log.hpp"
#include "net/http_server.hpp"
#include "pipeline/http_server_arguments.hpp"
#include "receive/components.hpp"
#include "receive/write_receiver.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace collector::receive {
namespace {

constexpr Duration kTick = std::chrono::seconds(10);  // six of them are a turn
constexpr int kTicksOfTurn = 6;
constexpr Duration kListenAgain = std::chrono::seconds(1);

struct ReceiveHttpArguments {
  std::vector<MetricsReceiver> forward_to;
  std::vector<std::string> accepted = only_v1();
  bool append_metadata = false;
  bool enable_type_and_unit_labels = false;
  Duration graceful_shutdown_timeout = std::chrono::seconds(30);
  pipeline::HttpListenArguments http;

  static std::vector<std::string> only_v1() { return {std::string(kWriteRequestV1)}; }
  static constexpr auto fields() {
    using T = ReceiveHttpArguments;
    return std::tuple{
        attr<&T::forward_to>("forward_to", "Where the samples go.").required(),
        attr<&T::accepted>("accepted_remote_write_protobuf_messages",
                           "Messages to take: prometheus.WriteRequest (remote write 1.0), "
                           "io.prometheus.write.v2.Request (2.0). Others are answered with 415.")
            .check(check_accepted),
        attr<&T::append_metadata>("append_metadata",
                                  "Whether metadata of families is passed on, of 1.0 too."),
        attr<&T::enable_type_and_unit_labels>(
            "enable_type_and_unit_labels",
            "Whether series of 2.0 get the labels __type__ and __unit__ from their metadata."),
        attr<&T::graceful_shutdown_timeout>(
            "graceful_shutdown_timeout",
            "How long requests that are there at a stop may wait for the destinations."),
        block<&T::http>("http", "The server.")};
  }
  static Status check_accepted(const std::vector<std::string>& names) {
    if (names.empty()) return Status(Code::invalid_argument, "should not be empty");
    for (const std::string& name : names)
      if (name != kWriteRequestV1 && name != kWriteRequestV2)
        return Status(Code::invalid_argument, fmt::format("\"{}\" is neither \"{}\" nor \"{}\"",
                                                          name, kWriteRequestV1, kWriteRequestV2));
    return {};
  }
  bool accepts(std::string_view name) const {
    return std::find(accepted.begin(), accepted.end(), name) != accepted.end();
  }
};

class ReceiveHttp final : public Component<ReceiveHttpArguments> {
 public:
  explicit ReceiveHttp(Context& context)
      : Component(context),
        receiver_(std::make_shared<WriteReceiver>(context)),
        tls_(std::make_shared<pipeline::ServedTls>(context.seams().files, context.log(),
                                                   context.id())) {
    context.metrics().before_write([this] { count_connections(); });
  }

  Task<Status> run() override {
    for (int tick = 0; !context().stop().stop_requested();) {
      if (!listening_) co_await listen();
      changed_ = std::stop_source();
      auto wake = [this] { changed_.request_stop(); };
      const std::stop_callback on_stop(context().stop(), wake);
      const bool passed = co_await sleep_for(context().loop(), listening_ ? kTick : kListenAgain,
                                             changed_.get_token());
      if (!passed || !listening_) continue;
      receiver_->sweep(receiver_->series() / kTicksOfTurn + 1);
      if (++tick % kTicksOfTurn == 0) receiver_->next_turn();
    }
    co_await drain();
    co_return Status();
  }

  StringMap debug_info() override {
    return {{"listening_on", listening_ ? address_ : "nothing: " + problem_},
            {"connections", std::to_string(server_ ? server_->connections() : 0)},
            {"series", std::to_string(receiver_->series())},
            {"bytes_unacknowledged", std::to_string(receiver_->unacknowledged())}};
  }

 protected:
  Status update(ReceiveHttpArguments args) override {
    receiver_->fanout().set(args.forward_to);
    WriteReceiverSettings settings;
    settings.accept_v1 = args.accepts(kWriteRequestV1);
    settings.accept_v2 = args.accepts(kWriteRequestV2);
    settings.append_metadata = args.append_metadata;
    settings.type_and_unit_labels = args.enable_type_and_unit_labels;
    settings.answer_within = args.http.server_write_timeout;
    receiver_->configure(settings);
    receiver_->connection_limit().set(static_cast<double>(args.http.conn_limit));
    const bool moves = !(args.http == args_.http);
    args_ = std::move(args);
    if (moves) {
      listening_ = false;
      changed_.request_stop();  // run() goes on from within
    }
    return {};
  }

 private:
  /// Replaces the server. Where that fails, run() tries again: somebody else may leave the port.
  Task<void> listen() {
    if (server_) leave();
    const pipeline::HttpListenArguments where = args_.http;
    auto listener =
        co_await pipeline::listen_on(context().seams().network, where, context().stop());
    if (context().stop().stop_requested() || !(where == args_.http)) co_return;
    const std::string wanted =
        fmt::format("{}:{}", where.listen_address.empty() ? "[::]" : where.listen_address,
                    listener ? (*listener)->port() : where.listen_port);
    if (!listener) {
      if (problem_ != listener.error().what())
        context().log().error("cannot listen; trying again",
                              {{"address", wanted}, {"err", listener.error().what()}});
      problem_ = listener.error().what();
      context().work_waiting(1, "cannot listen on " + wanted + ": " + problem_);
      co_return;
    }
    net::HttpServer::Options options = where.options(tls_);
    options.budget = context().seams().budget;
    const std::weak_ptr<WriteReceiver> weak = receiver_;
    options.on_unreadable = [weak](int status) {
      if (auto receiver = weak.lock()) receiver->unreadable(status);
    };
    server_ = std::make_unique<net::HttpServer>(
        context().loop(),
        [weak](net::Request request) {
          auto receiver = weak.lock();
          return receiver ? WriteReceiver::answer(std::move(receiver), std::move(request))
                          : nobody();
        },
        std::move(options));
    server_->serve(std::move(*listener));
    listening_ = true;
    address_ = wanted;
    problem_.clear();
    context().work_waiting(0);
    context().work_completed();
    context().log().info("listening", {{"address", wanted}, {"tls", where.tls ? "true" : "false"}});
  }

  static Task<net::Response> nobody() {
    net::Response response;
    response.status = 503;
    co_return response;
  }

  void leave() {
    server_->close();
    leaving_.push_back(std::move(server_));
    std::erase_if(leaving_, [](const auto& server) { return server->connections() == 0; });
  }

  /// What is being answered may wait for its destinations until the deadline; then it is told to
  /// come again.
  Task<void> drain() {
    listening_ = false;
    if (server_) leave();
    const Instant now = context().loop().now();
    const Duration patience =
        std::min(args_.graceful_shutdown_timeout, context().drain_deadline() - now);
    const TimerId limit =
        context().loop().arm(std::max(patience, Duration{}), [this] { receiver_->give_up(); });
    while (receiver_->in_flight() > 0) {
      auto idle = [this](Function<void(bool)> done) {
        receiver_->when_idle(
            [this, done = std::make_shared<Function<void(bool)>>(std::move(done))] {
              context().loop().post([done] { (*done)(true); });
            });
      };
      const bool idled = co_await await_callback<bool>(idle);
      (void)idled;
    }
    context().loop().disarm(limit);
  }

  void count_connections() {
    std::size_t n = server_ ? server_->connections() : 0;
    for (const auto& server : leaving_) n += server->connections();
    receiver_->connections().set(static_cast<double>(n));
  }

  ReceiveHttpArguments args_;
  std::shared_ptr<WriteReceiver> receiver_;
  std::shared_ptr<pipeline::ServedTls> tls_;
  std::unique_ptr<net::HttpServer> server_;
  std::vector<std::unique_ptr<net::HttpServer>> leaving_;  ///< with connections from before
  std::stop_source changed_;
  bool listening_ = false;
  std::string address_, problem_ = "not started";
};

}  // namespace

Definition prometheus_receive_http() {
  return define<ReceiveHttp>("prometheus.receive_http",
                             "Takes what remote-write senders send over HTTP.");
}

}  // namespace collector::receive
