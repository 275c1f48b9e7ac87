// The parts of what is generated for one .proto file.
#pragma once

#include "schema.hpp"

#include <google/protobuf/io/printer.h>

namespace codegen {

using google::protobuf::io::Printer;

/// The header: enums, structs, and the declarations of readers and writers.
void print_header(const FileDescriptor* file, Printer& out);
/// read_message: merges the bytes of a message into its struct.
void print_reader(const Descriptor* message, Printer& out);
/// write_message: the bytes of a struct, backwards.
void print_writer(const Descriptor* message, Printer& out);

}  // namespace codegen
