// Relabelling rules as Prometheus defines them (model/relabel). Immutable after construction; any
// thread.
#pragma once

#include <collector/engine/status.hpp>

#include "model/labels.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace collector::model {

struct RelabelRule {
  enum class Action : std::uint8_t {
    replace,
    keep,
    drop,
    keep_equal,
    drop_equal,
    hash_mod,
    label_map,
    label_drop,
    label_keep,
    lowercase,
    uppercase
  };
  Action action = Action::replace;
  std::vector<std::string> source_labels;
  std::string separator = ";";
  std::string regex = "(.*)";
  std::uint64_t modulus = 0;
  std::string target_label;
  std::string replacement = "$1";
};

class RelabelRules {
 public:
  RelabelRules() = default;
  /// invalid_argument with RE2's reason when an expression does not compile.
  static Result<RelabelRules> compile(std::vector<RelabelRule> rules);

  bool empty() const { return rules_.empty(); }
  /// False when the rules drop it; the labels are then in between.
  bool apply(LabelsBuilder& labels) const;

 private:
  struct Compiled {
    RelabelRule rule;
    std::shared_ptr<const re2::RE2> regex;  ///< anchored at both ends
  };
  static bool apply(const Compiled& compiled, LabelsBuilder& labels);
  std::vector<Compiled> rules_;
};

/// A compiled expression that must match the whole text, `.` matching newlines too; Go's spelling
/// of named groups is accepted.
Result<std::shared_ptr<const re2::RE2>> compile_anchored(std::string_view regex);
/// An expression to search for, as Go's regexp compiles it.
Result<std::shared_ptr<const re2::RE2>> compile_go(std::string_view regex);

}  // namespace collector::model
