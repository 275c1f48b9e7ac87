// loadavg, stat, entropy, filefd, meminfo, vmstat, pressure, schedstat, selinux: single files of
// procfs and sysfs.
#include "receive/unix/collectors.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <array>
#include <memory>
#include <set>

namespace collector::receive::unix_host {
namespace {

Status loadavg(const Host& host, Families& out) {
  auto text = host.proc("loadavg");
  if (!text) return text.error();
  const auto fields = words(*text);
  if (fields.size() < 3) return {Code::data_loss, "loadavg: unexpected content"};
  const auto one = number(fields[0]), five = number(fields[1]), fifteen = number(fields[2]);
  if (!one || !five || !fifteen) return {Code::data_loss, "loadavg: not a number"};
  out.gauge("node_load1", "1m load average.", *one);
  out.gauge("node_load5", "5m load average.", *five);
  out.gauge("node_load15", "15m load average.", *fifteen);
  return {};
}

Status stat(const Host& host, Families& out) {
  auto text = host.proc("stat");
  if (!text) return text.error();
  double interrupts = 0, switches = 0, forks = 0, boot = 0, running = 0, blocked = 0;
  for (std::string_view line : lines(*text)) {
    const auto fields = words(line);
    if (fields.size() < 2) continue;
    double* target = fields[0] == "intr"            ? &interrupts
                     : fields[0] == "ctxt"          ? &switches
                     : fields[0] == "processes"     ? &forks
                     : fields[0] == "btime"         ? &boot
                     : fields[0] == "procs_running" ? &running
                     : fields[0] == "procs_blocked" ? &blocked
                                                    : nullptr;
    if (!target) continue;
    const auto value = number(fields[1]);
    if (!value) return {Code::data_loss, fmt::format("stat: {} is not a number", fields[0])};
    *target = *value;
  }
  out.counter("node_intr_total", "Total number of interrupts serviced.", interrupts);
  out.counter("node_context_switches_total", "Total number of context switches.", switches);
  out.counter("node_forks_total", "Total number of forks.", forks);
  out.gauge("node_boot_time_seconds", "Node boot time, in unixtime.", boot);
  out.gauge("node_procs_running", "Number of processes in runnable state.", running);
  out.gauge("node_procs_blocked", "Number of processes blocked waiting for I/O to complete.",
            blocked);
  return {};
}

Status entropy(const Host& host, Families& out) {
  auto available = host.proc("sys/kernel/random/entropy_avail");
  if (!available) return available.error();
  auto size = host.proc("sys/kernel/random/poolsize");
  if (!size) return size.error();
  out.gauge("node_entropy_available_bits", "Bits of available entropy.",
            number_or_zero(trim(*available)));
  out.gauge("node_entropy_pool_size_bits", "Bits of entropy pool.", number_or_zero(trim(*size)));
  return {};
}

Status filefd(const Host& host, Families& out) {
  auto text = host.proc("sys/fs/file-nr");
  if (!text) return text.error();
  const auto fields = words(*text);
  if (fields.size() < 3) return {Code::data_loss, "file-nr: unexpected number of file stats"};
  const auto allocated = number(fields[0]), maximum = number(fields[2]);
  if (!allocated || !maximum) return {Code::data_loss, "file-nr: not a number"};
  out.gauge("node_filefd_allocated", "File descriptor statistics: allocated.", *allocated);
  out.gauge("node_filefd_maximum", "File descriptor statistics: maximum.", *maximum);
  return {};
}

Status meminfo(const Host& host, Families& out) {
  auto text = host.proc("meminfo");
  if (!text) return text.error();
  for (std::string_view line : lines(*text)) {
    const auto fields = words(line);
    if (fields.size() < 2 || !fields[0].ends_with(':')) continue;
    const auto value = number(fields[1]);
    if (!value) return {Code::data_loss, fmt::format("meminfo: invalid value {}", fields[1])};
    // `Active(anon):` is Active_anon.
    std::string name;
    for (char c : fields[0].substr(0, fields[0].size() - 1))
      if (c != ')') name += c == '(' ? '_' : c;
    const bool in_kb = fields.size() > 2 && fields[2] == "kB";
    if (in_kb) name += "_bytes";
    const std::string help = fmt::format("Memory information field {}.", name);
    const std::string metric = "node_memory_" + metric_name(name);
    const double bytes = in_kb ? *value * 1024 : *value;
    if (name.ends_with("_total"))
      out.counter(metric, help, bytes);
    else
      out.gauge(metric, help, bytes);
  }
  return {};
}

Status pressure(const Host& host, Families& out) {
  const auto total = [](std::string_view text, std::string_view kind) -> std::optional<double> {
    for (std::string_view line : lines(text)) {
      const auto fields = words(line);
      if (fields.empty() || fields[0] != kind) continue;
      for (std::string_view field : fields)
        if (field.starts_with("total=")) {
          auto us = number(field.substr(6));
          if (us) return *us / 1000 / 1000;  // in two steps: the last digit agrees
        }
    }
    return std::nullopt;
  };
  struct Resource {
    const char *name, *metric, *some_help, *full_help;
  };
  constexpr std::array kResources{
      Resource{"cpu", "node_pressure_cpu",
               "Total time in seconds that processes have waited for CPU time", nullptr},
      Resource{"io", "node_pressure_io",
               "Total time in seconds that processes have waited due to IO congestion",
               "Total time in seconds no process could make progress due to IO congestion"},
      Resource{"memory", "node_pressure_memory",
               "Total time in seconds that processes have waited for memory",
               "Total time in seconds no process could make progress due to memory congestion"},
      Resource{"irq", "node_pressure_irq", nullptr,
               "Total time in seconds no process could make progress due to IRQ congestion"}};
  bool any = false;
  for (const Resource& r : kResources) {
    auto text = host.proc(Host::join("pressure", r.name));
    if (!text) {
      if (text.error().code() == Code::not_found) continue;
      // EOPNOTSUPP: the kernel was started with psi=0.
      return no_data("pressure information is not to be had: " + text.error().what());
    }
    if (r.some_help) {
      const auto some = total(*text, "some");
      if (!some) return no_data("pressure information has no 'some' line");
      out.counter(std::string(r.metric) + "_waiting_seconds_total", r.some_help, *some);
    }
    if (r.full_help) {
      const auto full = total(*text, "full");
      if (!full) return no_data("pressure information has no 'full' line");
      out.counter(std::string(r.metric) + "_stalled_seconds_total", r.full_help, *full);
    }
    any = true;
  }
  return any ? Status() : no_data("this kernel has no pressure information");
}

Status schedstat(const Host& host, Families& out) {
  auto text = host.proc("schedstat");
  if (!text)
    return text.error().code() == Code::not_found ? no_data(text.error().what()) : text.error();
  for (std::string_view line : lines(*text)) {
    const auto fields = words(line);
    if (fields.size() < 10 || !fields[0].starts_with("cpu")) continue;
    const auto running = number(fields[7]), waiting = number(fields[8]), slices = number(fields[9]);
    if (!running || !waiting || !slices) continue;
    const std::string_view cpu = fields[0].substr(3);
    out.counter("node_schedstat_running_seconds_total",
                "Number of seconds CPU spent running a process.", *running / 1e9, {{"cpu", cpu}});
    out.counter("node_schedstat_waiting_seconds_total",
                "Number of seconds spent by processing waiting for this CPU.", *waiting / 1e9,
                {{"cpu", cpu}});
    out.counter("node_schedstat_timeslices_total", "Number of timeslices executed by CPU.", *slices,
                {{"cpu", cpu}});
  }
  return {};
}

Status selinux(const Host& host, Families& out) {
  const auto enforce = host.sys_number("fs/selinux/enforce");
  out.gauge("node_selinux_enabled", "SELinux is enabled, 1 is true, 0 is false", enforce ? 1 : 0);
  if (!enforce) return {};
  double configured = -1;
  if (auto text = host.root("etc/selinux/config"))
    for (std::string_view line : lines(*text)) {
      line = trim(line);
      if (!line.starts_with("SELINUX=")) continue;
      const std::string_view mode = trim(line.substr(8));
      configured = mode == "enforcing" ? 1 : mode == "permissive" ? 0 : -1;
    }
  out.gauge("node_selinux_config_mode", "Configured SELinux enforcement mode", configured);
  out.gauge("node_selinux_current_mode", "Current SELinux enforcement mode", *enforce);
  return {};
}

}  // namespace

Collect make_loadavg(const Arguments&) { return loadavg; }
Collect make_stat(const Arguments&) { return stat; }
Collect make_entropy(const Arguments&) { return entropy; }
Collect make_filefd(const Arguments&) { return filefd; }
Collect make_meminfo(const Arguments&) { return meminfo; }
Collect make_pressure(const Arguments&) { return pressure; }
Collect make_schedstat(const Arguments&) { return schedstat; }
Collect make_selinux(const Arguments&) { return selinux; }

Collect make_vmstat(const Arguments& arguments) {
  auto wanted = std::make_shared<re2::RE2>(arguments.vmstat.expression);
  return [wanted](const Host& host, Families& out) -> Status {
    auto text = host.proc("vmstat");
    if (!text) return text.error();
    for (std::string_view line : lines(*text)) {
      const auto fields = words(line);
      if (fields.size() < 2) continue;
      if (!re2::RE2::PartialMatch(re2::StringPiece(fields[0].data(), fields[0].size()), *wanted))
        continue;
      const auto value = number(fields[1]);
      if (!value) return {Code::data_loss, fmt::format("vmstat: {} is not a number", fields[0])};
      out.untyped(fmt::format("node_vmstat_{}", fields[0]),
                  fmt::format("/proc/vmstat information field {}.", fields[0]), *value);
    }
    return {};
  };
}

}  // namespace collector::receive::unix_host
