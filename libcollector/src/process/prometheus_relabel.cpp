// prometheus.relabel: rewrites or drops series. What a series becomes is computed once and looked
// up from then on.
#include "model/relabel.hpp"
#include "model/relabel_cache.hpp"
#include "model/rewrite_series.hpp"
#include "pipeline/own_metrics.hpp"
#include "pipeline/relabel_arguments.hpp"
#include "pipeline/until_stopped.hpp"
#include "process/components.hpp"
#include "process/measured_fanout.hpp"

#include <algorithm>
#include <optional>

namespace collector::process {
namespace {

struct SeriesRelabelArgs {
  std::vector<MetricsReceiver> forward_to;
  std::int64_t max_cache_size = 100000;
  Duration cache_ttl{};
  std::vector<pipeline::RuleArguments> rules;

  Status validate() const {
    const auto invalid = [](const char* what) { return Status(Code::invalid_argument, what); };
    if (max_cache_size < 0) return invalid("max_cache_size must not be negative");
    if (cache_ttl.count() < 0) return invalid("cache_ttl must not be negative");
    if (max_cache_size > 0 && cache_ttl.count() > 0)
      return invalid("max_cache_size and cache_ttl are mutually exclusive: set one of them to 0");
    if (max_cache_size == 0 && cache_ttl.count() == 0)
      return invalid("one of max_cache_size and cache_ttl must be greater than 0");
    if (cache_ttl.count() > 0 && cache_ttl < std::chrono::minutes(1))
      return invalid("cache_ttl must be at least 1m");
    return {};
  }
  static constexpr auto fields() {
    return std::tuple{
        attr<&SeriesRelabelArgs::forward_to>("forward_to", "Where the samples go.").required(),
        attr<&SeriesRelabelArgs::max_cache_size>(
            "max_cache_size",
            "How many results are remembered before those of series that have ended are forgotten; "
            "results of live series are always remembered, at four bytes each."),
        attr<&SeriesRelabelArgs::cache_ttl>(
            "cache_ttl", "How long results are remembered, instead of max_cache_size."),
        block<&SeriesRelabelArgs::rules>("rule", "A relabelling rule; they apply in order.")};
  }
};

struct SeriesRelabelExports {
  MetricsReceiver receiver;
  pipeline::RelabelRulesExport rules;
  static constexpr auto fields() {
    return std::tuple{
        attr<&SeriesRelabelExports::receiver>("receiver", "Takes the samples."),
        attr<&SeriesRelabelExports::rules>("rules", "The rules as they are configured.")};
  }
};

class Relabel final : public Component<SeriesRelabelArgs, SeriesRelabelExports>,
                      public Sink<Metrics> {
 public:
  explicit Relabel(Context& context)
      : Component(context), fanout_(context), counters_(context.metrics()) {}

  Task<Status> run() override {
    co_await pipeline::until_stopped(context().loop(), context().stop());
    co_return Status();
  }

  void consume(Metrics batch) override {
    const std::size_t n = batch.size();
    counters_.processed.add(static_cast<double>(n));
    if (ttl_.count() > 0 && context().loop().now() - filled_since_ >= ttl_) {
      counters_.ttl_evictions.add(static_cast<double>(cache_->size()));
      reset_cache();
    }
    if (!apply(batch)) return batch.ack.settle(Outcome::filtered());
    counters_.written.add(static_cast<double>(batch.size()));
    fanout_.consume(std::move(batch));
    if (most_ > 0 && cache_->size() > sweep_at_) {
      cache_->forget_retired();
      sweep_at_ = std::max(most_, 2 * cache_->size());
    }
    counters_.size.set(static_cast<double>(cache_->size()));
  }

 protected:
  Status update(SeriesRelabelArgs args) override {
    fanout_.set(args.forward_to);
    auto rules =
        std::make_shared<const std::vector<pipeline::RuleArguments>>(std::move(args.rules));
    if (!rules_ || *rules_ != *rules) {
      rules_ = std::move(rules);
      reset_cache();
    }
    most_ = sweep_at_ = static_cast<std::size_t>(args.max_cache_size);
    ttl_ = args.cache_ttl;
    if (!receiver_.state()) receiver_ = make_receiver(*this);
    set_exports({receiver_, {rules_}});
    return {};
  }

 private:
  struct Counters {
    pipeline::Counter &processed, &written, &hits, &misses, &ttl_evictions;
    pipeline::Gauge& size;
    explicit Counters(pipeline::OwnMetrics& m)
        : processed(m.counter("prometheus_relabel_metrics_processed", "Samples that came in.")),
          written(m.counter("prometheus_relabel_metrics_written", "Samples that the rules kept.")),
          hits(m.counter("prometheus_relabel_cache_hits", "Series whose result was known.")),
          misses(m.counter("prometheus_relabel_cache_misses", "Series that were relabelled.")),
          ttl_evictions(m.counter("prometheus_relabel_cache_ttl_evictions",
                                  "Results that were forgotten after cache_ttl.")),
          size(m.gauge("prometheus_relabel_cache_size", "Results that are remembered.")) {}
  };

  void reset_cache() {
    cache_.emplace(context().series(), pipeline::compile_rules(*rules_));
    filled_since_ = context().loop().now();
  }

  bool apply(Metrics& batch) {
    const std::size_t n = batch.size();
    const std::uint64_t before = cache_->computed();
    const bool left = model::rewrite_series(batch, *cache_, context().series());
    const std::uint64_t missed = cache_->computed() - before;
    counters_.misses.add(static_cast<double>(missed));
    // Series that only have exemplars here are no samples.
    counters_.hits.add(static_cast<double>(n - std::min<std::uint64_t>(n, missed)));
    return left;
  }

  MeasuredFanout fanout_;
  Counters counters_;
  MetricsReceiver receiver_;
  std::shared_ptr<const std::vector<pipeline::RuleArguments>> rules_;
  std::optional<model::RelabelCache> cache_;
  std::size_t most_ = 0;
  std::size_t sweep_at_ = 0;  ///< how many results are too many; rises with series that live
  Duration ttl_{};
  Instant filled_since_;
};

}  // namespace

Definition prometheus_relabel() {
  return define<Relabel>("prometheus.relabel", "Rewrites or drops series by relabelling rules.");
}

}  // namespace collector::process
