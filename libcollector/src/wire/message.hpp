// What generated message structs are made of. Texts and arrays are views: of the bytes that were
// decoded, or of an Arena; both outlive the struct. Structs are copied and dropped like plain data.
#pragma once

#include "wire/arena.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>

namespace collector::wire {

/// A text that may lie in a union: std::string_view has a constructor.
struct Text {
  const char* bytes;
  std::size_t length;

  const char* data() const { return bytes; }
  std::size_t size() const { return length; }
  operator std::string_view() const { return {bytes, length}; }
};

/// A repeated field, or a map as its entries in the order of the wire (the last of a key counts).
template <class T>
class Repeated {
 public:
  T* begin() const { return data_; }
  T* end() const { return data_ + size_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) const { return data_[i]; }
  T* data() const { return data_; }
  std::size_t capacity() const { return capacity_; }

  /// A new last element; null when the arena's limit is reached.
  T* add(Arena& arena) {
    if (size_ == capacity_ && !reserve(arena, size_ + std::size_t{1})) return nullptr;
    return ::new (static_cast<void*>(data_ + size_++)) T();
  }
  bool add(Arena& arena, T value) {
    T* const added = add(arena);
    if (added) *added = value;
    return added != nullptr;
  }
  /// Room for `count` in all. False when the arena's limit is reached.
  bool reserve(Arena& arena, std::size_t count) {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 8);
    if (count <= capacity_) return true;
    count = std::max({count, std::size_t{capacity_} * 2, std::size_t{capacity_ ? 4U : 0U}});
    void* const moved = count > UINT32_MAX ? nullptr : arena.take(count * sizeof(T));
    if (!moved) return false;
    if (size_) std::memcpy(moved, static_cast<const void*>(data_), size_ * sizeof(T));
    data_ = static_cast<T*>(moved);
    capacity_ = static_cast<std::uint32_t>(count);
    return true;
  }
  /// Adds `count` elements as they lie in memory at `bytes`.
  bool append(Arena& arena, const char* bytes, std::size_t count) {
    if (!reserve(arena, size_ + count)) return false;
    if (count) std::memcpy(static_cast<void*>(data_ + size_), bytes, count * sizeof(T));
    size_ += static_cast<std::uint32_t>(count);
    return true;
  }

 private:
  T* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

/// Fields that the schema does not know, tags included, as they came and in that order.
class UnknownFields {
 public:
  bool empty() const { return last_ == nullptr; }
  std::size_t size() const {
    std::size_t n = 0;
    each([&](std::string_view part) { n += part.size(); });
    return n;
  }
  /// Calls `f` with each run of neighbouring fields.
  template <class F>
  void each(F&& f) const {
    if (!last_) return;
    const Part* part = last_;
    do {
      part = part->next;
      f(part->bytes);
    } while (part != last_);
  }
  /// False when the arena's limit is reached.
  bool add(Arena& arena, std::string_view field) {
    if (last_ && last_->bytes.data() + last_->bytes.size() == field.data()) {
      last_->bytes = {last_->bytes.data(), last_->bytes.size() + field.size()};
      return true;
    }
    void* const memory = arena.take(sizeof(Part));
    if (!memory) return false;
    Part* const part = ::new (memory) Part{field, nullptr};
    part->next = last_ ? last_->next : part;
    if (last_) last_->next = part;
    last_ = part;
    return true;
  }

 private:
  struct Part {
    std::string_view bytes;
    Part* next;  ///< of the last: the first
  };
  Part* last_ = nullptr;
};

}  // namespace collector::wire
