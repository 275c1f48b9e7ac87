// One collector: loads configurations, runs their graph, reloads by difference, drains. One thread.
#pragma once

#include "base/log.hpp"
#include "pipeline/config_blocks.hpp"
#include "pipeline/controller_metrics.hpp"
#include "pipeline/edge.hpp"
#include "pipeline/graph.hpp"
#include "pipeline/imports.hpp"
#include "pipeline/node.hpp"
#include "pipeline/own_metrics.hpp"
#include "pipeline/registry.hpp"

#include <memory>
#include <string>
#include <vector>

namespace collector::net {
class MemoryRoutes;
}

namespace collector::pipeline {

/// A configuration's text, under the name that diagnostics use.
struct SourceText {
  std::string name, text;
};

/// The place that in-process exporters are scraped at; no socket is behind it.
inline constexpr std::string_view kInMemoryAddress = "alloy.internal:12345";

class Controller {
 public:
  struct Options {
    std::string storage_path;  ///< empty: nothing is written to disk
    base::LogFormat log_format = base::LogFormat::logfmt;
    base::Level log_level = base::Level::info;
    bool root_exports = false;  ///< `export` blocks at the root: what a host program pushes to
    sharding::Membership* cluster = nullptr;  ///< for `clustering` blocks; null: alone
  };
  /// Everything given outlives the controller.
  Controller(Seams seams, const Registry& registry, base::LogOutput& output, Options options);
  ~Controller();

  /// Checks everything that can be checked without network. Imported files are read where they are
  /// to be had; that one is missing is no error here.
  static syntax::Diagnostics check(const Registry& registry, Files& files,
                                   const std::vector<SourceText>& sources);

  /// Makes the running graph what `sources` say, by difference. With errors among the diagnostics
  /// nothing changed. Also used for the first load.
  Task<syntax::Diagnostics> load(std::vector<SourceText> sources);
  /// Stops everything, dependents first; what can be delivered by `deadline` is.
  Task<bool> stop(Instant deadline);

  struct LoadState {
    bool ok = false;
    WallTime at;  ///< of the last attempt
    std::uint64_t loads = 0, failures = 0;
    std::string error;  ///< of the last attempt
  };
  const LoadState& load_state() const { return load_state_; }
  bool ready() const { return ready_; }
  /// A load waits for the text of an import; another would be refused.
  bool loading() const { return loading_; }
  /// Running components in order of evaluation.
  std::vector<Node*> nodes() const;
  Node* find(std::string_view id) const;
  std::vector<std::shared_ptr<const Edge>> edges() const { return edges_.all(); }
  MetricRoot& metrics() { return metrics_; }
  model::SeriesTable& series() { return *series_; }
  base::Logger& log() { return env_.log; }
  /// The `http` block.
  const HttpArguments& http() const { return http_; }
  Seams& seams() { return env_.seams; }
  /// HTTP under /api/v0/component/ID/REST, from the admin server or from memory.
  Task<net::Response> serve_component(net::Request request);
  /// The receiver that the root exports as `name`, or null.
  std::shared_ptr<ReceiverState> exported_receiver(const std::string& name) const;

 private:
  class Blocks;
  void each_running(const std::function<void(Node&)>& visit) const;
  void schedule_refresh();
  void refresh();
  void schedule_restage();
  void finish_load(const syntax::Diagnostics& diagnostics);

  MetricRoot metrics_;
  EdgeTable edges_;
  std::unique_ptr<model::SeriesTable> series_;
  std::unique_ptr<net::MemoryRoutes> routes_;
  Environment env_;
  std::unique_ptr<ControllerMetrics> own_;
  std::unique_ptr<Blocks> blocks_;
  std::unique_ptr<Imports> imports_;
  GraphHost host_;
  std::unique_ptr<Graph> root_;
  std::vector<SourceText> sources_;
  LoadState load_state_;
  HttpArguments http_;
  bool root_exports_ = false;
  bool ready_ = false;
  bool loading_ = false;
  bool restage_wanted_ = false;
  bool refresh_posted_ = false;
  std::stop_source stop_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace collector::pipeline
