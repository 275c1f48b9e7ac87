#include "pipeline/element.hpp"

#include <fmt/format.h>

namespace collector::pipeline {
namespace {

using syntax::Diagnostics;

bool refers_to(const syntax::Expression& expression, const std::set<std::string>& unknown) {
  for (const auto& path : syntax::references(expression)) {
    std::string name;
    for (const std::string& part : path.parts) {
      name += name.empty() ? part : "." + part;
      if (unknown.contains(name)) return true;
    }
  }
  return false;
}

/// A block as far as its shape and its expressions go.
struct Reading {
  schema::EvaluatedBody body;
  bool complete = true;  ///< false: parts wait for values that are not there
  Diagnostics found;
};

Reading read(const Element::Source& source, const schema::StructInfo& info,
             const Surroundings& in) {
  Reading out;
  const std::string& file = source.file->name;
  schema::check_shape(*source.block, info, file, out.found);
  const syntax::Body body = in.unknown.empty()
                                ? source.block->body
                                : known_part(source.block->body, in.unknown, &out.complete);
  out.body = schema::evaluate_body(body, in.scope(), file, out.found);
  return out;
}

/// Decodes into `args` what can be read; false when `reading.found` has errors, old or new.
bool decode(Reading& reading, const Element::Source& source, const schema::StructInfo& info,
            ArgsBox& args) {
  schema::decode(reading.body, info, source.file->name, source.block->name_span, args.data(),
                 reading.found, reading.complete && !reading.found.has_errors());
  return !reading.found.has_errors();
}

/// What can be said about a block when nothing that it refers to has a value.
void complain_about(const Element::Source& source, const schema::StructInfo& info,
                    Diagnostics& out) {
  const syntax::Object none;
  Surroundings in{none, {}, nullptr};
  const syntax::Scope standard(&syntax::standard_library());
  each_expression(source.block->body, [&](const syntax::Expression& expression) {
    for (const auto& path : syntax::references(expression))
      if (!standard.find(path.parts[0])) in.unknown.insert(path.parts[0]);
  });
  Reading reading = read(source, info, in);
  ArgsBox args(info);
  (void)decode(reading, source, info, args);
  out.append(std::move(reading.found));
}

}  // namespace

void each_expression(const syntax::Body& body,
                     const std::function<void(const syntax::Expression&)>& visit) {
  for (const auto& statement : body.statements) {
    if (auto* a = std::get_if<syntax::Attribute>(&statement))
      visit(*a->value);
    else
      each_expression(std::get<std::shared_ptr<const syntax::Block>>(statement)->body, visit);
  }
}

syntax::Body known_part(const syntax::Body& body, const std::set<std::string>& unknown,
                        bool* complete) {
  syntax::Body out;
  for (const auto& statement : body.statements) {
    if (auto* a = std::get_if<syntax::Attribute>(&statement)) {
      if (refers_to(*a->value, unknown))
        *complete = false;
      else
        out.statements.push_back(statement);
      continue;
    }
    auto block =
        std::make_shared<syntax::Block>(*std::get<std::shared_ptr<const syntax::Block>>(statement));
    block->body = known_part(block->body, unknown, complete);
    out.statements.emplace_back(std::shared_ptr<const syntax::Block>(std::move(block)));
  }
  return out;
}

// ComponentElement

ComponentElement::ComponentElement(GraphHost& host, const Definition& definition,
                                   std::string global_id)
    : host_(host), definition_(definition), global_id_(std::move(global_id)) {}

bool ComponentElement::stage(const Source& source, const Surroundings& in, Diagnostics& out) {
  const schema::StructInfo& info = *definition_.args();
  const syntax::Block& block = *source.block;
  Reading reading = read(source, info, in);
  if (live_ && !reading.found.has_errors() && schema::same(*live_, reading.body)) {
    staged_.reset();
    staged_args_.reset();
    return true;
  }
  ArgsBox args(info);
  if (!decode(reading, source, info, args)) {
    out.append(std::move(reading.found));
    return false;
  }
  if (host_.check_only) return true;
  if (!live_) {
    node_ = std::make_unique<Node>(host_.env, definition_, global_id_, block.label);
    if (Status s = node_->create(std::move(args)); !s.ok()) {
      out.error(source.file->name, block.name_span, fmt::format("{}: {}", block.id(), s.what()));
      node_.reset();
      return false;
    }
  } else {
    staged_args_.emplace(std::move(args));
  }
  staged_ = std::move(reading.body);
  return true;
}

void ComponentElement::complain(const Source& source, Diagnostics& out) const {
  complain_about(source, *definition_.args(), out);
}

void ComponentElement::commit() {
  if (!staged_) {
    if (node_) node_->health().update_failed(host_.env.seams.loop, "");
    return;
  }
  const bool fresh = !live_;
  auto before = std::exchange(live_, std::exchange(staged_, std::nullopt));
  if (fresh) return node_->start();
  ArgsBox args = std::move(*staged_args_);
  staged_args_.reset();
  // A failed update leaves the old arguments in force, and the next evaluation tries again.
  if (Status s = node_->update(std::move(args)); !s.ok()) live_ = std::move(before);
}

void ComponentElement::discard() {
  staged_.reset();
  staged_args_.reset();
  if (!live_) node_.reset();
}

void ComponentElement::stop(Function<void()> ended) {
  if (!node_) return host_.env.seams.loop.post(std::move(ended));
  node_->stop(std::move(ended));
}

syntax::Value ComponentElement::exports() const {
  return node_ ? node_->exports() : syntax::Value(syntax::Object{});
}

void ComponentElement::evaluation_failed(const std::string& why) {
  if (!node_) return;
  if (!why.empty()) node_->log().error("arguments do not evaluate", {{"err", why}});
  node_->health().update_failed(host_.env.seams.loop, why);
}

// ConfigElement

bool ConfigElement::stage(const Source& source, const Surroundings& in, Diagnostics& out) {
  const schema::StructInfo& info = *host_.blocks.info(name_);
  Reading reading = read(source, info, in);
  ArgsBox args(info);
  const bool good = decode(reading, source, info, args);
  out.append(std::move(reading.found));
  if (good && !host_.check_only) staged_.emplace(std::move(args));
  return good;
}

void ConfigElement::complain(const Source& source, Diagnostics& out) const {
  complain_about(source, *host_.blocks.info(name_), out);
}

void ConfigElement::commit() {
  if (staged_) host_.blocks.apply(name_, staged_->data());
  staged_.reset();
}

void ConfigElement::stop(Function<void()> ended) {
  host_.blocks.apply(name_, nullptr);
  host_.env.seams.loop.post(std::move(ended));
}

// ValueElement

bool ValueElement::stage(const Source& source, const Surroundings& in, Diagnostics& out) {
  const std::string& file = source.file->name;
  const syntax::Block& block = *source.block;
  const bool argument = block.full_name() == "argument";
  const std::string_view value_name = argument ? "default" : "value";
  const std::size_t before = out.list().size();
  staged_ = syntax::Value();
  const syntax::Scope scope = in.scope();
  bool has_value = false;
  for (const auto& statement : block.body.statements) {
    auto* a = std::get_if<syntax::Attribute>(&statement);
    if (!a) {
      const auto& inner = std::get<std::shared_ptr<const syntax::Block>>(statement);
      out.error(
          file, inner->name_span,
          fmt::format("there is no block \"{}\" in {}", inner->full_name(), block.full_name()));
      continue;
    }
    const std::string& name = a->name.name;
    if (name != value_name && !(argument && (name == "optional" || name == "comment"))) {
      out.error(file, a->name.span, fmt::format("there is no argument \"{}\"", name));
      continue;
    }
    if (name == value_name) has_value = true;
    if (refers_to(*a->value, in.unknown)) continue;
    auto value = syntax::evaluate(*a->value, scope, file, out);
    if (!value) continue;
    const auto wanted =
        name == "optional" ? syntax::Value::Type::boolean : syntax::Value::Type::string;
    if (name != value_name && value->type() != wanted)
      out.error(
          file, a->value->span,
          fmt::format("{} should be {}, is {}", name, to_string(wanted), to_string(value->type())));
    if (name == value_name) staged_ = std::move(*value);
  }
  if (!argument && !has_value)
    out.error(file, block.name_span, "export needs the argument \"value\"");
  if (argument)
    if (auto it = given_.find(block.label); it != given_.end()) staged_ = it->second;
  return out.list().size() == before;
}

void ValueElement::stop(Function<void()> ended) { ended(); }

}  // namespace collector::pipeline
