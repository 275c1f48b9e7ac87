// diskstats and filesystem: block devices and what is mounted from them.
#include "receive/unix/collectors.hpp"
#include "receive/unix/filter.hpp"
#include "receive/unix/utf8.hpp"

#include <fmt/format.h>

#include <array>
#include <map>
#include <set>

namespace collector::receive::unix_host {
namespace {

constexpr double kSector = 512;  // Documentation/block/stat.rst: whatever the device's own is

struct DiskColumn {
  const char *name, *help;
  double scale;
  bool gauge;
};
/// The columns of /proc/diskstats behind the device's name (Documentation/admin-guide/iostats.rst).
constexpr std::array kDiskColumns{
    DiskColumn{"reads_completed_total", "The total number of reads completed successfully.", 1,
               false},
    DiskColumn{"reads_merged_total", "The total number of reads merged.", 1, false},
    DiskColumn{"read_bytes_total", "The total number of bytes read successfully.", kSector, false},
    DiskColumn{"read_time_seconds_total", "The total number of seconds spent by all reads.", 0.001,
               false},
    DiskColumn{"writes_completed_total", "The total number of writes completed successfully.", 1,
               false},
    DiskColumn{"writes_merged_total", "The number of writes merged.", 1, false},
    DiskColumn{"written_bytes_total", "The total number of bytes written successfully.", kSector,
               false},
    DiskColumn{"write_time_seconds_total",
               "This is the total number of seconds spent by all writes.", 0.001, false},
    DiskColumn{"io_now", "The number of I/Os currently in progress.", 1, true},
    DiskColumn{"io_time_seconds_total", "Total seconds spent doing I/Os.", 0.001, false},
    DiskColumn{"io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os.",
               0.001, false},
    DiskColumn{"discards_completed_total", "The total number of discards completed successfully.",
               1, false},
    DiskColumn{"discards_merged_total", "The total number of discards merged.", 1, false},
    DiskColumn{"discarded_sectors_total", "The total number of sectors discarded successfully.", 1,
               false},
    DiskColumn{"discard_time_seconds_total",
               "This is the total number of seconds spent by all discards.", 0.001, false},
    DiskColumn{"flush_requests_total", "The total number of flush requests completed successfully",
               1, false},
    DiskColumn{"flush_requests_time_seconds_total",
               "This is the total number of seconds spent by all flush requests.", 0.001, false}};

/// What udev knows about a block device: the `E:` lines of its data file (udevadm(8)).
std::map<std::string, std::string> udev_properties(const Host& host, std::string_view major,
                                                   std::string_view minor) {
  std::map<std::string, std::string> properties;
  auto text =
      host.seams.files.read(Host::join(host.udev, fmt::format("b{}:{}", major, minor)), 1U << 20);
  if (!text) return properties;
  for (std::string_view line : lines(*text)) {
    if (!line.starts_with("E:")) continue;
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    properties[std::string(line.substr(2, equals - 2))] = line.substr(equals + 1);
  }
  return properties;
}

void udev_families(Families& out, std::string_view device,
                   std::map<std::string, std::string>& udev) {
  if (!udev["ID_FS_TYPE"].empty())
    out.gauge("node_disk_filesystem_info", "Info about disk filesystem.", 1,
              {{"device", device},
               {"type", udev["ID_FS_TYPE"]},
               {"usage", udev["ID_FS_USAGE"]},
               {"uuid", udev["ID_FS_UUID"]},
               {"version", udev["ID_FS_VERSION"]}});
  if (!udev["DM_NAME"].empty())
    out.gauge("node_disk_device_mapper_info", "Info about disk device mapper.", 1,
              {{"device", device},
               {"name", udev["DM_NAME"]},
               {"uuid", udev["DM_UUID"]},
               {"vg_name", udev["DM_VG_NAME"]},
               {"lv_name", udev["DM_LV_NAME"]},
               {"lv_layer", udev["DM_LV_LAYER"]}});
  if (udev["ID_ATA"].empty()) return;
  const auto ata = [&](const char* property, const char* name, const char* help) {
    if (const auto value = number(udev[property]))
      out.gauge(name, help, *value, {{"device", device}});
  };
  ata("ID_ATA_WRITE_CACHE", "node_disk_ata_write_cache", "ATA disk has a write cache.");
  ata("ID_ATA_WRITE_CACHE_ENABLED", "node_disk_ata_write_cache_enabled",
      "ATA disk has its write cache enabled.");
  ata("ID_ATA_ROTATION_RATE_RPM", "node_disk_ata_rotation_rate_rpm",
      "ATA disk rotation rate in RPMs (0 for SSDs).");
}

Status diskstats(const DeviceFilter& filter, const Host& host, Families& out) {
  auto text = host.proc("diskstats");
  if (!text) return text.error();
  for (std::string_view line : lines(*text)) {
    const auto fields = words(line);
    if (fields.size() < 4) continue;
    const std::string_view device = fields[2];
    if (filter.ignored(device)) continue;
    auto udev = udev_properties(host, fields[0], fields[1]);
    std::string serial = udev["SCSI_IDENT_SERIAL"];
    if (serial.empty()) serial = udev["ID_SERIAL_SHORT"];
    if (serial.empty()) serial = udev["ID_SERIAL"];
    const auto rotational = host.sys_text(fmt::format("block/{}/queue/rotational", device));
    out.gauge("node_disk_info", "Info of /sys/block/<block_device>.", 1,
              {{"device", device},
               {"major", fields[0]},
               {"minor", fields[1]},
               {"path", udev["ID_PATH"]},
               {"wwn", udev["ID_WWN"]},
               {"model", udev["ID_MODEL"]},
               {"serial", serial},
               {"revision", udev["ID_REVISION"]},
               {"rotational", rotational == "1" ? "1" : "0"}});
    for (std::size_t i = 0; i < kDiskColumns.size() && i + 3 < fields.size(); ++i) {
      const DiskColumn& column = kDiskColumns[i];
      const std::string name = std::string("node_disk_") + column.name;
      const double value = number_or_zero(fields[i + 3]) * column.scale;
      if (column.gauge)
        out.gauge(name, column.help, value, {{"device", device}});
      else
        out.counter(name, column.help, value, {{"device", device}});
    }
    udev_families(out, device, udev);
  }
  return {};
}

struct Mount {
  std::string device, point, type, major, minor;
  bool read_only = false;
};

/// Octal escapes of mountinfo, as many of them as node_exporter undoes.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view escape = text.substr(i, 4);
    if (escape == "\\040" || escape == "\\011") {
      out += escape == "\\040" ? ' ' : '\t';
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool has_option(std::string_view options, std::string_view wanted) {
  for (std::string_view option : split(options, ','))
    if (option == wanted) return true;
  return false;
}

/// proc_pid_mountinfo(5): `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=x`
std::optional<Mount> parse_mount(std::string_view line) {
  // Counted from the end: in the middle are as many optional fields as there are. The source may
  // be empty.
  const auto fields = split(line, ' ');
  const std::size_t end = fields.size();
  if (end < 10 || fields[end - 4] != "-") return std::nullopt;
  Mount mount;
  const auto colon = fields[2].find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  mount.major = fields[2].substr(0, colon);
  mount.minor = fields[2].substr(colon + 1);
  mount.point = valid_utf8(unescaped(fields[4]));
  mount.type = valid_utf8(fields[end - 3]);
  mount.device = valid_utf8(fields[end - 2]);
  const std::string_view super = fields[end - 1];
  mount.read_only =
      has_option(fields[5], "ro") || has_option(super, "ro") || has_option(super, "emergency_ro");
  return mount;
}

/// The system's own words, as node_exporter spells them: `permission denied`.
std::string reason(const Status& status) {
  const auto colon = status.what().rfind(": ");
  std::string text = colon == std::string::npos ? status.what() : status.what().substr(colon + 2);
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

constexpr Duration kRestOfStuckMount = std::chrono::minutes(1);

class Filesystem {
 public:
  explicit Filesystem(const Arguments& arguments)
      : points_(arguments.filesystem.mount_points_exclude, ""),
        types_(arguments.filesystem.fs_types_exclude, ""),
        timeout_(arguments.filesystem.mount_timeout) {}

  Status collect(const Host& host, Families& out) {
    auto text = host.proc("1/mountinfo");
    if (!text) text = host.proc("self/mountinfo");
    if (!text) return text.error();
    std::set<std::string> seen;
    for (std::string_view line : lines(*text)) {
      auto mount = parse_mount(line);
      if (!mount) return {Code::data_loss, fmt::format("malformed mount \"{}\"", line)};
      const std::string prefix = host.rootfs == "/" ? "" : host.rootfs;
      if (!prefix.empty() && mount->point.starts_with(prefix)) {
        mount->point.erase(0, prefix.size());
        if (mount->point.empty()) mount->point = "/";
      }
      if (points_.ignored(mount->point) || types_.ignored(mount->type)) continue;
      report(host, *mount, seen, out);
    }
    return {};
  }

 private:
  void report(const Host& host, const Mount& mount, std::set<std::string>& seen, Families& out) {
    std::string error;
    FileSystemUsage usage;
    const Instant begin = host.seams.loop.now();
    const auto stuck = stuck_until_.find(mount.point);
    if (stuck != stuck_until_.end() && begin < stuck->second) {
      error = "mountpoint timeout";
    } else {
      auto found = host.seams.files.usage(Host::join(host.rootfs, mount.point));
      // A mount that answers this late is left alone for a while: it holds up everything else.
      const Instant end = host.seams.loop.now();
      if (end - begin > timeout_)
        stuck_until_.insert_or_assign(mount.point, end + kRestOfStuckMount);
      else
        stuck_until_.erase(mount.point);
      if (found)
        usage = *found;
      else
        error = reason(found.error());
    }
    if (!seen.insert(mount.device + '\n' + mount.point + '\n' + mount.type + '\n' + error).second)
      return;
    const Labels labels{{"device", mount.device},
                        {"mountpoint", mount.point},
                        {"fstype", mount.type},
                        {"device_error", error}};
    out.gauge("node_filesystem_device_error",
              "Whether an error occurred while getting statistics for the given device.",
              error.empty() ? 0 : 1, labels);
    out.gauge("node_filesystem_readonly", "Filesystem read-only status.", mount.read_only ? 1 : 0,
              labels);
    if (!error.empty()) return;
    out.gauge("node_filesystem_size_bytes", "Filesystem size in bytes.",
              static_cast<double>(usage.size), labels);
    out.gauge("node_filesystem_free_bytes", "Filesystem free space in bytes.",
              static_cast<double>(usage.free), labels);
    out.gauge("node_filesystem_avail_bytes",
              "Filesystem space available to non-root users in bytes.",
              static_cast<double>(usage.available), labels);
    out.gauge("node_filesystem_files", "Filesystem total file nodes.",
              static_cast<double>(usage.files), labels);
    out.gauge("node_filesystem_files_free", "Filesystem total free file nodes.",
              static_cast<double>(usage.files_free), labels);
    out.gauge("node_filesystem_mount_info", "Filesystem mount information.", 1,
              {{"device", mount.device},
               {"major", mount.major},
               {"minor", mount.minor},
               {"mountpoint", mount.point}});
    out.gauge("node_filesystem_purgeable_bytes",
              "Filesystem space available including purgeable space (MacOS specific).", 0, labels);
  }

  DeviceFilter points_, types_;
  Duration timeout_;
  std::map<std::string, Instant> stuck_until_;
};

}  // namespace

Collect make_diskstats(const Arguments& arguments) {
  const auto& disk = arguments.disk;
  // An include replaces the default exclude.
  return [filter = DeviceFilter(disk.device_include.empty() ? disk.device_exclude : "",
                                disk.device_include)](const Host& host, Families& out) {
    return diskstats(filter, host, out);
  };
}
Collect make_filesystem(const Arguments& arguments) {
  return [filesystem = std::make_shared<Filesystem>(arguments)](const Host& host, Families& out) {
    return filesystem->collect(host, out);
  };
}

}  // namespace collector::receive::unix_host
