#include "pipeline/byte_size.hpp"

#include "base/byte_size.hpp"
#include "syntax/value.hpp"

namespace collector {
namespace pipeline {
namespace {

struct ByteSizeCodec final : schema::Codec {
  std::string type() const override { return "int"; }
  bool decode(const syntax::Value& value, void* into, schema::Misfit& misfit) const override {
    auto& bytes = static_cast<ByteSize*>(into)->bytes;
    if (value.type() == syntax::Value::Type::string) {
      if (base::parse_bytes(value.string(), bytes)) return true;
      misfit.what = "should be a number of bytes, such as 10485760 or \"10MiB\"";
      return false;
    }
    return schema::codec_for<std::int64_t>().decode(value, &bytes, misfit);
  }
  void encode(const void* from, syntax::Value& value) const override {
    schema::codec_for<std::int64_t>().encode(&static_cast<const ByteSize*>(from)->bytes, value);
  }
};

}  // namespace
}  // namespace pipeline

namespace schema {

const Codec& CodecFor<pipeline::ByteSize>::get() {
  static const pipeline::ByteSizeCodec codec;
  return codec;
}

}  // namespace schema
}  // namespace collector
