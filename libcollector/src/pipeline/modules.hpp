// Elements that hold graphs of their own: custom components, foreach, and the imports that bring
// custom components. One thread.
#pragma once

#include "pipeline/graph.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace collector::pipeline {

/// Enters the `declare` blocks of `body` into `declares`; complaints to `out`.
void add_declares(const std::shared_ptr<Declares>& declares, const syntax::FilePtr& file,
                  const syntax::Body& body, const std::string& module_path,
                  syntax::Diagnostics& out);

/// Checks the bodies of `declares` whether they are used or not: their arguments have no value.
void check_declares(GraphHost& host, const Declares& declares, syntax::Diagnostics& out);

/// One use of a custom component.
class ModuleElement final : public Element {
 public:
  ModuleElement(GraphHost& host, std::string global_id)
      : host_(host), graph_(host, global_id + "/"), global_id_(std::move(global_id)) {}
  bool stage(const Source& source, const Surroundings& in, syntax::Diagnostics& out) override;
  void commit() override { graph_.commit(); }
  void discard() override { graph_.discard(); }
  void stop(Function<void()> ended) override { graph_.stop(std::move(ended)); }
  syntax::Value exports() const override { return syntax::Value(graph_.exports()); }
  bool refresh_inside() override { return graph_.refresh(); }
  void each_node(const std::function<void(Node&)>& visit) override { graph_.each_node(visit); }
  void evaluation_failed(const std::string& why) override;

 private:
  GraphHost& host_;
  Graph graph_;
  std::string global_id_;
};

/// A graph for each item of a collection.
class ForeachElement final : public Element {
 public:
  ForeachElement(GraphHost& host, std::string global_id)
      : host_(host), global_id_(std::move(global_id)) {}
  bool stage(const Source& source, const Surroundings& in, syntax::Diagnostics& out) override;
  void commit() override;
  void discard() override;
  void stop(Function<void()> ended) override;
  syntax::Value exports() const override { return syntax::Value(syntax::Object{}); }
  bool refresh_inside() override;
  void each_node(const std::function<void(Node&)>& visit) override;
  void evaluation_failed(const std::string& why) override;

 private:
  using Graphs = std::map<std::string, std::shared_ptr<Graph>>;
  GraphHost& host_;
  std::string global_id_;
  Graphs live_, staged_;
};

/// import.file, import.string, import.http: custom components under the block's label.
class ImportElement final : public Element {
 public:
  ImportElement(GraphHost& host, std::string kind, std::string global_id)
      : host_(host), kind_(std::move(kind)), global_id_(std::move(global_id)) {}
  bool stage(const Source& source, const Surroundings& in, syntax::Diagnostics& out) override;
  void commit() override {}
  void discard() override {}
  void stop(Function<void()> ended) override { host_.env.seams.loop.post(std::move(ended)); }
  syntax::Value exports() const override { return syntax::Value(syntax::Object{}); }
  /// Null when the content is not known (yet).
  std::shared_ptr<const Declares> declares() const { return declares_; }

 private:
  /// Files of the import by name, or nothing when they are not known; errors go to `out`.
  std::optional<std::vector<std::pair<std::string, std::string>>> content(const Source& source,
                                                                          const Surroundings& in,
                                                                          std::string& module_path,
                                                                          syntax::Diagnostics& out);

  GraphHost& host_;
  std::string kind_, global_id_;
  std::shared_ptr<Declares> declares_;
};

}  // namespace collector::pipeline
