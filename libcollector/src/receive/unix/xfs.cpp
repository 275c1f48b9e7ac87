// xfs: what each mounted XFS file system counts, from /sys/fs/xfs.
#include "receive/unix/collectors.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <map>

namespace collector::receive::unix_host {
namespace {

struct Shape {
  std::string_view line;
  std::size_t least, most;
};
/// The lines that are reported and how many values each has; the kernel adds others at will.
constexpr std::array kShapes{
    Shape{"extent_alloc", 4, 4}, Shape{"abt", 4, 4}, Shape{"blk_map", 7, 7}, Shape{"bmbt", 4, 4},
    Shape{"dir", 4, 4},          Shape{"ig", 7, 7},  Shape{"rw", 2, 2},      Shape{"vnodes", 7, 8}};

struct Value {
  std::string_view line;
  std::size_t index;
  std::string_view metric, help;
};
constexpr std::array kValues{
    Value{"extent_alloc", 0, "extent_allocation_extents_allocated_total",
          "Number of extents allocated for a filesystem."},
    Value{"extent_alloc", 1, "extent_allocation_blocks_allocated_total",
          "Number of blocks allocated for a filesystem."},
    Value{"extent_alloc", 2, "extent_allocation_extents_freed_total",
          "Number of extents freed for a filesystem."},
    Value{"extent_alloc", 3, "extent_allocation_blocks_freed_total",
          "Number of blocks freed for a filesystem."},
    Value{"abt", 0, "allocation_btree_lookups_total",
          "Number of allocation B-tree lookups for a filesystem."},
    Value{"abt", 1, "allocation_btree_compares_total",
          "Number of allocation B-tree compares for a filesystem."},
    Value{"abt", 2, "allocation_btree_records_inserted_total",
          "Number of allocation B-tree records inserted for a filesystem."},
    Value{"abt", 3, "allocation_btree_records_deleted_total",
          "Number of allocation B-tree records deleted for a filesystem."},
    Value{"blk_map", 0, "block_mapping_reads_total",
          "Number of block map for read operations for a filesystem."},
    Value{"blk_map", 1, "block_mapping_writes_total",
          "Number of block map for write operations for a filesystem."},
    Value{"blk_map", 2, "block_mapping_unmaps_total",
          "Number of block unmaps (deletes) for a filesystem."},
    Value{"blk_map", 3, "block_mapping_extent_list_insertions_total",
          "Number of extent list insertions for a filesystem."},
    Value{"blk_map", 4, "block_mapping_extent_list_deletions_total",
          "Number of extent list deletions for a filesystem."},
    Value{"blk_map", 5, "block_mapping_extent_list_lookups_total",
          "Number of extent list lookups for a filesystem."},
    Value{"blk_map", 6, "block_mapping_extent_list_compares_total",
          "Number of extent list compares for a filesystem."},
    Value{"bmbt", 0, "block_map_btree_lookups_total",
          "Number of block map B-tree lookups for a filesystem."},
    Value{"bmbt", 1, "block_map_btree_compares_total",
          "Number of block map B-tree compares for a filesystem."},
    Value{"bmbt", 2, "block_map_btree_records_inserted_total",
          "Number of block map B-tree records inserted for a filesystem."},
    Value{"bmbt", 3, "block_map_btree_records_deleted_total",
          "Number of block map B-tree records deleted for a filesystem."},
    Value{"dir", 0, "directory_operation_lookup_total",
          "Number of file name directory lookups which miss the operating systems directory name "
          "lookup cache."},
    Value{"dir", 1, "directory_operation_create_total",
          "Number of times a new directory entry was created for a filesystem."},
    Value{"dir", 2, "directory_operation_remove_total",
          "Number of times an existing directory entry was created for a filesystem."},
    Value{"dir", 3, "directory_operation_getdents_total",
          "Number of times the directory getdents operation was performed for a filesystem."},
    Value{"ig", 0, "inode_operation_attempts_total",
          "Number of times the OS looked for an XFS inode in the inode cache."},
    Value{"ig", 1, "inode_operation_found_total",
          "Number of times the OS looked for and found an XFS inode in the inode cache."},
    Value{"ig", 2, "inode_operation_recycled_total",
          "Number of times the OS found an XFS inode in the cache, but could not use it as it was "
          "being recycled."},
    Value{"ig", 3, "inode_operation_missed_total",
          "Number of times the OS looked for an XFS inode in the cache, but did not find it."},
    Value{"ig", 4, "inode_operation_duplicates_total",
          "Number of times the OS tried to add a missing XFS inode to the inode cache, but found "
          "it had already been added by another process."},
    Value{"ig", 5, "inode_operation_reclaims_total",
          "Number of times the OS reclaimed an XFS inode from the inode cache to free memory for "
          "another purpose."},
    Value{"ig", 6, "inode_operation_attribute_changes_total",
          "Number of times the OS explicitly changed the attributes of an XFS inode."},
    Value{"rw", 1, "read_calls_total",
          "Number of read(2) system calls made to files in a filesystem."},
    Value{"rw", 0, "write_calls_total",
          "Number of write(2) system calls made to files in a filesystem."},
    Value{"vnodes", 0, "vnode_active_total",
          "Number of vnodes not on free lists for a filesystem."},
    Value{"vnodes", 1, "vnode_allocate_total", "Number of times vn_alloc called for a filesystem."},
    Value{"vnodes", 2, "vnode_get_total", "Number of times vn_get called for a filesystem."},
    Value{"vnodes", 3, "vnode_hold_total", "Number of times vn_hold called for a filesystem."},
    Value{"vnodes", 4, "vnode_release_total", "Number of times vn_rele called for a filesystem."},
    Value{"vnodes", 5, "vnode_reclaim_total",
          "Number of times vn_reclaim called for a filesystem."},
    Value{"vnodes", 6, "vnode_remove_total", "Number of times vn_remove called for a filesystem."}};

using Counts = std::map<std::string_view, std::vector<double>>;

Result<Counts> parse(std::string_view text) {
  Counts counts;
  for (std::string_view line : lines(text)) {
    const auto fields = words(line);
    if (fields.size() < 2) continue;
    for (const Shape& shape : kShapes) {
      if (shape.line != fields[0]) continue;
      const std::size_t n = fields.size() - 1;
      if (n < shape.least || n > shape.most)
        return Status(Code::data_loss, fmt::format("line {} has {} values", fields[0], n));
      std::vector<double>& values = counts[shape.line];
      values.clear();
      for (std::size_t i = 1; i < fields.size(); ++i) {
        std::uint32_t value = 0;
        const char* last = fields[i].data() + fields[i].size();
        const auto [end, error] = std::from_chars(fields[i].data(), last, value);
        if (error != std::errc() || end != last)
          return Status(Code::data_loss, fmt::format("invalid value {}", fields[i]));
        values.push_back(value);
      }
    }
  }
  return counts;
}

Status xfs(const Host& host, Families& out) {
  std::vector<std::pair<std::string, Counts>> devices;
  for (const std::string& device : host.sys_names("fs/xfs")) {
    const std::string path = fmt::format("fs/xfs/{}/stats/stats", device);
    // Beside the file systems stand files and folders of other settings.
    if (!host.seams.files.info(Host::join(host.sysfs, path))) continue;
    const auto text = host.sys(path);
    if (!text) return text.error();
    auto counts = parse(*text);
    if (!counts) return {counts.error().code(), fmt::format("{}: {}", path, counts.error().what())};
    devices.emplace_back(device, std::move(*counts));
  }
  for (const auto& [device, counts] : devices)
    for (const Value& v : kValues) {
      const auto line = counts.find(v.line);
      out.counter(fmt::format("node_xfs_{}", v.metric), v.help,
                  line == counts.end() ? 0 : line->second[v.index], {{"device", device}});
    }
  return {};
}

}  // namespace

Collect make_xfs(const Arguments&) { return xfs; }

}  // namespace collector::receive::unix_host
