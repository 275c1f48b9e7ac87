#include "discover/exports.hpp"

#include "syntax/value.hpp"

namespace collector::schema {
namespace {

struct ContentCodec final : Codec {
  std::string type() const override { return "secret"; }
  bool decode(const syntax::Value&, void*, Misfit& misfit) const override {
    misfit.what = "content is exported only";
    return false;
  }
  void encode(const void* from, syntax::Value& value) const override {
    const auto& content = *static_cast<const discover::Content*>(from);
    value = syntax::Value(std::shared_ptr<const syntax::Capsule>(
        std::make_shared<syntax::OptionalSecret>(content.text, content.is_secret)));
  }
};

}  // namespace

const Codec& CodecFor<discover::Content>::get() {
  static const ContentCodec codec;
  return codec;
}

}  // namespace collector::schema
