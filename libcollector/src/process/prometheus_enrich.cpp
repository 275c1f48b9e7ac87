// prometheus.enrich: series get labels of the target that they match.
#include "model/relabel_cache.hpp"
#include "model/rewrite_series.hpp"
#include "pipeline/until_stopped.hpp"
#include "process/components.hpp"
#include "process/measured_fanout.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <optional>

namespace collector::process {
namespace {

struct EnrichArgs {
  std::vector<MetricsReceiver> forward_to;
  std::vector<StringMap> targets;
  StringMap target_to_metric_match;
  std::string target_match_label, metrics_match_label;
  std::vector<std::string> labels_to_copy;

  Status validate() const {
    if (!target_to_metric_match.empty()) return {};
    if (!target_match_label.empty()) return {};
    return {Code::invalid_argument,
            metrics_match_label.empty()
                ? "target_to_metric_match must name at least one label to match by"
                : "metrics_match_label needs target_match_label"};
  }
  static constexpr auto fields() {
    using A = EnrichArgs;
    return std::tuple{
        attr<&A::forward_to>("forward_to", "Where the samples go.").required(),
        attr<&A::targets>("targets", "Targets whose labels are copied.").required(),
        attr<&A::target_to_metric_match>(
            "target_to_metric_match",
            "Labels of targets and the labels of series that must equal them, all of them."),
        attr<&A::target_match_label>("target_match_label",
                                     "Deprecated: the one label of targets to match by, where "
                                     "target_to_metric_match is empty."),
        attr<&A::metrics_match_label>(
            "metrics_match_label",
            "Deprecated: the label of series that goes with target_match_label; empty: the same."),
        attr<&A::labels_to_copy>("labels_to_copy", "Labels to copy; empty: all.")};
  }
};

struct EnrichExports {
  MetricsReceiver receiver;
  static constexpr auto fields() {
    return std::tuple{attr<&EnrichExports::receiver>("receiver", "Takes the samples.")};
  }
};

/// Targets by the values that series must have. Immutable once built.
class TargetIndex {
 public:
  explicit TargetIndex(const EnrichArgs& args) : copied_(args.labels_to_copy) {
    StringMap match = args.target_to_metric_match;
    if (match.empty())
      match[args.target_match_label] =
          args.metrics_match_label.empty() ? args.target_match_label : args.metrics_match_label;
    for (const auto& [target, metric] : match) series_labels_.push_back(metric);
    for (const StringMap& target : args.targets) {
      std::string key;
      bool complete = true;
      for (const auto& [label, metric] : match) {
        const auto at = target.find(label);
        complete = complete && at != target.end() && append(key, at->second);
      }
      if (complete) targets_[std::move(key)] = target;  // of equal ones the last counts
    }
  }

  std::size_t size() const { return targets_.size(); }

  void enrich(model::LabelsBuilder& labels) const {
    std::string key;
    for (const std::string& name : series_labels_)
      if (!append(key, labels.get(name))) return;
    const auto at = targets_.find(key);
    if (at == targets_.end()) return;
    if (copied_.empty()) {
      for (const auto& [name, value] : at->second) labels.set(name, value);
      return;
    }
    for (const std::string& name : copied_)
      if (const auto found = at->second.find(name); found != at->second.end())
        labels.set(name, found->second);
  }

 private:
  /// A label that is empty is none, and matches nothing. 0xff occurs in no UTF-8 text.
  static bool append(std::string& key, std::string_view value) {
    key.append(value).append(1, '\xff');
    return !value.empty();
  }

  std::vector<std::string> series_labels_, copied_;
  boost::unordered_flat_map<std::string, StringMap> targets_;
};

class Enrich final : public Component<EnrichArgs, EnrichExports>, public Sink<Metrics> {
 public:
  explicit Enrich(Context& context)
      : Component(context),
        fanout_(context),
        targets_(context.metrics().gauge("prometheus_target_cache_size",
                                         "Targets that series are matched with.")) {}

  Task<Status> run() override {
    co_await pipeline::until_stopped(context().loop(), context().stop());
    co_return Status();
  }

  void consume(Metrics batch) override {
    if (!model::rewrite_series(batch, *cache_, context().series()))
      return batch.ack.settle(Outcome::filtered());
    fanout_.consume(std::move(batch));
  }

 protected:
  Status update(EnrichArgs args) override {
    fanout_.set(args.forward_to);
    auto index = std::make_shared<const TargetIndex>(args);
    targets_.set(static_cast<double>(index->size()));
    cache_.emplace(context().series(), [index](model::LabelsBuilder& labels) {
      index->enrich(labels);
      return true;
    });
    if (!receiver_.state()) receiver_ = make_receiver(*this);
    set_exports({receiver_});
    return {};
  }

 private:
  MeasuredFanout fanout_;
  pipeline::Gauge& targets_;
  MetricsReceiver receiver_;
  std::optional<model::RelabelCache> cache_;
};

}  // namespace

Definition prometheus_enrich() {
  return define<Enrich>("prometheus.enrich",
                        "Adds labels of discovered targets to the series that match them.");
}

}  // namespace collector::process
