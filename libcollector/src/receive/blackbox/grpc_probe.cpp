// The grpc prober: one call of grpc.health.v1.Health/Check (facts: prometheus/blackbox_exporter,
// prober/grpc.go; gRPC over HTTP2; GRPC Health Checking Protocol).
#include "net/http2_session.hpp"
#include "proto/grpc_health.hpp"
#include "receive/blackbox/probe.hpp"
#include "wire/reader.hpp"
#include "wire/writer.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace collector::receive::blackbox {
namespace {

constexpr std::array<std::string_view, 4> kStates{"UNKNOWN", "SERVING", "NOT_SERVING",
                                                  "SERVICE_UNKNOWN"};
constexpr std::size_t kLargestAnswer = 1U << 16;
constexpr std::size_t kFrameHeader = 5;  // compressed or not, and a length of four bytes

using State = proto::grpc_health::HealthCheckResponse_ServingStatus;

class GrpcRun {
 public:
  explicit GrpcRun(Probe& probe) : probe_(probe), config_(probe.module.grpc) {}

  Task<bool> run() {
    std::string text = probe_.target;
    if (!text.starts_with("http://") && !text.starts_with("https://")) text = "http://" + text;
    const bool port_given = split_host_port(text.substr(text.find("://") + 3)).has_value();
    auto parsed = net::Url::parse(text);
    if (!parsed) co_return probe_.fails(parsed.error());
    net::Url url = std::move(*parsed);
    if (!port_given) url.port = config_.tls ? 443 : 80;
    url.scheme = config_.tls ? "https" : "http";
    url.target = "/grpc.health.v1.Health/Check";
    const ChosenAddress chosen = co_await choose_address(probe_, url.host, config_.address);
    if (chosen.address.empty()) co_return false;
    resolve_ = chosen.lookup_seconds;
    checked_ = true;
    const Instant begin = probe_.now();
    const Status status = co_await check(std::move(url), chosen.address);
    check_ = probe_.seconds_since(begin);
    code_ = static_cast<int>(status.code());
    if (!status.ok() && probe_.stop.stop_requested()) code_ = 4;  // DEADLINE_EXCEEDED
    if (!status.ok()) co_return probe_.fails(status);
    if (state_ == State::serving) co_return true;
    co_return probe_.fails(fmt::format("the service is {}", state_name()));
  }

  void write() {
    const auto phase = [&](std::string_view name, double value) {
      probe_.gauge("probe_grpc_duration_seconds", "Duration of gRPC request by phase", value,
                   {{"phase", name}});
    };
    if (checked_) phase("check", check_);
    phase("resolve", resolve_);
    const bool good = checked_ && code_ == 0;
    probe_.gauge("probe_grpc_ssl", "Indicates if SSL was used for the connection",
                 good && peer_ ? 1 : 0);
    probe_.gauge("probe_grpc_status_code", "Response gRPC status code", code_);
    if (!checked_) return;
    for (std::size_t i = 0; i < kStates.size(); ++i)
      probe_.gauge("probe_grpc_healthcheck_response", "Response HealthCheck response",
                   good && i == static_cast<std::size_t>(state_) ? 1 : 0,
                   {{"serving_status", kStates[i]}});
    if (good && peer_) write_tls(probe_, *peer_, false, false);
  }

 private:
  std::string state_name() const {
    const auto number = static_cast<std::size_t>(state_);
    return number < kStates.size() ? std::string(kStates[number]) : std::to_string(number);
  }

  Task<Status> check(net::Url url, std::string address) {
    auto connected = co_await probe_.seams.network.connect(address, url.port, probe_.stop);
    if (!connected) co_return connected.error();
    std::unique_ptr<Stream> stream = std::move(*connected);
    if (config_.tls) {
      const std::vector<std::string> alpn(1, "h2");
      auto secured = co_await secure(probe_, config_.tls_config, std::move(stream), url.host, alpn);
      if (!secured) co_return Status(Code::unavailable, secured.error().what());
      peer_ = (*secured)->peer_certificates();
      stream = std::move(*secured);
    }
    auto session =
        net::Http2Session::start(probe_.seams.loop, std::move(stream), probe_.seams.budget);
    const net::Request request = question();
    net::SendOptions options;
    options.max_body = kLargestAnswer;
    bool unprocessed = false;
    auto answer = co_await session->send(request, url, options, probe_.stop, &unprocessed);
    session->close();
    if (!answer) co_return answer.error();
    co_return read(*answer);
  }

  net::Request question() const {
    proto::grpc_health::HealthCheckRequest asked;
    asked.service = config_.service;
    wire::Writer writer;
    const std::string_view message = wire::encode(asked, writer);
    net::Request request;
    request.method = "POST";
    request.headers.add("content-type", "application/grpc");
    request.headers.add("te", "trailers");
    request.headers.add("user-agent", "Blackbox-Exporter/" COLLECTOR_VERSION);
    for (const auto& [name, values] : config_.metadata)
      for (const std::string& value : values) request.headers.add(name, value);
    request.body.assign(kFrameHeader, '\0');
    for (std::size_t i = 0; i < 4; ++i)
      request.body[4 - i] = static_cast<char>(message.size() >> (8 * i));
    request.body += message;
    return request;
  }

  /// The call's outcome; state_ when it went well.
  Status read(const net::Response& answer) {
    const std::string_view text = answer.headers.get("grpc-status");
    if (text.empty()) {
      if (answer.status != 200)
        return {from_http(answer.status), fmt::format("HTTP status {}", answer.status)};
      return {Code::internal, "the answer has no grpc-status"};
    }
    int code = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
    if (error != std::errc() || end != text.data() + text.size() || code < 0 || code > 16)
      return {Code::unknown, "the answer's grpc-status is no number"};
    if (code != 0)
      return {static_cast<Code>(code),
              fmt::format("grpc-status {}: {}", code, answer.headers.get("grpc-message"))};
    if (answer.body.size() < kFrameHeader || answer.body[0] != 0)
      return {Code::internal, "the answer has no plain message"};
    return read_message(std::string_view(answer.body).substr(kFrameHeader));
  }

  Status read_message(std::string_view message) {
    wire::Arena arena(kLargestAnswer);
    proto::grpc_health::HealthCheckResponse response;
    const wire::DecodeError error = wire::decode(message, response, arena);
    if (error != wire::DecodeError::none)
      return {Code::internal, fmt::format("the answer: {}", wire::to_string(error))};
    state_ = response.status;
    return {};
  }

  Probe& probe_;
  const GrpcProbe& config_;
  double resolve_ = 0, check_ = 0;
  int code_ = 0;
  State state_ = State::unknown;
  bool checked_ = false;
  std::optional<net::TlsPeer> peer_;
};

}  // namespace

Task<bool> probe_grpc(Probe& probe) {
  GrpcRun run(probe);
  const bool success = co_await run.run();
  run.write();
  co_return success;
}

}  // namespace collector::receive::blackbox
