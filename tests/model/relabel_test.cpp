// Relabelling rules. Expected values follow from Prometheus' documentation of <relabel_config>;
// hashmod's from MD5 as published (the last eight bytes of the digest, big endian, modulo).
#include "catch.hpp"

#include "model/relabel.hpp"

#include <optional>

using namespace collector;
using Action = model::RelabelRule::Action;

namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

model::RelabelRule rule(Action action, std::vector<std::string> sources, std::string regex = "(.*)",
                        std::string target = "", std::string replacement = "$1") {
  model::RelabelRule r;
  r.action = action;
  r.source_labels = std::move(sources);
  r.regex = std::move(regex);
  r.target_label = std::move(target);
  r.replacement = std::move(replacement);
  return r;
}

/// What the rule makes of the labels; nothing when it drops them.
std::optional<Labels> apply(const model::RelabelRule& r, const Labels& in) {
  auto rules = model::RelabelRules::compile({r});
  REQUIRE(rules.has_value());
  model::LabelsBuilder labels;
  for (const auto& [name, value] : in) labels.set(name, value);
  if (!rules->apply(labels)) return std::nullopt;
  return labels.all();
}

void f(const model::RelabelRule& r, const Labels& in, const std::optional<Labels>& want) {
  CHECK(apply(r, in) == want);
}

}  // namespace

TEST_CASE("replace") {
  f(rule(Action::replace, {"a"}, "f(.*)", "b", "x$1"), {{"a", "foo"}},
    Labels{{"a", "foo"}, {"b", "xoo"}});
  f(rule(Action::replace, {"a"}, "nope", "b"), {{"a", "foo"}}, Labels{{"a", "foo"}});
  f(rule(Action::replace, {"a", "b"}, "(.+);(.+)", "c", "${2}-${1}"), {{"a", "1"}, {"b", "2"}},
    Labels{{"a", "1"}, {"b", "2"}, {"c", "2-1"}});
  f(rule(Action::replace, {"a"}, "(.*)", "a", ""), {{"a", "foo"}, {"b", "1"}}, Labels{{"b", "1"}});
  f(rule(Action::replace, {}, "(.*)", "env", "prod"), {}, Labels{{"env", "prod"}});
  f(rule(Action::replace, {"a"}, "(oo)", "b"), {{"a", "foo"}}, Labels{{"a", "foo"}});  // anchored
}

TEST_CASE("keep, drop, keepequal, dropequal") {
  f(rule(Action::keep, {"a"}, "f.*"), {{"a", "foo"}}, Labels{{"a", "foo"}});
  f(rule(Action::keep, {"a"}, "b.*"), {{"a", "foo"}}, std::nullopt);
  f(rule(Action::drop, {"a"}, "f.*"), {{"a", "foo"}}, std::nullopt);
  f(rule(Action::drop, {"missing"}, ""), {{"a", "foo"}}, std::nullopt);
  f(rule(Action::keep_equal, {"a"}, "(.*)", "b"), {{"a", "1"}, {"b", "1"}},
    Labels{{"a", "1"}, {"b", "1"}});
  f(rule(Action::keep_equal, {"a"}, "(.*)", "b"), {{"a", "1"}, {"b", "2"}}, std::nullopt);
  f(rule(Action::drop_equal, {"a"}, "(.*)", "b"), {{"a", "1"}, {"b", "1"}}, std::nullopt);
}

TEST_CASE("labelmap, labeldrop, labelkeep") {
  f(rule(Action::label_map, {}, "__meta_(.+)"), {{"__meta_x", "1"}, {"y", "2"}},
    Labels{{"__meta_x", "1"}, {"x", "1"}, {"y", "2"}});
  f(rule(Action::label_drop, {}, "a.*"), {{"a1", "1"}, {"b", "2"}}, Labels{{"b", "2"}});
  f(rule(Action::label_keep, {}, "a.*"), {{"a1", "1"}, {"b", "2"}}, Labels{{"a1", "1"}});
}

TEST_CASE("lowercase and uppercase turn every letter that has a case") {
  f(rule(Action::lowercase, {"a"}, "(.*)", "a"), {{"a", "FOO É"}}, Labels{{"a", "foo é"}});
  f(rule(Action::uppercase, {"a"}, "(.*)", "a"), {{"a", "foo é"}}, Labels{{"a", "FOO É"}});
}

TEST_CASE("hashmod") {
  // md5("") is d41d8cd98f00b204e9800998ecf8427e: e9800998ecf8427e modulo 1000 is 958.
  auto r = rule(Action::hash_mod, {"a"}, "(.*)", "h");
  r.modulus = 1000;
  f(r, {}, Labels{{"h", "958"}});
}

TEST_CASE("expressions that do not compile are refused with the reason") {
  const auto rules = model::RelabelRules::compile({rule(Action::keep, {"a"}, "(")});
  REQUIRE(!rules.has_value());
  CHECK(rules.error().code() == Code::invalid_argument);
}
