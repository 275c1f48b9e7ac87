#include "receive/process/proc_reader.hpp"

#include "receive/unix/host.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace collector::receive::named_process {
namespace {

using unix_host::lines;
using unix_host::number_or_zero;
using unix_host::trim;
using unix_host::words;

constexpr std::size_t kLargestFile = 16U << 20;
/// USER_HZ: fixed on every architecture that matters.
constexpr double kTicksPerSecond = 100;
constexpr std::int64_t kNsPerTick = 10'000'000;

template <class Int>
bool integer(std::string_view text, Int& value) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

States state_of(char letter) {
  States s;
  switch (letter) {
    case 'R':
      s.running = 1;
      break;
    case 'S':
      s.sleeping = 1;
      break;
    case 'D':
      s.waiting = 1;
      break;
    case 'Z':
      s.zombie = 1;
      break;
    default:
      s.other = 1;
  }
  return s;
}

/// The value after `key:` at the start of a line.
std::string_view value_of(std::string_view line, std::string_view key) {
  if (line.size() <= key.size() || line.substr(0, key.size()) != key || line[key.size()] != ':')
    return {};
  return trim(line.substr(key.size() + 1));
}

double kilobytes(std::string_view value) {
  const auto parts = words(value);
  return parts.empty() ? 0 : number_or_zero(parts[0]) * 1024;
}

}  // namespace

Counts& Counts::operator+=(const Counts& o) {
  cpu_user += o.cpu_user;
  cpu_system += o.cpu_system;
  read_bytes += o.read_bytes;
  write_bytes += o.write_bytes;
  major_faults += o.major_faults;
  minor_faults += o.minor_faults;
  voluntary_switches += o.voluntary_switches;
  nonvoluntary_switches += o.nonvoluntary_switches;
  return *this;
}

Counts operator-(const Counts& a, const Counts& b) {
  return {a.cpu_user - b.cpu_user,
          a.cpu_system - b.cpu_system,
          a.read_bytes - b.read_bytes,
          a.write_bytes - b.write_bytes,
          a.major_faults - b.major_faults,
          a.minor_faults - b.minor_faults,
          a.voluntary_switches - b.voluntary_switches,
          a.nonvoluntary_switches - b.nonvoluntary_switches};
}

States& States::operator+=(const States& more) {
  running += more.running;
  sleeping += more.sleeping;
  waiting += more.waiting;
  zombie += more.zombie;
  other += more.other;
  return *this;
}

Memory& Memory::operator+=(const Memory& more) {
  resident += more.resident;
  virtual_size += more.virtual_size;
  swapped += more.swapped;
  proportional += more.proportional;
  proportional_swapped += more.proportional_swapped;
  return *this;
}

std::string ProcReader::directory_of(std::int64_t pid) const {
  return fmt::format("{}/{}", procfs_, pid);
}

Result<std::string> ProcReader::file(const std::string& directory, std::string_view name) const {
  return files_.read(fmt::format("{}/{}", directory, name), kLargestFile);
}

Result<std::vector<std::int64_t>> ProcReader::pids() const {
  auto entries = files_.list(procfs_);
  if (!entries) return entries.error();
  std::vector<std::int64_t> out;
  for (const DirectoryEntry& entry : *entries)
    if (std::int64_t pid = 0; integer(entry.name, pid)) out.push_back(pid);
  std::sort(out.begin(), out.end());
  return out;
}

Result<Stat> ProcReader::stat(std::int64_t pid) const { return read_stat(directory_of(pid)); }

Result<Stat> ProcReader::read_stat(const std::string& directory) const {
  auto text = file(directory, "stat");
  if (!text) return text.error();
  // The name may hold blanks and parentheses itself.
  const std::size_t open = text->find('('), close = text->rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open)
    return Status(Code::data_loss, directory + "/stat: there is no name");
  const auto rest = words(std::string_view(*text).substr(close + 1));
  if (rest.size() < 22) return Status(Code::data_loss, directory + "/stat is too short");
  Stat stat;
  stat.comm = text->substr(open + 1, close - open - 1);
  stat.state = rest[0][0];
  if (!integer(rest[1], stat.parent) || !integer(rest[19], stat.start))
    return Status(Code::data_loss, directory + "/stat: expected numbers");
  stat.minor_faults = number_or_zero(rest[7]);
  stat.major_faults = number_or_zero(rest[9]);
  stat.user_ticks = number_or_zero(rest[11]);
  stat.system_ticks = number_or_zero(rest[12]);
  stat.threads = number_or_zero(rest[17]);
  stat.virtual_bytes = number_or_zero(rest[20]);
  stat.resident_pages = number_or_zero(rest[21]);
  return stat;
}

Status ProcReader::read_counts(const std::string& directory, const Stat& stat, Counts& counts,
                               double& swapped, bool& partial) const {
  auto status = file(directory, "status");
  if (!status) return status.error();
  counts.cpu_user = stat.user_ticks / kTicksPerSecond;
  counts.cpu_system = stat.system_ticks / kTicksPerSecond;
  counts.major_faults = stat.major_faults;
  counts.minor_faults = stat.minor_faults;
  for (const std::string_view line : lines(*status)) {
    if (const auto v = value_of(line, "voluntary_ctxt_switches"); !v.empty())
      counts.voluntary_switches = number_or_zero(v);
    else if (const auto n = value_of(line, "nonvoluntary_ctxt_switches"); !n.empty())
      counts.nonvoluntary_switches = number_or_zero(n);
    else if (const auto s = value_of(line, "VmSwap"); !s.empty())
      swapped = kilobytes(s);
  }
  auto io = file(directory, "io");
  if (!io) {
    partial = true;
    return {};
  }
  for (const std::string_view line : lines(*io)) {
    if (const auto r = value_of(line, "read_bytes"); !r.empty())
      counts.read_bytes = number_or_zero(r);
    else if (const auto w = value_of(line, "write_bytes"); !w.empty())
      counts.write_bytes = number_or_zero(w);
  }
  return {};
}

std::string ProcReader::read_wchan(const std::string& directory, bool& partial) const {
  auto text = file(directory, "wchan");
  if (!text) {
    partial = true;
    return {};
  }
  return *text == "0" ? std::string() : std::move(*text);
}

void ProcReader::read_smaps(const std::string& directory, Memory& memory, bool& partial) const {
  // smaps_rollup is the sum of smaps, since Linux 4.14.
  auto text = file(directory, "smaps_rollup");
  if (!text && text.error().code() == Code::not_found) text = file(directory, "smaps");
  if (!text) {
    partial = true;
    return;
  }
  for (const std::string_view line : lines(*text)) {
    if (const auto pss = value_of(line, "Pss"); !pss.empty())
      memory.proportional += kilobytes(pss);
    else if (const auto swap = value_of(line, "SwapPss"); !swap.empty())
      memory.proportional_swapped += kilobytes(swap);
  }
}

void ProcReader::read_threads(const std::string& directory, Reading& reading) const {
  auto entries = files_.list(directory + "/task");
  if (!entries) {
    reading.partial = true;
    return;
  }
  for (const DirectoryEntry& entry : *entries) {
    ThreadReading thread;
    if (!integer(entry.name, thread.id.pid)) continue;
    const std::string task = fmt::format("{}/task/{}", directory, entry.name);
    auto stat = read_stat(task);
    if (!stat) continue;
    bool partial = false;
    double swapped = 0;
    if (!read_counts(task, *stat, thread.counts, swapped, partial).ok()) continue;
    thread.id.start = stat->start;
    thread.name = stat->comm;
    thread.wchan = read_wchan(task, partial);
    thread.states = state_of(stat->state);
    reading.threads.push_back(std::move(thread));
  }
  if (reading.threads.size() < 2) reading.threads.clear();
}

Result<Reading> ProcReader::read(std::int64_t pid, const Stat& stat) const {
  const std::string directory = directory_of(pid);
  Reading r;
  r.id = {pid, stat.start};
  r.parent = stat.parent;
  r.comm = stat.comm;
  r.states = state_of(stat.state);
  r.threads_total = stat.threads;
  r.memory.virtual_size = stat.virtual_bytes;
  r.memory.resident = stat.resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
  if (Status s = read_counts(directory, stat, r.counts, r.memory.swapped, r.partial); !s.ok())
    return s;
  auto limits = file(directory, "limits");
  if (!limits) return limits.error();
  for (const std::string_view line : lines(*limits)) {
    constexpr std::string_view kName = "Max open files";
    if (line.substr(0, kName.size()) != kName) continue;
    const auto columns = words(line.substr(kName.size()));
    if (!columns.empty())
      r.file_limit = columns[0] == "unlimited"
                         ? static_cast<double>(std::numeric_limits<std::uint64_t>::max())
                         : number_or_zero(columns[0]);
  }
  // Since Linux 6.2 the directory's size is the number of descriptors.
  auto descriptors = files_.info(directory + "/fd");
  if (descriptors && descriptors->size > 0) {
    r.open_files = static_cast<std::int64_t>(descriptors->size);
  } else if (auto names = files_.list(directory + "/fd"); names) {
    r.open_files = static_cast<std::int64_t>(names->size());
  } else {
    r.partial = true;
  }
  r.wchan = read_wchan(directory, r.partial);
  if (smaps_) read_smaps(directory, r.memory, r.partial);
  read_threads(directory, r);
  return r;
}

Result<Attributes> ProcReader::attributes(const Reading& reading, std::uint32_t& uid) {
  const std::string directory = directory_of(reading.id.pid);
  if (boot_seconds_ == 0) {
    auto text = file(procfs_, "stat");
    if (!text) return text.error();
    for (const std::string_view line : lines(*text))
      if (const auto parts = words(line); parts.size() == 2 && parts[0] == "btime")
        integer(parts[1], boot_seconds_);
    if (boot_seconds_ == 0) return Status(Code::data_loss, procfs_ + "/stat has no btime");
  }
  Attributes a;
  a.pid = reading.id.pid;
  a.comm = reading.comm;
  a.start.unix_ns =
      boot_seconds_ * 1'000'000'000 + static_cast<std::int64_t>(reading.id.start) * kNsPerTick;
  auto command = file(directory, "cmdline");
  if (!command) return command.error();
  while (!command->empty() && command->back() == '\0') command->pop_back();
  if (!command->empty())
    for (const std::string_view part : unix_host::split(*command, '\0'))
      a.command_line.emplace_back(part);
  auto status = file(directory, "status");
  if (!status) return status.error();
  for (const std::string_view line : lines(*status))
    if (const auto ids = words(value_of(line, "Uid")); ids.size() >= 2) integer(ids[1], uid);
  if (auto cgroups = file(directory, "cgroup"); cgroups)
    for (const std::string_view line : lines(*cgroups)) {
      const std::size_t first = line.find(':');
      const std::size_t second = first == line.npos ? first : line.find(':', first + 1);
      if (second != line.npos) a.cgroups.emplace_back(line.substr(second + 1));
    }
  return a;
}

}  // namespace collector::receive::named_process
