// Write a component: arguments, exports, run, consume.
//
//   struct Args { std::vector<MetricsReceiver> forward_to;
//                 static constexpr auto fields() { return std::tuple{attr<&Args::forward_to>(...)};
//                 } };
//   class Step final : public Component<Args, Exports>, public Sink<Metrics> { ... };
//   Definition my_step() { return define<Step>("my.step", "What it does."); }
//
// Every call is on the worker's loop. A constructor has no effect outside the object: sockets,
// timers and tasks begin in run(), because a configuration that fails later destroys what was not
// yet run.
#pragma once

#include <collector/engine/arguments.hpp>
#include <collector/engine/seams.hpp>
#include <collector/engine/signals.hpp>

#include <any>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace collector {

namespace base {
class Logger;
}
namespace net {
struct Request;
struct Response;
}  // namespace net
namespace model {
class SeriesTable;
}
namespace sharding {
class Membership;
}
namespace pipeline {
class Node;
class OwnMetrics;
struct Edge;
struct ReceiverState;
}  // namespace pipeline

/// Where a component takes a kind of batch, as a value of the language. Copies refer to the same
/// place; a receiver whose component left refuses what it is given.
class MetricsReceiver {
 public:
  MetricsReceiver() = default;
  explicit MetricsReceiver(std::shared_ptr<pipeline::ReceiverState> state)
      : state_(std::move(state)) {}
  const std::shared_ptr<pipeline::ReceiverState>& state() const { return state_; }
  friend bool operator==(const MetricsReceiver&, const MetricsReceiver&) = default;

 private:
  std::shared_ptr<pipeline::ReceiverState> state_;
};

namespace schema {
template <>
struct CodecFor<MetricsReceiver> {
  static const Codec& get();
};
}  // namespace schema

/// One target of a scraper as the admin pages show it.
struct TargetRow {
  std::string job, url;
  StringMap discovered_labels, labels;
  std::string health;    ///< up, down, unknown, or dropped
  std::string error;     ///< of the last scrape; empty when it went well
  WallTime last_scrape;  ///< 0 before the first
  Duration duration{}, interval{};
  std::uint64_t samples = 0;
};
/// One stored series as the admin pages show it.
struct SeriesRow {
  StringMap labels;
  std::vector<std::pair<std::int64_t, double>> points;  ///< ms, value; oldest first
};
struct SeriesQuery {
  std::string search;  ///< words that must all occur in the series' text
  std::size_t offset = 0, limit = 100;
};
struct SeriesPage {
  std::size_t matched = 0;
  std::vector<SeriesRow> rows;
};

/// A destination's account, in samples: accepted = delivered + waiting + the sum of dropped.
struct Ledger {
  std::uint64_t accepted = 0, delivered = 0, waiting = 0;
  std::map<std::string, std::uint64_t> dropped;  ///< by reason
  bool durable = false;  ///< what waits is on disk, and is sent by the next run
};

/// What the framework gives a component; it outlives it.
class Context {
 public:
  explicit Context(pipeline::Node& node) : node_(node) {}
  const std::string& id() const;     ///< `prometheus.scrape.default`
  const std::string& label() const;  ///< `default`
  Seams& seams();
  Loop& loop() { return seams().loop; }
  base::Logger& log();
  model::SeriesTable& series();
  pipeline::OwnMetrics& metrics();
  /// The nodes that share the work of clustering components; null: this one does it all.
  sharding::Membership* cluster();
  /// Requested when the component is to drain and return from run().
  std::stop_token stop();
  /// Set at the latest moment at which run() may still deliver.
  Instant drain_deadline() const;
  /// Text for the component's data on disk, or empty: keep nothing.
  const std::string& storage_path() const;

  /// Health from progress: say how much work waits and when some was completed. Waiting work
  /// without completion for max(30 s, two intervals) turns the component unhealthy with `reason`.
  void work_waiting(std::size_t items, std::string reason = {});
  void work_completed();
  void expect_progress_every(Duration interval);

  pipeline::Node& node() { return node_; }

 private:
  pipeline::Node& node_;
};

/// The branches of forward_to. Measures each edge; a branch that refuses while another takes gets
/// the batch again later, alone, and the acknowledgement waits for it.
class MetricsFanout {
 public:
  explicit MetricsFanout(Context& context);
  ~MetricsFanout();
  void set(const std::vector<MetricsReceiver>& branches);
  void consume(Metrics batch);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

struct NoExports {
  static constexpr auto fields() { return std::tuple{}; }
};

/// The type-erased component that the pipeline drives.
class AnyComponent {
 public:
  virtual ~AnyComponent() = default;
  /// Returns when stop() was requested and what it held is drained, or with an error when it cannot
  /// go on: the component is then unhealthy until it is updated.
  virtual Task<Status> run() = 0;
  /// `args` points to the definition's argument struct; called once before run, then on every
  /// change.
  virtual Status update_any(const void* args) = 0;
  /// HTTP under /api/v0/component/ID/: `request.target` is the rest of the path.
  virtual Task<net::Response> serve(net::Request request);
  virtual std::vector<TargetRow> targets() { return {}; }
  virtual bool has_series() const { return false; }
  virtual SeriesPage series_page(const SeriesQuery&) { return {}; }
  /// Send what is held back to make bigger batches, now.
  virtual void flush() {}
  /// Components that deliver keep one account per destination, by its name.
  virtual std::map<std::string, Ledger> ledgers() { return {}; }
  /// Name-value facts for the component's page: queue length, last error.
  virtual StringMap debug_info() { return {}; }
};

template <class A, class E = NoExports>
class Component : public AnyComponent {
 public:
  using Args = A;
  using Exports = E;
  explicit Component(Context& context) : context_(context) {}

 protected:
  /// Keeps what the change does not touch. An error leaves the old arguments in force.
  virtual Status update(Args args) = 0;
  Context& context() { return context_; }
  /// Publishes exports; dependents are re-evaluated later, by post, when the values changed.
  void set_exports(const Exports& exports);
  /// A receiver that hands batches to `sink`, which is part of this component.
  MetricsReceiver make_receiver(Sink<Metrics>& sink);

 private:
  Status update_any(const void* args) final { return update(*static_cast<const Args*>(args)); }
  Context& context_;
};

namespace pipeline {
void publish_exports(Node& node, const schema::StructInfo& info, const void* exports);
MetricsReceiver make_receiver(Node& node, Sink<Metrics>& sink);
}  // namespace pipeline

template <class A, class E>
void Component<A, E>::set_exports(const E& exports) {
  pipeline::publish_exports(context_.node(), schema::describe<E>(), &exports);
}
template <class A, class E>
MetricsReceiver Component<A, E>::make_receiver(Sink<Metrics>& sink) {
  return pipeline::make_receiver(context_.node(), sink);
}

/// A kind of component: its name, its documentation and how to make one.
struct Definition {
  std::string_view name, doc;
  const schema::StructInfo* (*args)() = nullptr;
  const schema::StructInfo* (*exports)() = nullptr;
  std::unique_ptr<AnyComponent> (*create)(Context&) = nullptr;
};

template <class C>
Definition define(std::string_view name, std::string_view doc) {
  return {name, doc, [] { return &schema::describe<typename C::Args>(); },
          [] { return &schema::describe<typename C::Exports>(); },
          [](Context& context) -> std::unique_ptr<AnyComponent> {
            return std::make_unique<C>(context);
          }};
}

}  // namespace collector
