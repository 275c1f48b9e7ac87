#include "pipeline/relabel_arguments.hpp"

#include "model/relabel.hpp"
#include "syntax/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace collector::pipeline {
namespace {

Status invalid(std::string what) { return Status(Code::invalid_argument, std::move(what)); }

using Action = model::RelabelRule::Action;
constexpr std::array<std::pair<std::string_view, Action>, 11> kActions{
    {{"replace", Action::replace},
     {"keep", Action::keep},
     {"drop", Action::drop},
     {"keepequal", Action::keep_equal},
     {"dropequal", Action::drop_equal},
     {"hashmod", Action::hash_mod},
     {"labelmap", Action::label_map},
     {"labeldrop", Action::label_drop},
     {"labelkeep", Action::label_keep},
     {"lowercase", Action::lowercase},
     {"uppercase", Action::uppercase}}};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A label name in which `$group` and `${group}` may stand for parts.
bool is_label_template(std::string_view text) {
  if (text.empty() || is_digit(text.front())) return false;
  for (std::size_t i = 0; i < text.size();) {
    if (is_word(text[i])) {
      ++i;
      continue;
    }
    if (text[i] != '$' || ++i == text.size()) return false;
    const bool braces = text[i] == '{';
    if (braces) ++i;
    const std::size_t first = i;
    while (i < text.size() && is_word(text[i])) ++i;
    if (i == first) return false;
    if (braces && (i == text.size() || text[i++] != '}')) return false;
  }
  return true;
}

bool one_of(std::string_view what, std::initializer_list<std::string_view> list) {
  for (std::string_view s : list)
    if (s == what) return true;
  return false;
}

struct RulesCapsule final : syntax::Capsule {
  std::shared_ptr<const std::vector<RuleArguments>> rules;
  std::string_view type_name() const override { return "relabel.Rules"; }
  bool equals(const Capsule& other) const override {
    auto* o = dynamic_cast<const RulesCapsule*>(&other);
    return o && *o->rules == *rules;
  }
};

struct RulesCodec final : schema::Codec {
  std::string type() const override { return "RelabelRules"; }
  bool decode(const syntax::Value& value, void* into, schema::Misfit& misfit) const override {
    auto capsule = value.capsule_as<RulesCapsule>();
    if (!capsule) {
      misfit.what = "should be relabel rules, is " + std::string(to_string(value.type()));
      return false;
    }
    static_cast<RelabelRulesExport*>(into)->rules = capsule->rules;
    return true;
  }
  void encode(const void* from, syntax::Value& value) const override {
    auto capsule = std::make_shared<RulesCapsule>();
    capsule->rules = static_cast<const RelabelRulesExport*>(from)->rules;
    if (!capsule->rules) capsule->rules = std::make_shared<const std::vector<RuleArguments>>();
    value = syntax::Value(std::shared_ptr<const syntax::Capsule>(std::move(capsule)));
  }
};

}  // namespace

Status RuleArguments::validate() const {
  if (std::none_of(kActions.begin(), kActions.end(),
                   [this](const auto& a) { return a.first == action; }))
    return invalid(fmt::format("unrecognized action type \"{}\"", action));
  static const RuleArguments defaults;
  if (action == "hashmod" && modulus == 0)
    return invalid("relabel configuration for hashmod requires non-zero modulus");
  const bool plain_target = one_of(action, {"lowercase", "uppercase", "keepequal", "dropequal"});
  if ((plain_target || action == "replace" || action == "hashmod") && target_label.empty())
    return invalid(
        fmt::format("relabel configuration for {} action requires 'target_label' value", action));
  const bool templated = target_label.find('$') != std::string::npos;
  if ((action == "replace" && !(templated ? is_label_template(target_label)
                                          : model::is_legacy_label_name(target_label))) ||
      ((plain_target || action == "hashmod") && !model::is_legacy_label_name(target_label)))
    return invalid(
        fmt::format("\"{}\" is invalid 'target_label' for {} action", target_label, action));
  if (plain_target && replacement != defaults.replacement)
    return invalid(fmt::format("'replacement' can not be set for {} action", action));
  if (action == "labelmap" && !is_label_template(replacement))
    return invalid(
        fmt::format("\"{}\" is invalid 'replacement' for {} action", replacement, action));
  if (one_of(action, {"labeldrop", "labelkeep"}) &&
      (!source_labels.empty() || !target_label.empty() || modulus != defaults.modulus ||
       separator != defaults.separator || replacement != defaults.replacement))
    return invalid(fmt::format("{} action requires only 'regex', and no other fields", action));
  if (one_of(action, {"keepequal", "dropequal"}) &&
      (regex != defaults.regex || modulus != defaults.modulus || separator != defaults.separator ||
       replacement != defaults.replacement))
    return invalid(fmt::format(
        "{} action requires only 'source_labels' and 'target_label', and no other fields", action));
  const auto compiled = model::compile_anchored(regex);
  if (!compiled) return compiled.error().in("regex");
  return {};
}

model::RelabelRules compile_rules(const std::vector<RuleArguments>& rules) {
  std::vector<model::RelabelRule> out;
  for (const RuleArguments& r : rules) {
    model::RelabelRule rule;
    const auto action = std::find_if(kActions.begin(), kActions.end(),
                                     [&](const auto& a) { return a.first == r.action; });
    if (action != kActions.end()) rule.action = action->second;
    rule.source_labels = r.source_labels;
    rule.separator = r.separator;
    rule.regex = r.regex;
    rule.modulus = r.modulus;
    rule.target_label = r.target_label;
    rule.replacement = r.replacement;
    out.push_back(std::move(rule));
  }
  auto compiled = model::RelabelRules::compile(std::move(out));
  return compiled ? std::move(*compiled) : model::RelabelRules();
}

}  // namespace collector::pipeline

namespace collector::schema {

const Codec& CodecFor<pipeline::RelabelRulesExport>::get() {
  static const pipeline::RulesCodec codec;
  return codec;
}

}  // namespace collector::schema
