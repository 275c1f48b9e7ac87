#include "generate.hpp"

#include <map>
#include <set>

namespace codegen {
namespace {

using FD = FieldDescriptor;

/// From the varint `v`.
std::string from_varint(const FD* field) {
  switch (field->type()) {
    case FD::TYPE_SINT32:
      return "wire::unzigzag32(v)";
    case FD::TYPE_SINT64:
      return "wire::unzigzag64(v)";
    case FD::TYPE_BOOL:
      return "v != 0";
    case FD::TYPE_ENUM:
      return "static_cast<" + value_type(field) + ">(static_cast<std::int32_t>(v))";
    default:
      return "static_cast<" + value_type(field) + ">(v)";
  }
}

/// One case of the switch over tags.
class FieldReader {
 public:
  FieldReader(const FD* field, Printer& out) : field_(field), out_(out) {
    vars_["m"] = "m." + member(field);
    vars_["type"] = value_type(field);
    vars_["number"] = std::to_string(field->number());
    vars_["tag"] = std::to_string(usual_tag(field));
    if (is_text(field)) vars_["read"] = checks_utf8(field) ? "read_text" : "read_bytes";
    if (wire_type(field) == kVarint) vars_["value"] = from_varint(field);
    if (in_oneof(field)) {
      const auto* const oneof = field->real_containing_oneof();
      vars_["case"] = "m." + case_member(oneof);
      vars_["chosen"] =
          type_name(field->containing_type()) + "::" + case_type(oneof) + "::" + member(field);
      vars_["set"] = "m.set_" + field->name();
    }
  }

  void element() {
    if (field_->is_repeated())
      return is_message(field_) ? repeated_message()
             : is_text(field_)  ? repeated_text()
                                : repeated_scalar();
    if (is_message(field_)) return singular_message();
    singular();
  }

  void packed() {
    if (wire_type(field_) != kVarint)
      print("p = wire::read_packed_fixed(p, end, $m$, r);\n");
    else if (is_closed_enum(field_))
      print(
          "p = wire::read_packed(p, end, $m$, r, [&](std::uint64_t v) {\n"
          "  const auto known = $value$;\n"
          "  return is_known(known) ? $m$.add(r.arena, known)\n"
          "                         : wire::keep_enum($number$, v, m.unknown_fields, r);\n"
          "});\n");
    else
      print(
          "p = wire::read_packed(p, end, $m$, r,\n"
          "                      [&](std::uint64_t v) { return $m$.add(r.arena, $value$); });\n");
    stop_on_error();
  }

 private:
  void print(const char* text) { out_.Print(vars_, text); }
  void stop_on_error() { print("if (!p) return nullptr;\n"); }
  void read_varint() {
    print(
        "std::uint64_t v = 0;\n"
        "p = wire::read_varint(p, end, v, r);\n"
        "if (!p) return nullptr;\n");
  }
  /// Opens the branch of a value that the schema names, where it could be another.
  void if_known() {
    if (is_closed_enum(field_))
      print(
          "if (!is_known($value$)) {\n"
          "  if (!wire::keep_enum($number$, v, m.unknown_fields, r))\n"
          "    return r.fail(wire::DecodeError::too_large);\n"
          "  continue;\n"
          "}\n");
  }
  /// Room for the run of elements that begins here, when the first of them comes.
  void reserve() {
    if (usual_tag(field_) < 0x80)
      print(
          "if ($m$.capacity() == 0 && !$m$.reserve(r.arena, wire::count_run(p, end, $tag$)))\n"
          "  return r.fail(wire::DecodeError::too_large);\n");
  }
  void add() {
    print(
        "$type$* const added = $m$.add(r.arena);\n"
        "if (!added) return r.fail(wire::DecodeError::too_large);\n");
  }

  void repeated_message() {
    reserve();
    add();
    print("p = wire::read_nested(p, end, *added, r, depth);\n");
    stop_on_error();
  }
  void repeated_text() {
    reserve();
    add();
    print("p = wire::$read$(p, end, *added, r);\n");
    stop_on_error();
  }
  void repeated_scalar() {
    if (wire_type(field_) == kVarint) {
      read_varint();
      if_known();
      print("if (!$m$.add(r.arena, $value$)) return r.fail(wire::DecodeError::too_large);\n");
      return;
    }
    add();
    print("p = wire::read_fixed(p, end, *added, r);\n");
    stop_on_error();
  }
  void singular_message() {
    if (in_oneof(field_))
      print(
          "if ($case$ != $chosen$) {\n"
          "  $type$* fresh = nullptr;\n"
          "  if (!wire::present(fresh, r.arena)) return r.fail(wire::DecodeError::too_large);\n"
          "  $set$(fresh);\n"
          "}\n");
    else
      print("if (!wire::present($m$, r.arena)) return r.fail(wire::DecodeError::too_large);\n");
    print("p = wire::read_nested(p, end, *$m$, r, depth);\n");
    stop_on_error();
  }
  void singular() {
    const bool varint = wire_type(field_) == kVarint;
    if (varint) {
      read_varint();
      if_known();
      print(in_oneof(field_) ? "$set$($value$);\n" : "$m$ = $value$;\n");
    } else {
      if (in_oneof(field_)) print("$type$ v{};\n");
      vars_["to"] = in_oneof(field_) ? "v" : vars_["m"];
      print(is_text(field_) ? "p = wire::$read$(p, end, $to$, r);\n"
                            : "p = wire::read_fixed(p, end, $to$, r);\n");
      stop_on_error();
      if (in_oneof(field_)) print("$set$(v);\n");
    }
    if (has_flag(field_)) out_.Print("m.has_$name$ = true;\n", "name", field_->name());
  }

  const FD* field_;
  Printer& out_;
  std::map<std::string, std::string> vars_;
};

/// The fields that most often come after this one: writers send fields by number.
std::vector<const FD*> successors(const std::vector<const FD*>& fields, std::size_t i) {
  std::vector<const FD*> next;
  const FD* const field = fields[i];
  if (field->is_repeated() && !field->is_packed()) next.push_back(field);
  std::size_t ahead = 0;
  for (std::size_t k = i + 1; k < fields.size() && ahead < 2; ++k) {
    if (in_oneof(field) && fields[k]->containing_oneof() == field->containing_oneof()) continue;
    next.push_back(fields[k]);
    ++ahead;
  }
  std::erase_if(next, [](const FD* f) { return usual_tag(f) >= 0x80; });
  return next;
}

void print_guess(const FD* next, Printer& out) {
  out.Print(
      "if (p < end && *p == $tag$) {\n"
      "  ++p;\n"
      "  goto field_$number$;\n"
      "}\n",
      "tag", std::to_string(usual_tag(next)), "number", std::to_string(next->number()));
}

}  // namespace

void print_reader(const Descriptor* message, Printer& out) {
  const auto fields = by_number(message);
  std::set<const FD*> guessed;
  if (!fields.empty() && usual_tag(fields[0]) < 0x80) guessed.insert(fields[0]);
  for (std::size_t i = 0; i < fields.size(); ++i)
    for (const FD* next : successors(fields, i)) guessed.insert(next);

  out.Print(
      "\n"
      "const char* read_message(const char* p, const char* end, $type$& m, wire::Reader& r,\n"
      "                         [[maybe_unused]] int depth) {\n",
      "type", type_name(message));
  out.Indent();
  out.Print(
      "const char* start = p;\n"
      "std::uint32_t tag = 0;\n");
  if (!fields.empty() && guessed.count(fields[0])) print_guess(fields[0], out);
  out.Print(
      "while (p < end) {\n"
      "  start = p;\n"
      "  p = wire::read_tag(p, end, tag, r);\n"
      "  if (!p) return nullptr;\n"
      "  switch (tag) {\n");
  out.Indent();
  out.Indent();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const FD* const field = fields[i];
    const std::string label = "field_" + std::to_string(field->number()) + ":\n";
    const auto print_case = [&](std::uint32_t tag, bool packed) {
      out.Print("case $tag$:\n", "tag", std::to_string(tag));
      if (guessed.count(field) && tag == usual_tag(field)) out.Print(label.c_str());
      out.Print("{\n");
      out.Indent();
      FieldReader reader(field, out);
      packed ? reader.packed() : reader.element();
      for (const FD* next : successors(fields, i)) print_guess(next, out);
      out.Print("continue;\n");
      out.Outdent();
      out.Print("}\n");
    };
    print_case(tag(field, wire_type(field)), false);
    if (field->is_packable()) print_case(tag(field, kLength), true);
  }
  out.Print(
      "default:\n"
      "  p = wire::read_unknown(start, p, end, tag, m.unknown_fields, r);\n"
      "  if (!p) return nullptr;\n");
  out.Outdent();
  out.Outdent();
  out.Print("  }\n}\nreturn p;\n");
  out.Outdent();
  out.Print("}\n");
}

}  // namespace codegen
