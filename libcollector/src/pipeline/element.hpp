// The elements of a graph: whatever a top-level block of a configuration stands for. A change is
// staged first, in full, and only then committed or discarded. One thread.
#pragma once

#include "pipeline/declares.hpp"
#include "pipeline/node.hpp"
#include "schema/decode.hpp"
#include "syntax/diagnostics.hpp"
#include "syntax/evaluator.hpp"
#include "syntax/tree.hpp"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace collector::pipeline {

class Imports;

/// The services of the collector's own blocks: what logging, http and their like act on.
class ConfigBlocks {
 public:
  virtual ~ConfigBlocks() = default;
  /// The arguments' description of `name`, or null when there is no such block.
  virtual const schema::StructInfo* info(std::string_view name) const = 0;
  /// Called at commit with the decoded arguments, or null when the block left the configuration.
  virtual void apply(std::string_view name, const void* args) = 0;
};

/// What every graph of a collector shares.
struct GraphHost {
  Environment& env;
  ConfigBlocks& blocks;
  Imports& imports;
  /// Nothing is created: what refers to components stays unevaluated.
  bool check_only = false;
  std::vector<const syntax::Block*> open{};  ///< declarations whose instances are being staged
};

/// Where an element is evaluated.
struct Surroundings {
  const syntax::Object& names;    ///< what its expressions may use besides the standard library
  std::set<std::string> unknown;  ///< check_only: names and ids without a value
  std::shared_ptr<const Declares> declares;

  syntax::Scope scope() const {
    syntax::Scope s(&syntax::standard_library());
    for (const auto& [name, value] : names) s.set(name, value);
    return s;
  }
};

class Element {
 public:
  struct Source {
    syntax::FilePtr file;
    std::shared_ptr<const syntax::Block> block;
  };
  virtual ~Element() = default;

  /// Checks and evaluates; false when errors were added. May be called again before commit.
  virtual bool stage(const Source& source, const Surroundings& in, syntax::Diagnostics& out) = 0;
  /// Adds what can be said without any name, for a block that cannot be staged because of what it
  /// refers to: all mistakes of a file come at once.
  virtual void complain(const Source& source, syntax::Diagnostics& out) const {
    (void)source;
    (void)out;
  }
  virtual void commit() = 0;
  /// What it sets is read by components when they start: its commit comes before theirs.
  virtual bool sets_collector() const { return false; }
  virtual void discard() = 0;
  /// Begins to leave; `ended` is called once when nothing of it runs any more.
  virtual void stop(Function<void()> ended) = 0;
  /// Staged exports between stage and commit, else those in force.
  virtual syntax::Value exports() const = 0;
  /// True once after the exports changed by themselves.
  virtual bool take_changed() { return false; }
  /// Evaluates inner graphs whose elements changed; true when the exports changed by that.
  virtual bool refresh_inside() { return false; }
  /// The description of what it exports, or null when only evaluation tells.
  virtual const schema::StructInfo* exports_info() const { return nullptr; }
  virtual void each_node(const std::function<void(Node&)>& visit) { (void)visit; }
  /// An evaluation failed while running, or (empty) went well again.
  virtual void evaluation_failed(const std::string& why) { (void)why; }
};

/// A built-in component.
class ComponentElement final : public Element {
 public:
  ComponentElement(GraphHost& host, const Definition& definition, std::string global_id);
  bool stage(const Source& source, const Surroundings& in, syntax::Diagnostics& out) override;
  void complain(const Source& source, syntax::Diagnostics& out) const override;
  void commit() override;
  void discard() override;
  void stop(Function<void()> ended) override;
  syntax::Value exports() const override;
  bool take_changed() override { return node_ && node_->take_changed(); }
  const schema::StructInfo* exports_info() const override { return definition_.exports(); }
  void each_node(const std::function<void(Node&)>& visit) override {
    if (node_) visit(*node_);
  }
  void evaluation_failed(const std::string& why) override;

 private:
  GraphHost& host_;
  const Definition& definition_;
  std::string global_id_;
  std::unique_ptr<Node> node_;
  std::optional<schema::EvaluatedBody> live_, staged_;
  std::optional<ArgsBox> staged_args_;
};

/// logging, http, tracing, livedebugging, outbox.
class ConfigElement final : public Element {
 public:
  ConfigElement(GraphHost& host, std::string name) : host_(host), name_(std::move(name)) {}
  bool stage(const Source& source, const Surroundings& in, syntax::Diagnostics& out) override;
  void complain(const Source& source, syntax::Diagnostics& out) const override;
  void commit() override;
  bool sets_collector() const override { return true; }
  void discard() override { staged_.reset(); }
  void stop(Function<void()> ended) override;
  syntax::Value exports() const override { return syntax::Value(syntax::Object{}); }

 private:
  GraphHost& host_;
  std::string name_;
  std::optional<ArgsBox> staged_;
};

/// `argument` and `export` of a module: one value each.
class ValueElement final : public Element {
 public:
  /// The arguments that the module's user gave; what is not there has the block's default.
  void given(syntax::Object arguments) { given_ = std::move(arguments); }
  bool stage(const Source& source, const Surroundings& in, syntax::Diagnostics& out) override;
  void commit() override {
    if (staged_) live_ = std::move(*staged_);
    staged_.reset();
  }
  void discard() override { staged_.reset(); }
  void stop(Function<void()> ended) override;
  syntax::Value exports() const override {
    return syntax::Value(syntax::Object{{"value", staged_ ? *staged_ : live_}});
  }

 private:
  syntax::Object given_;
  syntax::Value live_;
  std::optional<syntax::Value> staged_;
};

void each_expression(const syntax::Body& body,
                     const std::function<void(const syntax::Expression&)>& visit);

/// In check_only: the body without the attributes that refer to what has no value.
syntax::Body known_part(const syntax::Body& body, const std::set<std::string>& unknown,
                        bool* complete);

}  // namespace collector::pipeline
