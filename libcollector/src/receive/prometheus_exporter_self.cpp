// prometheus.exporter.self: the collector's own metrics, as a target.
#include "pipeline/own_metrics.hpp"
#include "pipeline/until_stopped.hpp"
#include "receive/components.hpp"
#include "receive/in_process_exporter.hpp"

namespace collector::receive {
namespace {

struct SelfExporterArgs {
  static constexpr auto fields() { return std::tuple{}; }
};

class SelfExporter final : public Component<SelfExporterArgs, ExporterExports> {
 public:
  explicit SelfExporter(Context& context) : Component(context) {}

  Task<Status> run() override {
    co_await pipeline::until_stopped(context().loop(), context().stop());
    co_return Status();
  }

  Task<net::Response> serve(net::Request request) override {
    if (!asks_for_metrics(request)) {
      net::Response missing;
      missing.status = 404;
      co_return missing;
    }
    std::string text;
    context().metrics().root().write(text);
    net::Response response = exposition(std::move(text));
    co_return response;
  }

 protected:
  Status update(SelfExporterArgs) override {
    set_exports({{in_process_target(context(), "integrations/self")}});
    return {};
  }
};

}  // namespace

Definition prometheus_exporter_self() {
  return define<SelfExporter>("prometheus.exporter.self", "The collector's own metrics.");
}

}  // namespace collector::receive
