#include "pipeline/modules.hpp"

#include "pipeline/imports.hpp"
#include "syntax/parser.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace collector::pipeline {
namespace {

using syntax::Diagnostics;
using syntax::Value;

/// The `argument` labels of a module's body, and whether each may be left out.
std::map<std::string, bool> arguments_of(const syntax::Body& body) {
  std::map<std::string, bool> out;
  const syntax::Scope standard(&syntax::standard_library());
  for (const auto& statement : body.statements) {
    auto* block = std::get_if<std::shared_ptr<const syntax::Block>>(&statement);
    if (!block || (*block)->full_name() != "argument") continue;
    bool optional = false;
    for (const auto& inner : (*block)->body.statements)
      if (auto* a = std::get_if<syntax::Attribute>(&inner); a && a->name.name == "optional") {
        Diagnostics ignored;  // the argument's own element says what is wrong
        const auto value = syntax::evaluate(*a->value, standard, {}, ignored);
        optional = value && value->type() == Value::Type::boolean && value->boolean();
      }
    out.emplace((*block)->label, optional);
  }
  return out;
}

std::string item_name(const Value& item, const std::string& id_field) {
  const Value* named = &item;
  if (!id_field.empty() && item.type() == Value::Type::object) {
    const auto it = item.object().find(id_field);
    if (it != item.object().end()) named = &it->second;
  }
  std::string text =
      named->type() == Value::Type::string ? named->string() : syntax::to_text(*named);
  for (char& c : text)
    if (c == '/' || static_cast<unsigned char>(c) <= ' ') c = '_';
  return text;
}

}  // namespace

void add_declares(const std::shared_ptr<Declares>& declares, const syntax::FilePtr& file,
                  const syntax::Body& body, const std::string& module_path, Diagnostics& out) {
  for (const auto& statement : body.statements) {
    auto* block = std::get_if<std::shared_ptr<const syntax::Block>>(&statement);
    if (!block || (*block)->full_name() != "declare") continue;
    if ((*block)->label.empty()) {
      out.error(file->name, (*block)->name_span, "declare needs a label: declare \"name\" { ... }");
      continue;
    }
    const auto [it, fresh] =
        declares->own.emplace((*block)->label, Declaration{file, *block, declares, module_path});
    if (!fresh)
      out.error(file->name, (*block)->name_span,
                fmt::format("\"{}\" is declared twice", (*block)->label));
  }
}

namespace {

Graph::Input input_of(const Declaration& declaration) {
  Graph::Input input;
  input.parts.push_back({declaration.file, declaration.block->body});
  input.declares = declaration.home.lock();
  input.module_path = declaration.module_path;
  if (!declaration.module_path.empty()) input.names["module_path"] = Value(declaration.module_path);
  return input;
}

}  // namespace

void check_declares(GraphHost& host, const Declares& declares, Diagnostics& out) {
  for (const auto& [name, declaration] : declares.own) {
    Graph::Input input = input_of(declaration);
    input.unknown.insert("argument");
    input.given.emplace();
    Graph graph(host, name + "/");
    graph.stage(std::move(input), out);
    graph.discard();
  }
}

// ModuleElement

bool ModuleElement::stage(const Source& source, const Surroundings& in, Diagnostics& out) {
  const syntax::Block& block = *source.block;
  const std::string& file = source.file->name;
  const Declaration* declaration = in.declares->find(block.name);
  if (!declaration) {
    if (host_.check_only) return true;  // its import has content only when it runs
    out.error(file, block.name_span,
              fmt::format("the import \"{}\" brings no custom component \"{}\"", block.name.front(),
                          block.name.back()));
    return false;
  }
  std::vector<const syntax::Block*>& open = host_.open;
  if (std::find(open.begin(), open.end(), declaration->block.get()) != open.end()) {
    out.error(file, block.name_span, fmt::format("{} is made of itself", block.full_name()));
    return false;
  }
  if (std::count(global_id_.begin(), global_id_.end(), '/') > 16) {
    out.error(file, block.name_span, "custom components are nested more than 16 deep");
    return false;
  }
  Diagnostics found;
  const auto wanted = arguments_of(declaration->block->body);
  const syntax::Scope scope = in.scope();
  syntax::Object given;
  std::set<std::string> named;
  for (const auto& statement : block.body.statements) {
    auto* a = std::get_if<syntax::Attribute>(&statement);
    if (!a) {
      const auto& inner = std::get<std::shared_ptr<const syntax::Block>>(statement);
      found.error(file, inner->name_span, "a custom component takes attributes only");
      continue;
    }
    named.insert(a->name.name);
    if (!wanted.contains(a->name.name)) {
      std::vector<std::string> names;
      for (const auto& [name, optional] : wanted) names.push_back(name);
      const auto near = syntax::nearest(a->name.name, names);
      found.error(file, a->name.span,
                  fmt::format("{} has no argument \"{}\"", block.full_name(), a->name.name),
                  near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
      continue;
    }
    bool complete = true;
    if (!in.unknown.empty()) known_part(syntax::Body{{statement}}, in.unknown, &complete);
    if (!complete) continue;
    if (auto value = syntax::evaluate(*a->value, scope, file, found))
      given[a->name.name] = std::move(*value);
  }
  for (const auto& [name, optional] : wanted)
    if (!optional && !named.contains(name))
      found.error(file, block.name_span,
                  fmt::format("{} needs the argument \"{}\"", block.full_name(), name));
  const bool good = !found.has_errors();
  out.append(std::move(found));
  if (!good) return false;
  Graph::Input input = input_of(*declaration);
  if (host_.check_only) input.unknown.insert("argument");
  input.given = std::move(given);
  open.push_back(declaration->block.get());
  const bool staged = graph_.stage(std::move(input), out);
  open.pop_back();
  return staged;
}

void ModuleElement::evaluation_failed(const std::string& why) {
  graph_.each_node([&](Node& node) { node.health().update_failed(host_.env.seams.loop, why); });
}

// ForeachElement

bool ForeachElement::stage(const Source& source, const Surroundings& in, Diagnostics& out) {
  const syntax::Block& block = *source.block;
  const std::string& file = source.file->name;
  Diagnostics found;
  std::shared_ptr<const syntax::Block> body;
  std::optional<Value> collection;
  bool known = true;
  std::string var, id_field;
  bool hash_id = false;
  const syntax::Scope scope = in.scope();
  for (const auto& statement : block.body.statements) {
    if (auto* inner = std::get_if<std::shared_ptr<const syntax::Block>>(&statement)) {
      if ((*inner)->full_name() != "template")
        found.error(file, (*inner)->name_span,
                    fmt::format("there is no block \"{}\" in foreach", (*inner)->full_name()));
      else if (body)
        found.error(file, (*inner)->name_span, "block \"template\" is given twice");
      else
        body = *inner;
      continue;
    }
    const auto& a = std::get<syntax::Attribute>(statement);
    bool complete = true;
    if (!in.unknown.empty()) known_part(syntax::Body{{statement}}, in.unknown, &complete);
    std::optional<Value> value;
    if (complete) value = syntax::evaluate(*a.value, scope, file, found);
    if (a.name.name == "collection") {
      known = complete;
      if (value && value->type() != Value::Type::array)
        found.error(file, a.value->span, "collection should be array");
      else
        collection = value ? std::move(*value) : Value(syntax::Array{});
    } else if (a.name.name == "var" || a.name.name == "id") {
      if (value && value->type() == Value::Type::string)
        (a.name.name == "var" ? var : id_field) = value->string();
      else if (complete && value)
        found.error(file, a.value->span, a.name.name + " should be string");
    } else if (a.name.name == "hash_string_id" || a.name.name == "enable_metrics") {
      if (value && value->type() != Value::Type::boolean)
        found.error(file, a.value->span, a.name.name + " should be bool");
      else if (value && a.name.name == "hash_string_id")
        hash_id = value->boolean();
    } else {
      found.error(file, a.name.span,
                  fmt::format("there is no argument \"{}\" in foreach", a.name.name));
    }
  }
  if (!collection && !found.has_errors())
    found.error(file, block.name_span, "foreach needs the argument \"collection\"");
  if (var.empty() && !found.has_errors())
    found.error(file, block.name_span, "foreach needs the argument \"var\"");
  if (!body && !found.has_errors())
    found.error(file, block.name_span, "foreach needs a block \"template\"");
  const bool good = !found.has_errors();
  out.append(std::move(found));
  if (!good) return false;

  Graph::Input input;
  input.parts.push_back({source.file, body->body});
  input.declares = in.declares;
  input.names = in.names;
  input.unknown = in.unknown;
  syntax::Array items = collection->array();
  // A check looks into the template even when there is nothing to repeat it for.
  if (!known || (host_.check_only && items.empty())) {
    input.unknown.insert(var);
    items.assign(1, Value());
  }
  staged_.clear();
  std::map<std::string, int> repeats;
  bool all = true;
  for (const Value& item : items) {
    std::string name = item_name(item, id_field);
    if (hash_id) name = fmt::format("{:016x}", std::hash<std::string>{}(name));
    const std::string key = fmt::format("foreach_{}_{}", name, ++repeats[name]);
    const auto old = live_.find(key);
    auto graph = old != live_.end()
                     ? old->second
                     : std::make_shared<Graph>(host_, fmt::format("{}/{}/", global_id_, key));
    Graph::Input turn = input;
    turn.names[var] = item;
    all = graph->stage(std::move(turn), out) && all;
    staged_.emplace(key, std::move(graph));
  }
  return all;
}

void ForeachElement::commit() {
  Graphs before = std::exchange(live_, std::exchange(staged_, {}));
  for (auto& [key, graph] : live_) graph->commit();
  for (auto& [key, graph] : before) {
    const auto it = live_.find(key);
    if (it == live_.end()) graph->stop([graph = graph] {});
  }
}

void ForeachElement::discard() {
  for (auto& [key, graph] : staged_) graph->discard();
  staged_.clear();
}

void ForeachElement::stop(Function<void()> ended) {
  struct Wait {
    std::size_t open;
    Function<void()> ended;
  };
  if (live_.empty()) return host_.env.seams.loop.post(std::move(ended));
  auto wait = std::make_shared<Wait>(Wait{live_.size(), std::move(ended)});
  for (auto& [key, graph] : live_)
    graph->stop([wait, graph = graph] {
      if (--wait->open == 0) wait->ended();
    });
}

bool ForeachElement::refresh_inside() {
  for (auto& [key, graph] : live_) graph->refresh();
  return false;
}

void ForeachElement::each_node(const std::function<void(Node&)>& visit) {
  for (auto& [key, graph] : live_) graph->each_node(visit);
}

void ForeachElement::evaluation_failed(const std::string& why) {
  each_node([&](Node& node) { node.health().update_failed(host_.env.seams.loop, why); });
}

// ImportElement

bool ImportElement::stage(const Source& source, const Surroundings& in, Diagnostics& out) {
  const std::size_t before = out.list().size();
  std::string module_path;
  auto files = content(source, in, module_path, out);
  if (!files) {
    declares_ = nullptr;
    return out.list().size() == before;
  }
  auto declares = std::make_shared<Declares>();
  for (auto& [name, text] : *files) {
    auto parsed = syntax::parse_file(name, std::move(text), out);
    for (const auto& statement : parsed->body.statements) {
      if (auto* a = std::get_if<syntax::Attribute>(&statement)) {
        out.error(name, a->name.span, "an imported file holds declare and import blocks only");
        continue;
      }
      const auto& block = std::get<std::shared_ptr<const syntax::Block>>(statement);
      const std::string kind = block->full_name();
      if (kind == "declare") continue;
      if (kind != "import.file" && kind != "import.string" && kind != "import.http") {
        out.error(name, block->name_span, "an imported file holds declare and import blocks only");
        continue;
      }
      ImportElement nested(host_, kind, global_id_ + "/" + block->id());
      syntax::Object names;
      if (!module_path.empty()) names["module_path"] = Value(module_path);
      nested.stage({parsed, block}, {names, {}, declares}, out);
      declares->imported[block->label] = nested.declares();
    }
    add_declares(declares, parsed, parsed->body, module_path, out);
  }
  if (host_.check_only) check_declares(host_, *declares, out);
  declares_ = std::move(declares);
  return out.list().size() == before;
}

}  // namespace collector::pipeline
