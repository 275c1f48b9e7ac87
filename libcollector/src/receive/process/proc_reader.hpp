// What proc(5) says about processes and their threads. One thread.
#pragma once

#include <collector/engine/seams.hpp>

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace collector::receive::named_process {

/// Process ids come again; with the time of its start one is unique.
struct ProcessId {
  std::int64_t pid = 0;
  std::uint64_t start = 0;  ///< clock ticks since boot
  friend auto operator<=>(const ProcessId&, const ProcessId&) = default;
};

struct Counts {
  double cpu_user = 0, cpu_system = 0;  ///< seconds
  double read_bytes = 0, write_bytes = 0;
  double major_faults = 0, minor_faults = 0;
  double voluntary_switches = 0, nonvoluntary_switches = 0;
  Counts& operator+=(const Counts& other);
  friend Counts operator-(const Counts& a, const Counts& b);
};

struct States {
  int running = 0, sleeping = 0, waiting = 0, zombie = 0, other = 0;
  States& operator+=(const States& more);
};

struct Memory {
  double resident = 0, virtual_size = 0, swapped = 0;  ///< bytes
  double proportional = 0, proportional_swapped = 0;   ///< bytes, where smaps are read
  Memory& operator+=(const Memory& more);
};

/// /proc/PID/stat, its numbers as they stand.
struct Stat {
  std::string comm;
  char state = '?';
  std::int64_t parent = 0;
  double minor_faults = 0, major_faults = 0, user_ticks = 0, system_ticks = 0;
  double threads = 0, virtual_bytes = 0, resident_pages = 0;
  std::uint64_t start = 0;
};

struct ThreadReading {
  ProcessId id;
  std::string name, wchan;
  Counts counts;
  States states;
};

struct Reading {
  ProcessId id;
  std::int64_t parent = 0;
  std::string comm;
  Counts counts;
  Memory memory;
  States states;
  double threads_total = 0;
  std::int64_t open_files = -1;  ///< -1: not readable
  double file_limit = 0;
  std::string wchan;
  std::vector<ThreadReading> threads;  ///< empty when there is one only
  bool partial = false;                ///< something could not be read
};

/// What rules look at; it does not change while a process lives, or is taken not to.
struct Attributes {
  std::int64_t pid = 0;
  std::string comm, user;
  std::vector<std::string> command_line, cgroups;
  WallTime start;
};

class ProcReader {
 public:
  ProcReader(Files& files, std::string procfs, bool smaps)
      : files_(files), procfs_(std::move(procfs)), smaps_(smaps) {}

  /// Numeric names in procfs, rising.
  Result<std::vector<std::int64_t>> pids() const;
  /// not_found when the process is gone.
  Result<Stat> stat(std::int64_t pid) const;
  Result<Reading> read(std::int64_t pid, const Stat& stat) const;
  /// Without the user's name; `uid` is the effective one.
  Result<Attributes> attributes(const Reading& reading, std::uint32_t& uid);

 private:
  Result<std::string> file(const std::string& directory, std::string_view name) const;
  Result<Stat> read_stat(const std::string& directory) const;
  Status read_counts(const std::string& directory, const Stat& stat, Counts& counts,
                     double& swapped, bool& partial) const;
  void read_smaps(const std::string& directory, Memory& memory, bool& partial) const;
  void read_threads(const std::string& directory, Reading& reading) const;
  std::string read_wchan(const std::string& directory, bool& partial) const;
  std::string directory_of(std::int64_t pid) const;

  Files& files_;
  std::string procfs_;
  bool smaps_;
  std::int64_t boot_seconds_ = 0;  ///< since 1970; 0: not read yet
};

}  // namespace collector::receive::named_process
