#include "receive/process/groups.hpp"

#include <algorithm>

namespace collector::receive::named_process {
namespace {

/// Switches and states are those of the threads, where there are several; the first thread counts
/// in both, as there.
void add_threads(Reading& reading) {
  if (reading.threads.empty()) return;
  reading.counts.voluntary_switches = reading.counts.nonvoluntary_switches = 0;
  for (const ThreadReading& thread : reading.threads) {
    reading.counts.voluntary_switches += thread.counts.voluntary_switches;
    reading.counts.nonvoluntary_switches += thread.counts.nonvoluntary_switches;
    reading.states += thread.states;
  }
}

}  // namespace

Status Groups::update() {
  auto pids = reader_.pids();
  if (!pids) return pids.error();
  if (!first_update_) first_update_ = clock_.wall();
  ++round_;
  by_pid_.clear();
  users_.refresh();
  std::map<ProcessId, New> fresh;
  for (const std::int64_t pid : *pids) see(pid, fresh);
  std::erase_if(known_, [&](const auto& entry) { return entry.second.round != round_; });

  for (auto& [id, process] : fresh)
    if (const auto group = match(process.attributes)) follow(*group, process);
  if (options_.children)
    for (auto& [id, process] : fresh) decide_by_parents(process, fresh);
  sum_up();
  return {};
}

void Groups::see(std::int64_t pid, std::map<ProcessId, New>& fresh) {
  // A process that ends meanwhile is no error.
  auto stat = reader_.stat(pid);
  if (!stat) return;
  const ProcessId id{pid, stat->start};
  const auto at = known_.find(id);
  if (at != known_.end() && !at->second.followed) {
    at->second.round = round_;
    by_pid_[pid] = id;
    return;
  }
  auto reading = reader_.read(pid, *stat);
  if (!reading) {
    if (reader_.stat(pid)) ++read_errors_;
    return;
  }
  partial_errors_ += reading->partial ? 1 : 0;
  add_threads(*reading);
  if (at != known_.end()) {
    at->second.round = round_;
    by_pid_[pid] = id;
    advance(*at->second.followed, std::move(*reading));
    return;
  }
  std::uint32_t uid = 0;
  auto attributes = reader_.attributes(*reading, uid);
  if (!attributes) return;
  attributes->user = users_.of(uid).value_or(std::to_string(uid));
  by_pid_[pid] = id;
  fresh.emplace(id, New{std::move(*reading), std::move(*attributes), false});
}

std::optional<std::string> Groups::match(const Attributes& attributes) const {
  for (const Matcher& matcher : matchers_)
    if (auto group = matcher.match(attributes)) return group;
  return std::nullopt;
}

void Groups::follow(const std::string& group, New& process) {
  process.decided = true;
  auto followed = std::make_unique<Followed>();
  followed->group = group;
  followed->start = process.attributes.start;
  // One that started after the first look did all that it did since then.
  if (followed->start > *first_update_) followed->latest = process.reading.counts;
  for (const ThreadReading& thread : process.reading.threads)
    followed->threads[thread.id] = {thread.name, thread.wchan, thread.counts, {}};
  followed->reading = std::move(process.reading);
  const ProcessId id = followed->reading.id;
  known_[id] = {std::move(followed), round_};
}

void Groups::ignore(New& process) {
  process.decided = true;
  if (!options_.recheck) known_[process.reading.id] = {nullptr, round_};
}

/// A process belongs to the group of its nearest ancestor that belongs to one.
void Groups::decide_by_parents(New& process, std::map<ProcessId, New>& fresh) {
  std::vector<New*> line;
  std::optional<std::string> group;
  for (New* at = &process; at && !at->decided;) {
    at->decided = true;  // a loop of parents ends here
    line.push_back(at);
    const auto parent = by_pid_.find(at->reading.parent);
    at = nullptr;
    if (parent == by_pid_.end()) break;
    if (const auto entry = known_.find(parent->second); entry != known_.end()) {
      if (entry->second.followed) group = entry->second.followed->group;
      break;
    }
    if (const auto next = fresh.find(parent->second); next != fresh.end()) at = &next->second;
  }
  for (New* member : line) {
    if (group)
      follow(*group, *member);
    else
      ignore(*member);
  }
}

void Groups::advance(Followed& followed, Reading reading) {
  followed.latest = reading.counts - followed.reading.counts;
  std::map<ProcessId, Thread> threads;
  for (const ThreadReading& thread : reading.threads) {
    Counts latest;
    if (const auto before = followed.threads.find(thread.id); before != followed.threads.end())
      latest = thread.counts - before->second.total;
    threads[thread.id] = {thread.name, thread.wchan, thread.counts, latest};
  }
  followed.threads = std::move(threads);
  followed.reading = std::move(reading);
}

void Groups::sum_up() {
  std::map<std::string, Group> now;
  for (const auto& [id, entry] : known_) {
    if (!entry.followed) continue;
    const Followed& f = *entry.followed;
    Group& group = now[f.group];
    const std::int64_t start = f.start.unix_ns / 1'000'000'000;
    if (group.processes++ == 0 || start < group.oldest_start) group.oldest_start = start;
    group.counts += f.latest;
    group.states += f.reading.states;
    group.memory += f.reading.memory;
    group.threads_total += f.reading.threads_total;
    if (f.reading.open_files >= 0) group.open_files += static_cast<double>(f.reading.open_files);
    group.worst_file_ratio = std::max(
        group.worst_file_ratio, static_cast<double>(f.reading.open_files) / f.reading.file_limit);
    if (!f.reading.wchan.empty()) ++group.wchans[f.reading.wchan];
    for (const auto& [thread_id, thread] : f.threads) {
      ThreadGroup& same_name = group.threads[thread.name];
      ++same_name.threads;
      same_name.counts += thread.latest;
      if (!thread.wchan.empty()) ++group.wchans[thread.wchan];
    }
  }
  for (auto& [name, group] : now) {
    const auto before = groups_.find(name);
    if (before == groups_.end()) continue;
    group.counts += before->second.counts;
    for (auto& [thread, same_name] : group.threads)
      if (const auto old = before->second.threads.find(thread); old != before->second.threads.end())
        same_name.counts += old->second.counts;
  }
  if (!options_.remove_empty)
    for (const auto& [name, before] : groups_) {
      Group empty;
      empty.counts = before.counts;
      now.try_emplace(name, std::move(empty));
    }
  groups_ = std::move(now);
}

}  // namespace collector::receive::named_process
