#include "schema/reference.hpp"

#include "syntax/value.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace collector::schema {
namespace {

using nlohmann::ordered_json;

/// A default-constructed struct, for its defaults.
class Sample {
 public:
  explicit Sample(const StructInfo& info) : info_(info), data_(info.create()) {}
  Sample(const Sample&) = delete;
  Sample& operator=(const Sample&) = delete;
  ~Sample() { info_.destroy(data_); }

  /// In the language's syntax; empty when the argument is required or not set by default.
  std::string text(const FieldInfo& f) const {
    if (!f.default_doc.empty()) return std::string(f.default_doc);
    if (f.required) return {};
    syntax::Value value;
    f.codec->encode(f.member(data_), value);
    return value.is_null() ? std::string() : syntax::to_text(value);
  }

 private:
  const StructInfo& info_;
  void* data_;
};

struct Level {
  std::string path;
  const StructInfo* info;
  const FieldInfo* field;
};

void add_levels(const StructInfo& info, const std::string& prefix, std::vector<Level>& levels) {
  for (const FieldInfo& f : info.fields) {
    if (!f.is_block) continue;
    const std::string path =
        prefix.empty() ? std::string(f.name) : fmt::format("{} > {}", prefix, f.name);
    levels.push_back({path, f.nested(), &f});
    if (levels.size() < 500) add_levels(*f.nested(), path, levels);
  }
}

std::vector<Level> levels_of(const StructInfo& info) {
  std::vector<Level> levels;
  add_levels(info, "", levels);
  return levels;
}

std::string escape_cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2)
    text.insert(at, 1, '\\');
  return text;
}

void append_table(std::string& page, const StructInfo& info) {
  const Sample sample(info);
  bool any = false;
  for (const FieldInfo& f : info.fields) {
    if (f.is_block) continue;
    if (!any) page += "| Name | Type | Default | Description |\n|---|---|---|---|\n";
    any = true;
    std::string note;
    if (!f.refused.empty())
      note = fmt::format(" **Refused** unless left at its default: {}.", f.refused);
    const std::string value = sample.text(f);
    page += fmt::format("| `{}` | `{}` | {} | {}{} |\n", f.name, f.codec->type(),
                        f.required      ? "required"
                        : value.empty() ? ""
                                        : "`" + escape_cell(value) + "`",
                        escape_cell(std::string(f.doc)), note);
  }
  if (!any) page += "No attributes.\n";
}

ordered_json attributes_json(const StructInfo& info) {
  const Sample sample(info);
  ordered_json out = ordered_json::array();
  for (const FieldInfo& f : info.fields) {
    if (f.is_block) continue;
    ordered_json a;
    a["name"] = std::string(f.name);
    a["type"] = f.codec->type();
    if (f.required) a["required"] = true;
    if (const std::string value = sample.text(f); !value.empty()) a["default"] = value;
    if (!f.refused.empty()) a["refused"] = std::string(f.refused);
    a["doc"] = std::string(f.doc);
    out.push_back(std::move(a));
  }
  return out;
}

}  // namespace

std::string reference_markdown(const ReferenceEntry& entry) {
  std::string page = fmt::format("# {}\n\n{}\n\n## Arguments\n\n", entry.name, entry.doc);
  append_table(page, *entry.args);
  for (const Level& level : levels_of(*entry.args)) {
    page += fmt::format("\n### Block `{}`\n\n{}{}{}\n\n", level.path, level.field->doc,
                        level.field->repeatable ? " May be given several times." : "",
                        level.field->required ? " Required." : "");
    if (!level.field->refused.empty())
      page += fmt::format("**Refused**: {}.\n\n", level.field->refused);
    append_table(page, *level.info);
  }
  page += "\n## Exports\n\n";
  if (entry.exports->fields.empty()) return page + "None.\n";
  page += "| Name | Type | Description |\n|---|---|---|\n";
  for (const FieldInfo& f : entry.exports->fields)
    page += fmt::format("| `{}` | `{}` | {} |\n", f.name, f.codec->type(),
                        escape_cell(std::string(f.doc)));
  return page;
}

std::string reference_json(const std::vector<ReferenceEntry>& entries) {
  ordered_json components = ordered_json::object();
  for (const ReferenceEntry& entry : entries) {
    ordered_json c;
    c["doc"] = std::string(entry.doc);
    c["arguments"] = attributes_json(*entry.args);
    c["blocks"] = ordered_json::array();
    c["block_arguments"] = ordered_json::object();
    for (const Level& level : levels_of(*entry.args)) {
      ordered_json b{{"path", level.path}};
      if (level.field->required) b["required"] = true;
      if (level.field->repeatable) b["repeatable"] = true;
      if (!level.field->refused.empty()) b["refused"] = std::string(level.field->refused);
      b["doc"] = std::string(level.field->doc);
      c["blocks"].push_back(std::move(b));
      c["block_arguments"][level.path] = attributes_json(*level.info);
    }
    c["exports"] = ordered_json::array();
    for (const FieldInfo& f : entry.exports->fields)
      c["exports"].push_back(
          {{"name", std::string(f.name)}, {"type", f.codec->type()}, {"doc", std::string(f.doc)}});
    components[std::string(entry.name)] = std::move(c);
  }
  return ordered_json{{"components", std::move(components)}}.dump(2) + "\n";
}

}  // namespace collector::schema
