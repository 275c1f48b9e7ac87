// Evaluate and decode anything into arguments of every shape: attributes of each type, blocks that
// are required, optional and repeated, secrets.
#include <collector/engine/arguments.hpp>

#include "schema/decode.hpp"
#include "syntax/parser.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace collector {
namespace {

struct FuzzInner {
  std::string name;
  std::vector<double> numbers;
  static constexpr auto fields() {
    return std::tuple{attr<&FuzzInner::name>("name", "A name.").required(),
                      attr<&FuzzInner::numbers>("numbers", "Numbers.")};
  }
};
struct FuzzArguments {
  bool flag = false;
  std::int64_t count = 3;
  std::uint64_t size = 4;
  Duration wait{};
  SecretText secret;
  StringMap map;
  std::vector<StringMap> targets;
  std::optional<double> maybe;
  std::map<std::string, std::vector<SecretText>> headers;
  std::optional<FuzzInner> one;
  std::vector<FuzzInner> many;
  static constexpr auto fields() {
    using T = FuzzArguments;
    return std::tuple{attr<&T::flag>("flag", "A flag."),
                      attr<&T::count>("count", "A count."),
                      attr<&T::size>("size", "A size."),
                      attr<&T::wait>("wait", "A duration."),
                      attr<&T::secret>("secret", "A secret."),
                      attr<&T::map>("map", "A map."),
                      attr<&T::targets>("targets", "Targets."),
                      attr<&T::maybe>("maybe", "A number or nothing."),
                      attr<&T::headers>("headers", "Lists of secrets."),
                      block<&T::one>("one", "One."),
                      block<&T::many>("many", "Many.")};
  }
};

}  // namespace
}  // namespace collector

using namespace collector;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1U << 14) return 0;
  std::string text = "block {\n";
  text.append(reinterpret_cast<const char*>(data), size);
  text += "\n}\n";
  syntax::Diagnostics found;
  const auto file = syntax::parse_file("input", text, found);
  if (found.has_errors()) return 0;
  const auto& info = schema::describe<FuzzArguments>();
  for (const auto& statement : file->body.statements) {
    const auto* block = std::get_if<std::shared_ptr<const syntax::Block>>(&statement);
    if (!block) continue;
    syntax::Diagnostics wrong;
    schema::check_shape(**block, info, "input", wrong);
    const auto body = schema::evaluate_body((*block)->body, syntax::Scope(), "input", wrong);
    if (wrong.has_errors()) continue;
    FuzzArguments arguments;
    if (schema::decode(body, info, "input", (*block)->name_span, &arguments, wrong))
      (void)schema::encode(info, &arguments);
    for (const auto& d : wrong.list()) (void)syntax::to_drawing(d, text);
  }
  return 0;
}
