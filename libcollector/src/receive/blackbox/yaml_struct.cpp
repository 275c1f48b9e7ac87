#include "receive/blackbox/yaml_struct.hpp"

#include "base/base64.hpp"
#include "syntax/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

namespace collector::receive::blackbox {
namespace {

using syntax::Value;

constexpr std::string_view kBinary = "tag:yaml.org,2002:binary";

std::string place(const YAML::Node& at) {
  const YAML::Mark mark = at.Mark();
  if (mark.line < 0) return {};
  return fmt::format("line {}, column {}: ", mark.line + 1, mark.column + 1);
}

/// The inner type of `list(X)` or `map(X)`.
std::optional<std::string_view> inside(std::string_view type, std::string_view outer) {
  if (!type.starts_with(outer) || type.size() < outer.size() + 2 || type[outer.size()] != '(')
    return std::nullopt;
  return type.substr(outer.size() + 1, type.size() - outer.size() - 2);
}

class Reader {
 public:
  explicit Reader(YamlProblems& problems) : problems_(problems) {}

  /// What a codec of `type` reads, or nothing and a problem.
  std::optional<Value> value(const YAML::Node& node, std::string_view type, std::string_view what) {
    if (const auto element = inside(type, "list")) return list(node, *element, what);
    if (const auto element = inside(type, "map")) return map(node, *element, what);
    if (!node.IsScalar()) return wrong(node, what, type);
    if (type == "bool") {
      bool flag = false;
      if (!YAML::convert<bool>::decode(node, flag)) return wrong(node, what, type);
      return Value(flag);
    }
    if (type == "int") {
      std::int64_t number = 0;
      if (!YAML::convert<std::int64_t>::decode(node, number)) return wrong(node, what, type);
      return Value(number);
    }
    if (node.Tag() != kBinary) return Value(node.Scalar());
    auto bytes = base::base64_decode(node.Scalar());
    if (!bytes) {
      problems_.add(node, fmt::format("{} is no base64", what));
      return std::nullopt;
    }
    return Value(std::move(*bytes));
  }

 private:
  std::optional<Value> wrong(const YAML::Node& node, std::string_view what, std::string_view type) {
    problems_.add(node, fmt::format("{} should be {}", what, type));
    return std::nullopt;
  }
  std::optional<Value> list(const YAML::Node& node, std::string_view type, std::string_view what) {
    if (!node.IsSequence()) return wrong(node, what, fmt::format("list({})", type));
    syntax::Array out;
    for (const YAML::Node& item : node) {
      auto one = value(item, type, what);
      if (!one) return std::nullopt;
      out.push_back(std::move(*one));
    }
    return Value(std::move(out));
  }
  std::optional<Value> map(const YAML::Node& node, std::string_view type, std::string_view what) {
    syntax::Object out;
    for (const auto& [key, at, item] : mapping_entries(node, what, problems_)) {
      auto one = value(item, type, fmt::format("{}: {}", what, key));
      if (!one) return std::nullopt;
      out[key] = std::move(*one);
    }
    return Value(std::move(out));
  }

  YamlProblems& problems_;
};

void report(const YAML::Node& at, const Status& status, YamlProblems& problems) {
  if (status.code() == Code::unimplemented)
    problems.lacks(at, status.what());
  else
    problems.add(at, status.what());
}

void read_attribute(const YAML::Node& node, const schema::FieldInfo& field, void* into,
                    YamlProblems& problems) {
  const auto value = Reader(problems).value(node, field.codec->type(), field.name);
  if (!value) return;
  void* member = field.member(into);
  Value before;
  field.codec->encode(member, before);
  schema::Misfit misfit;
  if (!field.codec->decode(*value, member, misfit))
    return problems.add(node, fmt::format("{}: {}", field.name, misfit.what));
  if (!field.refused.empty()) {
    Value after;
    field.codec->encode(member, after);
    if (!(after == before))
      return problems.lacks(node,
                            fmt::format("{} is not supported: {}", field.name, field.refused));
  }
  if (field.check)
    if (Status s = field.check(field, member); !s.ok()) report(node, s.in(field.name), problems);
}

void read_block(const YAML::Node& node, const schema::FieldInfo& field, void* into,
                YamlProblems& problems) {
  if (!field.refused.empty())
    return problems.lacks(node, fmt::format("{} is not supported: {}", field.name, field.refused));
  if (!field.repeatable)
    return read_mapping(node, *field.nested(), field.add(into), field.name, problems);
  if (!node.IsSequence()) return problems.add(node, fmt::format("{} should be a list", field.name));
  for (const YAML::Node& item : node)
    read_mapping(item, *field.nested(), field.add(into), field.name, problems);
}

}  // namespace

void YamlProblems::add(const YAML::Node& at, std::string_view what) {
  all_.push_back(place(at).append(what));
  wrong_ = true;
}

void YamlProblems::lacks(const YAML::Node& at, std::string_view what) {
  all_.push_back(place(at).append(what));
}

Status YamlProblems::status() const {
  if (all_.empty()) return {};
  return {wrong_ ? Code::invalid_argument : Code::unimplemented,
          fmt::format("{}", fmt::join(all_, "; "))};
}

std::vector<MappingEntry> mapping_entries(const YAML::Node& node, std::string_view what,
                                          YamlProblems& problems) {
  std::vector<MappingEntry> out;
  if (!node.IsDefined() || node.IsNull()) return out;
  if (!node.IsMap()) {
    problems.add(node, fmt::format("{} should be a mapping", what));
    return out;
  }
  std::set<std::string> names;
  std::vector<YAML::Node> merged;
  for (const auto& field : node) {
    if (!field.first.IsScalar()) {
      problems.add(field.first, fmt::format("a name in {} is no text", what));
      continue;
    }
    const std::string& name = field.first.Scalar();
    if (name == "<<" && field.second.IsSequence()) {
      for (const YAML::Node& one : field.second) merged.push_back(one);
    } else if (name == "<<") {
      merged.push_back(field.second);
    } else if (!names.insert(name).second) {
      problems.add(field.first, fmt::format("{} has \"{}\" twice", what, name));
    } else {
      out.push_back({name, field.first, field.second});
    }
  }
  for (const YAML::Node& one : merged)
    for (auto& entry : mapping_entries(one, what, problems))
      if (names.insert(entry.name).second) out.push_back(std::move(entry));
  return out;
}

void read_mapping(const YAML::Node& node, const schema::StructInfo& info, void* into,
                  std::string_view what, YamlProblems& problems) {
  const std::size_t before = problems.count();
  std::set<std::string_view> seen;
  const auto entries = mapping_entries(node, what, problems);
  for (const auto& [name, key, value] : entries) {
    const auto field =
        std::find_if(info.fields.begin(), info.fields.end(),
                     [&name = name](const schema::FieldInfo& f) { return f.name == name; });
    if (field == info.fields.end()) {
      problems.add(key, fmt::format("{} has no field \"{}\"", what, name));
      continue;
    }
    if (value.IsNull()) continue;
    seen.insert(field->name);
    if (field->is_block)
      read_block(value, *field, into, problems);
    else
      read_attribute(value, *field, into, problems);
  }
  for (const schema::FieldInfo& field : info.fields)
    if (field.required && !seen.contains(field.name))
      problems.add(node, fmt::format("{} needs {}", what, field.name));
  const bool fine = problems.count() == before;
  if (fine && info.validate)
    if (Status s = info.validate(into); !s.ok()) report(node, s.in(what), problems);
}

}  // namespace collector::receive::blackbox
