// discovery.process: the processes of this host as targets, joined with what is known of their
// containers.
#include "base/log.hpp"
#include "base/user_names.hpp"
#include "discover/components.hpp"
#include "discover/exports.hpp"
#include "discover/pause.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>

namespace collector::discover {
namespace {

constexpr std::string_view kContainerId = "__container_id__";
constexpr std::size_t kLargestFile = 4U << 20;

struct ProcessDiscoverArgs {
  bool exe = true, cwd = true, commandline = true, uid = true, username = true;
  bool cgroup_path = false, container_id = true;
  static constexpr auto fields() {
    using A = ProcessDiscoverArgs;
    return std::tuple{attr<&A::exe>("exe", "Set __meta_process_exe."),
                      attr<&A::cwd>("cwd", "Set __meta_process_cwd."),
                      attr<&A::commandline>("commandline", "Set __meta_process_commandline."),
                      attr<&A::uid>("uid", "Set __meta_process_uid."),
                      attr<&A::username>("username", "Set __meta_process_username."),
                      attr<&A::cgroup_path>("cgroup_path", "Set __meta_process_cgroup_path."),
                      attr<&A::container_id>("container_id", "Set __container_id__.")};
  }
};

struct ProcessDiscoveryArgs {
  std::vector<StringMap> join;
  Duration refresh_interval = std::chrono::seconds(60);
  ProcessDiscoverArgs discover_config;

  Status validate() const {
    if (refresh_interval.count() <= 0)
      return {Code::invalid_argument, "refresh_interval must be greater than 0"};
    return {};
  }
  static constexpr auto fields() {
    using A = ProcessDiscoveryArgs;
    return std::tuple{
        attr<&A::join>("join", "Targets that processes of the same container are joined with."),
        attr<&A::refresh_interval>("refresh_interval", "How often to look."),
        block<&A::discover_config>("discover_config", "Which labels to set.")};
  }
};

/// The container that a target is of, by one of the labels that say so.
std::string container_of(const StringMap& target) {
  const auto value = [&](std::string_view name) {
    const auto at = target.find(std::string(name));
    return at == target.end() ? std::string() : at->second;
  };
  if (std::string id = value(kContainerId); !id.empty()) return id;
  if (const std::string id = value("__meta_kubernetes_pod_container_id"); !id.empty()) {
    for (const std::string_view runtime : {"docker://", "containerd://", "cri-o://"})
      if (id.rfind(runtime, 0) == 0) return id.substr(runtime.size());
    return {};
  }
  return value("__meta_docker_container_id");
}

/// As Alloy joins: targets without a container, processes with their container's labels, which win,
/// and the containers by themselves.
std::vector<StringMap> join(const std::vector<StringMap>& processes,
                            const std::vector<StringMap>& others) {
  std::vector<StringMap> out;
  std::map<std::string, const StringMap*> containers;
  for (const StringMap& target : others) {
    if (std::string id = container_of(target); !id.empty())
      containers[std::move(id)] = &target;
    else
      out.push_back(target);
  }
  for (const StringMap& process : processes) {
    out.push_back(process);
    const auto at = containers.find(container_of(process));
    if (at == containers.end()) continue;
    for (const auto& [name, label] : *at->second) out.back()[name] = label;
  }
  for (const auto& [id, target] : containers) out.push_back(*target);
  return out;
}

/// Reads proc(5). A process that ends meanwhile is left out.
class ProcessReader {
 public:
  ProcessReader(Files& files, base::Logger& log) : files_(files), log_(log), users_(files) {}

  Result<std::vector<StringMap>> all(const ProcessDiscoverArgs& wanted) {
    auto entries = files_.list("/proc");
    if (!entries) return entries.error();
    users_.refresh();
    std::vector<std::uint32_t> pids;
    for (const DirectoryEntry& entry : *entries) {
      std::uint32_t pid = 0;
      const char* end = entry.name.data() + entry.name.size();
      if (const auto parsed = std::from_chars(entry.name.data(), end, pid);
          parsed.ec == std::errc() && parsed.ptr == end)
        pids.push_back(pid);
    }
    std::sort(pids.begin(), pids.end());
    std::vector<StringMap> out;
    for (const std::uint32_t pid : pids) {
      StringMap target{{"__process_pid__", fmt::format("{}", pid)}};
      const Status status = one(fmt::format("/proc/{}/", pid), wanted, target);
      if (status.ok())
        out.push_back(std::move(target));
      else if (status.code() != Code::not_found)
        log_.error("failed to get process info", {{"err", status.what()}});
    }
    return out;
  }

 private:
  Status one(const std::string& directory, const ProcessDiscoverArgs& wanted, StringMap& target) {
    const auto set = [&](std::string_view name, std::string value) {
      if (!value.empty()) target[std::string(name)] = std::move(value);
    };
    if (wanted.exe) {
      auto exe = files_.read_link(directory + "exe");
      if (!exe) return exe.error();
      set("__meta_process_exe", std::move(*exe));
    }
    if (wanted.cwd) {
      auto cwd = files_.read_link(directory + "cwd");
      if (!cwd) return cwd.error();
      set("__meta_process_cwd", std::move(*cwd));
    }
    if (wanted.commandline) {
      auto command = files_.read(directory + "cmdline", kLargestFile);
      if (!command) return command.error();
      set("__meta_process_commandline", with_blanks(*command));
    }
    if (wanted.uid || wanted.username) {
      auto status = files_.read(directory + "status", kLargestFile);
      if (!status) return status.error();
      if (const auto uid = real_uid(*status)) {
        if (wanted.uid) set("__meta_process_uid", fmt::format("{}", *uid));
        if (wanted.username) set("__meta_process_username", users_.of(*uid).value_or(""));
      }
    }
    if (wanted.container_id || wanted.cgroup_path) {
      auto cgroup = files_.read(directory + "cgroup", kLargestFile);
      if (!cgroup) return cgroup.error();
      if (wanted.container_id) set(kContainerId, container_id(*cgroup));
      while (!cgroup->empty() && cgroup->back() == '\n') cgroup->pop_back();
      std::replace(cgroup->begin(), cgroup->end(), '\n', '|');
      if (wanted.cgroup_path) set("__meta_process_cgroup_path", std::move(*cgroup));
    }
    return {};
  }

  static std::string with_blanks(const std::string& arguments) {
    std::string out;
    for (std::size_t at = 0; at < arguments.size();) {
      const std::size_t end = std::min(arguments.find('\0', at), arguments.size());
      if (end > at) out.append(out.empty() ? "" : " ").append(arguments, at, end - at);
      at = end + 1;
    }
    return out;
  }
  static std::optional<std::uint32_t> real_uid(const std::string& status) {
    std::uint32_t uid = 0;
    const std::size_t at = status.find("\nUid:\t");
    if (at == std::string::npos) return std::nullopt;
    const auto parsed = std::from_chars(status.data() + at + 6, status.data() + status.size(), uid);
    if (parsed.ec != std::errc()) return std::nullopt;
    return uid;
  }
  std::string container_id(const std::string& cgroup) const {
    std::string id;
    for (std::size_t at = 0; at < cgroup.size();) {
      const std::size_t end = std::min(cgroup.find('\n', at), cgroup.size());
      if (re2::RE2::PartialMatch(re2::StringPiece(cgroup.data() + at, end - at), container_, &id))
        return id;
      at = end + 1;
    }
    return {};
  }

  Files& files_;
  base::Logger& log_;
  base::UserNames users_;
  re2::RE2 container_{R"(^.*/(?:.*-)?([0-9a-f]{64})(?:\.|\s*$))"};
};

class ProcessDiscovery final : public Component<ProcessDiscoveryArgs, TargetExports> {
 public:
  explicit ProcessDiscovery(Context& context)
      : Component(context), reader_(context.seams().files, context.log()) {}

  Task<Status> run() override {
    while (!context().stop().stop_requested()) {
      pause_.forget();
      auto processes = reader_.all(args_.discover_config);
      if (processes) {
        processes_ = std::move(*processes);
        context().work_completed();
        set_exports({join(processes_, args_.join)});
      } else {
        context().work_waiting(1, "refresh_failed: " + processes.error().what());
        context().log().error("processes cannot be listed", {{"err", processes.error().what()}});
      }
      co_await pause_.wait(context().loop(), args_.refresh_interval, context().stop());
    }
    co_return Status();
  }

 protected:
  Status update(ProcessDiscoveryArgs args) override {
    args_ = std::move(args);
    context().expect_progress_every(args_.refresh_interval);
    set_exports({join(processes_, args_.join)});
    pause_.wake();
    return {};
  }

 private:
  ProcessReader reader_;
  ProcessDiscoveryArgs args_;
  std::vector<StringMap> processes_;
  Pause pause_;
};

}  // namespace

Definition discovery_process() {
  return define<ProcessDiscovery>("discovery.process", "The processes of this host.");
}

}  // namespace collector::discover
