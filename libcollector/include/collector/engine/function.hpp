// A callable that is called on one thread at a time and is moved, never copied.
// (std::move_only_function is C++23.)
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace collector {

template <class Signature>
class Function;

/// Holds up to 48 bytes in place; larger callables go to the heap. Calling an empty one is
/// undefined.
template <class R, class... A>
class Function<R(A...)> {
 public:
  Function() = default;
  Function(std::nullptr_t) {}
  template <class F>
    requires(!std::is_same_v<std::decay_t<F>, Function> &&
             std::is_invocable_r_v<R, std::decay_t<F>&, A...>)
  Function(F&& f) {
    using D = std::decay_t<F>;
    if constexpr (sizeof(D) <= kInPlace && alignof(D) <= alignof(std::max_align_t) &&
                  std::is_nothrow_move_constructible_v<D>) {
      ::new (static_cast<void*>(space_)) D(std::forward<F>(f));
      table_ = &kInPlaceTable<D>;
    } else {
      ::new (static_cast<void*>(space_)) D*(new D(std::forward<F>(f)));
      table_ = &kHeapTable<D>;
    }
  }
  Function(Function&& other) noexcept { take(other); }
  Function& operator=(Function&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  Function& operator=(std::nullptr_t) {
    reset();
    return *this;
  }
  ~Function() { reset(); }

  explicit operator bool() const { return table_ != nullptr; }
  R operator()(A... args) { return table_->call(space_, std::forward<A>(args)...); }

 private:
  static constexpr std::size_t kInPlace = 48;
  struct Table {
    R (*call)(void*, A&&...);
    void (*move)(void* to, void* from) noexcept;
    void (*destroy)(void*) noexcept;
  };
  template <class D>
  static constexpr Table kInPlaceTable{
      [](void* p, A&&... args) -> R { return (*static_cast<D*>(p))(std::forward<A>(args)...); },
      [](void* to, void* from) noexcept {
        ::new (to) D(std::move(*static_cast<D*>(from)));
        static_cast<D*>(from)->~D();
      },
      [](void* p) noexcept { static_cast<D*>(p)->~D(); }};
  template <class D>
  static constexpr Table kHeapTable{
      [](void* p, A&&... args) -> R { return (**static_cast<D**>(p))(std::forward<A>(args)...); },
      [](void* to, void* from) noexcept { ::new (to) D*(*static_cast<D**>(from)); },
      [](void* p) noexcept { delete *static_cast<D**>(p); }};

  void take(Function& other) noexcept {
    table_ = std::exchange(other.table_, nullptr);
    if (table_) table_->move(space_, other.space_);
  }
  void reset() noexcept {
    if (table_) std::exchange(table_, nullptr)->destroy(space_);
  }

  alignas(std::max_align_t) unsigned char space_[kInPlace];
  const Table* table_ = nullptr;
};

}  // namespace collector
