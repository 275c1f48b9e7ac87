// discovery.relabel: rewrites or drops targets by relabelling rules.
#include "discover/components.hpp"
#include "model/relabel.hpp"
#include "pipeline/relabel_arguments.hpp"
#include "pipeline/until_stopped.hpp"

namespace collector::discover {
namespace {

struct TargetRelabelArgs {
  std::vector<StringMap> targets;
  std::vector<pipeline::RuleArguments> rules;
  static constexpr auto fields() {
    return std::tuple{
        attr<&TargetRelabelArgs::targets>("targets", "Targets to relabel.").required(),
        block<&TargetRelabelArgs::rules>("rule", "A relabelling rule; they apply in order.")};
  }
};
struct TargetRelabelExports {
  std::vector<StringMap> output;
  pipeline::RelabelRulesExport rules;
  static constexpr auto fields() {
    return std::tuple{
        attr<&TargetRelabelExports::output>("output", "The targets that the rules kept."),
        attr<&TargetRelabelExports::rules>("rules", "The rules as they are configured.")};
  }
};

class Relabel final : public Component<TargetRelabelArgs, TargetRelabelExports> {
 public:
  using Component::Component;

  Task<Status> run() override {
    co_await pipeline::until_stopped(context().loop(), context().stop());
    co_return Status();
  }

 protected:
  Status update(TargetRelabelArgs args) override {
    const model::RelabelRules rules = pipeline::compile_rules(args.rules);
    TargetRelabelExports exports;
    model::LabelsBuilder labels;
    for (const StringMap& target : args.targets) {
      labels.clear();
      for (const auto& [name, value] : target) labels.set(name, value);
      if (!rules.apply(labels)) continue;
      exports.output.emplace_back(labels.all().begin(), labels.all().end());
    }
    exports.rules.rules =
        std::make_shared<const std::vector<pipeline::RuleArguments>>(std::move(args.rules));
    set_exports(exports);
    return {};
  }
};

}  // namespace

Definition discovery_relabel() {
  return define<Relabel>("discovery.relabel", "Rewrites or drops targets by relabelling rules.");
}

}  // namespace collector::discover
