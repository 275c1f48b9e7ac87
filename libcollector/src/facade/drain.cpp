#include "facade/drain.hpp"

#include "base/log.hpp"
#include "base/system_files.hpp"
#include "facade/builtin.hpp"
#include "facade/sources.hpp"
#include "net/system_loop.hpp"
#include "net/system_network.hpp"
#include "outbox/inspect.hpp"
#include "pipeline/controller.hpp"
#include "pipeline/until_stopped.hpp"
#include "send/components.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

namespace collector::facade {
namespace {

constexpr Duration kPoll = std::chrono::milliseconds(20);
constexpr Duration kLastWords = std::chrono::seconds(1);

/// Takes its arguments, so that what refers to it can be evaluated, and does nothing.
class Idle final : public AnyComponent {
 public:
  explicit Idle(Context& context)
      : context_(context),
        of_(builtin_components().find(context.node().definition().name)->create(context)) {}
  Task<Status> run() override {
    co_await pipeline::until_stopped(context_.loop(), context_.stop());
    co_return Status();
  }
  Status update_any(const void* args) override { return of_->update_any(args); }

 private:
  Context& context_;
  std::unique_ptr<AnyComponent> of_;
};

/// All components; those that neither send nor provide values for arguments are idle.
pipeline::Registry draining_components() {
  pipeline::Registry out;
  for (const auto& [name, known] : builtin_components().all()) {
    Definition d = known;
    if (name == "prometheus.remote_write")
      d = send::draining_remote_write();
    else if (name != "local.file" && name != "remote.http")
      d.create = [](Context& context) -> std::unique_ptr<AnyComponent> {
        return std::make_unique<Idle>(context);
      };
    out.add(d);
  }
  return out;
}

class Drain {
 public:
  Drain(const DrainOptions& options, std::string& report) : options_(options), report_(report) {}

  Exit run() {
    const auto texts = read_sources(files_, options_.paths);
    if (!texts) return usage(texts.error());
    if (const auto info = files_.info(options_.folder); !info) return usage(info.error());
    before_ = outbox::inspect_outbox(files_, options_.folder, false);
    for (const int signal : {SIGINT, SIGTERM})
      loop_.on_signal(signal, [this] { stopping_ = true; });
    loop_.post([this, &texts] {
      spawn(work(*texts), [this](Exit exit) {
        exit_ = exit;
        loop_.stop();
      });
    });
    loop_.run();
    if (exit_ == Exit::ok) exit_ = report();
    return exit_;
  }

 private:
  static Exit usage(const Status& why) {
    base::StandardError().write(fmt::format("collector: {}\n", why.what()));
    return Exit::usage;
  }

  Task<Exit> work(std::vector<pipeline::SourceText> texts) {
    const auto diagnostics = co_await controller_.load(std::move(texts));
    base::StandardError().write(syntax::to_drawings(diagnostics));
    if (diagnostics.has_errors()) co_return Exit::bad_configuration;
    const Instant deadline = loop_.now() + options_.patience;
    for (;;) {
      std::uint64_t waiting = 0;
      for (pipeline::Node* node : controller_.nodes()) {
        node->component().flush();
        for (const auto& [name, ledger] : node->component().ledgers()) waiting += ledger.waiting;
      }
      if (waiting == 0 || stopping_ || loop_.now() >= deadline) break;
      const bool slept = co_await sleep_for(loop_, kPoll, {});
      (void)slept;
    }
    for (pipeline::Node* node : controller_.nodes()) remember(*node);
    const bool ended = co_await controller_.stop(loop_.now() + kLastWords);
    (void)ended;
    co_return Exit::ok;
  }

  struct Endpoint {
    std::string id, outbox, error;
    std::uint64_t dropped = 0;
  };
  void remember(pipeline::Node& node) {
    const StringMap facts = node.component().debug_info();
    for (const auto& [name, ledger] : node.component().ledgers()) {
      Endpoint e{node.id(), {}, {}, 0};
      if (const auto at = facts.find(name + " outbox"); at != facts.end()) e.outbox = at->second;
      if (const auto at = facts.find(name + " last error"); at != facts.end()) e.error = at->second;
      for (const auto& [reason, n] : ledger.dropped) e.dropped += n;
      endpoints_.push_back(std::move(e));
    }
  }

  Exit report() {
    Exit exit = Exit::ok;
    std::uint64_t dropped = 0;
    for (const outbox::LogSummary& log : before_) {
      const auto& to = log.destination;
      std::string line = fmt::format("{} {} ({}): ", log.component, to ? to->name : "-",
                                     to ? to->url : "no segment");
      if (log.owned) {
        line += "left to the collector that is at work";
      } else if (log.waiting.frames == 0) {
        line += "nothing waits";
      } else {
        const auto left = outbox::inspect_log(files_, log.path, false).waiting;
        line += fmt::format("{} of {} requests sent", log.waiting.frames - left.frames,
                            log.waiting.frames);
        if (left.frames > 0) {
          exit = Exit::not_drained;
          line += "; held: " + why_held(log);
        }
      }
      report_ += line + "\n";
    }
    for (const Endpoint& e : endpoints_) dropped += e.dropped;
    if (dropped > 0) {
      exit = Exit::not_drained;
      report_ += fmt::format(
          "{} items were refused or damaged: see the log; refused requests are kept\n", dropped);
    }
    if (before_.empty()) report_ += fmt::format("nothing was ever kept in {}\n", options_.folder);
    return exit;
  }

  std::string why_held(const outbox::LogSummary& log) const {
    const std::string folder = log.path.substr(log.path.rfind('/') + 1);
    for (const Endpoint& e : endpoints_) {
      std::string id = e.id;
      std::replace(id.begin(), id.end(), '/', ':');
      if (id == log.component && !e.outbox.empty() && folder.starts_with(e.outbox))
        return e.error.empty() ? std::string("not in time") : e.error;
    }
    return log.destination && !log.destination->tenant.empty()
               ? fmt::format("no endpoint of the configuration is its destination (tenant {})",
                             log.destination->tenant)
               : std::string("no endpoint of the configuration is its destination");
  }

  DrainOptions options_;
  std::string& report_;
  base::SystemFiles files_;
  base::SystemRandom random_;
  base::StandardError output_;
  net::SystemLoop loop_;
  net::SystemNetwork network_{loop_};
  const pipeline::Registry registry_ = draining_components();
  pipeline::Controller controller_{Seams{loop_, network_, files_, random_, Budget()}, registry_,
                                   output_, controller_options()};
  std::vector<outbox::LogSummary> before_;
  std::vector<Endpoint> endpoints_;
  bool stopping_ = false;
  Exit exit_ = Exit::not_drained;

  pipeline::Controller::Options controller_options() const {
    pipeline::Controller::Options o;
    o.storage_path = options_.folder;
    o.log_level = base::Level::warn;
    return o;
  }
};

}  // namespace

Exit drain_outbox(const DrainOptions& options, std::string& report) {
  return std::make_unique<Drain>(options, report)->run();
}

}  // namespace collector::facade
