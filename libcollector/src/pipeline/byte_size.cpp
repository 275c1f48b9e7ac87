#include "pipeline/byte_size.hpp"

#include "syntax/value.hpp"

#include <charconv>

namespace collector {
namespace pipeline {
namespace {

/// `1KiB`, `5MB`, `1.5GiB`; bare digits are bytes. Both spellings count in powers of two.
bool parse_bytes(std::string_view text, std::int64_t& bytes) {
  double n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || n < 0) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  constexpr std::string_view kUnits = "KMGTPE";
  double scale = 1;
  if (!text.empty() && text != "B") {
    const auto unit = kUnits.find(text.front());
    if (unit == kUnits.npos || (text.substr(1) != "B" && text.substr(1) != "iB")) return false;
    for (std::size_t i = 0; i <= unit; ++i) scale *= 1024;
  }
  if (n * scale >= 0x1p63) return false;
  bytes = static_cast<std::int64_t>(n * scale);
  return true;
}

struct ByteSizeCodec final : schema::Codec {
  std::string type() const override { return "int"; }
  bool decode(const syntax::Value& value, void* into, schema::Misfit& misfit) const override {
    auto& bytes = static_cast<ByteSize*>(into)->bytes;
    if (value.type() == syntax::Value::Type::string) {
      if (parse_bytes(value.string(), bytes)) return true;
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
