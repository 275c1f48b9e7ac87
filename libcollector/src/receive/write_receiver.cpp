#include "receive/write_receiver.hpp"

#include "base/hash.hpp"
#include "base/log.hpp"
#include "wire/compression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

namespace collector::receive {
namespace {

using format::WriteReport;
using net::Response;

constexpr std::string_view kPath = "/api/v1/metrics/write";
constexpr std::string_view kContentType = "application/x-protobuf";
constexpr std::size_t kMostDecoded = 64U << 20;
/// What one receiver keeps of batches that no destination has confirmed. The last one may go
/// beyond.
constexpr std::uint64_t kMostUnacknowledged = 64U << 20;
constexpr std::size_t kMostSenders = 1000;  // whose metadata is kept
constexpr std::uint32_t kSenderTurns = 30;
/// Prometheus storage/remote/write_handler.go, maxAheadTime.
constexpr Duration kMostAhead = std::chrono::minutes(10);
constexpr Duration kSoon = std::chrono::seconds(1);

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Of all connections of a sender: it spreads a series' requests over them. Equal in every run, so
/// that what is sent after a restart goes behind what waits from before.
std::uint64_t order_key_of(std::string_view peer) {
  return base::hash64(peer.substr(0, peer.rfind(':')), 0);
}

/// What a request of 2.0 is told in any case (its specification, Required Written Response
/// Headers).
void put_written(Response& response, const WriteReport& written) {
  const auto put = [&](const char* name, std::uint64_t n) {
    response.headers.set(name, std::to_string(n));
  };
  put("X-Prometheus-Remote-Write-Samples-Written", written.samples);
  put("X-Prometheus-Remote-Write-Histograms-Written", written.histograms);
  put("X-Prometheus-Remote-Write-Exemplars-Written", written.exemplars);
}

pipeline::Counter& received(Context& context, const char* kind) {
  return context.metrics().counter("prometheus_receive_http_received_items_total",
                                   "Samples, histograms and exemplars that were taken, by kind.",
                                   {{"kind", kind}});
}

std::string_view known_method(std::string_view method) {
  for (const std::string_view m : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
    if (m == method) return m;
  return "other";
}

}  // namespace

int write_message_of(std::string_view content_type) {
  content_type = trimmed(content_type);
  if (content_type.empty()) return 1;  // as Prometheus has it: early senders say nothing
  std::size_t end = content_type.find(';');
  if (!net::equal_fold(trimmed(content_type.substr(0, end)), kContentType)) return 0;
  while (end != std::string_view::npos) {
    content_type.remove_prefix(end + 1);
    end = content_type.find(';');
    const std::string_view pair = content_type.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return 0;
    if (!net::equal_fold(trimmed(pair.substr(0, equals)), "proto")) continue;
    std::string_view name = trimmed(pair.substr(equals + 1));
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"')
      name = name.substr(1, name.size() - 2);
    return name == kWriteRequestV1 ? 1 : name == kWriteRequestV2 ? 2 : 0;
  }
  return 1;
}

/// A request whose batch is on its way.
struct WriteReceiver::Wait {
  Function<void(std::optional<Outcome>)> done;
  TimerId timer = TimerId::none;
};

WriteReceiver::WriteReceiver(Context& c)
    : context_(c),
      fanout_(c),
      known_(c.series(), c.seams().random.next(), c.seams().budget),
      reader_(known_),
      connections_(c.metrics().gauge("prometheus_receive_http_tcp_connections",
                                     "Connections that are open.", {{"protocol", "http"}})),
      connection_limit_(c.metrics().gauge("prometheus_receive_http_tcp_connections_limit",
                                          "Most connections at a time; 0: no limit.",
                                          {{"protocol", "http"}})),
      remembered_(
          c.metrics().gauge("prometheus_receive_http_series", "Series that senders sent lately.")),
      forwarded_(c.metrics().counter("prometheus_forwarded_samples_total",
                                     "Samples that the receivers took.")),
      invalid_labels_(
          c.metrics().counter("prometheus_api_remote_write_invalid_labels_samples_total",
                              "Samples that were refused for their labels.")),
      metadata_left_out_(c.metrics().counter(
          "prometheus_receive_http_metadata_left_out_total",
          "Metadata that was not passed on: not asked for, not UTF-8, or too much.")),
      samples_(received(c, "sample")),
      histograms_(received(c, "histogram")),
      exemplars_(received(c, "exemplar")),
      latency_(c.metrics().histogram("prometheus_fanout_latency",
                                     "Time until the receivers took a batch, in seconds.",
                                     {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10})) {
  for (std::size_t i = 0; i < refused_.size(); ++i)
    refused_[i] = &c.metrics().counter(
        "prometheus_receive_http_refused_items_total",
        "Samples, histograms and exemplars that were refused, by reason.",
        {{"reason", std::string(to_string(static_cast<format::WriteFault>(i)))}});
}

Task<Response> WriteReceiver::answer(std::shared_ptr<WriteReceiver> self, net::Request request) {
  const Instant begin = self->context_.loop().now();
  const std::string_view path =
      std::string_view(request.target).substr(0, request.target.find('?'));
  const std::string method(known_method(request.method));
  const std::string route = path == kPath ? "api_v1_metrics_write" : "other";
  const auto received = static_cast<double>(request.body.size());
  pipeline::OwnMetrics& own = self->context_.metrics();
  pipeline::Gauge& inflight =
      own.gauge("prometheus_receive_http_inflight_requests", "Requests that are being answered.",
                {{"method", method}, {"route", route}});
  inflight.add(1);
  ++self->in_flight_;
  Response response;
  if (path != kPath) {
    response = self->refuse(404, "no_such_path", "404 page not found");
  } else if (method != "POST") {
    response = self->refuse(405, "method", "method not allowed: use POST");
    response.headers.set("Allow", "POST");
  } else {
    response = co_await self->write(request);
  }
  inflight.add(-1);
  const std::vector<double> sizes{1U << 20,  2.5 * (1U << 20), 5U << 20,   10U << 20,
                                  25U << 20, 50U << 20,        100U << 20, 250U << 20};
  own.histogram("prometheus_receive_http_request_duration_seconds",
                "Time spent answering HTTP requests, in seconds.",
                {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 50, 100},
                {{"method", method},
                 {"route", route},
                 {"status_code", std::to_string(response.status)},
                 {"ws", "false"}})
      .observe(seconds(self->context_.loop().now() - begin));
  own.histogram("prometheus_receive_http_request_message_bytes",
                "Sizes of requests' bodies, in bytes.", sizes,
                {{"method", method}, {"route", route}})
      .observe(received);
  own.histogram("prometheus_receive_http_response_message_bytes",
                "Sizes of answers' bodies, in bytes.", sizes,
                {{"method", method}, {"route", route}})
      .observe(static_cast<double>(response.body.size()));
  if (--self->in_flight_ == 0 && self->idle_)
    if (auto idle = std::exchange(self->idle_, nullptr)) idle();
  co_return response;
}

Response WriteReceiver::refuse(int status, std::string_view reason, std::string text) {
  context_.metrics()
      .counter("prometheus_receive_http_refused_requests_total",
               "Requests that were refused as a whole, by reason.",
               {{"reason", std::string(reason)}})
      .add();
  Response response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  if (status == 503) response.headers.set("Retry-After", "1");
  response.body = std::move(text) + "\n";
  return response;
}

void WriteReceiver::unreadable(int status) {
  (void)refuse(status,
               status == 413   ? "too_large"
               : status == 503 ? "no_memory"
                               : "malformed_http",
               {});
}

Task<Response> WriteReceiver::write(net::Request& request) {
  const std::string content_type(request.headers.get("Content-Type"));
  const int message = write_message_of(content_type);
  const bool v2 = message == 2;
  const bool accepted = v2 ? settings_.accept_v2 : message == 1 && settings_.accept_v1;
  if (!accepted)
    co_return refuse(
        415, "content_type",
        fmt::format("\"{}\" is not accepted by this server; accepted is {} with proto={}{}{}",
                    content_type, kContentType, settings_.accept_v1 ? kWriteRequestV1 : "",
                    settings_.accept_v1 && settings_.accept_v2 ? " or " : "",
                    settings_.accept_v2 ? kWriteRequestV2 : ""));
  const std::string_view encoding = trimmed(request.headers.get("Content-Encoding"));
  if (!encoding.empty() && !net::equal_fold(encoding, "snappy"))
    co_return refuse(
        415, "content_encoding",
        fmt::format("the encoding \"{}\" is not accepted by this server; only snappy is",
                    encoding));
  if (given_up_) co_return refuse(503, "stopping", "the receiver stops");
  if (unacknowledged_ >= kMostUnacknowledged)
    co_return refuse(503, "unacknowledged",
                     fmt::format("{} bytes wait for the destinations already", unacknowledged_));

  auto columns = std::make_shared<MetricColumns>();
  columns->order_key = order_key_of(request.peer);
  Reservation charge = context_.seams().budget.charge(0, "received_samples");
  auto report = read(request, v2, *columns, charge);
  Response response;
  if (!report) {
    const Code code = report.error().code();
    response = code == Code::resource_exhausted ? refuse(503, "no_memory", report.error().what())
               : code == Code::out_of_range     ? refuse(413, "too_large", report.error().what())
                                                : refuse(400, "malformed", report.error().what());
    if (code == Code::data_loss)
      context_.log().warn("a request could not be decoded",
                          {{"peer", request.peer}, {"err", report.error().what()}});
    if (v2) put_written(response, {});
    co_return response;
  }
  count(*report);
  if (!report->first.empty())
    context_.log().warn("a part of a request was refused",
                        {{"peer", request.peer},
                         {"items", std::to_string(report->all_refused())},
                         {"err", report->first}});
  std::optional<Outcome> outcome = Outcome::delivered();
  if (report->samples + report->histograms + report->exemplars > 0)
    outcome = co_await forward(std::move(columns), std::move(charge));
  response = conclude(*report, v2, outcome);
  co_return response;
}

Result<WriteReport> WriteReceiver::read(net::Request& request, bool v2, MetricColumns& columns,
                                        Reservation& charge) {
  Reservation decoded = context_.seams().budget.charge(0, "decoded_body");
  auto plain = wire::snappy_uncompress(request.body, kMostDecoded, decoded);
  if (!plain) return plain.error();
  request.body = std::string();
  format::RemoteWriteReader::Options options;
  options.latest_ms = WallTime{context_.loop().wall().unix_ns + kMostAhead.count()}.unix_ms();
  options.type_and_unit_labels = settings_.type_and_unit_labels;
  Sender* sender = nullptr;
  if (settings_.append_metadata &&
      (senders_.size() < kMostSenders || senders_.contains(columns.order_key))) {
    sender = &senders_[columns.order_key];
    sender->seen = turn_;
    options.metadata = &sender->metadata;
  }
  auto report = v2 ? reader_.read_v2(*plain, options, columns, charge)
                   : reader_.read_v1(*plain, options, columns, charge);
  if (sender) columns.metadata = sender->metadata.all();
  remembered_.set(static_cast<double>(known_.size()));
  return report;
}

void WriteReceiver::count(const WriteReport& report) {
  for (std::size_t i = 0; i < refused_.size(); ++i)
    refused_[i]->add(static_cast<double>(report.refused[i]));
  invalid_labels_.add(
      static_cast<double>(report.refused[static_cast<std::size_t>(format::WriteFault::labels)]));
  metadata_left_out_.add(static_cast<double>(report.metadata_left_out));
  samples_.add(static_cast<double>(report.samples));
  histograms_.add(static_cast<double>(report.histograms));
  exemplars_.add(static_cast<double>(report.exemplars));
}

/// Nothing: the destinations took too long, or the receiver stops. The batch may arrive all the
/// same.
Task<std::optional<Outcome>> WriteReceiver::forward(std::shared_ptr<MetricColumns> columns,
                                                    Reservation charge) {
  const std::uint64_t bytes = charge.bytes();
  unacknowledged_ += bytes;
  auto begin = [&](Function<void(std::optional<Outcome>)> done) {
    auto wait = std::make_shared<Wait>();
    wait->done = std::move(done);
    waits_.insert(wait);
    const auto weak = weak_from_this();
    if (settings_.answer_within > Duration{})
      wait->timer = context_.loop().arm(settings_.answer_within, [weak, wait] {
        wait->timer = TimerId::none;
        if (auto self = weak.lock()) self->finish(wait, std::nullopt);
      });
    Metrics batch(std::move(columns), {});
    const std::size_t items = batch.size();
    batch.ack = Ack(context_.loop(), [weak, wait, bytes, items, held = std::move(charge),
                                      at = context_.loop().now()](Outcome outcome) mutable {
      held.release();
      auto self = weak.lock();
      if (!self) return;
      self->settled(bytes, items, at, outcome);
      self->finish(wait, std::move(outcome));
    });
    fanout_.consume(std::move(batch));
  };
  auto outcome = co_await await_callback<std::optional<Outcome>>(std::move(begin));
  co_return outcome;
}

void WriteReceiver::settled(std::uint64_t bytes, std::size_t items, Instant begin,
                            const Outcome& outcome) {
  unacknowledged_ -= bytes;
  latency_.observe(seconds(context_.loop().now() - begin));
  std::size_t lost = outcome.kind == Outcome::Kind::retry ? items : 0;
  if (outcome.kind == Outcome::Kind::rejected)
    lost = std::min<std::size_t>(items, outcome.rejected_items);
  forwarded_.add(static_cast<double>(items - lost));
}

void WriteReceiver::finish(const std::shared_ptr<Wait>& wait, std::optional<Outcome> outcome) {
  auto done = std::exchange(wait->done, nullptr);
  if (!done) return;
  context_.loop().disarm(std::exchange(wait->timer, TimerId::none));
  waits_.erase(wait);
  done(std::move(outcome));
}

Response WriteReceiver::conclude(const WriteReport& report, bool v2,
                                 const std::optional<Outcome>& outcome) {
  using Kind = Outcome::Kind;
  Response response;
  if (!outcome || outcome->kind == Kind::retry) {
    response = outcome     ? refuse(503, "not_taken", outcome->reason)
               : given_up_ ? refuse(503, "stopping", "the receiver stops")
                           : refuse(503, "timeout", "the destinations did not confirm in time");
    if (outcome) {
      const auto after = std::chrono::ceil<std::chrono::seconds>(std::max(outcome->after, kSoon));
      response.headers.set("Retry-After", std::to_string(after.count()));
    }
    // The request comes again as a whole.
    if (v2) put_written(response, {});
    return response;
  }
  WriteReport written = report;
  std::string problem;
  if (const std::uint64_t n = report.all_refused(); n > 0)
    problem = fmt::format("{} of {} items were refused; the first: {}", n,
                          n + report.samples + report.histograms + report.exemplars, report.first);
  if (outcome->kind == Kind::rejected) {
    std::uint64_t lost = outcome->rejected_items;
    for (std::uint64_t* part : {&written.samples, &written.histograms}) {
      const std::uint64_t n = std::min(lost, *part);
      *part -= n;
      lost -= n;
    }
    if (!problem.empty()) problem += "; ";
    problem += fmt::format("{} items were refused by a destination: {}", outcome->rejected_items,
                           outcome->reason);
  }
  if (problem.empty()) {
    response.status = 204;
  } else {
    response.status = 400;
    response.headers.set("Content-Type", "text/plain; charset=utf-8");
    response.body = std::move(problem) + "\n";
  }
  if (v2) put_written(response, written);
  return response;
}

void WriteReceiver::give_up() {
  given_up_ = true;
  while (!waits_.empty()) {
    const auto wait = *waits_.begin();
    finish(wait, std::nullopt);
  }
}

void WriteReceiver::next_turn() {
  ++turn_;
  known_.next_turn();
  std::erase_if(senders_, [this](const auto& s) { return turn_ - s.second.seen > kSenderTurns; });
  remembered_.set(static_cast<double>(known_.size()));
}

}  // namespace collector::receive
