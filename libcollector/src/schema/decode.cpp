#include "schema/decode.hpp"

#include <fmt/format.h>

#include <map>

namespace collector::schema {
namespace {

using syntax::Span;

std::string quoted(std::string_view name) { return fmt::format("\"{}\"", name); }

/// The fields of a level by name, attributes and blocks apart. Blocks may have dotted names: a
/// block `a.b` is looked up whole.
const FieldInfo* find(const StructInfo& info, std::string_view name) {
  for (const FieldInfo& f : info.fields)
    if (f.name == name) return &f;
  return nullptr;
}

std::string did_you_mean(const StructInfo& info, std::string_view name, bool block) {
  std::vector<std::string> names;
  for (const FieldInfo& f : info.fields)
    if (f.is_block == block) names.emplace_back(f.name);
  const std::string_view near = syntax::nearest(name, names);
  return near.empty() ? std::string() : fmt::format("did you mean {}?", quoted(near));
}

struct ShapeCheck {
  const std::string& file;
  syntax::Diagnostics& diagnostics;

  void error(Span span, std::string message, std::string hint = {}) {
    diagnostics.error(file, span, std::move(message), std::move(hint));
  }

  void attribute(const syntax::Attribute& a, const StructInfo& info,
                 std::map<std::string, int, std::less<>>& seen) {
    const FieldInfo* f = find(info, a.name.name);
    if (!f)
      return diagnostics.lacking(file, a.name.span,
                                 fmt::format("there is no argument {}", quoted(a.name.name)),
                                 did_you_mean(info, a.name.name, false));
    if (f->is_block)
      return error(a.name.span, fmt::format("{} is a block, not an attribute", quoted(a.name.name)),
                   fmt::format("write {} {{ ... }}", a.name.name));
    if (++seen[a.name.name] == 2)
      error(a.name.span, fmt::format("argument {} is given twice", quoted(a.name.name)));
  }

  void block(const syntax::Block& b, const StructInfo& info,
             std::map<std::string, int, std::less<>>& seen) {
    const std::string name = b.full_name();
    const FieldInfo* f = find(info, name);
    if (!f)
      return diagnostics.lacking(file, b.name_span,
                                 fmt::format("there is no block {}", quoted(name)),
                                 did_you_mean(info, name, true));
    if (!f->is_block)
      return error(b.name_span, fmt::format("{} is an attribute, not a block", quoted(name)),
                   fmt::format("write {} = ...", name));
    if (!b.label.empty()) error(b.label_span, fmt::format("block {} takes no label", quoted(name)));
    if (++seen[name] == 2 && !f->repeatable)
      error(b.name_span, fmt::format("block {} is given twice", quoted(name)));
    body(b.body, f->nested ? *f->nested() : info, b.name_span, name);
  }

  void body(const syntax::Body& body, const StructInfo& info, Span owner, const std::string& name) {
    std::map<std::string, int, std::less<>> seen;
    for (const auto& statement : body.statements) {
      if (auto* a = std::get_if<syntax::Attribute>(&statement))
        attribute(*a, info, seen);
      else
        block(*std::get<std::shared_ptr<const syntax::Block>>(statement), info, seen);
    }
    for (const FieldInfo& f : info.fields)
      if (f.required && !seen.contains(f.name))
        error(owner, fmt::format("{} needs {} {}", name, f.is_block ? "a block" : "the argument",
                                 quoted(f.name)));
  }
};

/// The innermost literal that `path` leads to, or the whole expression's place.
Span place(const syntax::Expression& expression, const std::vector<std::string>& path,
           std::size_t depth = 0) {
  if (depth < path.size()) {
    if (auto* array = std::get_if<syntax::ArrayLiteral>(&expression.node)) {
      const auto i = static_cast<std::size_t>(std::strtoull(path[depth].c_str(), nullptr, 10));
      if (i < array->elements.size()) return place(*array->elements[i], path, depth + 1);
    } else if (auto* object = std::get_if<syntax::ObjectLiteral>(&expression.node)) {
      for (const auto& field : object->fields)
        if (field.name.name == path[depth]) return place(*field.value, path, depth + 1);
    }
  }
  return expression.span;
}

struct Decoder {
  const std::string& file;
  syntax::Diagnostics& diagnostics;
  bool complete;
  bool good = true;

  void error(Span span, std::string message) {
    good = false;
    diagnostics.error(file, span, std::move(message));
  }
  void lacking(Span span, std::string message) {
    good = false;
    diagnostics.lacking(file, span, std::move(message));
  }
  void refusal(Span span, const Status& status, std::string message) {
    if (status.code() == Code::unimplemented)
      lacking(span, std::move(message));
    else
      error(span, std::move(message));
  }

  void attribute(const EvaluatedBody::Attribute& a, const StructInfo& info, void* into) {
    const FieldInfo* f = find(info, a.name);
    if (!f || f->is_block) return;
    if (a.value.is_null() && !f->required) return;
    void* member = f->member(into);
    syntax::Value before;
    f->codec->encode(member, before);
    Misfit misfit;
    if (!f->codec->decode(a.value, member, misfit)) {
      std::string name = a.name;
      for (const std::string& step : misfit.path) name += fmt::format("[{}]", step);
      return error(place(*a.expression, misfit.path), fmt::format("{} {}", name, misfit.what));
    }
    if (!f->refused.empty()) {
      syntax::Value after;
      f->codec->encode(member, after);
      if (!(after == before))
        return lacking(a.name_span,
                       fmt::format("{} is not supported: {}", quoted(a.name), f->refused));
    }
    if (f->check) {
      if (Status s = f->check(*f, member); !s.ok())
        refusal(a.expression->span, s, fmt::format("{}: {}", a.name, s.what()));
    }
  }

  void body(const EvaluatedBody& body, const StructInfo& info, Span owner, void* into) {
    const bool before = std::exchange(good, true);
    for (const auto& a : body.attributes) attribute(a, info, into);
    for (const auto& b : body.blocks) {
      const FieldInfo* f = find(info, b.source->full_name());
      if (!f || !f->is_block) continue;
      if (!f->refused.empty()) {
        lacking(b.source->name_span,
                fmt::format("block {} is not supported: {}", quoted(f->name), f->refused));
        continue;
      }
      this->body(b.body, *f->nested(), b.source->name_span, f->add(into));
    }
    if (good && complete && info.validate)
      if (Status s = info.validate(into); !s.ok()) refusal(owner, s, s.what());
    good = good && before;
  }
};

}  // namespace

bool same(const EvaluatedBody& a, const EvaluatedBody& b) {
  if (a.attributes.size() != b.attributes.size() || a.blocks.size() != b.blocks.size())
    return false;
  for (std::size_t i = 0; i < a.attributes.size(); ++i)
    if (a.attributes[i].name != b.attributes[i].name ||
        !(a.attributes[i].value == b.attributes[i].value))
      return false;
  for (std::size_t i = 0; i < a.blocks.size(); ++i)
    if (a.blocks[i].source->name != b.blocks[i].source->name ||
        a.blocks[i].source->label != b.blocks[i].source->label ||
        !same(a.blocks[i].body, b.blocks[i].body))
      return false;
  return true;
}

void check_shape(const syntax::Block& block, const StructInfo& info, const std::string& file,
                 syntax::Diagnostics& diagnostics) {
  ShapeCheck{file, diagnostics}.body(block.body, info, block.name_span, block.full_name());
}

EvaluatedBody evaluate_body(const syntax::Body& body, const syntax::Scope& scope,
                            const std::string& file, syntax::Diagnostics& diagnostics) {
  EvaluatedBody out;
  for (const auto& statement : body.statements) {
    if (auto* a = std::get_if<syntax::Attribute>(&statement)) {
      if (auto value = syntax::evaluate(*a->value, scope, file, diagnostics))
        out.attributes.push_back({a->name.name, a->name.span, a->value, std::move(*value)});
    } else {
      const auto& b = std::get<std::shared_ptr<const syntax::Block>>(statement);
      out.blocks.push_back({b, evaluate_body(b->body, scope, file, diagnostics)});
    }
  }
  return out;
}

bool decode(const EvaluatedBody& body, const StructInfo& info, const std::string& file, Span whole,
            void* into, syntax::Diagnostics& diagnostics, bool complete) {
  Decoder decoder{file, diagnostics, complete};
  decoder.body(body, info, whole, into);
  return decoder.good;
}

syntax::Object encode(const StructInfo& info, const void* from) {
  syntax::Object out;
  for (const FieldInfo& f : info.fields) {
    if (!f.is_block) {
      f.codec->encode(f.member(const_cast<void*>(from)), out[std::string(f.name)]);
      continue;
    }
    syntax::Array blocks;
    for (std::size_t i = 0; i < f.count(from); ++i)
      blocks.emplace_back(encode(*f.nested(), f.at(from, i)));
    out[std::string(f.name)] = syntax::Value(std::move(blocks));
  }
  return out;
}

}  // namespace collector::schema
