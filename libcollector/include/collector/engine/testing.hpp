// The seams, simulated: virtual time, a network that delays, loses and cuts, and a file system that
// loses what was not synced. Everything follows from one seed: the same seed, the same run. One
// thread; what is made first is destroyed last.
#pragma once

#include <collector/engine/seams.hpp>

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace collector::testing {

/// SplitMix64 (Steele, Lea, Flood 2014).
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

/// Time passes only in run_for and run_until, and then at once.
class SimulatedLoop final : public Loop {
 public:
  explicit SimulatedLoop(WallTime start = {1'700'000'000'000'000'000});

  Instant now() const override { return now_; }
  WallTime wall() const override { return {start_.unix_ns + now_.since_origin.count()}; }
  TimerId arm(Duration delay, Function<void()> fire) override;
  void disarm(TimerId id) override;
  void post(Function<void()> f) override { posted_.push_back(std::move(f)); }
  /// Takes 2 ms.
  void offload(Function<void()> work, Function<void()> done) override;

  /// Timers fire in the order of their time, equal times in the order they were armed; each is
  /// followed by all that was posted.
  void run_for(Duration duration);
  /// Until `done` says so, looking after every callback; false when `limit` passed first.
  bool run_until(Function<bool()> done, Duration limit);
  /// Callbacks so far: two runs that agree have the same number.
  std::uint64_t steps() const { return steps_; }

 private:
  bool step(Instant end);

  WallTime start_;
  Instant now_{};
  std::uint64_t last_id_ = 0, steps_ = 0;
  std::map<std::pair<Instant, TimerId>, Function<void()>> timers_;
  std::map<TimerId, Instant> when_;
  std::deque<Function<void()>> posted_;
  Instant offload_free_{};  ///< when the last offloaded call ends
};

/// How the simulated network treats what is written. Bytes of one connection stay in order, as TCP
/// keeps them: what is lost arrives later.
struct LinkQuality {
  Duration latency = std::chrono::milliseconds(1);
  Duration jitter{};                                 ///< uniform, on top of latency
  double loss = 0;                                   ///< share of writes that are sent again
  Duration resend = std::chrono::milliseconds(200);  ///< doubles with every further loss
  double reset = 0;                                  ///< share of writes that break the connection
};

/// Hosts by name, all in this process. Nothing leaves it.
class SimulatedNetwork final : public Network {
 public:
  /// Both outlive it.
  SimulatedNetwork(SimulatedLoop& loop, Random& random);
  ~SimulatedNetwork() override;

  void quality(LinkQuality quality);
  /// While a host is cut off, connecting to or from it times out and what is written waits.
  void cut(const std::string& host, bool is_cut);
  /// The network as the host of this name has it: it listens there, its connections come from
  /// there. This object outlives it.
  std::unique_ptr<Network> host(std::string name);
  /// While two hosts are parted, neither connects to the other and what they write waits.
  void part(const std::string& one, const std::string& other, bool are_parted);
  /// The host is switched off: it listens no more and its connections break.
  void crash(const std::string& host);
  /// The answer of resolve() for `name`; a name without one does not exist.
  void record(std::string name, RecordType type, std::vector<DnsRecord> records);
  /// listen() binds at the host of this name from now on; at first `localhost`.
  void listen_as(std::string host);
  /// One line for each connection, transfer, loss and reset, with its virtual time.
  const std::string& trace() const;

  Task<Result<std::unique_ptr<Stream>>> connect(std::string host, std::uint16_t port,
                                                std::stop_token stop) override;
  Result<std::unique_ptr<Listener>> listen(const std::string& address, std::uint16_t port) override;
  Task<Result<std::vector<DnsRecord>>> resolve(std::string name, RecordType type,
                                               std::stop_token stop) override;
  Result<std::shared_ptr<void>> watch(const std::string& path, Function<void()> changed) override;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

/// A tree of files in memory with the guarantees of a real one and no more: content survives a
/// power cut once it was synced, the name of a file or directory once its directory was.
class SimulatedFiles final : public Files {
 public:
  SimulatedFiles(SimulatedLoop& loop, Random& random);
  ~SimulatedFiles() override;

  /// Puts a file there, synced, with its directories.
  void put(const std::string& path, std::string content);
  /// The n-th call from now on (1 is the next) fails with `status`; 0 never.
  void fail_call(std::uint64_t n, Status status);
  std::uint64_t calls() const;
  /// Bytes that fit; appends beyond it fail with resource_exhausted.
  void capacity(std::uint64_t bytes);
  /// File::reserve() takes room, as fallocate(2) does; else it is without effect.
  void reserves(bool takes_room);
  /// Overwriting needs as much room as it overwrites, for a moment, as on btrfs and ZFS.
  void copies_on_write(bool copies);
  /// Power is lost: open files fail from now on and locks are gone; of unsynced appends any prefix
  /// may survive, its last 512-byte sector torn, of unsynced overwriting any sector, one torn;
  /// names since the last sync of their directory are kept or undone.
  void power_cut();
  /// Power is lost in the n-th call from now on (1 is the next), which fails like all that follow
  /// until power_on(); 0: never.
  void cut_at_call(std::uint64_t n);
  void power_on();
  /// The process is gone, its files are not: open files fail from now on and locks are gone.
  void process_killed();
  /// Syncs of files and directories for whose path `ignored` says so do nothing and say ok.
  void ignore_syncs(Function<bool(const std::string& path)> ignored);
  /// Reads of the 4096 bytes at `offset` of the file at `path` fail from now on (EIO).
  void bad_sector(const std::string& path, std::uint64_t offset);
  /// Flips one bit of the content at `path`.
  void flip_bit(const std::string& path, std::uint64_t bit);

  Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) override;
  Result<std::string> read(const std::string& path, std::size_t limit) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override;
  Result<FileInfo> info(const std::string& path) override;
  Result<std::string> read_link(const std::string& path) override;
  Result<FileSystemUsage> usage(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status make_directories(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::shared_ptr<void>> lock(const std::string& path) override;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace collector::testing
