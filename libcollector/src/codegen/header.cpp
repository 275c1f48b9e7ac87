#include "generate.hpp"

#include <set>

namespace codegen {
namespace {

void print_enum(const EnumDescriptor* type, Printer& out) {
  out.Print("\nenum class $name$ : std::int32_t {\n", "name", type_name(type));
  out.Indent();
  for (int i = 0; i < type->value_count(); ++i)
    out.Print("$name$ = $number$,\n", "name", enumerator(type->value(i)), "number",
              std::to_string(type->value(i)->number()));
  out.Outdent();
  out.Print("};\n");
  out.Print("inline bool is_known($name$ v) {\n  switch (v) {\n", "name", type_name(type));
  std::set<int> seen;
  for (int i = 0; i < type->value_count(); ++i)
    if (seen.insert(type->value(i)->number()).second)
      out.Print("    case $type$::$name$:\n", "type", type_name(type), "name",
                enumerator(type->value(i)));
  out.Print("      return true;\n  }\n  return false;\n}\n");
}

struct Member {
  int alignment;
  std::string text;
};

int alignment(const FieldDescriptor* field) {
  if (field->is_repeated() || is_message(field) || is_text(field)) return 8;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return 1;
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_ENUM:
      return 4;
    default:
      return 8;
  }
}

Member oneof_members(const OneofDescriptor* oneof) {
  const std::string type = case_type(oneof), chosen = case_member(oneof);
  std::string cases = "  enum class " + type + " : std::uint32_t {\n    none = 0,\n";
  std::string members, setters;
  for (int i = 0; i < oneof->field_count(); ++i) {
    const FieldDescriptor* const f = oneof->field(i);
    const std::string given = value_type(f) + (is_message(f) ? "*" : "");
    const std::string held = is_text(f) ? "wire::Text" : given;
    cases += "    " + member(f) + " = " + std::to_string(f->number()) + ",\n";
    members += "    " + held + " " + member(f) + (i == 0 ? "{};\n" : ";\n");
    setters += "  void set_" + f->name() + "(" + given + " v) {\n    " + chosen + " = " + type +
               "::" + member(f) + ";\n    " + member(f) + " = " +
               (is_text(f) ? "{v.data(), v.size()}" : "v") + ";\n  }\n";
  }
  return {8, cases + "  };\n" + setters + "  union {\n" + members + "  };\n  " + type + " " +
                 chosen + " = " + type + "::none;\n"};
}

void print_struct(const Descriptor* message, Printer& out) {
  std::vector<Member> members;
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* const f = message->field(i);
    if (in_oneof(f)) continue;
    if (f->is_repeated())
      members.push_back({8, "  wire::Repeated<" + value_type(f) + "> " + member(f) + ";\n"});
    else if (is_message(f))
      members.push_back({8, "  " + value_type(f) + "* " + member(f) + " = nullptr;\n"});
    else
      members.push_back({alignment(f), "  " + value_type(f) + " " + member(f) + " = " +
                                           default_value(f) + ";\n"});
    if (has_flag(f)) members.push_back({1, "  bool has_" + f->name() + " = false;\n"});
  }
  for (int i = 0; i < message->real_oneof_decl_count(); ++i)
    members.push_back(oneof_members(message->oneof_decl(i)));
  members.push_back({8, "  wire::UnknownFields unknown_fields;\n"});
  out.Print("\n/// $name$\nstruct $type$ {\n", "name", message->full_name(), "type",
            type_name(message));
  // The largest first, so that flags do not spread a struct.
  for (const int size : {8, 4, 1})
    for (const Member& m : members)
      if (m.alignment == size) out.PrintRaw(m.text);
  out.Print("};\n");
}

}  // namespace

void print_header(const FileDescriptor* file, Printer& out) {
  out.Print(
      "// Written by protoc-gen-collector from $file$.\n"
      "#pragma once\n"
      "\n"
      "#include \"wire/message.hpp\"\n",
      "file", file->name());
  for (int i = 0; i < file->dependency_count(); ++i)
    out.Print("#include \"proto/$header$\"\n", "header", output_path(file->dependency(i), ".hpp"));
  out.Print(
      "\n"
      "#include <cstdint>\n"
      "#include <limits>\n"
      "#include <string_view>\n"
      "\n"
      "namespace collector::wire {\n"
      "struct Reader;\n"
      "class Writer;\n"
      "}  // namespace collector::wire\n"
      "\n"
      "namespace collector::proto::$namespace$ {\n\n",
      "namespace", file_namespace(file));
  const auto messages = all_messages(file);
  for (const Descriptor* message : messages)
    out.Print("struct $type$;\n", "type", type_name(message));
  for (const EnumDescriptor* type : all_enums(file)) print_enum(type, out);
  for (const Descriptor* message : messages) print_struct(message, out);
  out.Print("\n// Called by wire::decode and wire::encode.\n");
  for (const Descriptor* message : messages)
    out.Print(
        "const char* read_message(const char* p, const char* end, $type$& m, wire::Reader& r,\n"
        "                         int depth);\n"
        "char* write_message(char* p, const $type$& m, wire::Writer& w);\n",
        "type", type_name(message));
  out.Print("\n}  // namespace collector::proto::$namespace$\n", "namespace", file_namespace(file));
}

}  // namespace codegen
