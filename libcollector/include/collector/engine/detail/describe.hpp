// describe<S>(): from S::fields() to the type-erased StructInfo. Included by arguments.hpp.
#pragma once

#include <collector/engine/arguments.hpp>

namespace collector::schema {

template <class T>
struct BlockShape {
  using Struct = T;
  static constexpr bool kRepeatable = false;
  static void* add(T& m) { return &m; }
  static std::size_t count(const T&) { return 1; }
  static const void* at(const T& m, std::size_t) { return &m; }
};
template <class T>
struct BlockShape<std::optional<T>> {
  using Struct = T;
  static constexpr bool kRepeatable = false;
  static void* add(std::optional<T>& m) { return &m.emplace(); }
  static std::size_t count(const std::optional<T>& m) { return m ? 1 : 0; }
  static const void* at(const std::optional<T>& m, std::size_t) { return &*m; }
};
template <class T>
struct BlockShape<std::vector<T>> {
  using Struct = T;
  static constexpr bool kRepeatable = true;
  static void* add(std::vector<T>& m) { return &m.emplace_back(); }
  static std::size_t count(const std::vector<T>& m) { return m.size(); }
  static const void* at(const std::vector<T>& m, std::size_t i) { return &m[i]; }
};

/// A path of member pointers from the outermost struct: squashed structs make it longer than one.
template <auto... Path>
struct MemberPath;
template <auto First, auto... Rest>
struct MemberPath<First, Rest...> {
  using Outer = typename MemberOf<decltype(First)>::Struct;
  static auto& get(Outer& o) {
    if constexpr (sizeof...(Rest) == 0)
      return o.*First;
    else
      return MemberPath<Rest...>::get(o.*First);
  }
};

template <class T>
Status run_check(const FieldInfo& f, const void* member) {
  return reinterpret_cast<Status (*)(const T&)>(f.check_fn)(*static_cast<const T*>(member));
}

template <auto... Prefix>
struct Collect {
  template <auto M, bool kBlock>
  static void add(StructInfo& info, const Field<M, kBlock>& field) {
    using T = typename Field<M, kBlock>::T;
    using Path = MemberPath<Prefix..., M>;
    using Outer = typename Path::Outer;
    FieldInfo f = field.info;
    f.member = [](void* o) -> void* { return &Path::get(*static_cast<Outer*>(o)); };
    if constexpr (kBlock) {
      using Shape = BlockShape<T>;
      f.repeatable = Shape::kRepeatable;
      f.nested = [] { return &describe<typename Shape::Struct>(); };
      f.add = [](void* o) { return Shape::add(Path::get(*static_cast<Outer*>(o))); };
      f.count = [](const void* o) {
        return Shape::count(Path::get(*static_cast<Outer*>(const_cast<void*>(o))));
      };
      f.at = [](const void* o, std::size_t i) {
        return Shape::at(Path::get(*static_cast<Outer*>(const_cast<void*>(o))), i);
      };
    } else {
      f.codec = &codec_for<T>();
    }
    if (field.rule) {
      f.check_fn = reinterpret_cast<void (*)()>(field.rule);
      f.check = &run_check<T>;
    }
    info.fields.push_back(f);
  }
  template <auto M>
  static void add(StructInfo& info, const Squash<M>&) {
    using Inner = typename MemberOf<decltype(M)>::Type;
    std::apply([&](const auto&... f) { (Collect<Prefix..., M>::add(info, f), ...); },
               Inner::fields());
  }
};

template <class S>
const StructInfo& describe() {
  static const StructInfo info = [] {
    static_assert(std::tuple_size_v<decltype(S::fields())> == boost::pfr::tuple_size_v<S>,
                  "every member has one entry in fields()");
    StructInfo i;
    std::apply([&](const auto&... f) { (Collect<>::add(i, f), ...); }, S::fields());
    if constexpr (requires(const S& s) { s.validate(); })
      i.validate = [](const void* s) -> Status { return static_cast<const S*>(s)->validate(); };
    i.create = []() -> void* { return new S(); };
    i.destroy = [](void* s) { delete static_cast<S*>(s); };
    return i;
  }();
  return info;
}

}  // namespace collector::schema
