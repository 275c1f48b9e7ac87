// Processes followed from scrape to scrape and summed by group (facts: ncabatoff/process-exporter,
// proc/tracker.go and proc/grouper.go). One thread.
#pragma once

#include "base/user_names.hpp"
#include "receive/process/matcher.hpp"
#include "receive/process/proc_reader.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace collector::receive::named_process {

struct ThreadGroup {
  int threads = 0;
  Counts counts;
};

/// What is known of a group. Counts never fall while the group is known.
struct Group {
  int processes = 0;
  Counts counts;
  States states;
  Memory memory;
  /// Seconds since 1970; of a group without processes Go's zero time, as there.
  std::int64_t oldest_start = -62'135'596'800;
  double open_files = 0, worst_file_ratio = 0, threads_total = 0;
  std::map<std::string, int> wchans;
  std::map<std::string, ThreadGroup> threads;  ///< by the thread's name
};

struct FollowOptions {
  std::string procfs = "/proc";
  bool children = true, smaps = true, recheck = false, remove_empty = false;
};

class Groups {
 public:
  Groups(Seams& seams, FollowOptions options, std::vector<Matcher> matchers)
      : clock_(seams.loop),
        reader_(seams.files, options.procfs, options.smaps),
        users_(seams.files),
        options_(std::move(options)),
        matchers_(std::move(matchers)) {}

  /// Reads all processes; the groups stay as they were when procfs cannot be listed.
  Status update();
  const std::map<std::string, Group>& groups() const { return groups_; }
  double read_errors() const { return read_errors_; }
  double partial_errors() const { return partial_errors_; }

 private:
  struct Thread {
    std::string name, wchan;
    Counts total, latest;
  };
  /// A process that counts. `latest` is what it did since the update before.
  struct Followed {
    std::string group;
    Reading reading;
    WallTime start;
    Counts latest;
    std::map<ProcessId, Thread> threads;
    std::uint64_t round = 0;
  };
  /// What no rule wants is not looked at again while it lives.
  struct Entry {
    std::unique_ptr<Followed> followed;  ///< null: ignored
    std::uint64_t round = 0;             ///< of the last update that saw it
  };
  struct New {
    Reading reading;
    Attributes attributes;
    bool decided = false;
  };

  void see(std::int64_t pid, std::map<ProcessId, New>& fresh);
  void follow(const std::string& group, New& process);
  void ignore(New& process);
  void decide_by_parents(New& process, std::map<ProcessId, New>& fresh);
  std::optional<std::string> match(const Attributes& attributes) const;
  static void advance(Followed& followed, Reading reading);
  void sum_up();

  Clock& clock_;
  ProcReader reader_;
  base::UserNames users_;
  FollowOptions options_;
  std::vector<Matcher> matchers_;
  std::map<ProcessId, Entry> known_;
  std::unordered_map<std::int64_t, ProcessId> by_pid_;
  std::optional<WallTime> first_update_;
  std::uint64_t round_ = 0;
  std::map<std::string, Group> groups_;
  double read_errors_ = 0, partial_errors_ = 0;
};

}  // namespace collector::receive::named_process
