// How a schema is spelled in C++: names, types, tags.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace codegen {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::OneofDescriptor;

enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

/// Why a file cannot be generated: it has groups, extensions, required fields or maps of
/// proto2 enums. Else empty.
std::string objection(const FileDescriptor* file);

/// `remote_write_v1.proto` is `remote_write_v1`: its namespace within collector::proto.
std::string file_namespace(const FileDescriptor* file);
/// Path of what is generated: `remote_write_v1` and an extension.
std::string output_path(const FileDescriptor* file, const std::string& extension);

std::string type_name(const Descriptor* message);
std::string type_name(const EnumDescriptor* type);
std::string enumerator(const google::protobuf::EnumValueDescriptor* value);
std::string member(const FieldDescriptor* field);
std::string case_type(const OneofDescriptor* oneof);
std::string case_member(const OneofDescriptor* oneof);

bool is_message(const FieldDescriptor* field);
bool is_text(const FieldDescriptor* field);  ///< string or bytes
bool in_oneof(const FieldDescriptor* field);
bool is_map_entry(const Descriptor* message);
/// There is a `has_` member: a scalar that tells absent from its default.
bool has_flag(const FieldDescriptor* field);
/// proto2: a value that the enum does not name is kept as an unknown field.
bool is_closed_enum(const FieldDescriptor* field);
bool checks_utf8(const FieldDescriptor* field);

/// Of one element: `std::int64_t`, `::collector::proto::x::Label`.
std::string value_type(const FieldDescriptor* field);
std::string default_value(const FieldDescriptor* field);
/// Of one element on its own.
WireType wire_type(const FieldDescriptor* field);
std::uint32_t tag(const FieldDescriptor* field, WireType type);
/// What a writer that follows the schema sends.
std::uint32_t usual_tag(const FieldDescriptor* field);
std::size_t varint_size(std::uint32_t v);

/// Nested ones behind the one that holds them.
std::vector<const Descriptor*> all_messages(const FileDescriptor* file);
std::vector<const EnumDescriptor*> all_enums(const FileDescriptor* file);
std::vector<const FieldDescriptor*> by_number(const Descriptor* message);

}  // namespace codegen
