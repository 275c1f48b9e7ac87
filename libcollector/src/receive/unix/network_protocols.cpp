// netstat, sockstat, softnet, udp_queues, conntrack, ipvs: what the kernel's network stack counts.
#include "receive/unix/collectors.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>

namespace collector::receive::unix_host {
namespace {

class Netstat {
 public:
  explicit Netstat(const Arguments& arguments) : wanted_(arguments.netstat.expression) {}

  Status collect(const Host& host, Families& out) const {
    for (const char* file : {"net/netstat", "net/snmp"}) {
      auto text = host.proc(file);
      if (!text) return text.error();
      if (Status s = pairs(*text, out); !s.ok()) return s.in(file);
    }
    // Absent where IPv6 is disabled.
    if (auto text = host.proc("net/snmp6"))
      for (std::string_view line : lines(*text)) {
        const auto fields = words(line);
        const auto six = fields.empty() ? std::string_view::npos : fields[0].find('6');
        if (fields.size() < 2 || six == std::string_view::npos) continue;
        if (Status s = add(fields[0].substr(0, six + 1), fields[0].substr(six + 1), fields[1], out);
            !s.ok())
          return s.in("net/snmp6");
      }
    return {};
  }

 private:
  /// Lines in twos: `TcpExt: A B` and `TcpExt: 1 2`.
  Status pairs(std::string_view text, Families& out) const {
    const auto all = lines(text);
    for (std::size_t i = 0; i + 1 < all.size(); i += 2) {
      const auto names = words(all[i]), values = words(all[i + 1]);
      if (names.empty() || names.size() != values.size() || !names[0].ends_with(':'))
        return {Code::data_loss, "names and values do not match"};
      const std::string_view protocol = names[0].substr(0, names[0].size() - 1);
      for (std::size_t k = 1; k < names.size(); ++k)
        if (Status s = add(protocol, names[k], values[k], out); !s.ok()) return s;
    }
    return {};
  }
  Status add(std::string_view protocol, std::string_view name, std::string_view text,
             Families& out) const {
    const std::string key = fmt::format("{}_{}", protocol, name);
    if (!re2::RE2::PartialMatch(key, wanted_)) return {};
    const auto value = number(text);
    if (!value) return {Code::data_loss, fmt::format("{} is not a number", key)};
    out.untyped("node_netstat_" + key, fmt::format("Statistic {}{}.", protocol, name), *value);
    return {};
  }
  re2::RE2 wanted_;
};

Status sockstat(const Host& host, Families& out) {
  static constexpr std::array<std::string_view, 6> kStates{"inuse", "orphan", "tw",
                                                           "alloc", "mem",    "memory"};
  for (const bool six : {false, true}) {
    auto text = host.proc(six ? "net/sockstat6" : "net/sockstat");
    if (!text) {
      if (text.error().code() != Code::not_found) return text.error();
      continue;  // that version of IP is disabled
    }
    for (std::string_view line : lines(*text)) {
      const auto fields = words(line);
      if (fields.size() < 3 || fields.size() % 2 == 0 || !fields[0].ends_with(':'))
        return {Code::data_loss, fmt::format("malformed sockstat line: \"{}\"", line)};
      const std::string_view protocol = fields[0].substr(0, fields[0].size() - 1);
      for (std::size_t i = 1; i + 1 < fields.size(); i += 2) {
        const auto value = number(fields[i + 1]);
        if (!value) return {Code::data_loss, fmt::format("malformed sockstat line: \"{}\"", line)};
        if (protocol == "sockets") {
          if (fields[i] == "used" && !six)
            out.gauge("node_sockstat_sockets_used", "Number of IPv4 sockets in use.", *value);
          continue;
        }
        const auto gauge = [&](std::string_view state, double number) {
          out.gauge(fmt::format("node_sockstat_{}_{}", protocol, state),
                    fmt::format("Number of {} sockets in state {}.", protocol, state), number);
        };
        if (std::find(kStates.begin(), kStates.end(), fields[i]) == kStates.end()) continue;
        gauge(fields[i], *value);
        if (fields[i] == "mem")
          gauge("mem_bytes", *value * static_cast<double>(::sysconf(_SC_PAGESIZE)));
      }
    }
  }
  return {};
}

Status softnet(const Host& host, Families& out) {
  auto text = host.proc("net/softnet_stat");
  if (!text) return text.error();
  std::size_t line_number = 0;
  for (std::string_view line : lines(*text)) {
    const auto fields = words(line);
    if (fields.size() < 9)
      return {Code::data_loss, fmt::format("softnet_stat: {} columns, not 9", fields.size())};
    for (std::string_view field : fields)
      if (!hex_number(field))
        return {Code::data_loss, fmt::format("softnet_stat: \"{}\" is not a number", field)};
    const auto column = [&](std::size_t i) {
      return i < fields.size() ? static_cast<double>(hex_number(fields[i]).value_or(0)) : 0;
    };
    const bool has_index = fields.size() >= 13;
    const std::string cpu =
        std::to_string(has_index ? static_cast<std::size_t>(column(12)) : line_number);
    ++line_number;
    const Labels labels{{"cpu", cpu}};
    out.counter("node_softnet_processed_total", "Number of processed packets", column(0), labels);
    out.counter("node_softnet_dropped_total", "Number of dropped packets", column(1), labels);
    out.counter("node_softnet_times_squeezed_total",
                "Number of times processing packets ran out of quota", column(2), labels);
    out.counter("node_softnet_cpu_collision_total",
                "Number of collision occur while obtaining device lock while transmitting",
                column(8), labels);
    out.counter("node_softnet_received_rps_total", "Number of times cpu woken up received_rps",
                column(9), labels);
    out.counter("node_softnet_flow_limit_count_total",
                "Number of times flow limit has been reached", column(10), labels);
    out.gauge("node_softnet_backlog_len", "Softnet backlog status", has_index ? column(11) : 0,
              labels);
  }
  return {};
}

Status udp_queues(const Host& host, Families& out) {
  bool any = false;
  for (const auto& [file, ip] : {std::pair{"net/udp", "v4"}, std::pair{"net/udp6", "v6"}}) {
    auto text = host.proc(file);
    if (!text) {
      if (text.error().code() != Code::not_found) return text.error();
      continue;
    }
    any = true;
    double sent = 0, received = 0;
    for (std::string_view line : lines(*text)) {
      const auto fields = words(line);
      if (!fields.empty() && fields[0] == "sl") continue;
      const auto queues =
          fields.size() < 10 ? std::vector<std::string_view>() : split(fields[4], ':');
      const auto tx = queues.size() == 2 ? hex_number(queues[0]) : std::nullopt;
      const auto rx = queues.size() == 2 ? hex_number(queues[1]) : std::nullopt;
      if (!tx || !rx) return {Code::data_loss, fmt::format("{}: unexpected line", file)};
      sent += static_cast<double>(*tx);
      received += static_cast<double>(*rx);
    }
    const char* help = "Number of allocated memory in the kernel for UDP datagrams in bytes.";
    out.gauge("node_udp_queues", help, sent, {{"queue", "tx"}, {"ip", ip}});
    out.gauge("node_udp_queues", help, received, {{"queue", "rx"}, {"ip", ip}});
  }
  return any ? Status() : no_data("this kernel has no UDP");
}

Status conntrack(const Host& host, Families& out) {
  auto count = host.proc("sys/net/netfilter/nf_conntrack_count");
  auto limit = host.proc("sys/net/netfilter/nf_conntrack_max");
  if (!count || !limit) return no_data("conntrack is not loaded");
  out.gauge("node_nf_conntrack_entries",
            "Number of currently allocated flow entries for connection tracking.",
            number_or_zero(trim(*count)));
  out.gauge("node_nf_conntrack_entries_limit", "Maximum size of connection tracking table.",
            number_or_zero(trim(*limit)));
  auto text = host.proc("net/stat/nf_conntrack");
  if (!text) return no_data(text.error().what());
  struct Column {
    std::size_t at;
    const char *name, *help;
  };
  constexpr std::array kColumns{
      Column{2, "found", "Number of searched entries which were successful."},
      Column{4, "invalid", "Number of packets seen which can not be tracked."},
      Column{5, "ignore",
             "Number of packets seen which are already connected to a conntrack entry."},
      Column{8, "insert", "Number of entries inserted into the list."},
      Column{9, "insert_failed",
             "Number of entries for which list insertion was attempted but failed."},
      Column{10, "drop", "Number of packets dropped due to conntrack failure."},
      Column{11, "early_drop",
             "Number of dropped conntrack entries to make room for new ones, if maximum table size "
             "was reached."},
      Column{16, "search_restart",
             "Number of conntrack table lookups which had to be restarted due to hashtable "
             "resizes."}};
  std::array<double, kColumns.size()> sums{};
  bool heading = true;
  for (std::string_view line : lines(*text)) {
    if (std::exchange(heading, false)) continue;
    const auto fields = words(line);
    if (fields.size() < 16 || fields.size() > 17)
      return {Code::data_loss, fmt::format("nf_conntrack: {} columns, not 17", fields.size())};
    for (std::size_t i = 0; i < kColumns.size(); ++i)
      if (kColumns[i].at < fields.size())
        sums[i] += static_cast<double>(hex_number(fields[kColumns[i].at]).value_or(0));
  }
  for (std::size_t i = 0; i < kColumns.size(); ++i)
    out.gauge(std::string("node_nf_conntrack_stat_") + kColumns[i].name, kColumns[i].help, sums[i]);
  return {};
}

struct Endpoint {
  std::string address, port = "0";
};

/// As RFC 5952 writes it; an IPv4 address in IPv6's clothes as such.
std::string ipv6(const std::array<std::uint16_t, 8>& groups) {
  const auto is_zero = [&](std::size_t i) { return groups[i] == 0; };
  if (std::all_of(groups.begin(), groups.begin() + 5, [](auto g) { return g == 0; }) &&
      groups[5] == 0xffff)
    return fmt::format("{}.{}.{}.{}", groups[6] >> 8, groups[6] & 255, groups[7] >> 8,
                       groups[7] & 255);
  std::size_t from = 8, size = 1;  // the first longest run of zeros, of two at least
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t n = 0;
    while (i + n < 8 && is_zero(i + n)) ++n;
    if (n > size) {
      from = i;
      size = n;
    }
  }
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == from) {
      text += "::";
      i += size - 1;
      continue;
    }
    if (!text.empty() && !text.ends_with(':')) text += ':';
    fmt::format_to(std::back_inserter(text), "{:x}", groups[i]);
  }
  return text;
}

/// `C0A80016:0CEA`, or `[2620:0000:0000:0000:0000:0000:0000:0001]:0050`.
std::optional<Endpoint> endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || text.size() - colon != 5) return std::nullopt;
  const auto port = hex_number(text.substr(colon + 1));
  const std::string_view address = text.substr(0, colon);
  if (!port) return std::nullopt;
  if (address.size() == 8) {
    const auto ip = hex_number(address);
    if (!ip) return std::nullopt;
    return Endpoint{
        fmt::format("{}.{}.{}.{}", *ip >> 24 & 255, *ip >> 16 & 255, *ip >> 8 & 255, *ip & 255),
        std::to_string(*port)};
  }
  if (address.size() != 41) return std::nullopt;
  const auto parts = split(address.substr(1, 39), ':');
  if (parts.size() != 8) return std::nullopt;
  std::array<std::uint16_t, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) {
    const auto group = hex_number(parts[i]);
    if (!group || *group > 0xffff) return std::nullopt;
    groups[i] = static_cast<std::uint16_t>(*group);
  }
  return Endpoint{ipv6(groups), std::to_string(*port)};
}

class Ipvs {
 public:
  explicit Ipvs(const Arguments& arguments) {
    static constexpr std::array<std::string_view, 6> kOrder{
        "local_address", "local_port", "remote_address", "remote_port", "proto", "local_mark"};
    for (std::string_view label : kOrder)
      if (std::find(arguments.ipvs.backend_labels.begin(), arguments.ipvs.backend_labels.end(),
                    label) != arguments.ipvs.backend_labels.end())
        labels_.push_back(label);
  }

  Status collect(const Host& host, Families& out) const {
    auto stats = host.proc("net/ip_vs_stats");
    if (!stats) return no_data("ipvs is not loaded");
    const auto rows = lines(*stats);
    const auto totals = rows.size() > 2 ? words(rows[2]) : std::vector<std::string_view>();
    if (totals.size() != 5) return {Code::data_loss, "ip_vs_stats: unexpected content"};
    constexpr std::array kTotals{
        std::pair{"node_ipvs_connections_total", "The total number of connections made."},
        std::pair{"node_ipvs_incoming_packets_total", "The total number of incoming packets."},
        std::pair{"node_ipvs_outgoing_packets_total", "The total number of outgoing packets."},
        std::pair{"node_ipvs_incoming_bytes_total", "The total amount of incoming data."},
        std::pair{"node_ipvs_outgoing_bytes_total", "The total amount of outgoing data."}};
    for (std::size_t i = 0; i < kTotals.size(); ++i)
      out.counter(kTotals[i].first, kTotals[i].second,
                  static_cast<double>(hex_number(totals[i]).value_or(0)));
    auto table = host.proc("net/ip_vs");
    if (!table) return table.error();
    return backends(*table, out);
  }

 private:
  struct Sums {
    double weight = 0, active = 0, inactive = 0;
  };

  Status backends(std::string_view table, Families& out) const {
    std::map<std::vector<std::string>, Sums> sums;
    std::string protocol, mark;
    Endpoint local;
    for (std::string_view line : lines(table)) {
      const auto fields = words(line);
      if (fields.size() < 2 || fields[0] == "IP" || fields[0] == "Prot" ||
          fields[1] == "RemoteAddress:Port")
        continue;
      if (fields[0] == "TCP" || fields[0] == "UDP") {
        const auto parsed = endpoint(fields[1]);
        if (!parsed) return {Code::data_loss, fmt::format("ip_vs: \"{}\"", line)};
        protocol = fields[0];
        mark.clear();
        local = *parsed;
      } else if (fields[0] == "FWM") {
        protocol = fields[0];
        mark = fields[1];
        local = {};
      } else if (fields[0] == "->" && fields.size() >= 6) {
        const auto remote = endpoint(fields[1]);
        if (!remote) return {Code::data_loss, fmt::format("ip_vs: \"{}\"", line)};
        const std::map<std::string_view, std::string_view> known{
            {"local_address", local.address},
            {"local_port", local.port},
            {"remote_address", remote->address},
            {"remote_port", remote->port},
            {"proto", protocol},
            {"local_mark", mark}};
        std::vector<std::string> key;
        for (std::string_view label : labels_) key.emplace_back(known.at(label));
        Sums& sum = sums[key];
        sum.weight += number_or_zero(fields[3]);
        sum.active += number_or_zero(fields[4]);
        sum.inactive += number_or_zero(fields[5]);
      }
    }
    for (const auto& [values, sum] : sums) {
      std::vector<Label> labels;
      for (std::size_t i = 0; i < labels_.size(); ++i) labels.push_back({labels_[i], values[i]});
      out.add("node_ipvs_backend_connections_active", "gauge",
              "The current active connections by local and remote address.", sum.active, labels);
      out.add("node_ipvs_backend_connections_inactive", "gauge",
              "The current inactive connections by local and remote address.", sum.inactive,
              labels);
      out.add("node_ipvs_backend_weight", "gauge",
              "The current backend weight by local and remote address.", sum.weight, labels);
    }
    return {};
  }

  std::vector<std::string_view> labels_;
};

}  // namespace

Collect make_netstat(const Arguments& arguments) {
  return [netstat = std::make_shared<const Netstat>(arguments)](const Host& host, Families& out) {
    return netstat->collect(host, out);
  };
}
Collect make_sockstat(const Arguments&) { return sockstat; }
Collect make_softnet(const Arguments&) { return softnet; }
Collect make_udp_queues(const Arguments&) { return udp_queues; }
Collect make_conntrack(const Arguments&) { return conntrack; }
Collect make_ipvs(const Arguments& arguments) {
  return
      [ipvs = Ipvs(arguments)](const Host& host, Families& out) { return ipvs.collect(host, out); };
}

}  // namespace collector::receive::unix_host
