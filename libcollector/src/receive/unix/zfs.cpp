// zfs: the kernel statistics of ZFS and of its pools, from /proc/spl/kstat/zfs.
#include "receive/unix/collectors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace collector::receive::unix_host {
namespace {

constexpr std::string_view kBase = "spl/kstat/zfs";

struct Source {
  std::string_view file, prefix;
};
constexpr std::array kSources{Source{"abdstats", "zfs_abd"},
                              Source{"arcstats", "zfs_arc"},
                              Source{"dbufstats", "zfs_dbuf"},
                              Source{"dmu_tx", "zfs_dmu_tx"},
                              Source{"dnodestats", "zfs_dnode"},
                              Source{"fm", "zfs_fm"},
                              Source{"vdev_cache_stats", "zfs_vdev_cache"},
                              Source{"vdev_mirror_stats", "zfs_vdev_mirror"},
                              Source{"xuio_stats", "zfs_xuio"},
                              Source{"zfetchstats", "zfs_zfetch"},
                              Source{"zil", "zfs_zil"}};

/// Types of a kstat's values: the only two that are reported.
constexpr std::string_view kInt64 = "3", kUint64 = "4";

template <class Integer>
std::optional<double> whole(std::string_view text) {
  Integer value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<double>(value);
}

Status invalid(std::string_view file, std::string_view field) {
  return {Code::data_loss, fmt::format("zfs: {}: invalid value of {}", file, field)};
}

/// A statistic under the name that BSD's sysctl has for it.
void add(Families& out, std::string_view prefix, std::string_view file, std::string_view field,
         double value, Labels labels = {}) {
  const auto dot = field.rfind('.');
  out.untyped(
      fmt::format("node_{}_{}", prefix,
                  metric_name(dot == std::string_view::npos ? field : field.substr(dot + 1))),
      fmt::format("kstat.zfs.misc.{}.{}", file, field), value, labels);
}

/// Calls `row` with the name, the type and the data of each value, until it fails.
template <class Row>
Status kstat(std::string_view file, std::string_view text, Row row) {
  bool began = false;
  for (std::string_view line : lines(text)) {
    const auto fields = words(line);
    if (!began) {
      began =
          fields.size() == 3 && fields[0] == "name" && fields[1] == "type" && fields[2] == "data";
      continue;
    }
    if (fields.size() < 3) continue;
    // The data are the rest of the line: the name of a dataset may have blanks.
    const std::string_view rest = line.substr(fields[2].data() - line.data());
    if (Status s = row(fields[0], fields[1], fields[2], rest); !s.ok()) return s;
  }
  return began ? Status() : Status(Code::data_loss, fmt::format("zfs: {} has no statistics", file));
}

Status statistics(const Source& source, std::string_view text, Families& out) {
  return kstat(source.file, text,
               [&](std::string_view name, std::string_view type, std::string_view data,
                   std::string_view) -> Status {
                 if (type != kUint64 && type != kInt64) return {};
                 const auto value =
                     type == kInt64 ? whole<std::int64_t>(data) : whole<std::uint64_t>(data);
                 if (!value) return invalid(source.file, name);
                 add(out, source.prefix, source.file, name, *value);
                 return {};
               });
}

/// A line of names, beneath it one of values.
Status pool_io(std::string_view pool, std::string_view text, Families& out) {
  const auto all = lines(text);
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    const auto names = words(all[i]);
    if (names.size() < 12 || names[0] != "nread") continue;
    const auto values = words(all[i + 1]);
    if (values.size() < names.size()) return invalid("io", names[values.size()]);
    for (std::size_t n = 0; n < names.size(); ++n) {
      const auto value = whole<std::uint64_t>(values[n]);
      if (!value) return invalid("io", names[n]);
      add(out, "zfs_zpool", "io", names[n], *value, {{"zpool", pool}});
    }
    return {};
  }
  return {};
}

Status object_set(std::string_view pool, std::string_view file, std::string_view text,
                  Families& out) {
  std::string_view dataset;
  return kstat(file, text,
               [&](std::string_view name, std::string_view type, std::string_view data,
                   std::string_view rest) -> Status {
                 if (name == "dataset_name") {
                   dataset = rest;
                   return {};
                 }
                 if (type != kUint64) return {};
                 const auto value = whole<std::uint64_t>(data);
                 if (!value) return invalid(file, name);
                 add(out, "zfs_zpool_dataset", "objset", name, *value,
                     {{"zpool", pool}, {"dataset", dataset}});
                 return {};
               });
}

void pool_state(std::string_view pool, std::string_view text, Families& out) {
  std::string state(text.substr(0, text.find('\n')));
  std::transform(state.begin(), state.end(), state.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  for (const char* name :
       {"online", "degraded", "faulted", "offline", "removed", "unavail", "suspended"})
    out.gauge("node_zfs_zpool_state", "kstat.zfs.misc.state", state == name ? 1 : 0,
              {{"zpool", pool}, {"state", name}});
}

Status zfs(const Host& host, Families& out) {
  auto entries = host.seams.files.list(Host::join(host.procfs, kBase));
  if (!entries) return no_data("ZFS is not there: " + entries.error().what());
  for (const Source& source : kSources) {
    // Which of them there are is a matter of the release of ZFS.
    const auto text = host.proc(Host::join(kBase, source.file));
    if (!text) continue;
    if (Status s = statistics(source, *text, out); !s.ok()) return s;
  }
  for (const DirectoryEntry& entry : *entries) {
    const std::string& pool = entry.name;
    const std::string folder = Host::join(kBase, pool);
    auto files = host.seams.files.list(Host::join(host.procfs, folder));
    if (!files) continue;
    for (const DirectoryEntry& file : *files) {
      const bool io = file.name == "io", state = file.name == "state",
                 objects = file.name.starts_with("objset-");
      if (!io && !state && !objects) continue;
      const auto text = host.proc(Host::join(folder, file.name));
      if (!text) {
        // An export of the pool takes its files away.
        if (text.error().code() == Code::not_found) continue;
        return text.error();
      }
      Status status;
      if (io) status = pool_io(pool, *text, out);
      if (objects) status = object_set(pool, file.name, *text, out);
      if (state) pool_state(pool, *text, out);
      if (!status.ok()) return status;
    }
  }
  return {};
}

}  // namespace

Collect make_zfs(const Arguments&) { return zfs; }

}  // namespace collector::receive::unix_host
