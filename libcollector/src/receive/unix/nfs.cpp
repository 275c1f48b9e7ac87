// nfs, nfsd: what the kernel's NFS client and server count, from /proc/net/rpc.
#include "receive/unix/collectors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <map>
#include <span>

namespace collector::receive::unix_host {
namespace {

constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();

/// How many values a line has; the first value of a counted one says how many follow it.
struct Shape {
  std::string_view name;
  std::size_t least, most;
  bool counted = false;
};
constexpr std::array kClientLines{Shape{"net", 4, 4}, Shape{"rpc", 3, 3},
                                  Shape{"proc2", 18, kAny, true}, Shape{"proc3", 22, kAny, true},
                                  Shape{"proc4", 0, kAny, true}};
constexpr std::array kServerLines{Shape{"rc", 3, 3},
                                  Shape{"fh", 5, 5},
                                  Shape{"io", 2, 2},
                                  Shape{"th", 2, kAny},
                                  Shape{"ra", 12, 12},
                                  Shape{"net", 4, 4},
                                  Shape{"rpc", 5, 5},
                                  Shape{"proc2", 18, kAny, true},
                                  Shape{"proc4", 2, 2, true},
                                  Shape{"proc3", 22, kAny, true},
                                  Shape{"proc4ops", 39, kAny, true},
                                  Shape{"wdeleg_getattr", 1, kAny}};

constexpr std::array<std::string_view, 18> kMethods2{
    "Null",   "GetAttr", "SetAttr", "Root", "Lookup",  "ReadLink", "Read",  "WrCache", "Write",
    "Create", "Remove",  "Rename",  "Link", "SymLink", "MkDir",    "RmDir", "ReadDir", "FsStat"};
constexpr std::array<std::string_view, 22> kMethods3{
    "Null",    "GetAttr",     "SetAttr", "Lookup", "Access",   "ReadLink", "Read",   "Write",
    "Create",  "MkDir",       "SymLink", "MkNod",  "Remove",   "RmDir",    "Rename", "Link",
    "ReadDir", "ReadDirPlus", "FsStat",  "FsInfo", "PathConf", "Commit"};
constexpr std::array<std::string_view, 59> kClientMethods4{"Null",
                                                           "Read",
                                                           "Write",
                                                           "Commit",
                                                           "Open",
                                                           "OpenConfirm",
                                                           "OpenNoattr",
                                                           "OpenDowngrade",
                                                           "Close",
                                                           "Setattr",
                                                           "FsInfo",
                                                           "Renew",
                                                           "SetClientID",
                                                           "SetClientIDConfirm",
                                                           "Lock",
                                                           "Lockt",
                                                           "Locku",
                                                           "Access",
                                                           "Getattr",
                                                           "Lookup",
                                                           "LookupRoot",
                                                           "Remove",
                                                           "Rename",
                                                           "Link",
                                                           "Symlink",
                                                           "Create",
                                                           "Pathconf",
                                                           "StatFs",
                                                           "ReadLink",
                                                           "ReadDir",
                                                           "ServerCaps",
                                                           "DelegReturn",
                                                           "GetACL",
                                                           "SetACL",
                                                           "FsLocations",
                                                           "ReleaseLockowner",
                                                           "Secinfo",
                                                           "FsidPresent",
                                                           "ExchangeID",
                                                           "CreateSession",
                                                           "DestroySession",
                                                           "Sequence",
                                                           "GetLeaseTime",
                                                           "ReclaimComplete",
                                                           "GetDeviceInfo",
                                                           "LayoutGet",
                                                           "LayoutCommit",
                                                           "LayoutReturn",
                                                           "SecinfoNoName",
                                                           "TestStateID",
                                                           "FreeStateID",
                                                           "GetDeviceList",
                                                           "BindConnToSession",
                                                           "DestroyClientID",
                                                           "Seek",
                                                           "Allocate",
                                                           "DeAllocate",
                                                           "LayoutStats",
                                                           "Clone"};
/// Operations by their number in the protocol; those without a name are not reported.
constexpr std::array<std::string_view, 40> kServerOperations4{"",
                                                              "",
                                                              "",
                                                              "Access",
                                                              "Close",
                                                              "Commit",
                                                              "Create",
                                                              "DelegPurge",
                                                              "DelegReturn",
                                                              "GetAttr",
                                                              "GetFH",
                                                              "Link",
                                                              "Lock",
                                                              "Lockt",
                                                              "Locku",
                                                              "Lookup",
                                                              "LookupRoot",
                                                              "Nverify",
                                                              "Open",
                                                              "OpenAttr",
                                                              "OpenConfirm",
                                                              "OpenDgrd",
                                                              "PutFH",
                                                              "",
                                                              "",
                                                              "Read",
                                                              "ReadDir",
                                                              "ReadLink",
                                                              "Remove",
                                                              "Rename",
                                                              "Renew",
                                                              "RestoreFH",
                                                              "SaveFH",
                                                              "SecInfo",
                                                              "SetAttr",
                                                              "SetClientID",
                                                              "SetClientIDConfirm",
                                                              "Verify",
                                                              "Write",
                                                              "RelLockOwner"};

/// Values by line; a line or a value that the kernel lacks counts as 0.
class Counts {
 public:
  static Result<Counts> parse(std::string_view text, std::span<const Shape> shapes) {
    Counts counts;
    for (std::string_view line : lines(text)) {
      const auto fields = words(line);
      if (fields.size() < 2) return unexpected(line);
      const auto shape = std::find_if(shapes.begin(), shapes.end(),
                                      [&](const Shape& s) { return s.name == fields[0]; });
      if (shape == shapes.end()) return unexpected(line);
      // Behind its two numbers of threads stand times, which are fractions.
      const bool threads = shape->name == "th";
      std::vector<std::uint64_t> values;
      for (std::size_t i = 1; i < fields.size() && !(threads && i > 2); ++i) {
        const std::string_view f = fields[i];
        const auto [end, error] =
            std::from_chars(f.data(), f.data() + f.size(), values.emplace_back());
        if (error != std::errc() || end != f.data() + f.size()) return unexpected(line);
      }
      if (shape->counted) {
        if (values[0] != values.size() - 1) return unexpected(line);
        values.erase(values.begin());
      }
      if (values.size() < shape->least || values.size() > shape->most) return unexpected(line);
      counts.lines_[std::string(shape->name)] = std::move(values);
    }
    return counts;
  }

  double at(std::string_view line, std::size_t index) const {
    const auto found = lines_.find(line);
    if (found == lines_.end() || index >= found->second.size()) return 0;
    return static_cast<double>(found->second[index]);
  }

 private:
  static Status unexpected(std::string_view line) {
    return {Code::data_loss, fmt::format("unexpected line \"{}\"", line.substr(0, 100))};
  }
  std::map<std::string, std::vector<std::uint64_t>, std::less<>> lines_;
};

Result<Counts> read(const Host& host, std::string_view path, std::span<const Shape> shapes) {
  auto text = host.proc(path);
  if (!text) return text.error();
  auto counts = Counts::parse(*text, shapes);
  if (!counts)
    return Status(counts.error().code(), fmt::format("{}: {}", path, counts.error().what()));
  return counts;
}

struct Requests {
  std::string_view metric, help;
  void add(Families& out, const Counts& counts, std::string_view line, std::string_view version,
           std::span<const std::string_view> methods, std::size_t first = 0) const {
    for (std::size_t i = first; i < methods.size(); ++i)
      if (!methods[i].empty())
        out.counter(metric, help, counts.at(line, i), {{"proto", version}, {"method", methods[i]}});
  }
};

Status nfs(const Host& host, Families& out) {
  const auto counts = read(host, "net/rpc/nfs", kClientLines);
  if (!counts) return counts.error();
  for (const auto& [protocol, index] : {std::pair{"udp", 1U}, std::pair{"tcp", 2U}})
    out.counter("node_nfs_packets_total",
                "Total NFSd network packets (sent+received) by protocol type.",
                counts->at("net", index), {{"protocol", protocol}});
  out.counter("node_nfs_connections_total", "Total number of NFSd TCP connections.",
              counts->at("net", 3));
  out.counter("node_nfs_rpcs_total", "Total number of RPCs performed.", counts->at("rpc", 0));
  out.counter("node_nfs_rpc_retransmissions_total", "Number of RPC transmissions performed.",
              counts->at("rpc", 1));
  out.counter("node_nfs_rpc_authentication_refreshes_total",
              "Number of RPC authentication refreshes performed.", counts->at("rpc", 2));
  constexpr Requests kRequests{"node_nfs_requests_total", "Number of NFS procedures invoked."};
  kRequests.add(out, *counts, "proc2", "2", kMethods2);
  kRequests.add(out, *counts, "proc3", "3", kMethods3);
  kRequests.add(out, *counts, "proc4", "4", kClientMethods4);
  return {};
}

Status nfsd(const Host& host, Families& out) {
  const auto counts = read(host, "net/rpc/nfsd", kServerLines);
  if (!counts) return counts.error();
  struct Value {
    std::string_view line;
    std::size_t index;
    std::string_view metric, help;
  };
  constexpr std::array kCounters{
      Value{"rc", 0, "reply_cache_hits_total",
            "Total number of NFSd Reply Cache hits (client lost server response)."},
      Value{"rc", 1, "reply_cache_misses_total",
            "Total number of NFSd Reply Cache an operation that requires caching (idempotent)."},
      Value{"rc", 2, "reply_cache_nocache_total",
            "Total number of NFSd Reply Cache non-idempotent operations (rename/delete/…)."},
      Value{"fh", 0, "file_handles_stale_total", "Total number of NFSd stale file handles"},
      Value{"io", 0, "disk_bytes_read_total", "Total NFSd bytes read."},
      Value{"io", 1, "disk_bytes_written_total", "Total NFSd bytes written."},
      Value{"ra", 11, "read_ahead_cache_not_found_total",
            "Total number of NFSd read ahead cache not found."},
      Value{"net", 3, "connections_total", "Total number of NFSd TCP connections."},
      Value{"rpc", 0, "server_rpcs_total", "Total number of NFSd RPCs."}};
  for (const Value& v : kCounters)
    out.counter(fmt::format("node_nfsd_{}", v.metric), v.help, counts->at(v.line, v.index));
  out.gauge("node_nfsd_server_threads", "Total number of NFSd kernel threads that are running.",
            counts->at("th", 0));
  out.gauge("node_nfsd_read_ahead_cache_size_blocks",
            "How large the read ahead cache is in blocks.", counts->at("ra", 0));
  for (const auto& [protocol, index] : {std::pair{"udp", 1U}, std::pair{"tcp", 2U}})
    out.counter("node_nfsd_packets_total",
                "Total NFSd network packets (sent+received) by protocol type.",
                counts->at("net", index), {{"proto", protocol}});
  for (const auto& [error, index] :
       {std::pair{"fmt", 2U}, std::pair{"auth", 3U}, std::pair{"cInt", 4U}})
    out.counter("node_nfsd_rpc_errors_total", "Total number of NFSd RPC errors by error type.",
                counts->at("rpc", index), {{"error", error}});
  constexpr Requests kRequests{"node_nfsd_requests_total",
                               "Total number NFSd Requests by method and protocol."};
  // The server does not report its Null procedure.
  kRequests.add(out, *counts, "proc2", "2", kMethods2, 1);
  kRequests.add(out, *counts, "proc3", "3", kMethods3, 1);
  kRequests.add(out, *counts, "proc4ops", "4", kServerOperations4);
  out.counter(kRequests.metric, kRequests.help, counts->at("wdeleg_getattr", 0),
              {{"proto", "4"}, {"method", "WdelegGetattr"}});
  return {};
}

}  // namespace

Collect make_nfs(const Arguments&) { return nfs; }
Collect make_nfsd(const Arguments&) { return nfsd; }

}  // namespace collector::receive::unix_host
