// The relabelling rule block, as `rule` and `write_relabel_config`, and the RelabelRules value that
// relabelling components export.
#pragma once

#include <collector/engine/arguments.hpp>

#include <memory>
#include <string>
#include <vector>

namespace collector::model {
class RelabelRules;
}

namespace collector::pipeline {

struct RuleArguments {
  std::vector<std::string> source_labels;
  std::string separator = ";";
  std::string regex = "(.*)";
  std::uint64_t modulus = 0;
  std::string target_label;
  std::string replacement = "$1";
  std::string action = "replace";

  /// Prometheus' rules, and that the expression compiles.
  Status validate() const;
  friend bool operator==(const RuleArguments&, const RuleArguments&) = default;
  static constexpr auto fields() {
    using T = RuleArguments;
    return std::tuple{
        attr<&T::source_labels>("source_labels", "Labels whose values are joined and matched."),
        attr<&T::separator>("separator", "What stands between the joined values."),
        attr<&T::regex>("regex", "RE2 expression that the whole joined value must match."),
        attr<&T::modulus>("modulus", "hashmod: what the hash is divided by."),
        attr<&T::target_label>("target_label", "Label that the result is written to."),
        attr<&T::replacement>("replacement", "The result, with $1 or ${1} for captured groups."),
        attr<&T::action>("action",
                         "replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, "
                         "labelkeep, lowercase or uppercase.")};
  }
};

/// Rules that were validated, compiled in order.
model::RelabelRules compile_rules(const std::vector<RuleArguments>& rules);

/// The value of `rules` exports: other components take it as it is.
struct RelabelRulesExport {
  std::shared_ptr<const std::vector<RuleArguments>> rules;
};

}  // namespace collector::pipeline

namespace collector::schema {
template <>
struct CodecFor<pipeline::RelabelRulesExport> {
  static const Codec& get();
};
}  // namespace collector::schema
