#include <collector/engine/pipeline.hpp>

#include "base/log.hpp"
#include "facade/builtin.hpp"
#include "format/scrape_cache.hpp"
#include "pipeline/controller.hpp"

namespace collector {
namespace {

class LogFunction final : public base::LogOutput {
 public:
  explicit LogFunction(Function<void(std::string_view)> log) : log_(std::move(log)) {}
  void write(std::string_view line) override {
    if (log_) log_(line);
  }

 private:
  Function<void(std::string_view)> log_;
};

pipeline::Controller::Options controller_options(Pipeline::Options& given) {
  pipeline::Controller::Options options;
  options.storage_path = std::move(given.storage_path);
  options.cluster = given.cluster;
  options.root_exports = true;
  return options;
}

}  // namespace

struct Pipeline::State {
  State(Seams s, Options options)
      : seams(s),
        output(std::move(options.log)),
        controller(s, filled(registry, options.components), output, controller_options(options)) {}
  static pipeline::Registry& filled(pipeline::Registry& registry,
                                    const std::vector<Definition>& components) {
    for (const Definition& d : components) registry.add(d);
    return registry;
  }

  Seams seams;
  pipeline::Registry registry;
  LogFunction output;
  pipeline::Controller controller;
};

Pipeline::Pipeline(Seams seams, Options options)
    : state_(std::make_unique<State>(seams, std::move(options))) {}
Pipeline::~Pipeline() = default;

Task<Status> Pipeline::load(std::string config) {
  std::vector<pipeline::SourceText> sources{{"config", std::move(config)}};
  auto diagnostics = co_await state_->controller.load(sources);
  if (!diagnostics.has_errors()) co_return Status();
  co_return Status(Code::invalid_argument, syntax::to_drawings(diagnostics));
}

Task<bool> Pipeline::stop(Instant deadline) {
  const bool drained = co_await state_->controller.stop(deadline);
  co_return drained;
}

MetricsReceiver Pipeline::receiver(const std::string& export_name) const {
  return MetricsReceiver(state_->controller.exported_receiver(export_name));
}

Result<Metrics> Pipeline::parse(std::string_view exposition, Ack ack) {
  auto columns = std::make_shared<MetricColumns>();
  format::ScrapeSettings settings;
  settings.honor_labels = true;
  format::ScrapeCache cache(state_->controller.series(), state_->seams.random.next());
  const auto parsed = cache.scrape(std::string(exposition), settings,
                                   state_->seams.loop.wall().unix_ms(), *columns);
  if (!parsed) return parsed.error();
  return Metrics(std::move(columns), std::move(ack));
}

void Pipeline::push(const MetricsReceiver& receiver, Metrics batch) {
  if (!receiver.state() || !receiver.state()->sink)
    return batch.ack.settle(Outcome::retry("the receiver has left", std::chrono::seconds(1)));
  receiver.state()->sink->consume(std::move(batch));
}

std::map<std::pair<std::string, std::string>, Ledger> Pipeline::ledgers() const {
  std::map<std::pair<std::string, std::string>, Ledger> all;
  for (pipeline::Node* node : state_->controller.nodes())
    for (auto& [name, account] : node->component().ledgers()) all[{node->id(), name}] = account;
  return all;
}

std::string Pipeline::metrics_text() {
  std::string text;
  state_->controller.metrics().write(text);
  return text;
}

std::vector<Definition> builtin_components() {
  std::vector<Definition> all;
  for (const auto& [name, definition] : facade::builtin_components().all())
    all.push_back(definition);
  return all;
}

}  // namespace collector
