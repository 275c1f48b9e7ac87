#include "facade/service.hpp"

#include "admin/server.hpp"
#include "base/system_files.hpp"
#include "facade/advertise.hpp"
#include "facade/builtin.hpp"
#include "facade/memory_limit.hpp"
#include "facade/sources.hpp"
#include "net/system_loop.hpp"
#include "net/system_network.hpp"
#include "pipeline/controller.hpp"
#include "sharding/join_addresses.hpp"

#include <fmt/format.h>

#include <malloc.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>

namespace collector::facade {
namespace {

constexpr Duration kReloadPoll = std::chrono::milliseconds(20);
/// Blocks from this size on go back to the system as soon as they are freed.
constexpr int kReturnedBlock = 256 << 10;
/// How long peers may take to hear that this node stops.
constexpr Duration kFarewell = std::chrono::seconds(2);

class Service {
 public:
  explicit Service(ServiceOptions options)
      : options_(std::move(options)),
        network_(loop_),
        cluster_(make_cluster()),
        controller_(Seams{loop_, network_, files_, random_, Budget(memory_limit())},
                    builtin_components(), output_, controller_options()),
        admin_(controller_, admin_options()) {}

  Exit run() {
    // By default glibc raises this with every large block that is freed, and keeps what a body took
    // in pieces between others. The process is ours here; a host's allocator is left alone.
    if (controller_.seams().budget.usage().limit != Budget::kNoLimit)
      mallopt(M_MMAP_THRESHOLD, kReturnedBlock);
    // From the start: a signal during a slow first load is not lost and does not kill.
    loop_.on_signal(SIGHUP, [this] { spawn(reload(), [](Status) {}); });
    loop_.on_signal(SIGTERM, [this] { stop(); });
    loop_.on_signal(SIGINT, [this] { stop(); });
    // By post, because a stop before run() would be forgotten.
    loop_.post([this] {
      spawn(start(), [this](Exit exit) {
        if (exit == Exit::ok || stopping_) return;
        exit_ = exit;
        loop_.stop();
      });
    });
    loop_.run();
    return exit_;
  }

 private:
  std::unique_ptr<sharding::ProbedMembership> make_cluster() {
    if (!options_.cluster) return nullptr;
    auto& o = *options_.cluster;
    o.default_port = options_.listen_port;
    if (o.node_name.empty()) {
      auto name = files_.read("/proc/sys/kernel/hostname", 256);
      o.node_name = name ? name->substr(0, name->find('\n')) : std::string("localhost");
    }
    if (o.advertise_address.empty()) {
      o.advertise_address = interface_address(options_.advertise_interfaces);
      if (o.advertise_address.empty()) {
        say("collector: no interface of --cluster.advertise-interfaces has an address: this node "
            "advertises 127.0.0.1\n");
        o.advertise_address = "127.0.0.1";
      }
    }
    if (!sharding::split_host_port(o.advertise_address))
      o.advertise_address = sharding::join_host_port(o.advertise_address, options_.listen_port);
    o.log = [this](bool problem, std::string_view message) {
      base::Logger log = controller_.log().with("service", "cluster");
      problem ? log.warn(message) : log.info(message);
    };
    return std::make_unique<sharding::ProbedMembership>(Seams{loop_, network_, files_, random_},
                                                        std::move(o));
  }

  pipeline::Controller::Options controller_options() {
    pipeline::Controller::Options o;
    o.storage_path = options_.storage_path;
    o.cluster = cluster_.get();
    return o;
  }

  admin::AdminServer::Options admin_options() {
    admin::AdminServer::Options o;
    o.address = options_.listen_address;
    o.port = options_.listen_port;
    o.ui_path_prefix = options_.ui_path_prefix;
    o.reload = [this] { return reload(); };
    o.cluster = cluster_.get();
    return o;
  }

  std::uint64_t memory_limit() {
    return options_.memory_limit ? *options_.memory_limit : default_memory_limit(files_);
  }

  Result<std::vector<pipeline::SourceText>> sources() {
    if (!options_.paths.empty()) return read_sources(files_, options_.paths);
    return std::vector<pipeline::SourceText>{
        {"built-in", builtin_configuration(options_.remote_write_url)}};
  }

  Task<Exit> start() {
    auto texts = sources();
    if (!texts) {
      say(fmt::format("collector: {}\n", texts.error().what()));
      co_return Exit::usage;
    }
    auto diagnostics = co_await controller_.load(*texts);
    say(syntax::to_drawings(diagnostics));
    if (stopping_) co_return Exit::ok;
    if (diagnostics.has_errors()) {
      say("collector: the configuration was not loaded\n");
      co_return Exit::bad_configuration;
    }
    if (cluster_ && controller_.http().tls) {
      say("collector: --cluster.enabled: nodes ask each other over plain HTTP in this version, "
          "which "
          "the http block's tls refuses\n");
      co_return Exit::bad_configuration;
    }
    if (Status s = admin_.listen(); !s.ok()) {
      say(fmt::format("collector: {}; choose another with --server.http.listen-addr\n", s.what()));
      co_return Exit::cannot_listen;
    }
    if (cluster_) {
      cluster_->start();
      cluster_->participate();
    }
    controller_.log().info("collector runs",
                           {{"version", COLLECTOR_VERSION},
                            {"components", std::to_string(controller_.nodes().size())},
                            {"address", address()},
                            {"memory_limit", memory_limit_text()}});
    if (options_.paths.empty()) greet();
    co_return Exit::ok;
  }

  std::string address() {
    const bool v6 = options_.listen_address.find(':') != std::string::npos;
    return fmt::format("{}://{}{}{}:{}{}", controller_.http().tls ? "https" : "http", v6 ? "[" : "",
                       options_.listen_address, v6 ? "]" : "", admin_.port(),
                       options_.ui_path_prefix);
  }
  std::string memory_limit_text() {
    const std::uint64_t limit = controller_.seams().budget.usage().limit;
    return limit == Budget::kNoLimit ? "none" : std::to_string(limit);
  }

  void greet() {
    say(fmt::format(
        "\nNo file was given, so this collects the host's metrics and its own every 5 s.\n"
        "  look:     {}            (pages, no script)\n"
        "  deliver:  {}\n"
        "  stop:     Ctrl-C. Nothing is written to disk.\n\n",
        address(),
        options_.remote_write_url.empty()
            ? "set COLLECTOR_REMOTE_WRITE_URL to send them to a Prometheus"
            : "to COLLECTOR_REMOTE_WRITE_URL"));
  }

  /// One at a time, in order: who asks during a load gets what the files say after it.
  Task<Status> reload() {
    while (controller_.loading() && !stopping_) {
      const bool slept = co_await sleep_for(loop_, kReloadPoll, {});
      (void)slept;
    }
    if (stopping_) co_return Status(Code::cancelled, "the collector is stopping");
    auto texts = sources();
    if (!texts) {
      controller_.log().error("reload failed", {{"err", texts.error().what()}});
      co_return texts.error();
    }
    auto diagnostics = co_await controller_.load(*texts);
    const std::string drawings = syntax::to_drawings(diagnostics);
    say(drawings);
    if (diagnostics.has_errors()) {
      controller_.log().error("reload failed; the running configuration stays",
                              {{"err", controller_.load_state().error}});
      co_return Status(Code::invalid_argument, drawings);
    }
    if (Status s = admin_.reload(); !s.ok()) {
      controller_.log().error("the admin server's TLS cannot be set up", {{"err", s.what()}});
      co_return s;
    }
    controller_.log().info("configuration reloaded");
    co_return Status();
  }

  void stop() {
    if (std::exchange(stopping_, true)) {
      tell_undelivered();
      loop_.stop();  // asked twice: now
      return;
    }
    controller_.log().info("stopping");
    spawn(end(loop_.now() + options_.shutdown_deadline), [this](bool drained) {
      exit_ = tell_undelivered() == 0 && drained ? Exit::ok : Exit::not_drained;
      admin_.close();
      loop_.stop();
    });
  }

  /// The others take this node's targets over before it ends them.
  Task<bool> end(Instant deadline) {
    if (cluster_) {
      const bool told = co_await cluster_->leave(std::min(deadline, loop_.now() + kFarewell));
      if (!told) controller_.log().warn("not every node heard that this one stops");
    }
    const bool drained = co_await controller_.stop(deadline);
    if (cluster_) co_await cluster_->stop();
    co_return drained;
  }

  std::uint64_t tell_undelivered() {
    std::uint64_t samples = 0;
    for (pipeline::Node* node : controller_.nodes())
      for (const auto& [name, ledger] : node->component().ledgers())
        if (!ledger.durable) samples += ledger.waiting;
    if (samples > 0)
      controller_.log().error("stopped with samples that are not delivered",
                              {{"samples", std::to_string(samples)}});
    return samples;
  }

  static void say(std::string_view text) { base::StandardError().write(text); }

  ServiceOptions options_;
  base::SystemFiles files_;
  base::SystemRandom random_;
  base::StandardError output_;
  net::SystemLoop loop_;
  net::SystemNetwork network_;
  std::unique_ptr<sharding::ProbedMembership> cluster_;  ///< null: alone
  pipeline::Controller controller_;
  admin::AdminServer admin_;
  bool stopping_ = false;
  Exit exit_ = Exit::not_drained;
};

}  // namespace

Exit run_service(ServiceOptions options) {
  auto service = std::make_unique<Service>(std::move(options));
  const Exit exit = service->run();
  // What did not end by the deadline may still refer to the rest: the process ends here instead.
  if (exit == Exit::not_drained) ::_exit(static_cast<int>(exit));
  return exit;
}

}  // namespace collector::facade
