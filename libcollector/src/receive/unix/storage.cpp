// mdadm, nvme, tapestats, edac, fibrechannel: disks behind controllers, tapes, memory errors.
#include "receive/unix/collectors.hpp"
#include "receive/unix/filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace collector::receive::unix_host {
namespace {

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

bool contains(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

/// `[8/7]` of a status line: required and active disks.
bool disks_of(std::string_view line, double& required, double& active) {
  const auto open =
      line.rfind('[', line.rfind('[') == std::string_view::npos ? std::string_view::npos
                                                                : line.rfind('[') - 1);
  if (open == std::string_view::npos) return false;
  const auto slash = line.find('/', open), close = line.find(']', open);
  if (slash == std::string_view::npos || close == std::string_view::npos || slash > close)
    return false;
  const auto all = number(line.substr(open + 1, slash - open - 1));
  const auto working = number(line.substr(slash + 1, close - slash - 1));
  required = all.value_or(0);
  active = working.value_or(0);
  return all && working;
}

/// One array of /proc/mdstat (md(4)): its line, the status line and the line of a sync.
Status array_of(const std::vector<std::string_view>& all, std::size_t at, Families& out) {
  const auto fields = words(all[at]);
  const std::string_view device = fields[0], line = all[at], status = all[at + 1];
  const auto sizes = words(status);
  if (sizes.empty() || !number(sizes[0]))
    return {Code::data_loss, fmt::format("mdstat: {} has no status", device)};
  const double size = *number(sizes[0]);
  double required = 0, active = 0;
  if (contains(line, "raid0") || contains(line, "linear")) {
    required = active = static_cast<double>(count(line, "["));
  } else if (!contains(line, "inactive") && !disks_of(status, required, active)) {
    return {Code::data_loss, fmt::format("mdstat: {}: unexpected status \"{}\"", device, status)};
  }
  std::string_view state = fields[2];
  double synced = size;
  std::size_t sync_at = at + 2;
  if (sync_at < all.size() && contains(all[sync_at], "bitmap")) ++sync_at;
  const std::string_view sync = sync_at < all.size() ? all[sync_at] : std::string_view();
  for (const auto& [word, name] :
       {std::pair{"recovery", "recovering"}, std::pair{"reshape", "reshaping"},
        std::pair{"check", "checking"}, std::pair{"resync", "resyncing"}}) {
    if (!contains(sync, word)) continue;
    state = name;
    if (contains(sync, "PENDING") || contains(sync, "DELAYED")) {
      synced = 0;
    } else {
      const auto open = sync.find('('), slash = sync.find('/', open);
      const auto done = slash == std::string_view::npos
                            ? std::nullopt
                            : number(sync.substr(open + 1, slash - open - 1));
      if (open == std::string_view::npos || !done)
        return {Code::data_loss, fmt::format("mdstat: {}: unexpected sync \"{}\"", device, sync)};
      synced = *done;
    }
    break;
  }
  out.gauge("node_md_disks_required", "Total number of disks of device.", required,
            {{"device", device}});
  for (const auto& [name, value] :
       {std::pair{"active", active}, std::pair{"failed", static_cast<double>(count(line, "(F)"))},
        std::pair{"spare", static_cast<double>(count(line, "(S)"))}})
    out.gauge("node_md_disks", "Number of active/failed/spare disks of device.", value,
              {{"device", device}, {"state", name}});
  for (const auto& [label, name] :
       {std::pair{"active", "active"}, std::pair{"inactive", "inactive"},
        std::pair{"recovering", "recovering"}, std::pair{"resync", "resyncing"},
        std::pair{"check", "checking"}})
    out.gauge("node_md_state", "Indicates the state of md-device.", state == name ? 1 : 0,
              {{"device", device}, {"state", label}});
  out.gauge("node_md_blocks", "Total number of blocks on device.", size, {{"device", device}});
  out.gauge("node_md_blocks_synced", "Number of blocks synced on device.", synced,
            {{"device", device}});
  return {};
}

Status mdadm(const Host& host, Families& out) {
  auto text = host.proc("mdstat");
  if (!text) return no_data(text.error().what());
  const auto all = lines(*text);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (trim(all[i]).empty() || all[i][0] == ' ' || all[i].starts_with("unused") ||
        all[i].starts_with("Personalities"))
      continue;
    if (words(all[i]).size() < 3 || i + 1 >= all.size())
      return {Code::data_loss, fmt::format("mdstat: unexpected line \"{}\"", all[i])};
    if (Status s = array_of(all, i, out); !s.ok()) return s;
  }
  for (const std::string& device : host.sys_names("block")) {
    if (!device.starts_with("md")) continue;
    if (auto disks = host.sys_number(fmt::format("block/{}/md/raid_disks", device)))
      out.gauge("node_md_raid_disks", "Number of raid disks on device.", *disks,
                {{"device", device}});
    // Levels without redundancy have no such file.
    if (host.seams.files.info(Host::join(host.sysfs, fmt::format("block/{}/md", device))))
      out.gauge("node_md_degraded", "Number of degraded disks on device.",
                host.sys_number(fmt::format("block/{}/md/degraded", device)).value_or(0),
                {{"device", device}});
  }
  return {};
}

/// `nvme0n1` and `nvme0c0n1` end in the number of their namespace.
std::optional<std::string_view> namespace_of(std::string_view device, std::string_view name) {
  if (!name.starts_with(device.substr(0, 4))) return std::nullopt;
  const auto n = name.rfind('n');
  if (n == std::string_view::npos || n < 4 || n + 1 == name.size()) return std::nullopt;
  const std::string_view id = name.substr(n + 1);
  if (id.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return id;
}

Status nvme(const Host& host, Families& out) {
  if (!host.seams.files.info(Host::join(host.sysfs, "class/nvme")))
    return no_data("this host has no NVMe class");
  for (const std::string& device : host.sys_names("class/nvme")) {
    const std::string directory = Host::join("class/nvme", device);
    const auto file = [&](std::string_view f) {
      return host.sys_text(Host::join(directory, f)).value_or("");
    };
    out.gauge("node_nvme_info",
              "Non-numeric data from /sys/class/nvme/<device>, value is always 1.", 1,
              {{"device", device},
               {"firmware_revision", file("firmware_rev")},
               {"model", file("model")},
               {"serial", file("serial")},
               {"state", file("state")},
               {"cntlid", file("cntlid")}});
    for (const std::string& entry : host.sys_names(directory)) {
      const auto id = namespace_of(device, entry);
      if (!id) continue;
      const auto value = [&](std::string_view f) {
        return number_or_zero(file(Host::join(entry, f)));
      };
      const double block = value("queue/logical_block_size");
      std::string ana = file(Host::join(entry, "ana_state"));
      if (ana.empty()) ana = "unknown";
      const Labels labels{{"device", device}, {"nsid", *id}};
      out.gauge("node_nvme_namespace_info", "Information about NVMe namespaces. Value is always 1",
                1, {{"device", device}, {"nsid", *id}, {"ana_state", ana}});
      out.gauge("node_nvme_namespace_capacity_bytes",
                "Capacity of the NVMe namespace in bytes. Computed as namespace_size * "
                "namespace_logical_block_size",
                value("size") * block, labels);
      out.gauge("node_nvme_namespace_size_bytes",
                "Size of the NVMe namespace in bytes. Available in "
                "/sys/class/nvme/<device>/<namespace>/size",
                value("size") * block, labels);
      out.gauge("node_nvme_namespace_used_bytes",
                "Used space of the NVMe namespace in bytes. Available in "
                "/sys/class/nvme/<device>/<namespace>/nuse",
                value("nuse") * block, labels);
      out.gauge("node_nvme_namespace_logical_block_size_bytes",
                "Logical block size of the NVMe namespace in bytes. Usually 4Kb. Available in "
                "/sys/class/nvme/<device>/<namespace>/queue/logical_block_size",
                block, labels);
    }
  }
  return {};
}

struct Statistic {
  const char *file, *name, *help;
  double scale;
};

Status tapestats(const DeviceFilter& ignored, const Host& host, Families& out) {
  constexpr std::array kCounters{
      Statistic{"io_ns", "io_time_seconds_total",
                "The amount of time spent waiting for all I/O to complete (including read and "
                "write). This includes tape movement commands such as seeking between file or set "
                "marks and implicit tape movement such as when rewind on close tape devices are "
                "used.",
                1e-9},
      Statistic{"other_cnt", "io_others_total",
                "The number of I/Os issued to the tape drive other than read or write commands. "
                "The time taken to complete these commands uses the following calculation "
                "io_time_seconds_total-read_time_seconds_total-write_time_seconds_total",
                1},
      Statistic{"read_byte_cnt", "read_bytes_total",
                "The number of bytes read from the tape drive.", 1},
      Statistic{"read_cnt", "reads_completed_total",
                "The number of read requests issued to the tape drive.", 1},
      Statistic{"read_ns", "read_time_seconds_total",
                "The amount of time spent waiting for read requests to complete.", 1e-9},
      Statistic{
          "resid_cnt", "residual_total",
          "The number of times during a read or write we found the residual amount to be "
          "non-zero. This should mean that a program is issuing a read larger thean the block "
          "size on tape. For write not all data made it to tape.",
          1},
      Statistic{"write_byte_cnt", "written_bytes_total",
                "The number of bytes written to the tape drive.", 1},
      Statistic{"write_cnt", "writes_completed_total",
                "The number of write requests issued to the tape drive.", 1},
      Statistic{"write_ns", "write_time_seconds_total",
                "The amount of time spent waiting for write requests to complete.", 1e-9}};
  if (!host.seams.files.info(Host::join(host.sysfs, "class/scsi_tape")))
    return no_data("this host has no SCSI tapes");
  for (const std::string& tape : host.sys_names("class/scsi_tape")) {
    const bool plain = tape.starts_with("st") && tape.size() > 2 &&
                       tape.find_first_not_of("0123456789", 2) == std::string::npos;
    if (!plain || ignored.ignored(tape)) continue;
    const auto value = [&](const char* file) {
      return host.sys_number(fmt::format("class/scsi_tape/{}/stats/{}", tape, file)).value_or(0);
    };
    out.gauge("node_tape_io_now", "The number of I/Os currently outstanding to this device.",
              value("in_flight"), {{"device", tape}});
    for (const Statistic& s : kCounters)
      out.counter(std::string("node_tape_") + s.name, s.help, value(s.file) * s.scale,
                  {{"device", tape}});
  }
  return {};
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

Status edac(const Host& host, Families& out) {
  constexpr std::string_view kDirectory = "devices/system/edac/mc";
  for (const std::string& entry : host.sys_names(kDirectory)) {
    if (!entry.starts_with("mc") || entry.size() < 3 || entry[2] < '0' || entry[2] > '9') continue;
    const std::string controller = entry.substr(2);
    const std::string directory = Host::join(kDirectory, entry);
    Status failed;
    const auto counter = [&](const char* name, const char* help, const std::string& file,
                             const std::vector<Label>& labels, bool required = true) {
      const std::string path = Host::join(directory, file);
      if (const auto value = host.sys_number(path))
        out.add(std::string("node_edac_") + name, "counter", help, *value, labels);
      else if (required)
        failed = Status(Code::data_loss, path + " cannot be read");
    };
    const Label of{"controller", controller};
    counter("correctable_errors_total", "Total correctable memory errors.", "ce_count", {of});
    counter("uncorrectable_errors_total", "Total uncorrectable memory errors.", "ue_count", {of});
    const char* ce_help = "Total correctable memory errors for this csrow.";
    const char* ue_help = "Total uncorrectable memory errors for this csrow.";
    counter("csrow_correctable_errors_total", ce_help, "ce_noinfo_count",
            {of, {"csrow", "unknown"}});
    counter("csrow_uncorrectable_errors_total", ue_help, "ue_noinfo_count",
            {of, {"csrow", "unknown"}});
    for (const std::string& row : host.sys_names(directory)) {
      if (!row.starts_with("csrow") || row.size() < 6 || row[5] < '0' || row[5] > '9') continue;
      const Label csrow{"csrow", std::string_view(row).substr(5)};
      counter("csrow_correctable_errors_total", ce_help, row + "/ce_count", {of, csrow});
      counter("csrow_uncorrectable_errors_total", ue_help, row + "/ue_count", {of, csrow});
      for (const std::string& file : host.sys_names(Host::join(directory, row))) {
        if (!file.starts_with("ch") || !file.ends_with("_ce_count")) continue;
        const std::string channel = file.substr(2, file.size() - 11);
        std::string label =
            host.sys_text(Host::join(directory, row + "/ch" + channel + "_dimm_label"))
                .value_or("unknown");
        label =
            replaced(replaced(replaced(label, "#", ""), "csrow", "_csrow"), "channel", "_channel");
        const std::vector<Label> labels{of, csrow, {"channel", channel}, {"dimm_label", label}};
        counter("channel_correctable_errors_total",
                "Total correctable memory errors for this channel.", row + '/' + file, labels);
        counter("channel_uncorrectable_errors_total",
                "Total uncorrectable memory errors for this channel.",
                row + "/ch" + channel + "_ue_count", labels, false);
      }
    }
    if (!failed.ok()) return failed;
  }
  return {};
}

Status fibrechannel(const Host& host, Families& out) {
  struct Counter {
    const char *file, *name, *help;
  };
  constexpr std::array kCounters{
      Counter{"dumped_frames", "dumped_frames_total", "Number of dumped frames"},
      Counter{"error_frames", "error_frames_total", "Number of errors in frames"},
      Counter{"invalid_crc_count", "invalid_crc_total", "Invalid Cyclic Redundancy Check count"},
      Counter{"rx_frames", "rx_frames_total", "Number of frames received"},
      Counter{"rx_words", "rx_words_total", "Number of words received by host port"},
      Counter{"tx_frames", "tx_frames_total", "Number of frames transmitted by host port"},
      Counter{"tx_words", "tx_words_total", "Number of words transmitted by host port"},
      Counter{"seconds_since_last_reset", "seconds_since_last_reset_total",
              "Number of seconds since last host port reset"},
      Counter{"invalid_tx_word_count", "invalid_tx_words_total",
              "Number of invalid words transmitted by host port"},
      Counter{"link_failure_count", "link_failure_total",
              "Number of times the host port link has failed"},
      Counter{"loss_of_sync_count", "loss_of_sync_total",
              "Number of failures on either bit or transmission word boundaries"},
      Counter{"loss_of_signal_count", "loss_of_signal_total",
              "Number of times signal has been lost"},
      Counter{"nos_count", "nos_total",
              "Number Not_Operational Primitive Sequence received by host port"},
      Counter{"fcp_packet_aborts", "fcp_packet_aborts_total", "Number of aborted packets"}};
  if (!host.seams.files.info(Host::join(host.sysfs, "class/fc_host")))
    return no_data("this host has no Fibre Channel");
  for (const std::string& fc : host.sys_names("class/fc_host")) {
    const auto file = [&](const char* f) {
      return host.sys_text(fmt::format("class/fc_host/{}/{}", fc, f)).value_or("");
    };
    const auto hex = [&](const char* f) {
      const std::string text = file(f);
      return text.size() > 2 ? text.substr(2) : text;  // without 0x
    };
    const std::string state = file("port_state");
    out.gauge("node_fibrechannel_info",
              "Non-numeric data from /sys/class/fc_host/<host>, value is always 1.", 1,
              {{"fc_host", fc},
               {"speed", file("speed")},
               {"port_state", state},
               {"port_type", file("port_type")},
               {"port_id", hex("port_id")},
               {"port_name", hex("port_name")},
               {"fabric_name", hex("fabric_name")},
               {"symbolic_name", file("symbolic_name")},
               {"supported_classes", file("supported_classes")},
               {"supported_speeds", file("supported_speeds")},
               {"dev_loss_tmo", file("dev_loss_tmo")}});
    for (const Counter& c : kCounters) {
      const std::string path = fmt::format("class/fc_host/{}/statistics/{}", fc, c.file);
      const std::string text = host.sys_text(path).value_or("0x0");
      const std::uint64_t value = hex_number(text).value_or(0);
      // All ones: the adapter's firmware does not count this.
      if (value == UINT64_MAX && state != "Unknown" && !state.empty()) continue;
      out.counter(std::string("node_fibrechannel_") + c.name, c.help,
                  state == "Unknown" || state.empty() ? 0 : static_cast<double>(value),
                  {{"fc_host", fc}});
    }
  }
  return {};
}

}  // namespace

Collect make_mdadm(const Arguments&) { return mdadm; }
Collect make_nvme(const Arguments&) { return nvme; }
Collect make_tapestats(const Arguments& arguments) {
  return [filter = DeviceFilter(arguments.tapestats.ignored_devices, "")](
             const Host& host, Families& out) { return tapestats(filter, host, out); };
}
Collect make_edac(const Arguments&) { return edac; }
Collect make_fibrechannel(const Arguments&) { return fibrechannel; }

}  // namespace collector::receive::unix_host
