// One running component: its arguments, exports, health and task. One thread.
#pragma once

#include <collector/engine/component.hpp>

#include "base/log.hpp"
#include "pipeline/edge.hpp"
#include "pipeline/health.hpp"
#include "pipeline/outbox_arguments.hpp"
#include "pipeline/own_metrics.hpp"
#include "pipeline/registry.hpp"
#include "syntax/value.hpp"

#include <memory>
#include <string>
#include <vector>

namespace collector::pipeline {

/// What the nodes of one collector share.
struct Environment {
  Seams seams;
  base::Logger log;
  const Registry& registry;
  MetricRoot& metrics;
  model::SeriesTable& series;
  EdgeTable& edges;
  std::string storage_path;
  OutboxArguments outbox;  ///< of the root
  Instant drain_deadline{Duration::max()};
  /// A node's exports changed: its dependents are to be evaluated again.
  Function<void()> exports_changed;
  /// A node took new arguments in, which took this long.
  Function<void(Duration)> evaluated{};
  sharding::Membership* cluster = nullptr;  ///< null: this node is alone
};

/// An argument struct of a definition, by its description.
class ArgsBox {
 public:
  explicit ArgsBox(const schema::StructInfo& info) : info_(&info), data_(info.create()) {}
  ArgsBox(ArgsBox&& o) noexcept : info_(o.info_), data_(std::exchange(o.data_, nullptr)) {}
  ArgsBox& operator=(ArgsBox&& o) noexcept {
    std::swap(info_, o.info_);
    std::swap(data_, o.data_);
    return *this;
  }
  ~ArgsBox() {
    if (data_) info_->destroy(data_);
  }
  void* data() const { return data_; }
  const schema::StructInfo& info() const { return *info_; }

 private:
  const schema::StructInfo* info_;
  void* data_;
};

class Node {
 public:
  Node(Environment& env, const Definition& definition, std::string id, std::string label);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();

  /// First arguments, before start.
  Status create(ArgsBox args);
  /// New arguments; on an error the old ones stay in force and the health says so.
  Status update(ArgsBox args);
  void start();
  /// Asks run() to drain and return; `ended` is called once when it has (at once if it never ran).
  void stop(Function<void()> ended);
  bool running() const { return running_; }

  const std::string& id() const { return id_; }
  const std::string& label() const { return label_; }
  const Definition& definition() const { return definition_; }
  const ArgsBox* args() const { return args_ ? &*args_ : nullptr; }
  AnyComponent& component() { return *component_; }
  const syntax::Value& exports() const { return exports_; }
  Environment& env() { return env_; }
  Health& health() { return health_; }
  OwnMetrics& metrics() { return metrics_; }
  base::Logger& log() { return log_; }
  std::stop_token stop_token() const { return stop_.get_token(); }

  void publish(syntax::Value exports);
  MetricsReceiver make_receiver(Sink<Metrics>& sink);
  /// The exports changed since this was last asked.
  bool take_changed() { return std::exchange(changed_, false); }

 private:
  Status give(const ArgsBox& args);

  Environment& env_;
  const Definition& definition_;
  std::string id_, label_;
  base::Logger log_;
  OwnMetrics metrics_;
  Health health_;
  Context context_{*this};
  syntax::Value exports_{syntax::Object{}};
  std::vector<std::shared_ptr<ReceiverState>> receivers_;
  std::optional<ArgsBox> args_;
  std::stop_source stop_;
  bool running_ = false;
  bool changed_ = false;
  Function<void()> ended_;
  std::unique_ptr<AnyComponent>
      component_;  // last: it may use all of the above while it is destroyed
};

}  // namespace collector::pipeline
