// collector.store: keeps the last minutes of what it receives in memory, for the admin pages.
#include "pipeline/own_metrics.hpp"
#include "pipeline/until_stopped.hpp"
#include "send/components.hpp"
#include "send/recent_samples.hpp"

namespace collector::send {
namespace {

constexpr Duration kExpireEvery = std::chrono::seconds(30);

struct StoreArgs {
  Duration retention = std::chrono::minutes(15);
  std::int64_t max_bytes = std::int64_t{32} << 20;

  Status validate() const {
    if (retention.count() <= 0)
      return Status(Code::invalid_argument, "retention must be more than 0s");
    if (max_bytes < 1024) return Status(Code::invalid_argument, "max_bytes must be at least 1024");
    return {};
  }
  static constexpr auto fields() {
    return std::tuple{
        attr<&StoreArgs::retention>("retention", "How long samples are kept."),
        attr<&StoreArgs::max_bytes>(
            "max_bytes", "Most memory for samples; the oldest leave first, and are counted.")};
  }
};

struct StoreExports {
  MetricsReceiver receiver;
  static constexpr auto fields() {
    return std::tuple{attr<&StoreExports::receiver>("receiver", "Takes the samples.")};
  }
};

class Store final : public Component<StoreArgs, StoreExports>, public Sink<Metrics> {
 public:
  explicit Store(Context& context)
      : Component(context),
        recent_(context.series(), context.seams().budget),
        series_(context.metrics().gauge("collector_store_series", "Series that are kept.")),
        samples_(context.metrics().gauge("collector_store_samples", "Samples that are kept.")),
        bytes_(context.metrics().gauge("collector_store_bytes", "Memory that samples take.")),
        evicted_(context.metrics().counter(
            "collector_store_samples_evicted_total",
            "Samples that left early because of max_bytes or the memory limit.")),
        histograms_(context.metrics().counter(
            "collector_store_histograms_reduced_total",
            "Native histograms of which the count was kept and the buckets were not.")),
        exemplars_(context.metrics().counter("collector_store_exemplars_dropped_total",
                                             "Exemplars, of which the store keeps none.")) {}

  Task<Status> run() override {
    for (;;) {
      const bool slept = co_await sleep_for(context().loop(), kExpireEvery, context().stop());
      if (!slept) co_return Status();
      recent_.expire(context().loop().wall());
      report();
    }
  }

  void consume(Metrics batch) override {
    recent_.add(batch.columns());
    batch.ack.settle(Outcome::delivered());
    report();
  }

  bool has_series() const override { return true; }
  SeriesPage series_page(const SeriesQuery& query) override {
    return recent_.page(query, context().loop().wall());
  }
  StringMap debug_info() override {
    return {{"series", std::to_string(recent_.series())},
            {"samples", std::to_string(recent_.samples())},
            {"bytes", std::to_string(recent_.bytes())},
            {"evicted samples", std::to_string(recent_.evicted())}};
  }

 protected:
  Status update(StoreArgs args) override {
    recent_.limit({args.retention, static_cast<std::size_t>(args.max_bytes)});
    if (!receiver_.state()) receiver_ = make_receiver(*this);
    set_exports({receiver_});
    return {};
  }

 private:
  void report() {
    series_.set(static_cast<double>(recent_.series()));
    samples_.set(static_cast<double>(recent_.samples()));
    bytes_.set(static_cast<double>(recent_.bytes()));
    evicted_.add(static_cast<double>(recent_.evicted()) - evicted_.value);
    histograms_.add(static_cast<double>(recent_.histograms()) - histograms_.value);
    exemplars_.add(static_cast<double>(recent_.exemplars()) - exemplars_.value);
  }

  RecentSamples recent_;
  pipeline::Gauge &series_, &samples_, &bytes_;
  pipeline::Counter &evicted_, &histograms_, &exemplars_;
  MetricsReceiver receiver_;
};

}  // namespace

Definition collector_store() {
  return define<Store>("collector.store", "Keeps recent metrics in memory, to look at.");
}

}  // namespace collector::send
