// prometheus.exporter.process: processes of this host in groups, as ncabatoff's process-exporter
// names the metrics.
#include "base/log.hpp"
#include "pipeline/until_stopped.hpp"
#include "receive/components.hpp"
#include "receive/families.hpp"
#include "receive/in_process_exporter.hpp"
#include "receive/process/groups.hpp"
#include "receive/unix/utf8.hpp"

namespace collector::receive {
namespace {

using named_process::Group;
using named_process::Groups;
using unix_host::valid_utf8;

struct ProcessMatcherArgs {
  std::string name = "{{.ExeBase}}";
  std::vector<std::string> comm, exe, cmdline;

  Status validate() const {
    auto compiled = named_process::Matcher::compile(rules());
    return compiled ? Status() : compiled.error();
  }
  named_process::Rules rules() const { return {name, comm, exe, cmdline}; }
  static constexpr auto fields() {
    using A = ProcessMatcherArgs;
    return std::tuple{
        attr<&A::name>("name", "Name of the group, with fields of the process in {{ }}."),
        attr<&A::comm>("comm", "Names of the executable, at most 15 characters; one must be it."),
        attr<&A::exe>("exe",
                      "Values of argv[0], or of its base name where they have no slash; one must "
                      "be it."),
        attr<&A::cmdline>("cmdline", "Expressions that the command line must all match.")};
  }
};

struct ProcessExporterArgs {
  bool gather_smaps = true;
  std::string procfs_path = "/proc";
  bool recheck_on_scrape = false, remove_empty_groups = false;
  bool track_children = true, track_threads = true;
  std::vector<ProcessMatcherArgs> matchers;

  static constexpr auto fields() {
    using A = ProcessExporterArgs;
    return std::tuple{
        attr<&A::gather_smaps>("gather_smaps", "Read proportional sizes from smaps."),
        attr<&A::procfs_path>("procfs_path", "Where procfs is mounted."),
        attr<&A::recheck_on_scrape>("recheck_on_scrape",
                                    "Look again at each scrape at processes that no rule wanted."),
        attr<&A::remove_empty_groups>("remove_empty_groups",
                                      "Forget groups that have no process any more."),
        attr<&A::track_children>("track_children",
                                 "Children of a process belong to its group, unless they match."),
        attr<&A::track_threads>("track_threads", "Report threads by their name."),
        block<&A::matchers>("matcher", "Which processes to report; the first that matches names.")};
  }
};

constexpr std::string_view kPrefix = "namedprocess_namegroup_";

/// One group's samples, under process-exporter's names.
class GroupWriter {
 public:
  GroupWriter(Families& families, std::string_view group)
      : families_(families), group_(valid_utf8(group)) {}

  void gauge(std::string_view name, std::string_view help, double value) {
    families_.gauge(full(name), help, value, {{"groupname", group_}});
  }
  void gauge(std::string_view name, std::string_view help, double value, std::string_view label,
             std::string_view text) {
    families_.gauge(full(name), help, value, {{"groupname", group_}, {label, text}});
  }
  void counter(std::string_view name, std::string_view help, double value) {
    families_.counter(full(name), help, value, {{"groupname", group_}});
  }
  void counter(std::string_view name, std::string_view help, double value, std::string_view label,
               std::string_view text) {
    families_.counter(full(name), help, value, {{"groupname", group_}, {label, text}});
  }
  void thread_counter(std::string_view name, std::string_view help, double value,
                      std::string_view thread) {
    families_.counter(full(name), help, value, {{"groupname", group_}, {"threadname", thread}});
  }
  void thread_counter(std::string_view name, std::string_view help, double value,
                      std::string_view thread, std::string_view label, std::string_view text) {
    families_.counter(full(name), help, value,
                      {{"groupname", group_}, {label, text}, {"threadname", thread}});
  }

 private:
  std::string full(std::string_view name) { return std::string(kPrefix).append(name); }
  Families& families_;
  std::string group_;
};

void write_group(GroupWriter& w, const Group& g, bool smaps) {
  constexpr std::string_view kMemory = "number of bytes of memory in use";
  constexpr std::string_view kStates =
      "Number of processes in states Running, Sleeping, Waiting, Zombie, or Other";
  w.gauge("num_procs", "number of processes in this group", g.processes);
  w.gauge("memory_bytes", kMemory, g.memory.resident, "memtype", "resident");
  w.gauge("memory_bytes", kMemory, g.memory.virtual_size, "memtype", "virtual");
  w.gauge("memory_bytes", kMemory, g.memory.swapped, "memtype", "swapped");
  if (smaps) {
    w.gauge("memory_bytes", kMemory, g.memory.proportional, "memtype", "proportionalResident");
    w.gauge("memory_bytes", kMemory, g.memory.proportional_swapped, "memtype",
            "proportionalSwapped");
  }
  w.gauge("oldest_start_time_seconds",
          "start time in seconds since 1970/01/01 of oldest process in group",
          static_cast<double>(g.oldest_start));
  w.gauge("open_filedesc", "number of open file descriptors for this group", g.open_files);
  w.gauge("worst_fd_ratio",
          "the worst (closest to 1) ratio between open fds and max fds among all procs in this "
          "group",
          g.worst_file_ratio);
  w.counter("cpu_seconds_total", "Cpu user usage in seconds", g.counts.cpu_user, "mode", "user");
  w.counter("cpu_seconds_total", "Cpu user usage in seconds", g.counts.cpu_system, "mode",
            "system");
  w.counter("read_bytes_total", "number of bytes read by this group", g.counts.read_bytes);
  w.counter("write_bytes_total", "number of bytes written by this group", g.counts.write_bytes);
  w.counter("major_page_faults_total", "Major page faults", g.counts.major_faults);
  w.counter("minor_page_faults_total", "Minor page faults", g.counts.minor_faults);
  w.counter("context_switches_total", "Context switches", g.counts.voluntary_switches,
            "ctxswitchtype", "voluntary");
  w.counter("context_switches_total", "Context switches", g.counts.nonvoluntary_switches,
            "ctxswitchtype", "nonvoluntary");
  w.gauge("num_threads", "Number of threads", g.threads_total);
  w.gauge("states", kStates, g.states.running, "state", "Running");
  w.gauge("states", kStates, g.states.sleeping, "state", "Sleeping");
  w.gauge("states", kStates, g.states.waiting, "state", "Waiting");
  w.gauge("states", kStates, g.states.zombie, "state", "Zombie");
  w.gauge("states", kStates, g.states.other, "state", "Other");
  for (const auto& [wchan, threads] : g.wchans)
    w.gauge("threads_wchan", "Number of threads in this group waiting on each wchan", threads,
            "wchan", valid_utf8(wchan));
}

void write_threads(GroupWriter& w, const Group& g) {
  constexpr std::string_view kIo = "number of bytes read/written by these threads";
  constexpr std::string_view kCpu = "Cpu user/system usage in seconds";
  constexpr std::string_view kSwitches = "Context switches for these threads";
  for (const auto& [raw, t] : g.threads) {
    const std::string name = valid_utf8(raw);
    w.gauge("thread_count", "Number of threads in this group with same threadname", t.threads,
            "threadname", name);
    w.thread_counter("thread_cpu_seconds_total", kCpu, t.counts.cpu_user, name, "mode", "user");
    w.thread_counter("thread_cpu_seconds_total", kCpu, t.counts.cpu_system, name, "mode", "system");
    w.thread_counter("thread_io_bytes_total", kIo, t.counts.read_bytes, name, "iomode", "read");
    w.thread_counter("thread_io_bytes_total", kIo, t.counts.write_bytes, name, "iomode", "write");
    w.thread_counter("thread_major_page_faults_total", "Major page faults for these threads",
                     t.counts.major_faults, name);
    w.thread_counter("thread_minor_page_faults_total", "Minor page faults for these threads",
                     t.counts.minor_faults, name);
    w.thread_counter("thread_context_switches_total", kSwitches, t.counts.voluntary_switches, name,
                     "ctxswitchtype", "voluntary");
    w.thread_counter("thread_context_switches_total", kSwitches, t.counts.nonvoluntary_switches,
                     name, "ctxswitchtype", "nonvoluntary");
  }
}

class ProcessExporter final : public Component<ProcessExporterArgs, ExporterExports> {
 public:
  explicit ProcessExporter(Context& context) : Component(context) {}

  Task<Status> run() override {
    look();  // counts begin here and not at the first scrape
    co_await pipeline::until_stopped(context().loop(), context().stop());
    co_return Status();
  }

  Task<net::Response> serve(net::Request request) override {
    if (!asks_for_metrics(request)) {
      net::Response missing;
      missing.status = 404;
      co_return missing;
    }
    Families families;
    if (look())
      for (const auto& [name, group] : groups_->groups()) {
        GroupWriter writer(families, name);
        write_group(writer, group, smaps_);
        if (threads_) write_threads(writer, group);
      }
    families.counter("namedprocess_scrape_errors",
                     "general scrape errors: no proc metrics collected during a cycle",
                     scrape_errors_);
    families.counter("namedprocess_scrape_procread_errors",
                     "incremented each time a proc's metrics collection fails",
                     groups_->read_errors());
    families.counter("namedprocess_scrape_partial_errors",
                     "incremented each time a tracked proc's metrics collection fails partially, "
                     "e.g. unreadable I/O stats",
                     groups_->partial_errors());
    families.gauge("process_exporter_build_info",
                   "A metric with a constant '1' value labeled by version.", 1,
                   {{"version", COLLECTOR_VERSION}});
    net::Response response = exposition(families.text());
    co_return response;
  }

 protected:
  Status update(ProcessExporterArgs args) override {
    std::vector<named_process::Matcher> matchers;
    for (const ProcessMatcherArgs& one : args.matchers) {
      auto matcher = named_process::Matcher::compile(one.rules());
      if (!matcher) return matcher.error();
      matchers.push_back(std::move(*matcher));
    }
    const bool running = groups_ != nullptr;
    groups_ = std::make_unique<Groups>(
        context().seams(),
        named_process::FollowOptions{args.procfs_path, args.track_children, args.gather_smaps,
                                     args.recheck_on_scrape, args.remove_empty_groups},
        std::move(matchers));
    smaps_ = args.gather_smaps;
    threads_ = args.track_threads;
    if (running) look();
    set_exports({{in_process_target(context(), "integrations/process")}});
    return {};
  }

 private:
  bool look() {
    const Status status = groups_->update();
    if (status.ok()) return true;
    ++scrape_errors_;
    context().log().error("processes cannot be read", {{"err", status.what()}});
    return false;
  }

  std::unique_ptr<Groups> groups_;
  bool smaps_ = true, threads_ = true;
  double scrape_errors_ = 0;
};

}  // namespace

Definition prometheus_exporter_process() {
  return define<ProcessExporter>("prometheus.exporter.process",
                                 "Processes of this host, in groups by name.");
}

}  // namespace collector::receive
