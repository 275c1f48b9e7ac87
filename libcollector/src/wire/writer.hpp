// Writing protocol buffers backwards, last field first: the length of a message is known when its
// tag is written, so one pass does. encode(), and what generated writers call.
#pragma once

#include "wire/message.hpp"
#include "wire/varint.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace collector::wire {

/// A buffer that grows at its front; it is kept from message to message. One thread.
class Writer {
 public:
  /// What was written last; valid until the next encode.
  std::string_view bytes() const { return {at_, size(at_)}; }

  // For generated code and for what writes by hand, which hold the front in `p`.

  /// The front of an empty buffer; what it held is gone.
  char* begin() { return end_; }
  /// All that was written, from `p` on.
  std::string_view finish(char* p) {
    at_ = p;
    return bytes();
  }

  /// `p`, or where it is after the buffer grew: `n` bytes may be written before it.
  char* room(char* p, std::size_t n) {
    return n <= static_cast<std::size_t>(p - begin_.get()) ? p : grow(p, n);
  }
  /// From `p` to the end.
  std::size_t size(const char* p) const { return static_cast<std::size_t>(end_ - p); }

 private:
  char* grow(char* p, std::size_t n);

  std::unique_ptr<char[]> begin_;
  char* end_ = nullptr;
  char* at_ = nullptr;
};

/// Fields by number, then the unknown ones. Replaces what `writer` held.
template <class Message>
std::string_view encode(const Message& message, Writer& writer) {
  return writer.finish(write_message(writer.begin(), message, writer));
}

// For generated code. Each writes before `p`, where there is room, and returns the new front.

/// The most that a tag and a varint take.
inline constexpr std::size_t kMostTag = 5, kMostVarint = 10;

inline char* put_before(char* p, std::uint64_t varint) {
  if (varint < 0x80) [[likely]] {
    *--p = static_cast<char>(varint);
    return p;
  }
  if (varint < 0x4000) {
    p -= 2;
    p[0] = static_cast<char>(varint | 0x80);
    p[1] = static_cast<char>(varint >> 7);
    return p;
  }
  p -= varint_size(varint);
  put_varint(p, varint);
  return p;
}
template <std::uint32_t tag>
char* put_tag(char* p) {
  if constexpr (tag < 0x80) {
    *--p = static_cast<char>(tag);
    return p;
  } else {
    return put_before(p, tag);
  }
}
template <class T>
char* put_fixed(char* p, T v) {
  p -= sizeof v;
  std::memcpy(p, &v, sizeof v);
  return p;
}
inline char* put_bytes(char* p, std::string_view v) {
  p -= v.size();
  if (!v.empty()) std::memcpy(p, v.data(), v.size());
  return put_before(p, v.size());
}

/// A nested message with its length and tag.
template <std::uint32_t tag, class Message>
char* put_nested(char* p, const Message& m, Writer& w) {
  const std::size_t after = w.size(p);
  p = write_message(p, m, w);
  const std::size_t size = w.size(p) - after;
  p = w.room(p, kMostVarint + kMostTag);
  return put_tag<tag>(put_before(p, size));
}
template <std::uint32_t tag, class T>
char* put_packed_fixed(char* p, const Repeated<T>& field, Writer& w) {
  const std::size_t size = field.size() * sizeof(T);
  if (size == 0) return p;
  p = w.room(p, size + kMostVarint + kMostTag) - size;
  std::memcpy(p, field.data(), size);
  return put_tag<tag>(put_before(p, size));
}
/// `varint_of(element)` is what is written of each.
template <std::uint32_t tag, class T, class VarintOf>
char* put_packed(char* p, const Repeated<T>& field, Writer& w, VarintOf varint_of) {
  if (field.empty()) return p;
  p = w.room(p, (field.size() + 1) * kMostVarint + kMostTag);
  char* const stop = p;
  for (std::size_t i = field.size(); i-- > 0;) p = put_before(p, varint_of(field[i]));
  return put_tag<tag>(put_before(p, static_cast<std::size_t>(stop - p)));
}
inline char* put_unknown(char* p, const UnknownFields& unknown, Writer& w) {
  if (unknown.empty()) return p;
  const std::size_t size = unknown.size();
  p = w.room(p, size) - size;
  char* to = p;
  unknown.each([&](std::string_view part) {
    std::memcpy(to, part.data(), part.size());
    to += part.size();
  });
  return p;
}

inline std::uint64_t zigzag32(std::int32_t v) {
  return (static_cast<std::uint32_t>(v) << 1) ^ static_cast<std::uint32_t>(v >> 31);
}
inline std::uint64_t zigzag64(std::int64_t v) {
  return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}
/// Negative ones take 10 bytes, as the format has it.
inline std::uint64_t signed_varint(std::int64_t v) { return static_cast<std::uint64_t>(v); }

}  // namespace collector::wire
