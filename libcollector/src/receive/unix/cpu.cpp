// cpu and cpufreq: time of each CPU by mode, and what sysfs and /proc/cpuinfo say about CPUs.
#include "receive/unix/collectors.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>

namespace collector::receive::unix_host {
namespace {

/// Idle time that falls by this much means that the CPU was taken away and came back.
constexpr double kJumpBackSeconds = 3;
/// USER_HZ: what /proc counts in on every architecture Linux has today.
constexpr double kTicksPerSecond = 100;
constexpr std::string_view kCpus = "devices/system/cpu";
constexpr std::array<std::string_view, 8> kModes{"user",   "nice", "system",  "idle",
                                                 "iowait", "irq",  "softirq", "steal"};
constexpr std::size_t kIdle = 3, kGuest = 8, kGuestNice = 9, kCounters = 10;

std::string sys_path(std::string_view a, std::string_view b) {
  return Host::join(Host::join(kCpus, a), b);
}

bool is_cpu(std::string_view name) {
  return name.size() > 3 && name.starts_with("cpu") && name[3] >= '0' && name[3] <= '9';
}

/// `0-2,7` as numbers.
std::set<std::string> cpu_list(std::string_view text) {
  std::set<std::string> cpus;
  for (std::string_view part : split(trim(text), ',')) {
    if (part.empty()) continue;
    const auto dash = part.find('-');
    const auto low = static_cast<int>(number_or_zero(part.substr(0, dash)));
    const auto high = dash == std::string_view::npos
                          ? low
                          : static_cast<int>(number_or_zero(part.substr(dash + 1)));
    for (int cpu = low; cpu <= high && high - low < 65536; ++cpu) cpus.insert(std::to_string(cpu));
  }
  return cpus;
}

/// One CPU of /proc/cpuinfo, by the names of its lines.
using CpuInfo = std::map<std::string, std::string, std::less<>>;

std::vector<CpuInfo> cpu_info(std::string_view text) {
  std::vector<CpuInfo> cpus;
  for (std::string_view line : lines(text)) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string name(trim(line.substr(0, colon)));
    if (name == "processor") cpus.emplace_back();
    // Some model names are padded: only the separator goes.
    if (!cpus.empty()) cpus.back()[name] = line.substr(std::min(colon + 2, line.size()));
  }
  return cpus;
}

std::string get(const CpuInfo& info, std::string_view name) {
  const auto at = info.find(name);
  return at == info.end() ? std::string() : at->second;
}

bool enabled(const Arguments& arguments, const char* name) {
  const auto has = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return (arguments.set_collectors.empty() || has(arguments.set_collectors) ||
          has(arguments.enable_collectors)) &&
         !has(arguments.disable_collectors);
}

class Cpu {
 public:
  explicit Cpu(const Arguments& arguments)
      : guest_(arguments.cpu.guest),
        info_(arguments.cpu.info || !arguments.cpu.flags_include.empty() ||
              !arguments.cpu.bugs_include.empty()),
        frequency_(enabled(arguments, "cpufreq")) {
    if (!arguments.cpu.flags_include.empty())
      flags_ = std::make_shared<re2::RE2>(arguments.cpu.flags_include);
    if (!arguments.cpu.bugs_include.empty())
      bugs_ = std::make_shared<re2::RE2>(arguments.cpu.bugs_include);
  }

  Status collect(const Host& host, Families& out) {
    if (info_)
      if (Status s = info(host, out); !s.ok()) return s;
    if (Status s = times(host, out); !s.ok()) return s;
    if (auto isolated = host.sys_text(sys_path("", "isolated")))
      for (const std::string& cpu : cpu_list(*isolated))
        out.gauge("node_cpu_isolated",
                  "Whether each core is isolated, information from "
                  "/sys/devices/system/cpu/isolated.",
                  1, {{"cpu", cpu}});
    throttles(host, out);
    online(host, out);
    return {};
  }

 private:
  using Counters = std::array<double, kCounters>;

  Status times(const Host& host, Families& out) {
    auto text = host.proc("stat");
    if (!text) return text.error();
    std::map<int, Counters> now;
    for (std::string_view line : lines(*text)) {
      const auto fields = words(line);
      if (fields.empty() || !is_cpu(fields[0])) continue;
      Counters& counters = now[static_cast<int>(number_or_zero(fields[0].substr(3)))];
      counters = {};
      for (std::size_t i = 0; i < kCounters && i + 1 < fields.size(); ++i)
        counters[i] = number_or_zero(fields[i + 1]) / kTicksPerSecond;
    }
    std::erase_if(seen_, [&](const auto& e) { return !now.contains(e.first); });
    for (const auto& [cpu, counters] : now) {
      Counters& seen = seen_[cpu];
      if (seen[kIdle] - counters[kIdle] >= kJumpBackSeconds) seen = {};
      for (std::size_t i = 0; i < kCounters; ++i) seen[i] = std::max(seen[i], counters[i]);
      const std::string name = std::to_string(cpu);
      for (std::size_t i = 0; i < kModes.size(); ++i)
        out.counter("node_cpu_seconds_total", "Seconds the CPUs spent in each mode.", seen[i],
                    {{"cpu", name}, {"mode", kModes[i]}});
      if (!guest_) continue;
      for (const auto& [mode, i] : {std::pair{"user", kGuest}, std::pair{"nice", kGuestNice}})
        out.counter("node_cpu_guest_seconds_total",
                    "Seconds the CPUs spent in guests (VMs) for each mode.", seen[i],
                    {{"cpu", name}, {"mode", mode}});
    }
    return {};
  }

  Status info(const Host& host, Families& out) const {
    auto text = host.proc("cpuinfo");
    if (!text) return text.error();
    const auto cpus = cpu_info(*text);
    for (const CpuInfo& cpu : cpus) {
      const std::string package = get(cpu, "physical id"), core = get(cpu, "core id"),
                        processor = get(cpu, "processor");
      out.gauge("node_cpu_info", "CPU information from /proc/cpuinfo.", 1,
                {{"package", package},
                 {"core", core},
                 {"cpu", processor},
                 {"vendor", get(cpu, "vendor_id")},
                 {"family", get(cpu, "cpu family")},
                 {"model", get(cpu, "model")},
                 {"model_name", get(cpu, "model name")},
                 {"microcode", get(cpu, "microcode")},
                 {"stepping", get(cpu, "stepping")},
                 {"cachesize", get(cpu, "cache size")}});
      if (frequency_)
        out.gauge("node_cpu_frequency_hertz", "CPU frequency in hertz from /proc/cpuinfo.",
                  number_or_zero(get(cpu, "cpu MHz")) * 1e6,
                  {{"package", package}, {"core", core}, {"cpu", processor}});
    }
    if (cpus.empty()) return {};
    const auto list = [&](const char* name, const char* label, const char* help,
                          const std::shared_ptr<re2::RE2>& wanted, const std::string& values) {
      if (!wanted) return;
      for (std::string_view value : words(values))
        if (re2::RE2::PartialMatch(re2::StringPiece(value.data(), value.size()), *wanted))
          out.gauge(name, help, 1, {{label, value}});
    };
    list("node_cpu_flag_info", "flag",
         "The `flags` field of CPU information from /proc/cpuinfo taken from the first core.",
         flags_, get(cpus[0], cpus[0].contains("Features") ? "Features" : "flags"));
    list("node_cpu_bug_info", "bug",
         "The `bugs` field of CPU information from /proc/cpuinfo taken from the first core.", bugs_,
         get(cpus[0], "bugs"));
    return {};
  }

  static void throttles(const Host& host, Families& out) {
    std::set<std::string> packages, cores;
    for (const std::string& cpu : host.sys_names(kCpus)) {
      if (!is_cpu(cpu)) continue;
      const auto package = host.sys_text(sys_path(cpu, "topology/physical_package_id"));
      const auto core = host.sys_text(sys_path(cpu, "topology/core_id"));
      if (!package || !core) continue;
      if (!cores.contains(*package + '/' + *core))
        if (auto count = host.sys_number(sys_path(cpu, "thermal_throttle/core_throttle_count"))) {
          cores.insert(*package + '/' + *core);
          out.counter("node_cpu_core_throttles_total",
                      "Number of times this CPU core has been throttled.", *count,
                      {{"package", *package}, {"core", *core}});
        }
      if (!packages.contains(*package))
        if (auto count =
                host.sys_number(sys_path(cpu, "thermal_throttle/package_throttle_count"))) {
          packages.insert(*package);
          out.counter("node_cpu_package_throttles_total",
                      "Number of times this CPU package has been throttled.", *count,
                      {{"package", *package}});
        }
    }
  }

  static void online(const Host& host, Families& out) {
    bool first = true;
    for (const std::string& cpu : host.sys_names(kCpus)) {
      if (!is_cpu(cpu)) continue;
      const auto online = host.sys_number(sys_path(cpu, "online"));
      if (std::exchange(first, false) && !online) return;
      out.gauge("node_cpu_online", "CPUs that are online and being scheduled.", online.value_or(0),
                {{"cpu", std::string_view(cpu).substr(3)}});
    }
  }

  bool guest_, info_, frequency_;
  std::shared_ptr<re2::RE2> flags_, bugs_;
  std::map<int, Counters> seen_;
};

Status cpufreq(const Host& host, Families& out) {
  struct Frequency {
    const char *file, *name, *help;
  };
  constexpr std::array kFrequencies{
      Frequency{"cpuinfo_cur_freq", "node_cpu_frequency_hertz",
                "Current CPU thread frequency in hertz."},
      Frequency{"cpuinfo_avg_freq", "node_cpu_frequency_avg_hertz",
                "Average CPU thread frequency in hertz."},
      Frequency{"cpuinfo_min_freq", "node_cpu_frequency_min_hertz",
                "Minimum CPU thread frequency in hertz."},
      Frequency{"cpuinfo_max_freq", "node_cpu_frequency_max_hertz",
                "Maximum CPU thread frequency in hertz."},
      Frequency{"scaling_cur_freq", "node_cpu_scaling_frequency_hertz",
                "Current scaled CPU thread frequency in hertz."},
      Frequency{"scaling_min_freq", "node_cpu_scaling_frequency_min_hertz",
                "Minimum scaled CPU thread frequency in hertz."},
      Frequency{"scaling_max_freq", "node_cpu_scaling_frequency_max_hertz",
                "Maximum scaled CPU thread frequency in hertz."}};
  const auto offline = cpu_list(host.sys_text(sys_path("", "offline")).value_or(""));
  for (const std::string& cpu : host.sys_names(kCpus)) {
    if (!is_cpu(cpu)) continue;
    const std::string name = cpu.substr(3);
    if (offline.contains(name)) continue;
    const auto path = [&](std::string_view file) {
      return sys_path(cpu, Host::join("cpufreq", file));
    };
    for (const Frequency& f : kFrequencies)
      if (auto khz = host.sys_number(path(f.file)))
        out.gauge(f.name, f.help, *khz * 1000, {{"cpu", name}});
    const auto governor = host.sys_text(path("scaling_governor")).value_or("");
    if (governor.empty()) continue;
    const std::string available = host.sys_text(path("scaling_available_governors")).value_or("");
    for (std::string_view one : split(available, ' '))
      out.gauge("node_cpu_scaling_governor", "Current enabled CPU frequency governor.",
                one == governor ? 1 : 0, {{"cpu", name}, {"governor", one}});
  }
  return {};
}

}  // namespace

Collect make_cpu(const Arguments& arguments) {
  return [cpu = std::make_shared<Cpu>(arguments)](const Host& host, Families& out) {
    return cpu->collect(host, out);
  };
}
Collect make_cpufreq(const Arguments&) { return cpufreq; }

}  // namespace collector::receive::unix_host
