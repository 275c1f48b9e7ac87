// Messages of protocol buffers field by field, as slices, for changes that leave most of the bytes
// as they are. Pure.
#pragma once

#include "wire/varint.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace collector::format {

struct WireField {
  std::uint64_t tag = 0;
  std::string_view whole;  ///< tag included
  std::string_view content;
  std::uint64_t number = 0;  ///< of a varint
};

/// The field at the front of `message`, which moves behind it; nothing when it is damaged.
inline std::optional<WireField> take_field(std::string_view& message) {
  WireField field;
  const char* begin = message.data();
  const char* end = begin + message.size();
  const char* at = wire::get_varint(begin, end, field.tag);
  if (!at) return std::nullopt;
  std::uint64_t size = 0;
  switch (field.tag & 7) {
    case 0:
      at = wire::get_varint(at, end, field.number);
      if (!at) return std::nullopt;
      break;
    case 1:
      size = 8;
      break;
    case 2:
      at = wire::get_varint(at, end, size);
      if (!at) return std::nullopt;
      break;
    case 5:
      size = 4;
      break;
    default:
      return std::nullopt;
  }
  if (size > static_cast<std::uint64_t>(end - at)) return std::nullopt;
  field.content = {at, size};
  field.whole = {begin, static_cast<std::size_t>(at + size - begin)};
  message.remove_prefix(field.whole.size());
  return field;
}

inline void append_varint(std::string& out, std::uint64_t number) {
  char bytes[10];
  out.append(bytes, wire::put_varint(bytes, number));
}

inline void append_delimited(std::string& out, std::uint64_t tag, std::string_view content) {
  append_varint(out, tag);
  append_varint(out, content.size());
  out += content;
}

}  // namespace collector::format
