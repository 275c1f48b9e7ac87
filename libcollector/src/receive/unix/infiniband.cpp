// infiniband: ports of RDMA devices (the kernel's Documentation/ABI/stable/sysfs-class-infiniband).
#include "receive/unix/collectors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <span>

namespace collector::receive::unix_host {
namespace {

constexpr std::string_view kInfiniband = "class/infiniband";
constexpr double kBytesPerGigabit = 125000000;

struct Counter {
  std::string_view file, name, help;
  bool in_words = false;  ///< of four bytes
};

constexpr std::array kCounters{
    Counter{"excessive_buffer_overrun_errors", "excessive_buffer_overrun_errors_total",
            "Number of times that OverrunErrors consecutive flow control update periods occurred, "
            "each having at least one overrun error."},
    Counter{"link_downed", "link_downed_total",
            "Number of times the link failed to recover from an error state and went down"},
    Counter{"link_error_recovery", "link_error_recovery_total",
            "Number of times the link successfully recovered from an error state"},
    Counter{"local_link_integrity_errors", "local_link_integrity_errors_total",
            "Number of times that the count of local physical errors exceeded the threshold "
            "specified by LocalPhyErrors."},
    Counter{"multicast_rcv_packets", "multicast_packets_received_total",
            "Number of multicast packets received (including errors)"},
    Counter{"multicast_xmit_packets", "multicast_packets_transmitted_total",
            "Number of multicast packets transmitted (including errors)"},
    Counter{"port_rcv_constraint_errors", "port_constraint_errors_received_total",
            "Number of packets received on the switch physical port that are discarded"},
    Counter{"port_xmit_constraint_errors", "port_constraint_errors_transmitted_total",
            "Number of packets not transmitted from the switch physical port"},
    Counter{"port_rcv_data", "port_data_received_bytes_total",
            "Number of data octets received on all links", true},
    Counter{"port_xmit_data", "port_data_transmitted_bytes_total",
            "Number of data octets transmitted on all links", true},
    Counter{
        "port_rcv_discards", "port_discards_received_total",
        "Number of inbound packets discarded by the port because the port is down or congested"},
    Counter{
        "port_xmit_discards", "port_discards_transmitted_total",
        "Number of outbound packets discarded by the port because the port is down or congested"},
    Counter{"port_rcv_errors", "port_errors_received_total",
            "Number of packets containing an error that were received on this port"},
    Counter{"port_rcv_packets", "port_packets_received_total",
            "Number of packets received on all VLs by this port (including errors)"},
    Counter{"port_xmit_packets", "port_packets_transmitted_total",
            "Number of packets transmitted on all VLs from this port (including errors)"},
    Counter{"port_xmit_wait", "port_transmit_wait_total",
            "Number of ticks during which the port had data to transmit but no data was sent "
            "during the entire tick"},
    Counter{"unicast_rcv_packets", "unicast_packets_received_total",
            "Number of unicast packets received (including errors)"},
    Counter{"unicast_xmit_packets", "unicast_packets_transmitted_total",
            "Number of unicast packets transmitted (including errors)"},
    Counter{"port_rcv_remote_physical_errors", "port_receive_remote_physical_errors_total",
            "Number of packets marked with the EBP (End of Bad Packet) delimiter received on the "
            "port."},
    Counter{"port_rcv_switch_relay_errors", "port_receive_switch_relay_errors_total",
            "Number of packets that could not be forwarded by the switch."},
    Counter{"symbol_error", "symbol_error_total",
            "Number of minor link errors detected on one or more physical lanes."},
    Counter{"VL15_dropped", "vl15_dropped_total",
            "Number of incoming VL15 packets dropped due to resource limitations."}};
/// Of drivers from before the 64-bit counters moved to the others.
constexpr std::array kExtended{
    Counter{"port_multicast_rcv_packets", "legacy_multicast_packets_received_total",
            "Number of multicast packets received"},
    Counter{"port_multicast_xmit_packets", "legacy_multicast_packets_transmitted_total",
            "Number of multicast packets transmitted"},
    Counter{"port_rcv_data_64", "legacy_data_received_bytes_total",
            "Number of data octets received on all links", true},
    Counter{"port_rcv_packets_64", "legacy_packets_received_total",
            "Number of data packets received on all links"},
    Counter{"port_unicast_rcv_packets", "legacy_unicast_packets_received_total",
            "Number of unicast packets received"},
    Counter{"port_unicast_xmit_packets", "legacy_unicast_packets_transmitted_total",
            "Number of unicast packets transmitted"},
    Counter{"port_xmit_data_64", "legacy_data_transmitted_bytes_total",
            "Number of data octets transmitted on all links", true},
    Counter{"port_xmit_packets_64", "legacy_packets_transmitted_total",
            "Number of data packets received on all links"}};
constexpr std::array kHardware{
    Counter{"duplicate_request", "duplicate_requests_packets_total",
            "The number of received packets. A duplicate request is a request that had been "
            "previously executed."},
    Counter{"implied_nak_seq_err", "implied_nak_seq_errors_total",
            "The number of time the requested decided an ACK. with a PSN larger than the expected "
            "PSN for an RDMA read or response."},
    Counter{"local_ack_timeout_err", "local_ack_timeout_errors_total",
            "The number of times QP's ack timer expired for RC, XRC, DCT QPs at the sender side. "
            "The QP retry limit was not exceed, therefore it is still recoverable error."},
    Counter{
        "np_cnp_sent", "np_cnp_packets_sent_total",
        "The number of CNP packets sent by the Notification Point when it noticed congestion "
        "experienced in the RoCEv2 IP header (ECN bits). The counters was added in MLNX_OFED 4.1"},
    Counter{"np_ecn_marked_roce_packets", "np_ecn_marked_roce_packets_received_total",
            "The number of RoCEv2 packets received by the notification point which were marked for "
            "experiencing the congestion (ECN bits where '11' on the ingress RoCE traffic) . The "
            "counters was added in MLNX_OFED 4.1"},
    Counter{"out_of_buffer", "out_of_buffer_drops_total",
            "The number of drops occurred due to lack of WQE for the associated QPs."},
    Counter{"out_of_sequence", "out_of_sequence_packets_received_total",
            "The number of out of sequence packets received."},
    Counter{
        "packet_seq_err", "packet_sequence_errors_total",
        "The number of received NAK sequence error packets. The QP retry limit was not exceeded."},
    Counter{"req_cqe_error", "req_cqes_errors_total",
            "The number of times requester detected CQEs completed with errors. The counters was "
            "added in MLNX_OFED 4.1"},
    Counter{"req_cqe_flush_error", "req_cqes_flush_errors_total",
            "The number of times requester detected CQEs completed with flushed errors. The "
            "counters was added in MLNX_OFED 4.1"},
    Counter{"req_remote_access_errors", "req_remote_access_errors_total",
            "The number of times requester detected remote access errors. The counters was added "
            "in MLNX_OFED 4.1"},
    Counter{"req_remote_invalid_request", "req_remote_invalid_request_errors_total",
            "The number of times requester detected remote invalid request errors. The counters "
            "was added in MLNX_OFED 4.1"},
    Counter{"resp_cqe_error", "resp_cqes_errors_total",
            "The number of times responder detected CQEs completed with errors. The counters was "
            "added in MLNX_OFED 4.1"},
    Counter{"resp_cqe_flush_error", "resp_cqes_flush_errors_total",
            "The number of times responder detected CQEs completed with flushed errors. The "
            "counters was added in MLNX_OFED 4.1"},
    Counter{"resp_local_length_error", "resp_local_length_errors_total",
            "The number of times responder detected local length errors. The counters was added in "
            "MLNX_OFED 4.1"},
    Counter{"resp_remote_access_errors", "resp_remote_access_errors_total",
            "The number of times responder detected remote access errors. The counters was added "
            "in MLNX_OFED 4.1"},
    Counter{"rnr_nak_retry_err", "rnr_nak_retry_packets_received_total",
            "The number of received RNR NAK packets. The QP retry limit was not exceeded."},
    Counter{"roce_adp_retrans", "roce_adp_retransmits_total",
            "The number of adaptive retransmissions for RoCE traffic. The counter was added in "
            "MLNX_OFED rev 5.0-1.0.0.0 and kernel v5.6.0"},
    Counter{"roce_adp_retrans_to", "roce_adp_retransmits_timeout_total",
            "The number of times RoCE traffic reached timeout due to adaptive retransmission. The "
            "counter was added in MLNX_OFED rev 5.0-1.0.0.0 and kernel v5.6.0"},
    Counter{"roce_slow_restart", "roce_slow_restart_used_total",
            "The number of times RoCE slow restart was used. The counter was added in MLNX_OFED "
            "rev 5.0-1.0.0.0 and kernel v5.6.0"},
    Counter{"roce_slow_restart_cnps", "roce_slow_restart_cnps_total",
            "The number of times RoCE slow restart generated CNP packets. The counter was added in "
            "MLNX_OFED rev 5.0-1.0.0.0 and kernel v5.6.0"},
    Counter{"roce_slow_restart_trans", "roce_slow_restart_total",
            "The number of times RoCE slow restart changed state to slow restart. The counter was "
            "added in MLNX_OFED rev 5.0-1.0.0.0 and kernel v5.6.0"},
    Counter{"rp_cnp_handled", "rp_cnp_packets_handled_total",
            "The number of CNP packets handled by the Reaction Point HCA to throttle the "
            "transmission rate. The counters was added in MLNX_OFED 4.1"},
    Counter{"rp_cnp_ignored", "rp_cnp_ignored_packets_received_total",
            "The number of CNP packets received and ignored by the Reaction Point HCA. This "
            "counter should not raise if RoCE Congestion Control was enabled in the network. If "
            "this counter raise, verify that ECN was enabled on the adapter."},
    Counter{"rx_atomic_requests", "rx_atomic_requests_total",
            "The number of received ATOMIC request for the associated QPs."},
    Counter{"rx_dct_connect", "rx_dct_connect_requests_total",
            "The number of received connection requests for the associated DCTs."},
    Counter{"rx_read_requests", "rx_read_requests_total",
            "The number of received READ requests for the associated QPs."},
    Counter{"rx_write_requests", "rx_write_requests_total",
            "The number of received WRITE requests for the associated QPs."},
    Counter{"rx_icrc_encapsulated", "rx_icrc_encapsulated_errors_total",
            "The number of RoCE packets with ICRC errors. This counter was added in MLNX_OFED 4.4 "
            "and kernel 4.19"}};
constexpr Counter kLifespan{
    "lifespan", "lifespan_seconds",
    "The maximum period in ms which defines the aging of the counter reads. Two consecutive reads "
    "within this period might return the same values."};

struct Port {
  std::string number;
  double state = 0, physical_state = 0, rate = 0;
  std::vector<std::pair<const Counter*, double>> counters;
};
struct Device {
  std::string name, board, firmware, type;
  std::vector<Port> ports;
};

/// The number of `4: ACTIVE`.
std::optional<double> state_of(std::string_view text) {
  const auto parts = split(text, ':');
  return parts.size() == 2 ? number(trim(parts[0])) : std::nullopt;
}

/// Bytes per second of `2.5 Gb/sec (1X SDR)`.
std::optional<double> rate_of(std::string_view text) {
  const auto blank = text.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const auto gigabits = number(text.substr(0, blank));
  if (!gigabits) return std::nullopt;
  return std::trunc(static_cast<double>(static_cast<float>(*gigabits)) * kBytesPerGigabit);
}

/// All 64 bits: words of an unused counter wrap around, as node_exporter's do.
std::optional<std::uint64_t> counter_value(std::string_view text) {
  if (text.starts_with("0x")) return hex_number(text);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The files of a folder that are known counters.
Status read_counters(const Host& host, const std::string& folder, std::span<const Counter> known,
                     Port& port) {
  auto entries = host.seams.files.list(Host::join(host.sysfs, folder));
  if (!entries) return entries.error();
  for (const DirectoryEntry& entry : *entries) {
    if (entry.kind != FileInfo::Kind::regular) continue;
    const auto* counter = std::find_if(known.data(), known.data() + known.size(),
                                       [&](const Counter& c) { return c.file == entry.name; });
    if (counter == known.data() + known.size()) continue;
    auto text = host.sys(Host::join(folder, entry.name));
    if (!text) {
      if (text.error().code() == Code::unavailable) return text.error();
      continue;  // a counter of the driver that this device does not have
    }
    const auto value = counter_value(trim(*text));
    if (value)
      port.counters.emplace_back(counter,
                                 static_cast<double>(counter->in_words ? *value * 4 : *value));
    else if (text->find("N/A (no PMA)") == std::string::npos)
      return {Code::data_loss, fmt::format("{}/{} is no number", folder, entry.name)};
  }
  return {};
}

Result<Port> read_port(const Host& host, const std::string& folder, const std::string& number) {
  Port port;
  port.number = number;
  // Without it, this is no port.
  if (auto link = host.sys(folder + "/link_layer"); !link) return link.error();
  const auto read = [&](const char* file, auto parse, double& into) -> Status {
    auto text = host.sys(Host::join(folder, file));
    if (!text) return text.error();
    const auto value = parse(std::string_view(*text));
    if (!value) return {Code::data_loss, fmt::format("{}/{}: \"{}\"", folder, file, trim(*text))};
    into = *value;
    return {};
  };
  if (Status s = read("state", state_of, port.state); !s.ok()) return s;
  if (Status s = read("phys_state", state_of, port.physical_state); !s.ok()) return s;
  if (Status s = read("rate", rate_of, port.rate); !s.ok()) return s;

  const auto exists = [&](const std::string& path) {
    return host.seams.files.info(Host::join(host.sysfs, path)).has_value();
  };
  if (exists(folder + "/counters")) {
    Status s = read_counters(host, folder + "/counters", kCounters, port);
    if (!s.ok()) return s;
    s = read_counters(host, folder + "/counters_ext", kExtended, port);
    if (!s.ok() && s.code() != Code::not_found) return s;
  }
  if (exists(folder + "/hw_counters")) {
    Status s = read_counters(host, folder + "/hw_counters", kHardware, port);
    if (!s.ok()) return s;
    s = read_counters(host, folder + "/hw_counters", std::span(&kLifespan, 1), port);
    if (!s.ok()) return s;
  }
  return port;
}

Result<Device> read_device(const Host& host, const std::string& name) {
  const std::string folder = Host::join(kInfiniband, name);
  Device device;
  device.name = name;
  auto firmware = host.sys(folder + "/fw_ver");
  if (!firmware) return firmware.error();
  device.firmware = trim(*firmware);
  device.board = host.sys_text(folder + "/board_id").value_or("");
  device.type = host.sys_text(folder + "/hca_type").value_or("");
  auto ports = host.seams.files.list(Host::join(host.sysfs, folder + "/ports"));
  if (!ports) return ports.error();
  for (const DirectoryEntry& entry : *ports) {
    auto port = read_port(host, Host::join(folder + "/ports", entry.name), entry.name);
    if (!port) return port.error();
    device.ports.push_back(std::move(*port));
  }
  return device;
}

void report(const Device& device, Families& out) {
  out.gauge("node_infiniband_info",
            "Non-numeric data from /sys/class/infiniband/<device>, value is always 1.", 1,
            {{"device", device.name},
             {"board_id", device.board},
             {"firmware_version", device.firmware},
             {"hca_type", device.type}});
  for (const Port& port : device.ports) {
    const Labels labels{{"device", device.name}, {"port", port.number}};
    out.gauge("node_infiniband_state_id",
              "State of the InfiniBand port (0: no change, 1: down, 2: init, 3: armed, 4: active, "
              "5: act defer)",
              port.state, labels);
    out.gauge("node_infiniband_physical_state_id",
              "Physical state of the InfiniBand port (0: no change, 1: sleep, 2: polling, 3: "
              "disable, 4: shift, 5: link up, 6: link error recover, 7: phytest)",
              port.physical_state, labels);
    out.gauge("node_infiniband_rate_bytes_per_second", "Maximum signal transfer rate", port.rate,
              labels);
    for (const auto& [counter, value] : port.counters) {
      const std::string name = fmt::format("node_infiniband_{}", counter->name);
      if (counter == &kLifespan)
        out.gauge(name, counter->help, std::trunc(value / 1000), labels);  // whole seconds only
      else
        out.counter(name, counter->help, value, labels);
    }
  }
}

Status infiniband(const Host& host, Families& out) {
  auto entries = host.seams.files.list(Host::join(host.sysfs, kInfiniband));
  if (!entries)
    return entries.error().code() == Code::not_found ? no_data("this host has no InfiniBand")
                                                     : entries.error();
  std::vector<Device> devices;
  for (const DirectoryEntry& entry : *entries) {
    auto device = read_device(host, entry.name);
    if (!device) return device.error();
    devices.push_back(std::move(*device));
  }
  for (const Device& device : devices) report(device, out);
  return {};
}

}  // namespace

Collect make_infiniband(const Arguments&) { return infiniband; }

}  // namespace collector::receive::unix_host
