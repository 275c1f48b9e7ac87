#include "receive/blackbox/pattern.hpp"

#include "model/relabel.hpp"
#include "syntax/value.hpp"

#include <re2/re2.h>

namespace collector::receive::blackbox {

using re2::StringPiece;

bool Pattern::found_in(std::string_view where) const {
  return regex->Match(StringPiece(where.data(), where.size()), 0, where.size(),
                      re2::RE2::UNANCHORED, nullptr, 0);
}

std::vector<std::string_view> Pattern::groups_in(std::string_view where) const {
  std::vector<StringPiece> pieces(static_cast<std::size_t>(regex->NumberOfCapturingGroups()) + 1);
  std::vector<std::string_view> out;
  if (!regex->Match(StringPiece(where.data(), where.size()), 0, where.size(), re2::RE2::UNANCHORED,
                    pieces.data(), static_cast<int>(pieces.size())))
    return out;
  for (const StringPiece& p : pieces) out.emplace_back(p.data(), p.size());
  return out;
}

}  // namespace collector::receive::blackbox

namespace collector::schema {
namespace {

struct PatternCodec final : Codec {
  using Pattern = receive::blackbox::Pattern;
  std::string type() const override { return "string"; }
  bool decode(const syntax::Value& value, void* into, Misfit& misfit) const override {
    Pattern pattern;
    if (!codec_for<std::string>().decode(value, &pattern.text, misfit)) return false;
    auto compiled = model::compile_go(pattern.text);
    if (!compiled) {
      misfit.what = compiled.error().what();
      return false;
    }
    pattern.regex = std::move(*compiled);
    *static_cast<Pattern*>(into) = std::move(pattern);
    return true;
  }
  void encode(const void* from, syntax::Value& value) const override {
    value = syntax::Value(static_cast<const Pattern*>(from)->text);
  }
};

}  // namespace

const Codec& CodecFor<receive::blackbox::Pattern>::get() {
  static const PatternCodec codec;
  return codec;
}

}  // namespace collector::schema
