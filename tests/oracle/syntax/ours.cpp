// Answers the same questions as main.go, with our own code.
#include "base/base64.hpp"
#include "syntax/evaluator.hpp"
#include "syntax/formatter.hpp"
#include "syntax/parser.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <bit>
#include <cmath>
#include <iostream>
#include <memory>
#include <string>

using namespace collector;
using nlohmann::json;

namespace {

json text(const std::string& s) {
  try {
    (void)json(s).dump();
    return s;
  } catch (const json::exception&) {  // not UTF-8
    std::string hex;
    for (const char c : s) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return {{"hex", hex}};
  }
}

/// A value with its type: JSON has fewer types than the language.
json typed(const syntax::Value& value) {
  using Type = syntax::Value::Type;
  switch (value.type()) {
    case Type::null:
      return nullptr;
    case Type::number:
      if (value.is_int()) return {{"int", std::to_string(value.as_int())}};
      if (value.is_uint() && value.as_int() >= 0) return {{"int", std::to_string(value.as_int())}};
      if (value.is_uint()) return {{"uint", std::to_string(value.as_uint())}};
      if (std::isnan(value.as_float())) return {{"float", "nan"}};
      return {{"float", fmt::format("{:016x}", std::bit_cast<std::uint64_t>(value.as_float()))}};
    case Type::string:
      return text(value.string());
    case Type::boolean:
      return value.boolean();
    case Type::array: {
      json out = json::array();
      for (const auto& element : value.array()) out.push_back(typed(element));
      return {{"array", out}};
    }
    case Type::object: {
      json out = json::array();
      for (const auto& [key, element] : value.object())
        out.push_back(json::array({text(key), typed(element)}));
      return {{"object", out}};
    }
    case Type::capsule:
      if (const auto secret = value.capsule_as<syntax::Secret>())
        return {{"secret", text(secret->reveal())}};
      if (const auto open = value.capsule_as<syntax::OptionalSecret>())
        return {{"optional_secret", text(open->reveal())}, {"sensitive", open->sensitive()}};
      break;
    case Type::function:
      break;
  }
  return fmt::format("({})", syntax::to_string(value.type()));
}

json failed(const syntax::Diagnostics& found) {
  json out{{"ok", false}, {"places", json::array()}};
  for (const auto& d : found.list())
    out["places"].push_back({{"line", d.span.start.line},
                             {"column", d.span.start.column},
                             {"end_line", d.span.end.line},
                             {"end_column", d.span.end.column},
                             {"message", d.message}});
  return out;
}

const syntax::Scope& scope() {
  static const syntax::Scope scope = [] {
    using Capsule = std::shared_ptr<const syntax::Capsule>;
    syntax::Scope s(&syntax::standard_library());
    s.set("secret", Capsule(std::make_shared<syntax::Secret>("s3")));
    s.set("open", Capsule(std::make_shared<syntax::OptionalSecret>("o1", false)));
    s.set("closed", Capsule(std::make_shared<syntax::OptionalSecret>("c2", true)));
    s.set("object", syntax::Object{{"key", "value"}, {"list", syntax::Array{1, 2.5, "three"}}});
    return s;
  }();
  return scope;
}

json answer(const json& request) {
  const std::string op = request.at("op");
  const std::string source =
      request.contains("bytes")
          ? base::base64_decode(request.at("bytes").get<std::string>()).value()
          : request.at("text").get<std::string>();
  syntax::Diagnostics found;
  if (op == "parse" || op == "format") {
    const auto file = syntax::parse_file("input", source, found);
    if (found.has_errors()) return failed(found);
    return {{"ok", true}, {"text", op == "format" ? syntax::format(*file) : ""}};
  }
  const auto expression = syntax::parse_expression("input", source, found);
  if (!expression || found.has_errors()) return failed(found);
  const auto value = syntax::evaluate(*expression, scope(), "input", found);
  if (!value || found.has_errors()) return failed(found);
  return {{"ok", true}, {"value", typed(*value)}};
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line))
    std::cout << answer(json::parse(line)).dump(-1, ' ', false, json::error_handler_t::replace)
              << '\n';
}
