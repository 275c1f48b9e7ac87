#include "pipeline/relabel_arguments.hpp"

#include "model/relabel.hpp"
#include "syntax/value.hpp"

#include <fmt/format.h>

#include <array>
#include <cctype>

namespace collector::pipeline {
namespace {

Status invalid(std::string what) { return Status(Code::invalid_argument, std::move(what)); }

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A legacy label name: [a-zA-Z_][a-zA-Z0-9_]*.
bool is_label_name(std::string_view name) {
  if (name.empty() || is_digit(name.front())) return false;
  for (char c : name)
    if (!is_word(c)) return false;
  return true;
}

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
  if (!one_of(action, {"replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap",
                       "labeldrop", "labelkeep", "lowercase", "uppercase"}))
    return invalid(fmt::format("unrecognized action type \"{}\"", action));
  static const RuleArguments defaults;
  if (action == "hashmod" && modulus == 0)
    return invalid("relabel configuration for hashmod requires non-zero modulus");
  const bool plain_target = one_of(action, {"lowercase", "uppercase", "keepequal", "dropequal"});
  if ((plain_target || action == "replace" || action == "hashmod") && target_label.empty())
    return invalid(
        fmt::format("relabel configuration for {} action requires 'target_label' value", action));
  const bool templated = target_label.find('$') != std::string::npos;
  if ((action == "replace" &&
       !(templated ? is_label_template(target_label) : is_label_name(target_label))) ||
      ((plain_target || action == "hashmod") && !is_label_name(target_label)))
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
  return check_regex(regex);
}

}  // namespace collector::pipeline

namespace collector::schema {

const Codec& CodecFor<pipeline::RelabelRulesExport>::get() {
  static const pipeline::RulesCodec codec;
  return codec;
}

}  // namespace collector::schema
