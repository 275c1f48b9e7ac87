// bcache: caches in front of block devices (the kernel's Documentation/admin-guide/bcache.rst).
#include "receive/unix/collectors.hpp"

#include <array>
#include <cmath>

namespace collector::receive::unix_host {
namespace {

constexpr std::string_view kBcache = "fs/bcache";

/// What the kernel prints for people: `512.1k`. The digit behind the point is worth 1/10.24 of the
/// unit, as node_exporter has it.
std::optional<double> plain(std::string_view text) {
  static constexpr std::string_view kUnits = "kMGTPEZY";
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  double unit = 1, fraction = 0;
  if (text.back() > '9') {
    const auto power = kUnits.find(text.back());
    unit = power == std::string_view::npos ? 0 : 1024;
    for (std::size_t i = 0; i < power && power != std::string_view::npos; ++i) unit *= 1024;
    text.remove_suffix(1);
    const auto parts = split(text, '.');
    if (parts.size() > 1) {
      const auto tenths = number(parts[1]);
      if (!tenths) return std::nullopt;
      fraction = *tenths / 10.24;
    }
    text = parts[0];
  }
  const auto whole = number(text);
  if (!whole) return std::nullopt;
  const double value = std::trunc((*whole + fraction) * unit);
  return negative ? 0 - value : value;
}

struct Value {
  std::string_view file, name, help;
  bool counter = false;
  double scale = 1;
};

constexpr std::array kSet{
    Value{"average_key_size", "average_key_size_sectors",
          "Average data per key in the btree (sectors)."},
    Value{"btree_cache_size", "btree_cache_size_bytes",
          "Amount of memory currently used by the btree cache."},
    Value{"cache_available_percent", "cache_available_percent",
          "Percentage of cache device without dirty data, usable for writeback (may contain clean "
          "cached data)."},
    Value{"congested", "congested", "Congestion."},
    Value{"root_usage_percent", "root_usage_percent",
          "Percentage of the root btree node in use (tree depth increases if too high)."},
    Value{"tree_depth", "tree_depth", "Depth of the btree."},
    Value{"internal/active_journal_entries", "active_journal_entries",
          "Number of journal entries that are newer than the index."},
    Value{"internal/btree_nodes", "btree_nodes", "Total nodes in the btree."},
    // node_exporter takes these microseconds for nanoseconds.
    Value{"internal/btree_read_average_duration_us", "btree_read_average_duration_seconds",
          "Average btree read duration.", false, 1e-9},
    Value{"internal/cache_read_races", "cache_read_races_total",
          "Counts instances where while data was being read from the cache, the bucket was reused "
          "and invalidated - i.e. where the pointer was stale after the read completed.",
          true}};

constexpr std::array kBackingTotals{
    Value{"bypassed", "bypassed_bytes_total",
          "Amount of IO (both reads and writes) that has bypassed the cache.", true},
    Value{"cache_hits", "cache_hits_total", "Hits counted per individual IO as bcache sees them.",
          true},
    Value{"cache_misses", "cache_misses_total",
          "Misses counted per individual IO as bcache sees them.", true},
    Value{"cache_bypass_hits", "cache_bypass_hits_total", "Hits for IO intended to skip the cache.",
          true},
    Value{"cache_bypass_misses", "cache_bypass_misses_total",
          "Misses for IO intended to skip the cache.", true},
    Value{"cache_miss_collisions", "cache_miss_collisions_total",
          "Instances where data insertion from cache miss raced with write (data already present).",
          true},
    Value{"cache_readaheads", "cache_readaheads_total", "Count of times readahead occurred.",
          true}};

/// Lines of writeback_rate_debug.
constexpr std::array kWriteback{
    Value{"target:", "dirty_target_bytes",
          "Current dirty data target threshold for this backing device in bytes."},
    Value{"rate:", "writeback_rate", "Current writeback rate for this backing device in bytes."},
    Value{"proportional:", "writeback_rate_proportional_term",
          "Current result of proportional controller, part of writeback rate"},
    Value{"integral:", "writeback_rate_integral_term",
          "Current result of integral controller, part of writeback rate"},
    Value{"change:", "writeback_change",
          "Last writeback rate change step for this backing device."}};

constexpr std::array kCache{
    Value{"io_errors", "io_errors",
          "Number of errors that have occurred, decayed by io_error_halflife."},
    Value{"metadata_written", "metadata_written_bytes_total",
          "Sum of all non data writes (btree writes and all other metadata).", true},
    Value{"written", "written_bytes_total", "Sum of all data that has been written to the cache.",
          true}};

/// Lines of priority_stats.
constexpr std::array kPriorities{
    Value{"Unused:", "priority_stats_unused_percent",
          "The percentage of the cache that doesn't contain any data."},
    Value{"Metadata:", "priority_stats_metadata_percent", "Bcache's metadata overhead."}};

/// One set of caches and backing devices.
class CacheSet {
 public:
  CacheSet(const Host& host, std::string uuid) : host_(host), uuid_(std::move(uuid)) {}

  Status read(bool priorities) {
    for (const Value& value : kSet)
      if (Status s = file("", value); !s.ok()) return s;
    for (const std::string& name : host_.sys_names(path(""))) {
      Status s;
      if (numbered(name, "bdev"))
        s = backing(name);
      else if (numbered(name, "cache"))
        s = cache(name, priorities);
      if (!s.ok()) return s;
    }
    return {};
  }

  void report(Families& out) const {
    for (const Sample& sample : samples_) {
      const Label labels[] = {{"uuid", uuid_}, {sample.label, sample.device}};
      const std::string name = "node_bcache_" + std::string(sample.value->name);
      out.add(name, sample.value->counter ? "counter" : "gauge", sample.value->help, sample.is,
              std::span(labels, sample.label.empty() ? 1 : 2));
    }
  }

 private:
  struct Sample {
    const Value* value;
    std::string_view label;
    std::string device;
    double is;
  };

  static bool numbered(std::string_view name, std::string_view stem) {
    return name.size() > stem.size() && name.starts_with(stem) && name[stem.size()] >= '0' &&
           name[stem.size()] <= '9';
  }
  std::string path(std::string_view file) const {
    return Host::join(Host::join(kBcache, uuid_), file);
  }
  static std::string_view label_of(std::string_view device) {
    return device.empty() ? "" : device.starts_with("bdev") ? "backing_device" : "cache_device";
  }
  void add(const Value& value, std::string_view device, double is) {
    samples_.push_back({&value, label_of(device), std::string(device), is * value.scale});
  }

  /// The number in a file; 0 where the kernel is too old to have it.
  Result<double> number_in(const std::string& file) const {
    auto text = host_.sys(file);
    if (!text) {
      if (text.error().code() == Code::not_found) return 0.0;
      return text.error();
    }
    const auto value = plain(trim(*text));
    if (!value) return Status(Code::data_loss, file + ": not a number");
    return *value;
  }
  Status file(std::string_view device, const Value& value, std::string_view folder = "") {
    const auto is = number_in(path(Host::join(Host::join(device, folder), value.file)));
    if (!is) return is.error();
    add(value, device, *is);
    return {};
  }
  /// Values behind the words that begin the lines of a file; 0 for a line that is not there.
  template <std::size_t N>
  Status lines_of(std::string_view device, std::string_view file,
                  const std::array<Value, N>& values) {
    auto text = host_.sys(path(Host::join(device, file)));
    if (!text) return {Code::unknown, text.error().what()};
    std::array<double, N> found{};
    for (std::string_view line : lines(*text)) {
      const auto fields = words(line);
      for (std::size_t i = 0; i < N; ++i) {
        if (!line.starts_with(values[i].file)) continue;
        std::string_view last = fields.back();
        for (std::string_view unit : {"/sec", "%"})
          if (last.ends_with(unit)) last.remove_suffix(unit.size());
        const auto is = plain(last);
        if (!is) return {Code::data_loss, path(Host::join(device, file)) + ": not a number"};
        found[i] = *is;
      }
    }
    for (std::size_t i = 0; i < N; ++i) add(values[i], device, found[i]);
    return {};
  }

  Status backing(const std::string& device) {
    static constexpr Value kDirty{"dirty_data", "dirty_data_bytes",
                                  "Amount of dirty data for this backing device in the cache."};
    if (Status s = file(device, kDirty); !s.ok()) return s;
    if (Status s = lines_of(device, "writeback_rate_debug", kWriteback); !s.ok()) return s;
    for (const Value& value : kBackingTotals) {
      if (Status s = file(device, value, "stats_total"); !s.ok()) return s;
      // Kernels since 5.19 do not count these.
      if (value.file == "cache_readaheads" && samples_.back().is == 0) samples_.pop_back();
    }
    return {};
  }
  Status cache(const std::string& device, bool priorities) {
    for (const Value& value : kCache)
      if (Status s = file(device, value); !s.ok()) return s;
    return priorities ? lines_of(device, "priority_stats", kPriorities) : Status();
  }

  const Host& host_;
  std::string uuid_;
  std::vector<Sample> samples_;
};

Status bcache(bool priorities, const Host& host, Families& out) {
  std::vector<CacheSet> sets;
  for (const std::string& name : host.sys_names(kBcache)) {
    if (name.find('-') == std::string::npos) continue;
    sets.emplace_back(host, name);
    if (Status s = sets.back().read(priorities); !s.ok()) return s;
  }
  for (const CacheSet& set : sets) set.report(out);
  return {};
}

}  // namespace

Collect make_bcache(const Arguments& arguments) {
  return [priorities = arguments.bcache.priority_stats](const Host& host, Families& out) {
    return bcache(priorities, host, out);
  };
}

}  // namespace collector::receive::unix_host
