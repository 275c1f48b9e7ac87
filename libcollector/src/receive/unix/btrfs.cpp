// btrfs: space and commits of mounted file systems (the kernel's sysfs beneath fs/btrfs, btrfs(5)).
#include "receive/unix/collectors.hpp"

#include <fmt/format.h>

#include <array>

namespace collector::receive::unix_host {
namespace {

constexpr std::string_view kBtrfs = "fs/btrfs";
constexpr double kSector = 512;

struct Layout {
  std::string type, mode;
  double used = 0, size = 0, ratio = 0;
};
struct FileSystem {
  std::string uuid, label;
  double global_reserve = 0;
  std::array<double, 4> commits{};
  std::array<double, 3> reserved{};
  std::vector<Layout> layouts;
  std::vector<std::pair<std::string, double>> devices;
};

constexpr std::array<const char*, 3> kTypes{"data", "metadata", "system"};
constexpr std::array<std::string_view, 4> kCommits{"commits", "last_commit_ms", "max_commit_ms",
                                                   "total_commit_ms"};

/// How many bytes of disk hold a byte of data.
double ratio_of(std::string_view mode, double devices) {
  if (mode == "single" || mode == "raid0") return 1;
  if (mode == "dup" || mode == "raid1" || mode == "raid10") return 2;
  if (mode == "raid1c3") return 3;
  if (mode == "raid1c4") return 4;
  if (mode == "raid5") return devices / (devices - 1);
  if (mode == "raid6") return devices / (devices - 2);
  return 0;
}

Result<FileSystem> read(const Host& host, const std::string& name) {
  const std::string root = Host::join(kBtrfs, name);
  const auto value = [&](const std::string& file) {
    return host.sys_number(Host::join(root, file)).value_or(0);
  };
  FileSystem fs;
  fs.uuid = host.sys_text(Host::join(root, "metadata_uuid")).value_or("");
  if (fs.uuid.empty()) fs.uuid = name;
  fs.label = host.sys_text(Host::join(root, "label")).value_or("");
  fs.global_reserve = value("allocation/global_rsv_size");
  for (const std::string& device : host.sys_names(Host::join(root, "devices")))
    fs.devices.emplace_back(device, kSector * value(fmt::format("devices/{}/size", device)));

  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    const std::string folder = fmt::format("allocation/{}", kTypes[i]);
    fs.reserved[i] = value(folder + "/bytes_reserved");
    auto entries = host.seams.files.list(Host::join(host.sysfs, Host::join(root, folder)));
    if (!entries) return entries.error();
    for (const DirectoryEntry& entry : *entries) {
      if (entry.kind != FileInfo::Kind::directory) continue;
      const std::string mode = folder + '/' + entry.name;
      fs.layouts.push_back({kTypes[i], entry.name, value(mode + "/used_bytes"),
                            value(mode + "/total_bytes"),
                            ratio_of(entry.name, static_cast<double>(fs.devices.size()))});
    }
  }

  auto commits = host.sys(Host::join(root, "commit_stats"));
  if (!commits && commits.error().code() == Code::not_found) return fs;  // kernels before 6.0
  if (!commits) return commits.error();
  for (std::string_view line : lines(*commits)) {
    const auto fields = words(line);
    const auto count = fields.size() == 2 ? number(fields[1]) : std::nullopt;
    if (!count) return Status(Code::data_loss, fmt::format("commit_stats: \"{}\"", line));
    for (std::size_t i = 0; i < kCommits.size(); ++i)
      if (fields[0] == kCommits[i]) fs.commits[i] = *count;
  }
  return fs;
}

void report(const FileSystem& fs, Families& out) {
  const Labels uuid{{"uuid", fs.uuid}};
  out.gauge("node_btrfs_info", "Filesystem information", 1,
            {{"uuid", fs.uuid}, {"label", fs.label}});
  out.gauge("node_btrfs_global_rsv_size_bytes", "Size of global reserve.", fs.global_reserve, uuid);
  out.counter("node_btrfs_commits_total", "The total number of commits that have occurred.",
              fs.commits[0], uuid);
  out.gauge("node_btrfs_last_commit_seconds", "Duration of the most recent commit, in seconds.",
            fs.commits[1] / 1000, uuid);
  out.gauge("node_btrfs_max_commit_seconds", "Duration of the slowest commit, in seconds.",
            fs.commits[2] / 1000, uuid);
  out.counter("node_btrfs_commit_seconds_total", "Sum of the duration of all commits, in seconds.",
              fs.commits[3] / 1000, uuid);
  for (std::size_t i = 0; i < kTypes.size(); ++i)
    out.gauge("node_btrfs_reserved_bytes", "Amount of space reserved for a data type",
              fs.reserved[i], {{"uuid", fs.uuid}, {"block_group_type", kTypes[i]}});
  for (const Layout& layout : fs.layouts) {
    const Labels labels{
        {"uuid", fs.uuid}, {"block_group_type", layout.type}, {"mode", layout.mode}};
    out.gauge("node_btrfs_used_bytes", "Amount of used space by a layout/data type", layout.used,
              labels);
    out.gauge("node_btrfs_size_bytes", "Amount of space allocated for a layout/data type",
              layout.size, labels);
    out.gauge("node_btrfs_allocation_ratio", "Data allocation ratio for a layout/data type",
              layout.ratio, labels);
  }
  for (const auto& [device, size] : fs.devices)
    out.gauge("node_btrfs_device_size_bytes", "Size of a device that is part of the filesystem.",
              size, {{"uuid", fs.uuid}, {"device", device}});
}

Status btrfs(const Host& host, Families& out) {
  std::vector<FileSystem> all;
  for (const std::string& name : host.sys_names(kBtrfs)) {
    if (name.find('-') == std::string::npos) continue;
    auto fs = read(host, name);
    if (!fs) return {Code::unknown, fs.error().what()};
    all.push_back(std::move(*fs));
  }
  for (const FileSystem& fs : all) report(fs, out);
  return {};
}

}  // namespace

Collect make_btrfs(const Arguments&) { return btrfs; }

}  // namespace collector::receive::unix_host
