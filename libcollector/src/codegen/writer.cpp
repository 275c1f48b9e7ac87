#include "generate.hpp"

#include <map>

namespace codegen {
namespace {

using FD = FieldDescriptor;

/// The varint that is written of `x`.
std::string to_varint(const FD* field, const std::string& x) {
  switch (field->type()) {
    case FD::TYPE_SINT32:
      return "wire::zigzag32(" + x + ")";
    case FD::TYPE_SINT64:
      return "wire::zigzag64(" + x + ")";
    case FD::TYPE_INT32:
    case FD::TYPE_INT64:
      return "wire::signed_varint(" + x + ")";
    case FD::TYPE_ENUM:
      return "wire::signed_varint(static_cast<std::int32_t>(" + x + "))";
    case FD::TYPE_BOOL:
      return x + " ? 1U : 0U";
    default:
      return x;
  }
}

/// Puts the bytes and the tag of the scalar or text `x`, for which there is room.
std::string put_value(const FD* field, const std::string& x) {
  const std::string tagged =
      "p = wire::put_tag<" + std::to_string(tag(field, wire_type(field))) + ">(";
  if (is_text(field)) return tagged + "wire::put_bytes(p, " + x + "));\n";
  if (wire_type(field) == kVarint)
    return tagged + "wire::put_before(p, " + to_varint(field, x) + "));\n";
  return tagged + "wire::put_fixed(p, " + x + "));\n";
}

std::string is_present(const FD* field) {
  const std::string m = "m." + member(field);
  if (in_oneof(field)) {
    const auto* const oneof = field->real_containing_oneof();
    return "m." + case_member(oneof) + " == " + type_name(field->containing_type()) +
           "::" + case_type(oneof) + "::" + member(field);
  }
  if (is_map_entry(field->containing_type())) return "true";
  if (is_message(field)) return m;
  if (has_flag(field)) return "m.has_" + field->name();
  if (is_text(field)) return "!" + m + ".empty()";
  switch (field->cpp_type()) {
    // Minus zero is not the default.
    case FD::CPPTYPE_DOUBLE:
      return "std::bit_cast<std::uint64_t>(" + m + ") != 0";
    case FD::CPPTYPE_FLOAT:
      return "std::bit_cast<std::uint32_t>(" + m + ") != 0";
    case FD::CPPTYPE_ENUM:
      return "static_cast<std::int32_t>(" + m + ") != 0";
    case FD::CPPTYPE_BOOL:
      return m;
    default:
      return m + " != 0";
  }
}

/// A singular scalar or text whose size can be told without asking whether it is there.
bool is_flat(const FD* field) {
  return !field->is_repeated() && !is_message(field) && !(is_text(field) && in_oneof(field));
}

std::size_t most_bytes(const FD* field) {
  const std::size_t tag_size = varint_size(tag(field, wire_type(field)));
  switch (wire_type(field)) {
    case kFixed64:
      return tag_size + 8;
    case kFixed32:
      return tag_size + 4;
    case kLength:
      return tag_size + 10;
    default:
      return tag_size + (field->type() == FD::TYPE_BOOL ? 1 : 10);
  }
}

void print_repeated(const FD* field, Printer& out) {
  std::map<std::string, std::string> vars;
  vars["m"] = "m." + member(field);
  vars["tag"] = std::to_string(usual_tag(field));
  if (field->is_packed() && wire_type(field) != kVarint) {
    out.Print(vars, "p = wire::put_packed_fixed<$tag$>(p, $m$, w);\n");
  } else if (field->is_packed()) {
    vars["type"] = value_type(field);
    vars["varint"] = to_varint(field, "x");
    out.Print(vars,
              "p = wire::put_packed<$tag$>(p, $m$, w,\n"
              "                            [](const $type$& x) -> std::uint64_t { return $varint$; "
              "});\n");
  } else {
    out.Print(vars, "for (std::size_t i = $m$.size(); i-- > 0;) {\n");
    if (is_message(field)) {
      out.Print(vars, "  p = wire::put_nested<$tag$>(p, $m$[i], w);\n");
    } else {
      vars["most"] = std::to_string(most_bytes(field));
      vars["put"] = put_value(field, vars["m"] + "[i]");
      out.Print(vars, is_text(field) ? "  p = w.room(p, $most$ + $m$[i].size());\n  $put$"
                                     : "  p = w.room(p, $most$);\n  $put$");
    }
    out.Print("}\n");
  }
}

void print_message(const FD* field, Printer& out) {
  const std::string tag = std::to_string(usual_tag(field)), m = "m." + member(field);
  if (is_map_entry(field->containing_type()))
    // An entry always has its value.
    out.Print(
        "if ($m$) {\n"
        "  p = wire::put_nested<$tag$>(p, *$m$, w);\n"
        "} else {\n"
        "  p = w.room(p, 1 + wire::kMostTag);\n"
        "  p = wire::put_tag<$tag$>(wire::put_before(p, 0));\n"
        "}\n",
        "m", m, "tag", tag);
  else
    out.Print("if ($present$) p = wire::put_nested<$tag$>(p, *$m$, w);\n", "present",
              is_present(field), "m", m, "tag", tag);
}

}  // namespace

void print_writer(const Descriptor* message, Printer& out) {
  const auto fields = by_number(message);
  out.Print("\nchar* write_message(char* p, const $type$& m, wire::Writer& w) {\n", "type",
            type_name(message));
  out.Indent();
  out.Print("p = wire::put_unknown(p, m.unknown_fields, w);\n");
  for (std::size_t i = fields.size(); i-- > 0;) {
    const FD* const field = fields[i];
    if (field->is_repeated()) {
      print_repeated(field, out);
      continue;
    }
    if (is_message(field)) {
      print_message(field, out);
      continue;
    }
    if (!is_flat(field)) {
      out.Print(
          "if ($present$) {\n"
          "  p = w.room(p, $most$ + $m$.size());\n"
          "  $put$"
          "}\n",
          "present", is_present(field), "most", std::to_string(most_bytes(field)), "m",
          "m." + member(field), "put", put_value(field, "m." + member(field)));
      continue;
    }
    if (i + 1 == fields.size() || !is_flat(fields[i + 1])) {
      // One check of the room for the whole run of flat fields.
      std::size_t most = 0;
      std::string sizes;
      for (std::size_t k = i + 1; k-- > 0 && is_flat(fields[k]);) {
        most += most_bytes(fields[k]);
        if (is_text(fields[k])) sizes += " + m." + member(fields[k]) + ".size()";
      }
      out.Print("p = w.room(p, $most$$sizes$);\n", "most", std::to_string(most), "sizes", sizes);
    }
    const std::string present = is_present(field);
    if (present != "true") out.Print("if ($present$) ", "present", present);
    out.Print("$put$", "put", put_value(field, "m." + member(field)));
  }
  out.Print("return p;\n");
  out.Outdent();
  out.Print("}\n");
}

}  // namespace codegen
