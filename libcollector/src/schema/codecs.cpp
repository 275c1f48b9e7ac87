#include <collector/engine/arguments.hpp>

#include "base/duration.hpp"
#include "syntax/value.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace collector::schema {
namespace {

using syntax::Value;
using Type = Value::Type;

bool misfit_type(std::string_view wanted, const Value& got, Misfit& misfit) {
  std::string name(syntax::to_string(got.type()));
  if (got.type() == Type::capsule) name = fmt::format("capsule(\"{}\")", got.capsule().type_name());
  misfit.what = fmt::format("should be {}, is {}", wanted, name);
  return false;
}

/// The text of a value that counts as a string; numbers convert as in Alloy.
bool text_of(const Value& value, std::string& into, Misfit& misfit) {
  switch (value.type()) {
    case Type::string:
      into = value.string();
      return true;
    case Type::number:
      into = syntax::to_text(value);
      return true;
    case Type::capsule:
      if (auto open = value.capsule_as<syntax::OptionalSecret>()) {
        if (!open->sensitive()) {
          into = open->reveal();
          return true;
        }
      } else if (!value.capsule_as<syntax::Secret>()) {
        break;
      }
      misfit.what = "a secret cannot become a plain string";
      return false;
    default:
      break;
  }
  return misfit_type("string", value, misfit);
}

struct BoolCodec final : Codec {
  std::string type() const override { return "bool"; }
  bool decode(const Value& value, void* into, Misfit& misfit) const override {
    if (value.type() != Type::boolean) return misfit_type("bool", value, misfit);
    *static_cast<bool*>(into) = value.boolean();
    return true;
  }
  void encode(const void* from, Value& value) const override {
    value = Value(*static_cast<const bool*>(from));
  }
};

/// The number of a value; strings that are numbers convert as in Alloy.
bool number_of(const Value& value, Value& number, Misfit& misfit) {
  if (value.type() == Type::number) {
    number = value;
    return true;
  }
  if (value.type() != Type::string) return misfit_type("number", value, misfit);
  const std::string& s = value.string();
  const char* end = s.data() + s.size();
  std::int64_t i = 0;
  std::uint64_t u = 0;
  double d = 0;
  if (auto r = std::from_chars(s.data(), end, i); r.ec == std::errc() && r.ptr == end)
    number = Value(i);
  else if (auto r2 = std::from_chars(s.data(), end, u); r2.ec == std::errc() && r2.ptr == end)
    number = Value(u);
  else if (auto r3 = std::from_chars(s.data(), end, d); r3.ec == std::errc() && r3.ptr == end)
    number = Value(d);
  else
    return misfit_type("number", value, misfit);
  return true;
}

struct IntCodec final : Codec {
  std::string type() const override { return "int"; }
  bool decode(const Value& value, void* into, Misfit& misfit) const override {
    Value n;
    if (!number_of(value, n, misfit)) return false;
    if (n.is_uint() &&
        n.as_uint() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      misfit.what = "is too large for a signed 64-bit number";
      return false;
    }
    *static_cast<std::int64_t*>(into) = n.as_int();
    return true;
  }
  void encode(const void* from, Value& value) const override {
    value = Value(*static_cast<const std::int64_t*>(from));
  }
};

struct UintCodec final : Codec {
  std::string type() const override { return "uint"; }
  bool decode(const Value& value, void* into, Misfit& misfit) const override {
    Value n;
    if (!number_of(value, n, misfit)) return false;
    if ((n.is_int() && n.as_int() < 0) || (n.is_float() && n.as_float() < 0)) {
      misfit.what = "must not be negative";
      return false;
    }
    *static_cast<std::uint64_t*>(into) = n.as_uint();
    return true;
  }
  void encode(const void* from, Value& value) const override {
    value = Value(*static_cast<const std::uint64_t*>(from));
  }
};

struct FloatCodec final : Codec {
  std::string type() const override { return "float64"; }
  bool decode(const Value& value, void* into, Misfit& misfit) const override {
    Value n;
    if (!number_of(value, n, misfit)) return false;
    *static_cast<double*>(into) = n.as_float();
    return true;
  }
  void encode(const void* from, Value& value) const override {
    value = Value(*static_cast<const double*>(from));
  }
};

struct StringCodec final : Codec {
  std::string type() const override { return "string"; }
  bool decode(const Value& value, void* into, Misfit& misfit) const override {
    return text_of(value, *static_cast<std::string*>(into), misfit);
  }
  void encode(const void* from, Value& value) const override {
    value = Value(*static_cast<const std::string*>(from));
  }
};

struct DurationCodec final : Codec {
  std::string type() const override { return "duration"; }
  bool decode(const Value& value, void* into, Misfit& misfit) const override {
    if (value.type() != Type::string) return misfit_type("duration", value, misfit);
    const auto d = base::parse_duration(value.string());
    if (!d) {
      misfit.what =
          fmt::format("\"{}\" is no duration, such as \"30s\" or \"1h30m\"", value.string());
      return false;
    }
    *static_cast<Duration*>(into) = *d;
    return true;
  }
  void encode(const void* from, Value& value) const override {
    value = Value(base::to_text(*static_cast<const Duration*>(from)));
  }
};

struct SecretCodec final : Codec {
  std::string type() const override { return "secret"; }
  bool decode(const Value& value, void* into, Misfit& misfit) const override {
    if (auto secret = value.capsule_as<syntax::Secret>()) {
      *static_cast<SecretText*>(into) = SecretText(secret->reveal());
      return true;
    }
    if (auto open = value.capsule_as<syntax::OptionalSecret>()) {
      *static_cast<SecretText*>(into) = SecretText(open->reveal());
      return true;
    }
    std::string text;
    if (value.type() == Type::capsule || !text_of(value, text, misfit))
      return misfit_type("secret", value, misfit);
    *static_cast<SecretText*>(into) = SecretText(std::move(text));
    return true;
  }
  void encode(const void* from, Value& value) const override {
    value = static_cast<const SecretText*>(from)->empty() ? Value("") : Value("(secret)");
  }
};

template <class C>
const Codec& only() {
  static const C codec;
  return codec;
}

}  // namespace

const Codec& CodecFor<bool>::get() { return only<BoolCodec>(); }
const Codec& CodecFor<std::int64_t>::get() { return only<IntCodec>(); }
const Codec& CodecFor<std::uint64_t>::get() { return only<UintCodec>(); }
const Codec& CodecFor<double>::get() { return only<FloatCodec>(); }
const Codec& CodecFor<std::string>::get() { return only<StringCodec>(); }
const Codec& CodecFor<Duration>::get() { return only<DurationCodec>(); }
const Codec& CodecFor<SecretText>::get() { return only<SecretCodec>(); }

std::string ListCodec::type() const { return fmt::format("list({})", element().type()); }

bool ListCodec::decode(const Value& value, void* into, Misfit& misfit) const {
  clear(into);
  if (value.is_null()) return true;
  if (value.type() != Type::array) return misfit_type("array", value, misfit);
  std::size_t i = 0;
  for (const Value& v : value.array()) {
    if (!element().decode(v, add(into), misfit)) {
      misfit.path.insert(misfit.path.begin(), std::to_string(i));
      return false;
    }
    ++i;
  }
  return true;
}

void ListCodec::encode(const void* from, Value& value) const {
  syntax::Array array(size(from));
  for (std::size_t i = 0; i < array.size(); ++i) element().encode(at(from, i), array[i]);
  value = Value(std::move(array));
}

std::string MapCodec::type() const { return fmt::format("map({})", element().type()); }

bool MapCodec::decode(const Value& value, void* into, Misfit& misfit) const {
  clear(into);
  if (value.is_null()) return true;
  if (value.type() != Type::object) return misfit_type("object", value, misfit);
  for (const auto& [key, v] : value.object()) {
    if (!element().decode(v, add(into, key), misfit)) {
      misfit.path.insert(misfit.path.begin(), key);
      return false;
    }
  }
  return true;
}

void MapCodec::encode(const void* from, Value& value) const {
  syntax::Object object;
  each(from, [&](const std::string& key, const void* v) { element().encode(v, object[key]); });
  value = Value(std::move(object));
}

bool OptionalCodec::decode(const Value& value, void* into, Misfit& misfit) const {
  if (value.is_null()) {
    reset(into);
    return true;
  }
  return element().decode(value, engage(into), misfit);
}

void OptionalCodec::encode(const void* from, Value& value) const {
  value = Value();
  if (const void* v = get_if(from)) element().encode(v, value);
}

}  // namespace collector::schema
