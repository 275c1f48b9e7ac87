// YAML into structs that describe themselves by fields(), as strictly as Go's decoder with
// KnownFields: what is unknown, doubled or of the wrong type is an error with its line and column.
#pragma once

#include <collector/engine/arguments.hpp>

#include <yaml-cpp/yaml.h>

#include <string>
#include <string_view>
#include <vector>

namespace collector::receive::blackbox {

/// All that is wrong with a document.
class YamlProblems {
 public:
  void add(const YAML::Node& at, std::string_view what);
  /// What blackbox_exporter would take and we do not.
  void lacks(const YAML::Node& at, std::string_view what);
  std::size_t count() const { return all_.size(); }
  /// invalid_argument, or unimplemented when nothing worse is wrong than what we lack.
  Status status() const;

 private:
  std::vector<std::string> all_;
  bool wrong_ = false;
};

/// Fields of the mapping into `*into`, which `info` describes; `what` names it in sentences. Null
/// leaves what is there.
void read_mapping(const YAML::Node& node, const schema::StructInfo& info, void* into,
                  std::string_view what, YamlProblems& problems);

template <class S>
void read_mapping(const YAML::Node& node, S& into, std::string_view what, YamlProblems& problems) {
  read_mapping(node, schema::describe<S>(), &into, what, problems);
}

struct MappingEntry {
  std::string name;
  YAML::Node key, value;
};

/// A mapping's entries in their order, with those that `<<` merges in behind them (YAML 1.1, merge
/// keys). Nothing and a problem when it is no mapping; null is an empty one.
std::vector<MappingEntry> mapping_entries(const YAML::Node& node, std::string_view what,
                                          YamlProblems& problems);

}  // namespace collector::receive::blackbox
