// One description per argument struct: from it come decoding, defaults, validation with source
// positions, the reference pages and the redacted view of the arguments. See component.hpp for use.
#pragma once

#include <collector/engine/detail/codecs.hpp>
#include <collector/engine/seams.hpp>
#include <collector/engine/status.hpp>

#include <boost/pfr/core.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace collector {

namespace schema {

struct StructInfo;

/// One attribute or block of a struct, type erased.
struct FieldInfo {
  std::string_view name, doc;
  bool is_block = false;
  bool required = false;
  bool repeatable = false;       ///< blocks: any number
  std::string_view refused;      ///< why a value other than the default is an error; empty: it acts
  std::string_view default_doc;  ///< what the default is when the value does not say it
  const Codec* codec = nullptr;  ///< attributes
  const StructInfo* (*nested)() = nullptr;  ///< blocks
  void* (*member)(void* parent) = nullptr;
  void* (*add)(void* parent) = nullptr;  ///< blocks: where to decode the next one into
  std::size_t (*count)(const void* parent) = nullptr;
  const void* (*at)(const void* parent, std::size_t i) = nullptr;
  Status (*check)(const FieldInfo&, const void* member) = nullptr;
  void (*check_fn)() = nullptr;
};

struct StructInfo {
  std::vector<FieldInfo> fields;
  Status (*validate)(const void* self) = nullptr;  ///< null when the struct has none
  void* (*create)() = nullptr;                     ///< for defaults; `destroy` it
  void (*destroy)(void*) = nullptr;
};

template <class S>
const StructInfo& describe();

template <class M>
struct MemberOf;
template <class S, class T>
struct MemberOf<T S::*> {
  using Struct = S;
  using Type = T;
};

template <auto M>
struct Squash {};

template <auto M, bool kIsBlock>
struct Field {
  static constexpr bool kBlock = kIsBlock;
  using S = typename MemberOf<decltype(M)>::Struct;
  using T = typename MemberOf<decltype(M)>::Type;
  FieldInfo info;

  consteval Field required() const {
    Field f = *this;
    f.info.required = true;
    return f;
  }
  /// The argument exists for Alloy's sake and does not act yet: any value but the default is
  /// refused.
  consteval Field refused(std::string_view why) const {
    Field f = *this;
    f.info.refused = why;
    return f;
  }
  consteval Field default_is(std::string_view text) const {
    Field f = *this;
    f.info.default_doc = text;
    return f;
  }
  /// `rule` sees the decoded member; its sentence is placed at the value.
  consteval Field check(Status (*rule)(const T&)) const {
    Field f = *this;
    f.rule = rule;
    return f;
  }
  Status (*rule)(const T&) = nullptr;
};

}  // namespace schema

/// An attribute: `attr<&Args::url>("url", "Where to send.")`.
template <auto M>
consteval auto attr(std::string_view name, std::string_view doc) {
  schema::Field<M, false> f{};
  f.info.name = name;
  f.info.doc = doc;
  return f;
}
/// A block. The member is a struct (at most once), an optional (at most once) or a vector (any
/// number).
template <auto M>
consteval auto block(std::string_view name, std::string_view doc) {
  schema::Field<M, true> f{};
  f.info.name = name;
  f.info.doc = doc;
  f.info.is_block = true;
  return f;
}
/// The fields of a nested struct appear as if they stood here.
template <auto M>
consteval auto squash() {
  return schema::Squash<M>{};
}

}  // namespace collector

#include <collector/engine/detail/describe.hpp>
