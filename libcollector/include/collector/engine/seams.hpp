// The seams: everything a collector learns from the outside world comes through these interfaces,
// so a test can run it on virtual time, a simulated network and a file system that fails.
// Unless stated otherwise a method is called on the loop's own thread.
#pragma once

#include <collector/engine/budget.hpp>
#include <collector/engine/function.hpp>
#include <collector/engine/status.hpp>
#include <collector/engine/task.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace collector {

using Duration = std::chrono::nanoseconds;
/// Monotonic time since an arbitrary origin.
struct Instant {
  Duration since_origin{};
  friend auto operator<=>(const Instant&, const Instant&) = default;
  friend Duration operator-(Instant a, Instant b) { return a.since_origin - b.since_origin; }
  friend Instant operator+(Instant a, Duration d) { return {a.since_origin + d}; }
};
/// Wall time: nanoseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
struct WallTime {
  std::int64_t unix_ns = 0;
  std::int64_t unix_ms() const { return unix_ns / 1'000'000; }
  friend auto operator<=>(const WallTime&, const WallTime&) = default;
};

enum class TimerId : std::uint64_t { none = 0 };

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall() const = 0;
  /// Calls `fire` once on this loop, not before `delay` has passed and never from within `arm`.
  virtual TimerId arm(Duration delay, Function<void()> fire) = 0;
  /// After disarm `fire` is not called and has been destroyed. Unknown ids are ignored.
  virtual void disarm(TimerId id) = 0;
};

/// One worker's event loop.
class Loop : public Clock {
 public:
  /// Runs `f` on this loop, later, in the order of posting. Any thread.
  virtual void post(Function<void()> f) = 0;
  /// Runs `work` where it may block, then `done` on this loop: one at a time, in the order of
  /// calling. A `work` that hangs outlives the loop, so it owns all that it uses; `done` is then
  /// destroyed uncalled.
  virtual void offload(Function<void()> work, Function<void()> done) = 0;
};

/// Returns true after `delay`, false at once when `stop` is requested.
Task<bool> sleep_for(Clock& clock, Duration delay, std::stop_token stop);

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  double unit();
};

struct FileInfo {
  enum class Kind : std::uint8_t { regular, directory, symlink, other };
  Kind kind = Kind::other;
  std::uint64_t size = 0;  ///< bytes
  std::uint32_t mode = 0;  ///< permission bits
  std::uint64_t inode = 0;
  std::uint64_t device = 0;
  WallTime modified;
};
struct DirectoryEntry {
  std::string name;
  FileInfo::Kind kind = FileInfo::Kind::other;
};
/// statfs(2); sizes in bytes.
struct FileSystemUsage {
  std::uint64_t size = 0, free = 0, available = 0;
  std::uint64_t files = 0, files_free = 0;
  bool read_only = false;
};

/// An open file. Destroying it closes the descriptor; errors of close are lost, so sync first.
class File {
 public:
  virtual ~File() = default;
  /// Bytes read, 0 at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) = 0;
  /// Writes all of it or fails; a failed append may leave a prefix behind.
  virtual Status append(std::span<const std::byte> bytes) = 0;
  /// Overwrites in place, in mode `modify`; a power cut may tear it at any 512-byte sector.
  virtual Status write_at(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  virtual Status truncate(std::uint64_t size) = 0;
  /// Takes room on the disk for a file of `size` bytes without changing its size.
  virtual Status reserve(std::uint64_t size) = 0;
  /// Data and size are on stable storage when this returns ok. After a failure the descriptor
  /// must not be trusted again.
  virtual Status sync() = 0;
  virtual Result<FileInfo> info() = 0;
};

/// Blocking calls on local files; procfs and sysfs included. Any thread.
class Files {
 public:
  /// `append` and `modify` create what is not there; `create_new` appends too.
  enum class Mode : std::uint8_t { read, append, modify, create_new };
  virtual ~Files() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) = 0;
  /// The whole file, or out_of_range when it is longer than `limit` bytes. Works on procfs, whose
  /// files say that they are empty.
  virtual Result<std::string> read(const std::string& path, std::size_t limit) = 0;
  /// Entries without "." and "..", sorted by name.
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& directory) = 0;
  /// Follows symbolic links.
  virtual Result<FileInfo> info(const std::string& path) = 0;
  virtual Result<std::string> read_link(const std::string& path) = 0;
  virtual Result<FileSystemUsage> usage(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  /// A file, or an empty directory.
  virtual Status remove(const std::string& path) = 0;
  virtual Status make_directories(const std::string& path) = 0;
  virtual Status sync_directory(const std::string& path) = 0;
  /// The exclusive lock on the file at `path`, which is made if it is not there, until what is
  /// returned dies or the process ends (fcntl(2), F_OFD_SETLK). `failed_precondition` when another
  /// has it.
  virtual Result<std::shared_ptr<void>> lock(const std::string& path) = 0;
};

/// A connected byte stream. One read and one write may be outstanding at a time.
class Stream {
 public:
  virtual ~Stream() = default;
  /// At least one byte, or 0 at the end of the stream. `stop` ends it with `cancelled`.
  virtual Task<Result<std::size_t>> read(std::span<std::byte> into, std::stop_token stop) = 0;
  /// All bytes, or an error after which the stream is unusable.
  virtual Task<Status> write(std::span<const std::byte> bytes, std::stop_token stop) = 0;
  /// Ends both directions; outstanding calls complete with `cancelled`. Idempotent.
  virtual void close() = 0;
  /// `203.0.113.7:4711`, for logs and access checks.
  virtual std::string peer() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual Task<Result<std::unique_ptr<Stream>>> accept(std::stop_token stop) = 0;
  /// The port that was bound, also when 0 was asked for.
  virtual std::uint16_t port() const = 0;
  virtual void close() = 0;
};

/// A DNS answer (RFC 1035, RFC 2782 for SRV).
struct DnsRecord {
  std::string target;      ///< address in text form, or host name for SRV, MX, NS
  std::uint16_t port = 0;  ///< SRV only
};

class Network {
 public:
  enum class RecordType : std::uint8_t { a, aaaa, srv, mx, ns };
  virtual ~Network() = default;
  /// `host` is a name or an address; every address that it resolves to is tried, in order. One that
  /// begins with a slash is the path of a Unix socket, which has no port.
  virtual Task<Result<std::unique_ptr<Stream>>> connect(std::string host, std::uint16_t port,
                                                        std::stop_token stop) = 0;
  /// `address` is a numeric address; port 0 lets the system choose.
  virtual Result<std::unique_ptr<Listener>> listen(const std::string& address,
                                                   std::uint16_t port) = 0;
  /// A name without a final dot is tried below the system's search domains too. Nothing: the name
  /// has no such records. not_found: there is no such name, by the word of a server for every try.
  virtual Task<Result<std::vector<DnsRecord>>> resolve(std::string name, RecordType type,
                                                       std::stop_token stop) = 0;
  /// The numeric addresses that connect() would try for `host`: as this machine resolves names,
  /// its hosts file and search domains too. By default the A and AAAA records.
  virtual Task<Result<std::vector<std::string>>> addresses(std::string host, std::stop_token stop);
  /// Calls `changed` on this loop whenever the file or directory at `path` may have changed
  /// (inotify(7)), until the returned object is destroyed. `unimplemented` where there is no
  /// such facility: callers then poll.
  virtual Result<std::shared_ptr<void>> watch(const std::string& path,
                                              Function<void()> changed) = 0;
};

/// What a collector lives in. Everything outlives the collector.
struct Seams {
  Loop& loop;
  Network& network;
  Files& files;
  Random& random;
  Budget budget{};  ///< without a limit unless one is given
};

}  // namespace collector
