// prometheus.exporter.unix: this host's metrics, as node_exporter names them, as a target.
#include "pipeline/until_stopped.hpp"
#include "receive/components.hpp"
#include "receive/in_process_exporter.hpp"
#include "receive/unix/host_exporter.hpp"

namespace collector::receive {
namespace {

class UnixExporter final : public Component<unix_arguments::Arguments, ExporterExports> {
 public:
  explicit UnixExporter(Context& context) : Component(context) {}

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
    net::Response response = exposition(exporter_->collect());
    co_return response;
  }

  StringMap debug_info() override {
    return {{"collectors", exporter_ ? exporter_->enabled() : std::string()}};
  }

 protected:
  Status update(unix_arguments::Arguments args) override {
    exporter_ = std::make_unique<unix_host::HostExporter>(context().seams(), context().log(), args);
    set_exports({{in_process_target(context(), "integrations/unix")}});
    return {};
  }

 private:
  std::unique_ptr<unix_host::HostExporter> exporter_;
};

}  // namespace

Definition prometheus_exporter_unix() {
  return define<UnixExporter>("prometheus.exporter.unix", "This host's metrics.");
}

}  // namespace collector::receive
