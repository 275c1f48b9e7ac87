// Reading protocol buffers (protobuf.dev, encoding): decode(), and what generated readers call.
// They accept what libprotobuf accepts, but for groups, which nothing we read has.
#pragma once

#include "wire/message.hpp"
#include "wire/utf8.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace collector::wire {

static_assert(std::endian::native == std::endian::little, "fixed fields are copied as they are");

enum class DecodeError : std::uint8_t {
  none,          ///< The message is whole.
  truncated,     ///< A field, a message or a varint ends after the bytes that hold it.
  long_varint,   ///< Over 10 bytes; of a tag or a length, over 5.
  field_number,  ///< 0, or above 2^29 - 1.
  wire_type,     ///< 6 or 7.
  group,         ///< A group begins or ends.
  packed_size,   ///< Packed fixed-size values that are no whole number of values.
  too_deep,      ///< Over kMaxDepth messages in one another.
  not_utf8,      ///< A string of a proto3 schema.
  too_large,     ///< Over 2 GiB, or the arena's limit.
};
std::string_view to_string(DecodeError error);

/// How many messages may lie in one another, the outermost not counted.
inline constexpr int kMaxDepth = 64;

/// The state of one decode().
struct Reader {
  Arena& arena;
  DecodeError error = DecodeError::none;

  const char* fail(DecodeError e) {
    error = e;
    return nullptr;
  }
};

/// Merges `bytes` into `message`: fields that occur again win, or are added. The struct points into
/// `bytes` and `arena`. After an error it holds what came before.
template <class Message>
[[nodiscard]] DecodeError decode(std::string_view bytes, Message& message, Arena& arena) {
  if (bytes.size() > INT32_MAX) return DecodeError::too_large;
  Reader reader{arena};
  read_message(bytes.data(), bytes.data() + bytes.size(), message, reader, kMaxDepth);
  return reader.error;
}

// For generated code. Each returns where it stopped, or null after setting the error.

const char* read_varint_slow(const char* p, const char* end, std::uint64_t& v, Reader& r);
const char* read_tag_slow(const char* p, const char* end, std::uint32_t& tag, Reader& r);
const char* read_length_slow(const char* p, const char* end, std::size_t& size, Reader& r);

inline const char* read_varint(const char* p, const char* end, std::uint64_t& v, Reader& r) {
  if (p < end && static_cast<signed char>(*p) >= 0) [[likely]] {
    v = static_cast<unsigned char>(*p);
    return p + 1;
  }
  return read_varint_slow(p, end, v, r);
}

inline const char* read_tag(const char* p, const char* end, std::uint32_t& tag, Reader& r) {
  if (static_cast<signed char>(*p) >= 8) [[likely]] {
    tag = static_cast<unsigned char>(*p);
    return p + 1;
  }
  return read_tag_slow(p, end, tag, r);
}

/// `size` bytes are there.
inline const char* read_length(const char* p, const char* end, std::size_t& size, Reader& r) {
  if (p < end && static_cast<signed char>(*p) >= 0) [[likely]] {
    size = static_cast<unsigned char>(*p++);
    if (size > static_cast<std::size_t>(end - p)) return r.fail(DecodeError::truncated);
    return p;
  }
  return read_length_slow(p, end, size, r);
}

inline const char* read_bytes(const char* p, const char* end, std::string_view& v, Reader& r) {
  std::size_t size = 0;
  p = read_length(p, end, size, r);
  if (!p) return nullptr;
  v = {p, size};
  return p + size;
}

inline const char* read_text(const char* p, const char* end, std::string_view& v, Reader& r) {
  p = read_bytes(p, end, v, r);
  if (p && !is_utf8(v)) return r.fail(DecodeError::not_utf8);
  return p;
}

template <class T>
const char* read_fixed(const char* p, const char* end, T& v, Reader& r) {
  if (static_cast<std::size_t>(end - p) < sizeof v) return r.fail(DecodeError::truncated);
  std::memcpy(&v, p, sizeof v);
  return p + sizeof v;
}

template <class Message>
const char* read_nested(const char* p, const char* end, Message& m, Reader& r, int depth) {
  std::size_t size = 0;
  p = read_length(p, end, size, r);
  if (!p) return nullptr;
  if (depth == 0) return r.fail(DecodeError::too_deep);
  return read_message(p, p + size, m, r, depth - 1);
}

/// The message of a field that holds one, made at first sight.
template <class Message>
Message* present(Message*& field, Arena& arena) {
  if (!field) {
    void* const memory = arena.take(sizeof(Message));
    if (memory) field = ::new (memory) Message();
  }
  return field;
}

/// After the tag of a repeated field whose tag is the one byte `tag`: how many of it follow each
/// other from here, at least 1.
std::size_t count_run(const char* p, const char* end, char tag);

template <class T>
const char* read_packed_fixed(const char* p, const char* end, Repeated<T>& field, Reader& r) {
  std::size_t size = 0;
  p = read_length(p, end, size, r);
  if (!p) return nullptr;
  if (size % sizeof(T) != 0) return r.fail(DecodeError::packed_size);
  if (!field.append(r.arena, p, size / sizeof(T))) return r.fail(DecodeError::too_large);
  return p + size;
}

/// `add(v)` takes each value; false when the arena is full.
template <class T, class Add>
const char* read_packed(const char* p, const char* end, Repeated<T>& field, Reader& r, Add add) {
  std::size_t size = 0;
  p = read_length(p, end, size, r);
  if (!p) return nullptr;
  const char* const stop = p + size;
  std::size_t count = 0;  // each varint ends in a byte below 0x80
  for (const char* q = p; q < stop; ++q) count += static_cast<signed char>(*q) >= 0;
  if (!field.reserve(r.arena, field.size() + count)) return r.fail(DecodeError::too_large);
  while (p < stop) {
    std::uint64_t v = 0;
    p = read_varint(p, stop, v, r);
    if (!p) return nullptr;
    if (!add(v)) return r.fail(DecodeError::too_large);
  }
  return p;
}

/// Keeps the field that begins at `start`, whose tag was read up to `p`.
const char* read_unknown(const char* start, const char* p, const char* end, std::uint32_t tag,
                         UnknownFields& unknown, Reader& r);
/// Keeps a value of a closed enum that the schema does not name, as proto2 wants it.
bool keep_enum(std::uint32_t field_number, std::uint64_t v, UnknownFields& unknown, Reader& r);

inline std::int32_t unzigzag32(std::uint64_t v) {
  const auto n = static_cast<std::uint32_t>(v);
  return static_cast<std::int32_t>((n >> 1) ^ (0U - (n & 1)));
}
inline std::int64_t unzigzag64(std::uint64_t v) {
  return static_cast<std::int64_t>((v >> 1) ^ (0U - (v & 1)));
}

}  // namespace collector::wire
