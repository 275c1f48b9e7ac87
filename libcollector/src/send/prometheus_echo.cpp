// prometheus.echo: prints what it receives on standard output, to look at a pipeline.
#include "base/standard_output.hpp"
#include "pipeline/until_stopped.hpp"
#include "send/components.hpp"
#include "send/echo_text.hpp"

namespace collector::send {
namespace {

struct EchoArgs {
  std::string format = "text";
  static constexpr auto fields() {
    return std::tuple{
        attr<&EchoArgs::format>("format", "text, or openmetrics, which shows exemplars too.")
            .check([](const std::string& format) {
              if (format == "text" || format == "openmetrics") return Status();
              return Status(Code::invalid_argument, "should be \"text\" or \"openmetrics\"");
            })};
  }
};

struct EchoExports {
  MetricsReceiver receiver;
  static constexpr auto fields() {
    return std::tuple{attr<&EchoExports::receiver>("receiver", "Takes the samples.")};
  }
};

class Echo final : public Component<EchoArgs, EchoExports>, public Sink<Metrics> {
 public:
  explicit Echo(Context& context) : Component(context) {}

  Task<Status> run() override {
    co_await pipeline::until_stopped(context().loop(), context().stop());
    co_return Status();
  }

  void consume(Metrics batch) override {
    output_.write(exposition_text(batch, context().series(), format_));
    batch.ack.settle(Outcome::delivered());
  }

 protected:
  Status update(EchoArgs args) override {
    format_ = args.format == "openmetrics" ? EchoFormat::openmetrics : EchoFormat::text;
    if (!receiver_.state()) receiver_ = make_receiver(*this);
    set_exports({receiver_});
    return {};
  }

 private:
  base::StandardOutput output_;
  EchoFormat format_ = EchoFormat::text;
  MetricsReceiver receiver_;
};

}  // namespace

Definition prometheus_echo() {
  return define<Echo>("prometheus.echo", "Prints the metrics that it receives.");
}

}  // namespace collector::send
