// A namespace of elements: the root configuration, one instance of a module, one turn of a foreach.
// Evaluated in the order of its references; changed in two steps, stage and commit. One thread.
#pragma once

#include "pipeline/element.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace collector::pipeline {

class Graph {
 public:
  /// What a graph is made from.
  struct Input {
    struct Part {
      syntax::FilePtr file;
      syntax::Body body;
    };
    std::vector<Part> parts;
    std::shared_ptr<const Declares> declares;  ///< of the surroundings; may be null
    syntax::Object
        names;  ///< loop variables, module_path, and what a foreach's surroundings export
    std::string module_path;              ///< directory of an imported file, else empty
    std::set<std::string> unknown;        ///< check_only: names and ids without a value
    bool exports = false;                 ///< `export` blocks are welcome though this is no module
    std::optional<syntax::Object> given;  ///< a module's arguments; absent at the root
  };

  /// `path` is empty for the root, else ends in a slash: it goes before every component's id.
  Graph(GraphHost& host, std::string path) : host_(host), path_(std::move(path)) {}

  /// All that is wrong goes to `out`; on errors nothing changed after discard().
  bool stage(Input input, syntax::Diagnostics& out);
  void commit();
  void discard();

  /// Evaluates what depends on exports that changed. True when this graph's own exports changed.
  bool refresh();
  /// The `export` blocks' values.
  syntax::Object exports() const;
  /// Dependents stop before what they refer to, so that data drains on its way.
  void stop(Function<void()> ended);
  void each_node(const std::function<void(Node&)>& visit) const;
  /// Elements that left and still drain.
  std::size_t leaving() const { return leaving_->size(); }

 private:
  struct Entry {
    std::string id, signature;
    Element::Source source;
    std::set<std::string> depends;
    std::shared_ptr<Element> element;
    bool failed = false;
  };
  using Entries = std::map<std::string, Entry>;

  void collect(syntax::Diagnostics& out);
  void add_block(const syntax::FilePtr& file, const std::shared_ptr<const syntax::Block>& block,
                 syntax::Diagnostics& out);
  /// What the block stands for: sets the entry's signature and element; false after an error.
  bool classify(Entry& entry, syntax::Diagnostics& out);
  void resolve(Entry& entry, syntax::Diagnostics& out);
  void sort(syntax::Diagnostics& out);
  bool stage_entry(Entry& entry, syntax::Diagnostics& out);
  /// The names that the entry's expressions may use, exports as nested objects.
  syntax::Object names_for(const Entry& entry, const Input& input, const Entries& entries) const;
  std::set<std::string> unknown_for(const Input& input, const Entries& entries) const;
  void leave(Entry entry);

  GraphHost& host_;
  std::string path_;
  Entries live_;
  std::vector<std::string> order_;
  Input input_;
  std::shared_ptr<Declares> declares_;
  // Between stage and commit:
  Entries next_;
  std::vector<std::string> next_order_;
  Input next_input_;
  std::shared_ptr<Declares> next_declares_;
  // Outlives the graph while something drains.
  std::shared_ptr<std::map<const Element*, std::shared_ptr<Element>>> leaving_ =
      std::make_shared<std::map<const Element*, std::shared_ptr<Element>>>();
};

}  // namespace collector::pipeline
