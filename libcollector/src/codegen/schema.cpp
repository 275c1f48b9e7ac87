#include "schema.hpp"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <functional>
#include <set>

namespace codegen {
namespace {

using FD = FieldDescriptor;

std::string with_underscores(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  std::replace(name.begin(), name.end(), '/', '_');
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string lower(std::string name) {
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

/// `MetricType` is `METRIC_TYPE`.
std::string upper_snake(const std::string& name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (std::isupper(c) && i > 0 && !std::isupper(static_cast<unsigned char>(name[i - 1])))
      out += '_';
    out += static_cast<char>(std::toupper(c));
  }
  return out;
}

/// Words of C++, and names that generated structs have for themselves.
std::string usable(std::string name) {
  static const std::set<std::string> kTaken = {
      "alignas",  "alignof",  "and",       "asm",       "auto",      "bool",
      "break",    "case",     "catch",     "char",      "class",     "compl",
      "concept",  "const",    "consteval", "constexpr", "constinit", "continue",
      "decltype", "default",  "delete",    "do",        "double",    "else",
      "enum",     "explicit", "export",    "extern",    "false",     "float",
      "for",      "friend",   "goto",      "if",        "inline",    "int",
      "long",     "mutable",  "namespace", "new",       "noexcept",  "not",
      "nullptr",  "operator", "or",        "private",   "protected", "public",
      "register", "requires", "return",    "short",     "signed",    "sizeof",
      "static",   "struct",   "switch",    "template",  "this",      "throw",
      "true",     "try",      "typedef",   "typeid",    "typename",  "union",
      "unsigned", "using",    "virtual",   "void",      "volatile",  "while",
      "xor",      "none",     "wire",      "std",       "collector", "unknown_fields"};
  if (kTaken.count(name)) name += '_';
  return name;
}

std::string within_package(const std::string& full_name, const FileDescriptor* file) {
  const std::size_t skip = file->package().empty() ? 0 : file->package().size() + 1;
  return with_underscores(full_name.substr(skip));
}

template <class T>
std::string number(T v) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, v).ptr;
  return {text, end};
}

/// By its bits: the least ones have no literal.
std::string integer(std::int64_t v, const std::string& type) {
  if (v >= 0) return number(v);
  return "static_cast<" + type + ">(" + number(static_cast<std::uint64_t>(v)) + "u)";
}

template <class T>
std::string real(T v, const std::string& type) {
  if (v == 0 && !std::signbit(v)) return "0";
  if (std::isnan(v)) return "std::numeric_limits<" + type + ">::quiet_NaN()";
  if (std::isinf(v))
    return (v < 0 ? "-std::numeric_limits<" : "std::numeric_limits<") + type + ">::infinity()";
  return "static_cast<" + type + ">(" + number(v) + ")";
}

std::string literal(const std::string& bytes) {
  std::string out = "{\"";
  for (const char c : bytes) {
    char octal[8];
    std::snprintf(octal, sizeof octal, "\\%03o", static_cast<unsigned char>(c));
    out += octal;
  }
  return out + "\", " + std::to_string(bytes.size()) + "}";
}

}  // namespace

std::string objection(const FileDescriptor* file) {
  for (const Descriptor* message : all_messages(file)) {
    if (message->extension_count() > 0) return message->full_name() + " declares extensions";
    for (int i = 0; i < message->field_count(); ++i) {
      const FD* const field = message->field(i);
      if (field->type() == FD::TYPE_GROUP) return field->full_name() + " is a group";
      if (field->is_required()) return field->full_name() + " is required";
      // A value without a name would have to make its whole entry unknown.
      if (is_map_entry(message) && is_closed_enum(field))
        return message->full_name() + " is a map of proto2 enums";
    }
  }
  return file->extension_count() > 0 ? file->name() + " declares extensions" : "";
}

std::string output_path(const FileDescriptor* file, const std::string& extension) {
  return file->name().substr(0, file->name().rfind('.')) + extension;
}
std::string file_namespace(const FileDescriptor* file) {
  return with_underscores(output_path(file, ""));
}

std::string type_name(const Descriptor* message) {
  return usable(within_package(message->full_name(), message->file()));
}
std::string type_name(const EnumDescriptor* type) {
  return usable(within_package(type->full_name(), type->file()));
}

std::string enumerator(const google::protobuf::EnumValueDescriptor* value) {
  const EnumDescriptor* const type = value->type();
  const std::string prefix = upper_snake(type->name()) + "_";
  const auto bare = [&](const google::protobuf::EnumValueDescriptor* v) {
    return lower(v->name().rfind(prefix, 0) == 0 ? v->name().substr(prefix.size()) : v->name());
  };
  std::string name = bare(value);
  bool twice = false;
  for (int i = 0; i < type->value_count(); ++i)
    twice |= type->value(i) != value && bare(type->value(i)) == name;
  if (twice || name.empty() || std::isdigit(static_cast<unsigned char>(name[0])))
    return usable(value->name());
  return name == "none" ? name : usable(name);
}

std::string member(const FD* field) { return usable(field->name()); }
std::string case_type(const OneofDescriptor* oneof) {
  std::string out;
  bool start = true;
  for (const char c : oneof->name()) {
    if (c != '_') out += start ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    start = c == '_';
  }
  return out + "Case";
}
std::string case_member(const OneofDescriptor* oneof) { return oneof->name() + "_case"; }

bool is_message(const FD* field) { return field->type() == FD::TYPE_MESSAGE; }
bool is_text(const FD* field) {
  return field->type() == FD::TYPE_STRING || field->type() == FD::TYPE_BYTES;
}
bool in_oneof(const FD* field) { return field->real_containing_oneof() != nullptr; }
bool is_map_entry(const Descriptor* message) { return message->options().map_entry(); }
bool has_flag(const FD* field) {
  return field->has_presence() && !is_message(field) && !in_oneof(field) &&
         !is_map_entry(field->containing_type());
}
bool is_closed_enum(const FD* field) {
  return field->type() == FD::TYPE_ENUM && field->file()->syntax() == FileDescriptor::SYNTAX_PROTO2;
}
bool checks_utf8(const FD* field) {
  return field->type() == FD::TYPE_STRING &&
         field->file()->syntax() == FileDescriptor::SYNTAX_PROTO3;
}

std::string value_type(const FD* field) {
  switch (field->type()) {
    case FD::TYPE_DOUBLE:
      return "double";
    case FD::TYPE_FLOAT:
      return "float";
    case FD::TYPE_INT64:
    case FD::TYPE_SINT64:
    case FD::TYPE_SFIXED64:
      return "std::int64_t";
    case FD::TYPE_UINT64:
    case FD::TYPE_FIXED64:
      return "std::uint64_t";
    case FD::TYPE_INT32:
    case FD::TYPE_SINT32:
    case FD::TYPE_SFIXED32:
      return "std::int32_t";
    case FD::TYPE_UINT32:
    case FD::TYPE_FIXED32:
      return "std::uint32_t";
    case FD::TYPE_BOOL:
      return "bool";
    case FD::TYPE_ENUM:
      return "proto::" + file_namespace(field->enum_type()->file()) +
             "::" + type_name(field->enum_type());
    case FD::TYPE_MESSAGE:
      return "proto::" + file_namespace(field->message_type()->file()) +
             "::" + type_name(field->message_type());
    default:
      return "std::string_view";
  }
}

std::string default_value(const FD* field) {
  switch (field->cpp_type()) {
    case FD::CPPTYPE_INT32:
      return integer(field->default_value_int32(), "std::int32_t");
    case FD::CPPTYPE_INT64:
      return integer(field->default_value_int64(), "std::int64_t");
    case FD::CPPTYPE_UINT32:
      return number(field->default_value_uint32());
    case FD::CPPTYPE_UINT64:
      return number(field->default_value_uint64()) + "u";
    case FD::CPPTYPE_DOUBLE:
      return real(field->default_value_double(), "double");
    case FD::CPPTYPE_FLOAT:
      return real(field->default_value_float(), "float");
    case FD::CPPTYPE_BOOL:
      return field->default_value_bool() ? "true" : "false";
    case FD::CPPTYPE_ENUM:
      return value_type(field) + "::" + enumerator(field->default_value_enum());
    case FD::CPPTYPE_STRING:
      return field->default_value_string().empty() ? "{}" : literal(field->default_value_string());
    default:
      return "nullptr";
  }
}

WireType wire_type(const FD* field) {
  switch (field->type()) {
    case FD::TYPE_FIXED64:
    case FD::TYPE_SFIXED64:
    case FD::TYPE_DOUBLE:
      return kFixed64;
    case FD::TYPE_FIXED32:
    case FD::TYPE_SFIXED32:
    case FD::TYPE_FLOAT:
      return kFixed32;
    case FD::TYPE_STRING:
    case FD::TYPE_BYTES:
    case FD::TYPE_MESSAGE:
      return kLength;
    default:
      return kVarint;
  }
}

std::uint32_t tag(const FD* field, WireType type) {
  return static_cast<std::uint32_t>(field->number()) << 3 | type;
}
std::uint32_t usual_tag(const FD* field) {
  return tag(field, field->is_packed() ? kLength : wire_type(field));
}
std::size_t varint_size(std::uint32_t v) {
  std::size_t n = 1;
  for (; v >= 0x80; v >>= 7) ++n;
  return n;
}

std::vector<const Descriptor*> all_messages(const FileDescriptor* file) {
  std::vector<const Descriptor*> all;
  const std::function<void(const Descriptor*)> add = [&](const Descriptor* message) {
    all.push_back(message);
    for (int i = 0; i < message->nested_type_count(); ++i) add(message->nested_type(i));
  };
  for (int i = 0; i < file->message_type_count(); ++i) add(file->message_type(i));
  return all;
}

std::vector<const EnumDescriptor*> all_enums(const FileDescriptor* file) {
  std::vector<const EnumDescriptor*> all;
  for (int i = 0; i < file->enum_type_count(); ++i) all.push_back(file->enum_type(i));
  for (const Descriptor* message : all_messages(file))
    for (int i = 0; i < message->enum_type_count(); ++i) all.push_back(message->enum_type(i));
  return all;
}

std::vector<const FD*> by_number(const Descriptor* message) {
  std::vector<const FD*> fields;
  for (int i = 0; i < message->field_count(); ++i) fields.push_back(message->field(i));
  std::sort(fields.begin(), fields.end(),
            [](const FD* a, const FD* b) { return a->number() < b->number(); });
  return fields;
}

}  // namespace codegen
