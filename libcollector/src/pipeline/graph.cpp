#include "pipeline/graph.hpp"

#include "pipeline/imports.hpp"
#include "pipeline/modules.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace collector::pipeline {
namespace {

using syntax::Diagnostics;
using syntax::Value;

std::vector<std::string> split(std::string_view id) {
  std::vector<std::string> parts;
  for (std::size_t at = 0;;) {
    const std::size_t dot = id.find('.', at);
    parts.emplace_back(id.substr(at, dot - at));
    if (dot == std::string_view::npos) return parts;
    at = dot + 1;
  }
}

/// `base` with `leaf` at the path `parts`; objects on the way are copied.
Value with_leaf(const Value* base, std::span<const std::string> parts, const Value& leaf) {
  if (parts.empty()) return leaf;
  syntax::Object object;
  if (base && base->type() == Value::Type::object) object = base->object();
  const auto it = object.find(parts[0]);
  object[parts[0]] = with_leaf(it == object.end() ? nullptr : &it->second, parts.subspan(1), leaf);
  return Value(std::move(object));
}

/// The longest of `ids` that the path begins with, or empty.
template <class Ids>
std::string longest_id(const std::vector<std::string>& parts, const Ids& ids) {
  std::string best, name;
  for (const std::string& part : parts) {
    name += name.empty() ? part : "." + part;
    if (ids.contains(name)) best = name;
  }
  return best;
}

bool is_import(const std::string& name) { return name.rfind("import.", 0) == 0; }

/// Blocks of Alloy that configure the collector itself and are not there in this version.
bool is_block_elsewhere(const std::string& name) {
  return name == "import.git" || name == "remotecfg";
}

}  // namespace

bool Graph::stage(Input input, Diagnostics& out) {
  next_input_ = std::move(input);
  next_.clear();
  next_order_.clear();
  Diagnostics found;
  collect(found);
  for (auto& [id, entry] : next_)
    if (!entry.failed) resolve(entry, found);
  sort(found);
  for (const std::string& id : next_order_) {
    Entry& entry = next_.at(id);
    const bool blocked =
        entry.failed || std::any_of(entry.depends.begin(), entry.depends.end(),
                                    [&](const std::string& d) { return next_.at(d).failed; });
    if (!blocked) {
      entry.failed = !stage_entry(entry, found);
      continue;
    }
    entry.failed = true;
    if (entry.element) entry.element->complain(entry.source, found);
  }
  if (host_.check_only) check_declares(host_, *next_declares_, found);
  const bool good = !found.has_errors();
  out.append(std::move(found));
  return good;
}

void Graph::collect(Diagnostics& out) {
  next_declares_ = std::make_shared<Declares>();
  next_declares_->parent = next_input_.declares;
  // Custom components first: any block may use them, wherever they stand.
  for (const auto& part : next_input_.parts) {
    add_declares(next_declares_, part.file, part.body, next_input_.module_path, out);
    for (const auto& statement : part.body.statements)
      if (auto* block = std::get_if<std::shared_ptr<const syntax::Block>>(&statement))
        if (is_import((*block)->full_name()) && !(*block)->label.empty())
          next_declares_->imported[(*block)->label] = nullptr;
  }
  for (const auto& part : next_input_.parts) {
    for (const auto& statement : part.body.statements) {
      if (auto* a = std::get_if<syntax::Attribute>(&statement))
        out.error(part.file->name, a->name.span,
                  fmt::format("attribute \"{}\" stands outside of any block", a->name.name));
      else
        add_block(part.file, std::get<std::shared_ptr<const syntax::Block>>(statement), out);
    }
  }
}

void Graph::add_block(const syntax::FilePtr& file,
                      const std::shared_ptr<const syntax::Block>& block, Diagnostics& out) {
  if (block->full_name() == "declare") return;
  Entry entry;
  entry.id = block->id();
  entry.source = {file, block};
  if (auto it = next_.find(entry.id); it != next_.end()) {
    const Element::Source& first = it->second.source;
    return out.error(
        file->name, block->name_span,
        fmt::format("{} is defined twice; the first is at {}:{}:{}", entry.id, first.file->name,
                    first.block->name_span.start.line, first.block->name_span.start.column));
  }
  entry.failed = !classify(entry, out);
  next_.emplace(entry.id, std::move(entry));
}

bool Graph::classify(Entry& entry, Diagnostics& out) {
  const syntax::Block& block = *entry.source.block;
  const std::string& file = entry.source.file->name;
  const std::string name = block.full_name();
  const auto labelled = [&](bool wanted) {
    if (wanted == !block.label.empty()) return true;
    out.error(file, wanted ? block.name_span : block.label_span,
              wanted ? fmt::format("{} needs a label: {} \"default\" {{ ... }}", name, name)
                     : fmt::format("{} takes no label", name));
    return false;
  };
  const bool module_only = name == "argument" || name == "export";
  std::function<std::shared_ptr<Element>()> make;
  const std::string global_id = path_ + entry.id;
  if (const Definition* definition = host_.env.registry.find(name)) {
    if (!labelled(true)) return false;
    make = [=, this] { return std::make_shared<ComponentElement>(host_, *definition, global_id); };
    entry.signature = "component";
  } else if (module_only) {
    if (!next_input_.given && !(name == "export" && next_input_.exports)) {
      out.error(file, block.name_span,
                fmt::format("{} is only for modules: inside declare or an imported file", name));
      return false;
    }
    if (!labelled(true)) return false;
    make = [] { return std::make_shared<ValueElement>(); };
    entry.signature = "value";
  } else if (host_.blocks.info(name)) {
    if (!labelled(false)) return false;
    if (!path_.empty() || next_input_.given) {
      out.error(file, block.name_span,
                fmt::format("{} stands at the root of the configuration only", name));
      return false;
    }
    make = [=, this] { return std::make_shared<ConfigElement>(host_, name); };
    entry.signature = "config";
  } else if (name == "foreach") {
    if (!labelled(true)) return false;
    make = [=, this] { return std::make_shared<ForeachElement>(host_, global_id); };
    entry.signature = "foreach";
  } else if (name == "import.file" || name == "import.string" || name == "import.http") {
    if (!labelled(true)) return false;
    make = [=, this] { return std::make_shared<ImportElement>(host_, name, global_id); };
    entry.signature = "import";
  } else if (is_block_elsewhere(name)) {
    out.lacking(file, block.name_span, fmt::format("{} is not part of this version", name));
    return false;
  } else if (next_declares_->find(block.name) ||
             (block.name.size() == 2 && next_declares_->has_namespace(block.name[0]))) {
    if (!labelled(true)) return false;
    make = [=, this] { return std::make_shared<ModuleElement>(host_, global_id); };
    entry.signature = "module";
  } else {
    std::vector<std::string> known = host_.env.registry.names();
    for (const auto& [declared, d] : next_declares_->own) known.push_back(declared);
    for (const char* own : {"declare", "foreach", "import.file", "import.string", "import.http",
                            "logging", "http", "tracing", "livedebugging", "outbox"})
      known.emplace_back(own);
    const auto near = syntax::nearest(name, known);
    out.lacking(file, block.name_span, fmt::format("there is no component \"{}\"", name),
                near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
    return false;
  }
  entry.signature += ":" + name;
  const auto old = live_.find(entry.id);
  entry.element =
      old != live_.end() && old->second.signature == entry.signature ? old->second.element : make();
  return true;
}

void Graph::resolve(Entry& entry, Diagnostics& out) {
  const syntax::Block& block = *entry.source.block;
  // A custom component of a namespace needs its import to be evaluated first.
  if (entry.signature.rfind("module:", 0) == 0 && block.name.size() == 2)
    for (const auto& [id, other] : next_)
      if (is_import(id) && other.source.block->label == block.name[0]) entry.depends.insert(id);
  const bool inner_names = entry.signature == "foreach:foreach";
  const syntax::Scope names(&syntax::standard_library());
  each_expression(block.body, [&](const syntax::Expression& expression) {
    for (const auto& path : syntax::references(expression)) {
      const std::string id = longest_id(path.parts, next_);
      if (!id.empty()) {
        const Entry& target = next_.at(id);
        entry.depends.insert(id);
        const auto depth = split(id).size();
        const auto* info = target.element ? target.element->exports_info() : nullptr;
        if (host_.check_only && info && path.parts.size() > depth) {
          std::vector<std::string> fields;
          for (const auto& f : info->fields) fields.emplace_back(f.name);
          if (std::find(fields.begin(), fields.end(), path.parts[depth]) == fields.end()) {
            const auto near = syntax::nearest(path.parts[depth], fields);
            out.error(entry.source.file->name, path.span,
                      fmt::format("{} has no export \"{}\"", id, path.parts[depth]),
                      near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
          }
        }
        continue;
      }
      // A foreach's template has elements of its own; its graph checks what is left.
      if (inner_names || path.parts.size() < 2 || names.find(path.parts[0]) ||
          next_input_.names.contains(path.parts[0]) ||
          !longest_id(path.parts, next_input_.unknown).empty())
        continue;
      std::vector<std::string> known;
      for (const auto& [other, e] : next_) known.push_back(other);
      std::vector<std::string> head = path.parts;
      if (head.size() > 3) head.resize(3);
      const std::string wanted = fmt::format("{}", fmt::join(head, "."));
      const auto near = syntax::nearest(wanted, known);
      out.error(entry.source.file->name, path.span,
                fmt::format("\"{}\" refers to no component", wanted),
                near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
      entry.failed = true;
    }
  });
}

void Graph::sort(Diagnostics& out) {
  enum class Mark { none, open, done };
  std::map<std::string, Mark> marks;
  std::vector<std::string> trail;
  std::function<void(const std::string&)> visit = [&](const std::string& id) {
    Mark& mark = marks[id];
    if (mark == Mark::done) return;
    Entry& entry = next_.at(id);
    if (mark == Mark::open) {
      const auto from = std::find(trail.begin(), trail.end(), id);
      std::string cycle;
      for (auto it = from; it != trail.end(); ++it) {
        cycle += *it + " -> ";
        next_.at(*it).failed = true;
      }
      out.error(entry.source.file->name, entry.source.block->name_span,
                fmt::format("these components refer to each other in a circle: {}{}", cycle, id));
      return;
    }
    mark = Mark::open;
    trail.push_back(id);
    for (const std::string& other : entry.depends) visit(other);
    trail.pop_back();
    marks[id] = Mark::done;
    next_order_.push_back(id);
  };
  for (const auto& [id, entry] : next_) visit(id);
}

syntax::Object Graph::names_for(const Entry& entry, const Input& input,
                                const Entries& entries) const {
  syntax::Object names = input.names;
  for (const std::string& id : entry.depends) {
    const Entry& other = entries.at(id);
    if (!other.element || is_import(id)) continue;
    const auto parts = split(id);
    const auto it = names.find(parts[0]);
    names[parts[0]] = with_leaf(it == names.end() ? nullptr : &it->second,
                                std::span(parts).subspan(1), other.element->exports());
  }
  return names;
}

std::set<std::string> Graph::unknown_for(const Input& input, const Entries& entries) const {
  if (!host_.check_only) return {};
  std::set<std::string> unknown = input.unknown;
  for (const auto& [id, entry] : entries)
    if (!is_import(id)) unknown.insert(id);
  return unknown;
}

bool Graph::stage_entry(Entry& entry, Diagnostics& out) {
  const syntax::Object names = names_for(entry, next_input_, next_);
  if (auto* value = dynamic_cast<ValueElement*>(entry.element.get()))
    value->given(next_input_.given ? *next_input_.given : syntax::Object{});
  if (!entry.element->stage(entry.source, {names, unknown_for(next_input_, next_), next_declares_},
                            out))
    return false;
  if (auto* import = dynamic_cast<ImportElement*>(entry.element.get()))
    next_declares_->imported[entry.source.block->label] = import->declares();
  return true;
}

void Graph::commit() {
  Entries before = std::exchange(live_, std::exchange(next_, {}));
  order_ = std::move(next_order_);
  input_ = std::move(next_input_);
  declares_ = std::move(next_declares_);
  for (const bool sets_collector : {true, false})
    for (const std::string& id : order_) {
      Element& element = *live_.at(id).element;
      if (element.sets_collector() == sets_collector) element.commit();
    }
  for (auto& [id, entry] : before) {
    const auto now = live_.find(id);
    if (now == live_.end() || now->second.element != entry.element) leave(std::move(entry));
  }
}

void Graph::discard() {
  for (auto& [id, entry] : next_)
    if (entry.element) entry.element->discard();
  next_.clear();
  next_order_.clear();
  next_declares_.reset();
}

void Graph::leave(Entry entry) {
  const Element* key = entry.element.get();
  leaving_->emplace(key, entry.element);
  entry.element->stop([leaving = leaving_, key] { leaving->erase(key); });
}

bool Graph::refresh() {
  std::set<std::string> changed;
  const syntax::Object before = exports();
  for (const std::string& id : order_) {
    Entry& entry = live_.at(id);
    bool moved = entry.element->refresh_inside();
    const bool affected = std::any_of(entry.depends.begin(), entry.depends.end(),
                                      [&](const std::string& d) { return changed.contains(d); });
    if (affected) {
      const Value old = entry.element->exports();
      Diagnostics found;
      const syntax::Object names = names_for(entry, input_, live_);
      if (entry.element->stage(entry.source, {names, {}, declares_}, found)) {
        entry.element->commit();
      } else {
        entry.element->discard();
        entry.element->evaluation_failed(syntax::to_line(found.list().front()));
      }
      moved = moved || !(entry.element->exports() == old);
    }
    if (entry.element->take_changed() || moved) changed.insert(id);
  }
  return !(exports() == before);
}

syntax::Object Graph::exports() const {
  syntax::Object out;
  const Entries& entries = next_.empty() ? live_ : next_;
  for (const auto& [id, entry] : entries)
    if (entry.element && entry.source.block->full_name() == "export")
      out[entry.source.block->label] = entry.element->exports().object().at("value");
  return out;
}

void Graph::stop(Function<void()> ended) {
  // One after the other, dependents first.
  auto rest = std::make_shared<std::vector<std::shared_ptr<Element>>>();
  for (const std::string& id : order_) rest->push_back(live_.at(id).element);
  auto done = std::make_shared<Function<void()>>(std::move(ended));
  auto next = std::make_shared<std::function<void()>>();
  *next = [rest, done, next] {
    if (rest->empty()) {
      auto finish = std::move(*done);
      *next = nullptr;
      return finish();
    }
    auto element = rest->back();
    rest->pop_back();
    element->stop([next, element] {
      if (auto step = *next) step();
    });
  };
  auto first = *next;
  first();
}

void Graph::each_node(const std::function<void(Node&)>& visit) const {
  for (const std::string& id : order_) live_.at(id).element->each_node(visit);
}

}  // namespace collector::pipeline
