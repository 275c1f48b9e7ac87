#include "pipeline/controller.hpp"

#include "base/digest.hpp"
#include "model/series_table.hpp"
#include "net/http.hpp"
#include "net/memory_network.hpp"
#include "pipeline/config_blocks.hpp"
#include "syntax/parser.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace collector::pipeline {
namespace {

constexpr std::string_view kComponentPrefix = "/api/v0/component/";
constexpr Duration kDrainPoll = std::chrono::milliseconds(2);
/// What the deadline cuts off needs turns of the loop to come to its end, whatever the clock says.
constexpr int kLastPolls = 10;

const schema::StructInfo* block_info(std::string_view name) {
  if (name == "logging") return &schema::describe<LoggingArguments>();
  if (name == "tracing") return &schema::describe<TracingArguments>();
  if (name == "livedebugging") return &schema::describe<LivedebuggingArguments>();
  if (name == "http") return &schema::describe<HttpArguments>();
  if (name == "outbox") return &schema::describe<OutboxArguments>();
  return nullptr;
}

std::vector<Graph::Input::Part> parse(const std::vector<SourceText>& sources,
                                      syntax::Diagnostics& out) {
  std::vector<Graph::Input::Part> parts;
  for (const SourceText& source : sources) {
    auto file = syntax::parse_file(source.name, source.text, out);
    parts.push_back({file, file->body});
  }
  return parts;
}

/// The names that the root knows: where its files are.
syntax::Object root_names(const std::vector<SourceText>& sources) {
  const std::string& first = sources.empty() ? std::string() : sources.front().name;
  const auto slash = first.rfind('/');
  syntax::Object names;
  names["module_path"] =
      syntax::Value(slash == std::string::npos ? std::string(".") : first.substr(0, slash));
  return names;
}

/// For checks: seams that nothing may use, because nothing is created.
class NoLoop final : public Loop {
 public:
  Instant now() const override { return {}; }
  WallTime wall() const override { return {}; }
  TimerId arm(Duration, Function<void()>) override { return TimerId::none; }
  void disarm(TimerId) override {}
  void post(Function<void()>) override {}
  void offload(Function<void()>, Function<void()>) override {}
};
class NoNetwork final : public Network {
 public:
  Task<Result<std::unique_ptr<Stream>>> connect(std::string, std::uint16_t,
                                                std::stop_token) override {
    co_return Status(Code::unimplemented, "a check touches no network");
  }
  Result<std::unique_ptr<Listener>> listen(const std::string&, std::uint16_t) override {
    return Status(Code::unimplemented, "a check touches no network");
  }
  Task<Result<std::vector<DnsRecord>>> resolve(std::string, RecordType, std::stop_token) override {
    co_return Status(Code::unimplemented, "a check touches no network");
  }
  Result<std::shared_ptr<void>> watch(const std::string&, Function<void()>) override {
    return Status(Code::unimplemented, "a check watches nothing");
  }
};
class NoRandom final : public Random {
 public:
  std::uint64_t next() override { return 1; }
};
class NoOutput final : public base::LogOutput {
 public:
  void write(std::string_view) override {}
};
class NoBlocks final : public ConfigBlocks {
 public:
  const schema::StructInfo* info(std::string_view name) const override { return block_info(name); }
  void apply(std::string_view, const void*) override {}
};

}  // namespace

class Controller::Blocks final : public ConfigBlocks {
 public:
  explicit Blocks(Controller& owner, const Options& options) : owner_(owner), options_(options) {}
  const schema::StructInfo* info(std::string_view name) const override { return block_info(name); }
  void apply(std::string_view name, const void* args) override {
    if (name == "logging") {
      if (!args) return owner_.env_.log.configure(options_.log_format, options_.log_level);
      const auto& a = *static_cast<const LoggingArguments*>(args);
      auto level = base::Level::info;
      for (auto known : {base::Level::debug, base::Level::warn, base::Level::error})
        if (a.level == base::to_string(known)) level = known;
      owner_.env_.log.configure(
          a.format == "json" ? base::LogFormat::json : base::LogFormat::logfmt, level);
    } else if (name == "livedebugging") {
      owner_.edges_.record(args && static_cast<const LivedebuggingArguments*>(args)->enabled);
    } else if (name == "http") {
      owner_.http_ = args ? *static_cast<const HttpArguments*>(args) : HttpArguments();
    } else if (name == "outbox") {
      owner_.env_.outbox = args ? *static_cast<const OutboxArguments*>(args) : OutboxArguments();
    }
  }

 private:
  Controller& owner_;
  Options options_;
};

Controller::Controller(Seams seams, const Registry& registry, base::LogOutput& output,
                       Options options)
    : series_(std::make_unique<model::SeriesTable>(seams.random)),
      routes_(std::make_unique<net::MemoryRoutes>(seams.loop, seams.network, seams.budget)),
      env_{Seams{seams.loop, *routes_, seams.files, seams.random, seams.budget},
           base::Logger(seams.loop, output, options.log_format, options.log_level),
           registry,
           metrics_,
           *series_,
           edges_,
           options.storage_path,
           {},
           Instant{Duration::max()},
           {}},
      own_(std::make_unique<ControllerMetrics>(
          metrics_, env_.seams,
          [this](const std::function<void(Node&)>& visit) { each_running(visit); })),
      blocks_(std::make_unique<Blocks>(*this, options)),
      imports_(std::make_unique<Imports>(env_.seams, env_.log, [this] { schedule_restage(); })),
      host_{env_, *blocks_, *imports_, false},
      root_(std::make_unique<Graph>(host_, "")),
      root_exports_(options.root_exports) {
  env_.evaluated = [this](Duration took) { own_->evaluated(took); };
  env_.exports_changed = [this] { schedule_refresh(); };
  env_.cluster = options.cluster;
  routes_->add(std::string(kInMemoryAddress),
               [this](net::Request request) { return serve_component(std::move(request)); });
}

Controller::~Controller() { *alive_ = false; }

syntax::Diagnostics Controller::check(const Registry& registry, Files& files,
                                      const std::vector<SourceText>& sources) {
  syntax::Diagnostics out;
  NoLoop loop;
  NoOutput output;
  NoBlocks blocks;
  MetricRoot metrics;
  EdgeTable edges;
  // Nothing is created in a check, so nothing reaches for network, randomness or series.
  NoNetwork network;
  NoRandom random;
  model::SeriesTable series(random);
  Seams seams{loop, network, files, random};
  Environment env{seams,    base::Logger(loop, output, base::LogFormat::logfmt, base::Level::error),
                  registry, metrics,
                  series,   edges,
                  {},       {},
                  {},       {}};
  Imports imports(seams, env.log, [] {});
  GraphHost host{env, blocks, imports, true};
  Graph root(host, "");
  Graph::Input input;
  input.parts = parse(sources, out);
  input.names = root_names(sources);
  root.stage(std::move(input), out);
  root.discard();
  out.sort();
  return out;
}

Task<syntax::Diagnostics> Controller::load(std::vector<SourceText> sources) {
  syntax::Diagnostics out;
  if (std::exchange(loading_, true)) {
    out.error("", {}, "another load is under way");
    co_return out;
  }
  auto parts = parse(sources, out);
  imports_->begin();
  // A module from a URL may bring imports of its own: as long as a pass finds new ones, fetch and
  // repeat.
  bool good = false;
  for (bool again = true; again;) {
    syntax::Diagnostics found;
    Graph::Input input;
    input.parts = parts;
    input.names = root_names(sources);
    input.exports = root_exports_;
    good = root_->stage(std::move(input), found);
    again = false;
    if (imports_->wanted() && !stop_.stop_requested()) {
      root_->discard();
      again = co_await imports_->fetch_wanted(stop_.get_token());
      if (again) continue;
    }
    out.append(std::move(found));
  }
  if (stop_.stop_requested()) out.error("", {}, "the collector is stopping");
  if (good && !out.has_errors()) {
    root_->commit();
    imports_->end();
    sources_ = std::move(sources);
    ready_ = true;
  } else {
    root_->discard();
  }
  out.sort();
  finish_load(out);
  loading_ = false;
  if (std::exchange(restage_wanted_, false)) schedule_restage();
  co_return out;
}

void Controller::finish_load(const syntax::Diagnostics& diagnostics) {
  load_state_.ok = !diagnostics.has_errors();
  load_state_.at = env_.seams.loop.wall();
  ++load_state_.loads;
  load_state_.error.clear();
  if (!load_state_.ok) {
    ++load_state_.failures;
    for (const auto& d : diagnostics.list())
      if (d.severity == syntax::Severity::error) {
        load_state_.error = syntax::to_line(d);
        break;
      }
  }
  std::string text;
  for (const SourceText& source : sources_) text += source.text;
  own_->loaded(load_state_.ok, load_state_.at, base::hex(base::sha256(text)));
}

Task<bool> Controller::stop(Instant deadline) {
  env_.drain_deadline = deadline;
  stop_.request_stop();
  const auto ended = std::make_shared<bool>(false);  // the graph may end after the deadline
  each_running([](Node& node) { node.component().flush(); });
  root_->stop([ended] { *ended = true; });
  int late = 0;
  while (!*ended || root_->leaving() > 0) {
    if (env_.seams.loop.now() >= deadline && ++late > kLastPolls) co_return false;
    const bool slept = co_await sleep_for(env_.seams.loop, kDrainPoll, {});
    (void)slept;
  }
  ready_ = false;
  co_return true;
}

void Controller::each_running(const std::function<void(Node&)>& visit) const {
  root_->each_node(visit);
}

std::vector<Node*> Controller::nodes() const {
  std::vector<Node*> out;
  root_->each_node([&](Node& node) { out.push_back(&node); });
  return out;
}

Node* Controller::find(std::string_view id) const {
  Node* found = nullptr;
  root_->each_node([&](Node& node) {
    if (node.id() == id) found = &node;
  });
  return found;
}

void Controller::schedule_refresh() {
  if (std::exchange(refresh_posted_, true)) return;
  env_.seams.loop.post([this, alive = alive_] {
    if (*alive) refresh();
  });
}

void Controller::refresh() {
  refresh_posted_ = false;
  if (loading_) return schedule_refresh();
  root_->refresh();
}

void Controller::schedule_restage() {
  if (loading_) {
    restage_wanted_ = true;
    return;
  }
  env_.seams.loop.post([this, alive = alive_] {
    if (!*alive || loading_ || stop_.stop_requested()) return;
    spawn(load(sources_), [this, alive](syntax::Diagnostics out) {
      if (*alive && out.has_errors())
        env_.log.error("an import changed and does not load; the old one stays",
                       {{"err", load_state_.error}});
    });
  });
}

Task<net::Response> Controller::serve_component(net::Request request) {
  net::Response response;
  std::string_view target = request.target;
  if (target.substr(0, kComponentPrefix.size()) == kComponentPrefix) {
    target.remove_prefix(kComponentPrefix.size());
    // Ids may hold slashes (modules), so the longest id that fits wins.
    Node* best = nullptr;
    root_->each_node([&](Node& node) {
      if (target.substr(0, node.id().size()) == node.id() &&
          (target.size() == node.id().size() || target[node.id().size()] == '/') &&
          (!best || node.id().size() > best->id().size()))
        best = &node;
    });
    if (best) {
      request.target = std::string(target.substr(best->id().size()));
      response = co_await best->component().serve(std::move(request));
      co_return response;
    }
  }
  response.status = 404;
  response.body = "no such component\n";
  co_return response;
}

std::shared_ptr<ReceiverState> Controller::exported_receiver(const std::string& name) const {
  const syntax::Object exports = root_->exports();
  const auto it = exports.find(name);
  if (it == exports.end()) return nullptr;
  return std::const_pointer_cast<ReceiverState>(it->second.capsule_as<ReceiverState>());
}

}  // namespace collector::pipeline
