// The dns prober (facts: prometheus/blackbox_exporter, prober/dns.go).
#include "net/extended_network.hpp"
#include "receive/blackbox/dns_message.hpp"
#include "receive/blackbox/dns_names.hpp"
#include "receive/blackbox/probe.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace collector::receive::blackbox {
namespace {

constexpr std::size_t kLargestMessage = 65535;
constexpr std::uint16_t kSoa = 6;

class DnsRun {
 public:
  explicit DnsRun(Probe& probe) : probe_(probe), config_(probe.module.dns) {}

  Task<bool> run() {
    HostPort place{probe_.target, config_.dns_over_tls ? "853" : "53"};
    if (auto split = split_host_port(probe_.target)) place = std::move(*split);
    const auto port = port_number(place.port);
    if (!port) co_return probe_.fails(fmt::format("{} is no port", place.port));
    ChosenAddress chosen = co_await choose_address(probe_, place.host, config_.address);
    if (chosen.address.empty()) co_return false;
    resolve_ = chosen.lookup_seconds;
    id_ = static_cast<std::uint16_t>(probe_.seams.random.below(1U << 16));
    auto query = dns_query({config_.query_name, *dns_type(config_.query_type),
                            *dns_class(config_.query_class), config_.recursion_desired},
                           id_);
    if (!query) co_return probe_.fails(query.error());
    Instant asked = probe_.now();
    const Instant begin = asked;
    auto exchange = config_.transport_protocol == "udp"
                        ? over_udp(std::move(*query), chosen.address, *port, asked)
                        : over_stream(std::move(*query), chosen.address, *port, place.host, asked);
    const Status failed = co_await std::move(exchange);
    request_ = failed.ok() ? probe_.seconds_since(asked) : 0;
    connect_ = probe_.seconds_since(begin) - request_;
    if (!failed.ok() && probe_.stop.stop_requested())
      co_return probe_.fails("no answer within the probe's timeout");
    if (!failed.ok()) co_return probe_.fails(failed);
    answered_ = true;
    co_return judge();
  }

  void write() {
    const auto phase = [&](std::string_view name, double value) {
      probe_.gauge("probe_dns_duration_seconds", "Duration of DNS request by phase", value,
                   {{"phase", name}});
    };
    phase("connect", connect_);
    phase("request", request_);
    phase("resolve", resolve_);
    const auto count = [&](std::string_view name, std::string_view help, std::size_t n) {
      probe_.gauge(name, help, static_cast<double>(n));
    };
    count("probe_dns_answer_rrs", "Returns number of entries in the answer resource record list",
          answer_.answers.size());
    count("probe_dns_authority_rrs",
          "Returns number of entries in the authority resource record list",
          answer_.authorities.size());
    count("probe_dns_additional_rrs",
          "Returns number of entries in the additional resource record list",
          answer_.additional.size());
    probe_.gauge("probe_dns_query_succeeded",
                 "Displays whether or not the query was executed successfully", answered_ ? 1 : 0);
    if (!answered_ || *dns_type(config_.query_type) != kSoa) return;
    double serial = 0;
    for (const DnsResourceRecord& record : answer_.answers)
      if (record.serial) serial = *record.serial;
    probe_.gauge("probe_dns_serial", "Returns the serial number of the zone", serial);
  }

 private:
  Task<Status> over_udp(std::string query, std::string address, std::uint16_t port,
                        Instant& asked) {
    net::DatagramOptions options;
    options.source = config_.source_ip_address;
    auto socket = net::extended(probe_.seams.network).datagrams(address, port, options);
    if (!socket) co_return socket.error();
    net::Datagrams& peer = **socket;
    asked = probe_.now();
    const Status sent = co_await peer.send(std::as_bytes(std::span(query)), probe_.stop);
    if (!sent.ok()) co_return sent;
    std::string buffer(kLargestMessage, '\0');
    for (;;) {
      const auto received =
          co_await peer.receive(std::as_writable_bytes(std::span(buffer)), probe_.stop);
      if (!received) co_return received.error();
      const std::string_view message = std::string_view(buffer).substr(0, received->size);
      // What answers an older question is not ours.
      auto answer = dns_answer(message);
      if (answer && answer->id != id_) continue;
      if (!answer) co_return answer.error();
      answer_ = std::move(*answer);
      co_return Status();
    }
  }

  Task<Status> over_stream(std::string query, std::string address, std::uint16_t port,
                           std::string name, Instant& asked) {
    Network& network = probe_.seams.network;
    auto connecting = config_.source_ip_address.empty()
                          ? network.connect(address, port, probe_.stop)
                          : net::extended(network).connect_from(config_.source_ip_address, address,
                                                                port, probe_.stop);
    auto connected = co_await std::move(connecting);
    if (!connected) co_return connected.error();
    std::unique_ptr<Stream> stream = std::move(*connected);
    if (config_.dns_over_tls) {
      auto secured = co_await secure(probe_, config_.tls, std::move(stream), std::move(name));
      if (!secured) co_return secured.error();
      stream = std::move(*secured);
    }
    asked = probe_.now();
    // RFC 1035, 4.2.2: the length in two bytes before each message.
    query.insert(0, 1, static_cast<char>(query.size() & 0xFF));
    query.insert(0, 1, static_cast<char>((query.size() - 1) >> 8));
    const Status sent = co_await stream->write(std::as_bytes(std::span(query)), probe_.stop);
    if (!sent.ok()) co_return sent;
    std::string bytes;
    for (std::size_t wanted = 2; bytes.size() < wanted;) {
      std::byte buffer[4096];
      const auto n = co_await stream->read(buffer, probe_.stop);
      if (!n) co_return n.error();
      if (*n == 0) co_return Status(Code::unavailable, "the connection was closed in the answer");
      bytes.append(reinterpret_cast<const char*>(buffer), *n);
      if (bytes.size() >= 2)
        wanted = 2 + (std::size_t{static_cast<unsigned char>(bytes[0])} << 8 |
                      static_cast<unsigned char>(bytes[1]));
      if (bytes.size() >= wanted) bytes.resize(wanted);
    }
    auto answer = dns_answer(std::string_view(bytes).substr(2));
    if (!answer) co_return answer.error();
    if (answer->id != id_) co_return Status(Code::data_loss, "the answer has another id");
    answer_ = std::move(*answer);
    co_return Status();
  }

  bool judge() {
    const std::vector<std::string> valid =
        config_.valid_rcodes.value_or(std::vector<std::string>{"NOERROR"});
    if (std::none_of(valid.begin(), valid.end(),
                     [&](const std::string& name) { return dns_rcode(name) == answer_.rcode; }))
      return probe_.fails(fmt::format("{} is not valid", dns_rcode_name(answer_.rcode)));
    return judge("answer", answer_.answers, config_.answer) &&
           judge("authority", answer_.authorities, config_.authority) &&
           judge("additional", answer_.additional, config_.additional);
  }

  bool judge(std::string_view section, const std::vector<DnsResourceRecord>& records,
             const RecordRules& rules) {
    const auto fails = [&](std::string_view why, const Pattern& p) {
      return probe_.fails(fmt::format("{}: {} {}", section, why, p.text));
    };
    if (records.empty() && !rules.not_matches.empty())
      return fails("there is no record to match", rules.not_matches[0]);
    if (records.empty() && !rules.none_matches.empty())
      return fails("there is no record to match", rules.none_matches[0]);
    bool any = false;
    bool all = true;
    for (const DnsResourceRecord& record : records) {
      for (const Pattern& p : rules.matches)
        if (p.found_in(record.text)) return fails("a record matches", p);
      for (const Pattern& p : rules.all_match) all = all && p.found_in(record.text);
      for (const Pattern& p : rules.not_matches)
        if (!p.found_in(record.text)) return fails("a record does not match", p);
      for (const Pattern& p : rules.none_matches) any = any || p.found_in(record.text);
    }
    // blackbox_exporter fails where not all match, whatever the field's name says.
    if (!rules.all_match.empty() && !all) return fails("not all records match", rules.all_match[0]);
    if (!rules.none_matches.empty() && !any)
      return fails("no record matches", rules.none_matches[0]);
    return true;
  }

  Probe& probe_;
  const DnsProbe& config_;
  std::uint16_t id_ = 0;
  double resolve_ = 0, connect_ = 0, request_ = 0;
  bool answered_ = false;
  DnsAnswer answer_;
};

}  // namespace

Task<bool> probe_dns(Probe& probe) {
  DnsRun run(probe);
  const bool success = co_await run.run();
  run.write();
  co_return success;
}

}  // namespace collector::receive::blackbox
