// Answers the same questions as main.go, with our own code.
#include "syntax/evaluator.hpp"
#include "syntax/formatter.hpp"
#include "syntax/parser.hpp"

#include <nlohmann/json.hpp>

#include <iostream>
#include <string>

using namespace collector;
using nlohmann::json;

namespace {

json of(const syntax::Value& value) {
  using Type = syntax::Value::Type;
  switch (value.type()) {
    case Type::null:
      return nullptr;
    case Type::number:
      if (value.is_int()) return value.as_int();
      if (value.is_uint()) return value.as_uint();
      return value.as_float();
    case Type::string:
      return value.string();
    case Type::boolean:
      return value.boolean();
    case Type::array: {
      json out = json::array();
      for (const auto& item : value.array()) out.push_back(of(item));
      return out;
    }
    case Type::object: {
      json out = json::object();
      for (const auto& [key, item] : value.object()) out[key] = of(item);
      return out;
    }
    default:
      return "(" + std::string(syntax::to_string(value.type())) + ")";
  }
}

json failed(const syntax::Diagnostics& found) {
  json out{{"ok", false}, {"places", json::array()}};
  for (const auto& d : found.list())
    out["places"].push_back({{"Line", d.span.start.line},
                             {"Column", d.span.start.column},
                             {"end_line", d.span.end.line},
                             {"end_column", d.span.end.column},
                             {"Message", d.message}});
  return out;
}

json answer(const json& request) {
  const std::string text = request.at("text");
  syntax::Diagnostics found;
  if (request.at("op") == "format") {
    const auto file = syntax::parse_file("input", text, found);
    if (found.has_errors()) return failed(found);
    return {{"ok", true}, {"text", syntax::format(*file)}};
  }
  const auto expression = syntax::parse_expression("input", text, found);
  if (!expression || found.has_errors()) return failed(found);
  const syntax::Scope scope(&syntax::standard_library());
  const auto value = syntax::evaluate(*expression, scope, "input", found);
  if (!value || found.has_errors()) return failed(found);
  return {{"ok", true}, {"value", of(*value)}};
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line))
    std::cout << answer(json::parse(line)).dump(-1, ' ', false, json::error_handler_t::replace)
              << '\n';
}
