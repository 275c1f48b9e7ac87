// prometheus.exporter.blackbox: probes of servers from outside, under blackbox_exporter's names
// (prometheus/blackbox_exporter, prober/handler.go; grafana/alloy, the component's page).
#include "base/log.hpp"
#include "pipeline/until_stopped.hpp"
#include "receive/blackbox/probe.hpp"
#include "receive/components.hpp"
#include "receive/in_process_exporter.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace collector::receive {
namespace {

using blackbox::Module;
using blackbox::Modules;
using blackbox::Probe;

constexpr std::size_t kLargestConfig = 4U << 20;
constexpr std::string_view kDefaultModule = "http_2xx";
constexpr double kDefaultTimeout = 120;  ///< s, of a request that names none

Status check_config(const SecretText& yaml) {
  if (yaml.empty()) return {};
  auto modules = blackbox::read_modules(yaml.reveal());
  return modules ? Status() : modules.error();
}

struct BlackboxTargetArgs {
  std::string name, address, module;
  StringMap labels;

  static constexpr auto fields() {
    using A = BlackboxTargetArgs;
    return std::tuple{
        attr<&A::name>("name", "Name of the target, which is in its job label.").required(),
        attr<&A::address>("address", "What to probe.").required(),
        attr<&A::module>("module", "Module to probe with; http_2xx when none is named."),
        attr<&A::labels>("labels", "Labels of the target, where it has none of that name.")};
  }
};

/// The address of a target that another component found.
const std::string* address_of(const StringMap& target) {
  for (const char* name : {"address", "__address__"})
    if (const auto at = target.find(name); at != target.end()) return &at->second;
  return nullptr;
}

struct BlackboxArgs {
  std::string config_file;
  SecretText config;
  Duration probe_timeout_offset = std::chrono::milliseconds(500);
  std::vector<StringMap> targets;
  std::vector<BlackboxTargetArgs> blocks;

  Status validate() const {
    const auto wrong = [](std::string_view what) {
      return Status(Code::invalid_argument, std::string(what));
    };
    if (!config_file.empty() && !config.empty())
      return wrong("config and config_file are mutually exclusive");
    if (config_file.empty() && config.empty()) return wrong("config or config_file must be set");
    if (!targets.empty() && !blocks.empty())
      return wrong("the block \"target\" and the argument \"targets\" are mutually exclusive");
    for (const BlackboxTargetArgs& target : blocks)
      if (target.name.empty() || target.address.empty())
        return wrong("name and address of a target must not be empty");
    for (const StringMap& target : targets) {
      const auto name = target.find("name");
      if (name == target.end() || name->second.empty())
        return wrong("all targets must have a name");
      const std::string* address = address_of(target);
      if (!address || address->empty())
        return wrong("all targets must have an address or an __address__ label");
    }
    return {};
  }
  std::vector<BlackboxTargetArgs> all_targets() const {
    std::vector<BlackboxTargetArgs> all = blocks;
    for (const StringMap& target : targets) {
      BlackboxTargetArgs one;
      one.address = *address_of(target);
      for (const auto& [name, value] : target) {
        if (name == "name")
          one.name = value;
        else if (name == "module")
          one.module = value;
        else if (name != "address" && name != "__address__")
          one.labels[name] = value;
      }
      all.push_back(std::move(one));
    }
    return all;
  }
  static constexpr auto fields() {
    using A = BlackboxArgs;
    return std::tuple{
        attr<&A::config_file>("config_file", "File with the modules, in blackbox_exporter's YAML."),
        attr<&A::config>("config", "The modules as text, in blackbox_exporter's YAML.")
            .check(check_config),
        attr<&A::probe_timeout_offset>("probe_timeout_offset",
                                       "How much earlier than a scrape its probe ends."),
        attr<&A::targets>("targets",
                          "What to probe, from other components: name, address, module, and "
                          "labels."),
        block<&A::blocks>("target", "Something to probe.")};
  }
};

net::Response refused(int status, std::string why) {
  net::Response response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(why) + '\n';
  return response;
}

/// Seconds that a probe may take; nothing when the header is no number.
std::optional<double> probe_timeout(const net::Request& request, const Module& module,
                                    Duration offset) {
  const auto seconds = [](Duration d) { return std::chrono::duration<double>(d).count(); };
  const std::string_view header = request.headers.get("X-Prometheus-Scrape-Timeout-Seconds");
  double timeout = 0;
  if (!header.empty()) {
    const char* end = header.data() + header.size();
    const auto read = std::from_chars(header.data(), end, timeout);
    if (read.ec != std::errc() || read.ptr != end || !std::isfinite(timeout)) return std::nullopt;
  }
  if (timeout == 0) timeout = kDefaultTimeout;
  const double most = timeout - seconds(offset);
  const double own = seconds(module.timeout);
  return (own > 0 && own < most) || most < 0 ? own : most;
}

const std::string* configured_host(const Module& module) {
  for (const auto& [name, value] : module.http.headers)
    if (net::equal_fold(name, "Host")) return &value;
  return nullptr;
}

/// What the probes under way share with the component, which may be updated or go meanwhile.
struct BlackboxState {
  BlackboxState(Seams& s, base::Logger& l, std::stop_token stop)
      : seams(s), log(l), stopped(std::move(stop)) {}

  Seams& seams;
  base::Logger& log;
  std::stop_token stopped;
  std::shared_ptr<const Modules> modules;
  Duration offset{};
  std::size_t under_way = 0;
  Function<void(bool)> idle;  ///< called when the last probe ends

  struct Going {
    explicit Going(std::shared_ptr<BlackboxState> s) : state(std::move(s)) { ++state->under_way; }
    Going(const Going&) = delete;
    Going& operator=(const Going&) = delete;
    ~Going() {
      if (--state->under_way > 0 || !state->idle) return;
      state->seams.loop.post([done = std::move(state->idle)]() mutable { done(true); });
    }
    std::shared_ptr<BlackboxState> state;
  };
};

Task<bool> run_prober(Probe& probe) {
  const std::string& prober = probe.module.prober;
  if (prober == "http") return probe_http(probe);
  if (prober == "tcp") return probe_tcp(probe);
  if (prober == "dns") return probe_dns(probe);
  if (prober == "icmp") return probe_icmp(probe);
  if (prober == "grpc") return probe_grpc(probe);
  return probe_unix(probe);
}

net::Response answer(const net::Request& request, const Probe& probe) {
  if (net::query_value(request.target, "debug") != "true") return exposition(probe.families.text());
  std::string text = "Logs for the probe:\n";
  for (const std::string& note : probe.notes) text += note + '\n';
  text += "\n\n\nMetrics that would have been returned:\n" + probe.families.text();
  net::Response response = exposition(std::move(text));
  response.headers.set("Content-Type", "text/plain");
  return response;
}

Task<net::Response> probe_once(std::shared_ptr<BlackboxState> state, net::Request request) {
  const BlackboxState::Going going(state);
  const auto value = [&](std::string_view name) {
    return net::query_value(request.target, name).value_or(std::string());
  };
  std::string name = value("module");
  if (name.empty()) name = kDefaultModule;
  const auto modules = state->modules;
  const auto module = modules->find(name);
  if (module == modules->end()) co_return refused(400, fmt::format("Unknown module \"{}\"", name));
  const auto timeout = probe_timeout(request, module->second, state->offset);
  if (!timeout) co_return refused(500, "Failed to parse timeout from Prometheus header");
  std::string target = value("target");
  if (target.empty()) co_return refused(400, "Target parameter is missing");
  std::stop_source stop;
  const auto pass_on = [&stop] { stop.request_stop(); };
  const std::stop_callback on_stop(state->stopped, pass_on);
  Loop& loop = state->seams.loop;
  bool late = false;
  const auto limit = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*timeout));
  const TimerId timer = loop.arm(limit, [&late, stop]() mutable {
    late = true;
    stop.request_stop();
  });
  Probe probe(state->seams, module->second, std::move(target), stop.get_token());
  probe.hostname = value("hostname");
  if (const std::string* host = configured_host(module->second);
      host && !probe.hostname.empty() && *host != probe.hostname) {
    loop.disarm(timer);
    co_return refused(400, fmt::format("host header defined both in module configuration ({}) and "
                                       "with URL-parameter 'hostname' ({})",
                                       *host, probe.hostname));
  }
  const Instant begin = loop.now();
  const bool success = co_await run_prober(probe);
  if (!late) loop.disarm(timer);
  probe.gauge("probe_success", "Displays whether or not the probe was a success", success ? 1 : 0);
  probe.gauge("probe_duration_seconds", "Returns how long the probe took to complete in seconds",
              probe.seconds_since(begin));
  probe.gauge("probe_timeout_seconds", "Returns how long the probe timeout is in seconds",
              *timeout);
  if (!success && !state->stopped.stop_requested())
    state->log.warn("probe failed",
                    {{"target", probe.target},
                     {"module", name},
                     {"err", probe.notes.empty() ? std::string() : probe.notes.back()}});
  co_return answer(request, probe);
}

class BlackboxExporter final : public Component<BlackboxArgs, ExporterExports> {
 public:
  explicit BlackboxExporter(Context& context)
      : Component(context),
        state_(std::make_shared<BlackboxState>(context.seams(), context.log(), context.stop())) {}

  Task<Status> run() override {
    auto state = state_;
    co_await pipeline::until_stopped(context().loop(), context().stop());
    // Probes see the stop too; their answers are on their way when the component goes.
    if (state->under_way > 0)
      co_await await_callback<bool>(
          [&](Function<void(bool)> done) { state->idle = std::move(done); });
    co_return Status();
  }

  Task<net::Response> serve(net::Request request) override {
    if (asks_for_metrics(request)) return probe_once(state_, std::move(request));
    return missing();
  }

 protected:
  Status update(BlackboxArgs args) override {
    std::string text = args.config.reveal();
    if (!args.config_file.empty()) {
      auto read = context().seams().files.read(args.config_file, kLargestConfig);
      if (!read) return read.error();
      text = std::move(*read);
    }
    auto modules = blackbox::read_modules(text);
    if (!modules)
      return args.config_file.empty() ? modules.error() : modules.error().in(args.config_file);
    state_->modules = std::make_shared<const Modules>(std::move(*modules));
    state_->offset = args.probe_timeout_offset;
    ExporterExports exports;
    for (BlackboxTargetArgs& target : args.all_targets()) {
      StringMap labels =
          in_process_target(context(), "integrations/blackbox/" + target.name, context().id());
      labels["__param_target"] = target.address;
      if (!target.module.empty()) labels["__param_module"] = target.module;
      labels.merge(target.labels);  // what is there stays
      exports.targets.push_back(std::move(labels));
    }
    set_exports(exports);
    return {};
  }

 private:
  static Task<net::Response> missing() { co_return refused(404, "not found"); }

  std::shared_ptr<BlackboxState> state_;
};

}  // namespace

Definition prometheus_exporter_blackbox() {
  return define<BlackboxExporter>(
      "prometheus.exporter.blackbox",
      "Probes of servers from outside: HTTP, TCP, DNS, ICMP, gRPC and Unix sockets.");
}

}  // namespace collector::receive
