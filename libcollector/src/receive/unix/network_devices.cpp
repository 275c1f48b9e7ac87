// netdev, netclass, arp, bonding: network devices.
#include "receive/unix/collectors.hpp"
#include "receive/unix/filter.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <array>
#include <bit>
#include <map>
#include <memory>

namespace collector::receive::unix_host {
namespace {

/// The columns of /proc/net/dev: eight of what came in, eight of what went out.
constexpr std::array<std::string_view, 16> kDeviceColumns{
    "receive_bytes",  "receive_packets",  "receive_errs",       "receive_drop",
    "receive_fifo",   "receive_frame",    "receive_compressed", "receive_multicast",
    "transmit_bytes", "transmit_packets", "transmit_errs",      "transmit_drop",
    "transmit_fifo",  "transmit_colls",   "transmit_carrier",   "transmit_compressed"};

/// What the kernel's netlink statistics have and /proc/net/dev has not.
constexpr std::string_view kNoHandler = "receive_nohandler";

void device_counter(Families& out, std::string_view key, std::string_view device, double value) {
  out.counter(fmt::format("node_network_{}_total", key),
              fmt::format("Network device statistic {}.", key), value, {{"device", device}});
}

/// Closest enclosing scope of an address, in the words of Go's net package.
std::string_view scope_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    const auto ip = ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr);
    if (ip >> 24 == 127 || ip >> 16 == 0xa9fe || ip >> 8 == 0xe00000) return "link-local";
    if (ip == 0 || ip == 0xffffffff || ip >> 28 == 0xe) return "";
    return "global";
  }
  const auto& ip = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (IN6_IS_ADDR_LOOPBACK(&ip) || IN6_IS_ADDR_LINKLOCAL(&ip) || IN6_IS_ADDR_MC_LINKLOCAL(&ip))
    return "link-local";
  if (IN6_IS_ADDR_MC_NODELOCAL(&ip)) return "interface-local";
  if (IN6_IS_ADDR_UNSPECIFIED(&ip) || IN6_IS_ADDR_MULTICAST(&ip)) return "";
  return "global";
}

int prefix_length(const sockaddr& mask) {
  if (mask.sa_family == AF_INET)
    return std::popcount(reinterpret_cast<const sockaddr_in&>(mask).sin_addr.s_addr);
  int bits = 0;
  for (unsigned char byte : reinterpret_cast<const sockaddr_in6&>(mask).sin6_addr.s6_addr)
    bits += std::popcount(byte);
  return bits;
}

void addresses(const DeviceFilter& filter, Families& out) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned(list, ::freeifaddrs);
  for (const ifaddrs* at = list; at; at = at->ifa_next) {
    if (!at->ifa_addr || !at->ifa_netmask || filter.ignored(at->ifa_name)) continue;
    const int family = at->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    char text[INET6_ADDRSTRLEN] = {};
    const void* ip = family == AF_INET
                         ? static_cast<const void*>(
                               &reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr)
                         : &reinterpret_cast<const sockaddr_in6*>(at->ifa_addr)->sin6_addr;
    ::inet_ntop(family, ip, text, sizeof text);
    out.gauge("node_network_address_info", "node network address by device", 1,
              {{"device", at->ifa_name},
               {"address", text},
               {"netmask", std::to_string(prefix_length(*at->ifa_netmask))},
               {"scope", scope_of(*at->ifa_addr)}});
  }
}

Status netdev(const DeviceFilter& filter, bool with_addresses, const Host& host, Families& out) {
  auto text = host.proc("net/dev");
  if (!text) return text.error();
  for (std::string_view line : lines(*text)) {
    const auto colon = line.rfind(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view device = trim(line.substr(0, colon));
    const auto fields = words(line.substr(colon + 1));
    if (filter.ignored(device)) continue;
    for (std::size_t i = 0; i < kDeviceColumns.size(); ++i) {
      const auto value = i < fields.size() ? number(fields[i]) : std::nullopt;
      if (!value)
        return {Code::data_loss,
                fmt::format("net/dev: {} of {} is not a number", kDeviceColumns[i], device)};
      device_counter(out, kDeviceColumns[i], device, *value);
    }
    if (auto count = host.sys_number(fmt::format("class/net/{}/statistics/rx_nohandler", device)))
      device_counter(out, kNoHandler, device, *count);
  }
  if (with_addresses) addresses(filter, out);
  return {};
}

/// Decimal, or hexadecimal with 0x, as sysfs writes flags and device ids.
std::optional<double> any_number(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  if (text->starts_with("0x")) {
    const auto hex = hex_number(*text);
    return hex ? std::optional(static_cast<double>(*hex)) : std::nullopt;
  }
  return number(*text);
}

Status netclass(const DeviceFilter& filter, bool no_invalid_speed, const Host& host,
                Families& out) {
  struct Property {
    const char *file, *name;
    bool counter;
  };
  constexpr std::array kProperties{
      Property{"addr_assign_type", "address_assign_type", false},
      Property{"carrier", "carrier", false},
      Property{"carrier_changes", "carrier_changes_total", true},
      Property{"carrier_up_count", "carrier_up_changes_total", true},
      Property{"carrier_down_count", "carrier_down_changes_total", true},
      Property{"dev_id", "device_id", false},
      Property{"dormant", "dormant", false},
      Property{"flags", "flags", false},
      Property{"ifindex", "iface_id", false},
      Property{"iflink", "iface_link", false},
      Property{"link_mode", "iface_link_mode", false},
      Property{"mtu", "mtu_bytes", false},
      Property{"name_assign_type", "name_assign_type", false},
      Property{"netdev_group", "net_dev_group", false},
      Property{"tx_queue_len", "transmit_queue_length", false},
      Property{"type", "protocol_type", false}};
  auto entries = host.seams.files.list(Host::join(host.sysfs, "class/net"));
  if (!entries) return no_data(entries.error().what());
  for (const DirectoryEntry& entry : *entries) {
    const std::string& device = entry.name;
    if (entry.kind == FileInfo::Kind::regular || filter.ignored(device)) continue;
    const auto file = [&](const char* name) {
      return host.sys_text(fmt::format("class/net/{}/{}", device, name));
    };
    const std::string operstate = file("operstate").value_or("");
    out.gauge("node_network_up", "Value is 1 if operstate is 'up', 0 otherwise.",
              operstate == "up" ? 1 : 0, {{"device", device}});
    const auto flags = any_number(file("flags"));
    const bool up = flags && (static_cast<unsigned long>(*flags) & IFF_UP) != 0;
    out.gauge("node_network_info",
              "Non-numeric data from /sys/class/net/<iface>, value is always 1.", 1,
              {{"device", device},
               {"address", file("address").value_or("")},
               {"broadcast", file("broadcast").value_or("")},
               {"duplex", file("duplex").value_or("")},
               {"operstate", operstate},
               {"adminstate", !flags ? "unknown"
                              : up   ? "up"
                                     : "down"},
               {"ifalias", file("ifalias").value_or("")}});
    for (const Property& p : kProperties) {
      const auto value = any_number(file(p.file));
      if (!value) continue;
      const std::string name = std::string("node_network_") + p.name;
      const std::string help = std::string("Network device property: ") + p.name;
      if (p.counter)
        out.counter(name, help, *value, {{"device", device}});
      else
        out.gauge(name, help, *value, {{"device", device}});
    }
    // -1 where the speed is not known, in whole bytes as the integer division leaves them.
    const auto speed = any_number(file("speed"));
    if (speed && (*speed >= 0 || !no_invalid_speed))
      out.gauge("node_network_speed_bytes", "Network device property: speed_bytes",
                static_cast<double>(static_cast<std::int64_t>(*speed) * 1000 * 1000 / 8),
                {{"device", device}});
  }
  return {};
}

Status arp(const DeviceFilter& filter, const Host& host, Families& out) {
  auto text = host.proc("net/arp");
  if (!text) return text.error();
  std::map<std::string_view, int> entries;
  for (std::string_view line : lines(*text)) {
    const auto fields = words(line);
    if (fields.empty() || fields.size() == 9) continue;  // the heading
    if (fields.size() != 6)
      return {Code::data_loss, fmt::format("arp: {} columns, not 6", fields.size())};
    ++entries[fields[5]];
  }
  for (const auto& [device, count] : entries)
    if (!filter.ignored(device))
      out.gauge("node_arp_entries", "ARP entries by device", count, {{"device", device}});
  return {};
}

Status bonding(const Host& host, Families& out) {
  const auto masters = host.sys_text("class/net/bonding_masters");
  if (!masters) return no_data("no bonding");
  for (std::string_view master : words(*masters)) {
    const auto slaves = host.sys_text(fmt::format("class/net/{}/bonding/slaves", master));
    if (!slaves) return {Code::not_found, fmt::format("slaves of {} cannot be read", master)};
    int all = 0, active = 0;
    for (std::string_view slave : words(*slaves)) {
      const auto status = [&](const char* prefix) {
        return host.sys_text(
            fmt::format("class/net/{}/{}_{}/bonding_slave/mii_status", master, prefix, slave));
      };
      auto state = status("lower");
      if (!state) state = status("slave");
      if (!state) return {Code::data_loss, fmt::format("state of {} cannot be read", slave)};
      ++all;
      if (*state == "up") ++active;
    }
    out.gauge("node_bonding_slaves", "Number of configured slaves per bonding interface.", all,
              {{"master", master}});
    out.gauge("node_bonding_active", "Number of active slaves per bonding interface.", active,
              {{"master", master}});
  }
  return {};
}

}  // namespace

Collect make_netdev(const Arguments& arguments) {
  return [filter = DeviceFilter(arguments.netdev.device_exclude, arguments.netdev.device_include),
          with = arguments.netdev.address_info](const Host& host, Families& out) {
    return netdev(filter, with, host, out);
  };
}
Collect make_netclass(const Arguments& arguments) {
  return [filter = DeviceFilter(arguments.netclass.ignored_devices, ""),
          strict = arguments.netclass.ignore_invalid_speed_device](
             const Host& host, Families& out) { return netclass(filter, strict, host, out); };
}
Collect make_arp(const Arguments& arguments) {
  return [filter = DeviceFilter(arguments.arp.device_exclude, arguments.arp.device_include)](
             const Host& host, Families& out) { return arp(filter, host, out); };
}
Collect make_bonding(const Arguments&) { return bonding; }

}  // namespace collector::receive::unix_host
