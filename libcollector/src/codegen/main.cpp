// protoc-gen-collector: a plugin of protoc that writes structs of views, readers and writers which
// stand on wire/reader.hpp and wire/writer.hpp. A build tool; nothing of it is in the library.
#include "generate.hpp"

#include <google/protobuf/compiler/code_generator.h>
#include <google/protobuf/compiler/plugin.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <memory>

namespace codegen {
namespace {

class Generator final : public google::protobuf::compiler::CodeGenerator {
 public:
  std::uint64_t GetSupportedFeatures() const override { return FEATURE_PROTO3_OPTIONAL; }

  bool Generate(const FileDescriptor* file, const std::string&,
                google::protobuf::compiler::GeneratorContext* context,
                std::string* error) const override {
    *error = objection(file);
    if (!error->empty()) return false;
    {
      const std::unique_ptr<google::protobuf::io::ZeroCopyOutputStream> stream(
          context->Open(output_path(file, ".hpp")));
      Printer out(stream.get(), '$');
      print_header(file, out);
    }
    const std::unique_ptr<google::protobuf::io::ZeroCopyOutputStream> stream(
        context->Open(output_path(file, ".cpp")));
    Printer out(stream.get(), '$');
    out.Print(
        "// Written by protoc-gen-collector from $file$.\n"
        "#include \"proto/$header$\"\n"
        "\n"
        "#include \"wire/reader.hpp\"\n"
        "#include \"wire/writer.hpp\"\n"
        "\n"
        "namespace collector::proto::$namespace$ {\n",
        "file", file->name(), "header", output_path(file, ".hpp"), "namespace",
        file_namespace(file));
    for (const Descriptor* message : all_messages(file)) {
      print_reader(message, out);
      print_writer(message, out);
    }
    out.Print("\n}  // namespace collector::proto::$namespace$\n", "namespace",
              file_namespace(file));
    return true;
  }
};

}  // namespace
}  // namespace codegen

int main(int argc, char** argv) {
  const codegen::Generator generator;
  return google::protobuf::compiler::PluginMain(argc, argv, &generator);
}
