#include "wire/reader.hpp"

#include "wire/varint.hpp"

namespace collector::wire {
namespace {

constexpr int kVarint = 0, kFixed64 = 1, kLength = 2, kGroup = 3, kEndGroup = 4, kFixed32 = 5;

/// A varint of at most 5 bytes, for tags and lengths.
const char* read_short(const char* p, const char* end, std::uint64_t& v, Reader& r) {
  v = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (p == end) return r.fail(DecodeError::truncated);
    const auto byte = static_cast<unsigned char>(*p++);
    v |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return p;
  }
  return r.fail(DecodeError::long_varint);
}

}  // namespace

std::string_view to_string(DecodeError error) {
  switch (error) {
    case DecodeError::none:
      return "whole";
    case DecodeError::truncated:
      return "cut off";
    case DecodeError::long_varint:
      return "a varint is too long";
    case DecodeError::field_number:
      return "a field number is out of range";
    case DecodeError::wire_type:
      return "a field has no known wire type";
    case DecodeError::group:
      return "there is a group";
    case DecodeError::packed_size:
      return "packed values are cut";
    case DecodeError::too_deep:
      return "nested too deeply";
    case DecodeError::not_utf8:
      return "a string is not UTF-8";
    case DecodeError::too_large:
      return "too large";
  }
  return "";
}

const char* read_varint_slow(const char* p, const char* end, std::uint64_t& v, Reader& r) {
  const char* const stop = get_varint(p, end, v);
  if (stop) return stop;
  return r.fail(end - p < 10 ? DecodeError::truncated : DecodeError::long_varint);
}

const char* read_tag_slow(const char* p, const char* end, std::uint32_t& tag, Reader& r) {
  std::uint64_t v = 0;
  p = read_short(p, end, v, r);
  if (!p) return nullptr;
  if (v > UINT32_MAX || v < 8) return r.fail(DecodeError::field_number);
  tag = static_cast<std::uint32_t>(v);
  return p;
}

const char* read_length_slow(const char* p, const char* end, std::size_t& size, Reader& r) {
  std::uint64_t v = 0;
  p = read_short(p, end, v, r);
  if (!p) return nullptr;
  if (v > static_cast<std::uint64_t>(end - p)) return r.fail(DecodeError::truncated);
  size = v;
  return p;
}

std::size_t count_run(const char* p, const char* end, char tag) {
  std::size_t count = 1;
  for (;; ++count) {
    std::uint64_t size = 0;
    p = get_varint(p, end, size);
    if (!p || size >= static_cast<std::uint64_t>(end - p)) return count;
    p += size;
    if (*p++ != tag) return count;
  }
}

const char* read_unknown(const char* start, const char* p, const char* end, std::uint32_t tag,
                         UnknownFields& unknown, Reader& r) {
  std::uint64_t v = 0;
  std::size_t size = 0;
  switch (tag & 7) {
    case kVarint:
      p = read_varint(p, end, v, r);
      break;
    case kFixed64:
      p = end - p < 8 ? r.fail(DecodeError::truncated) : p + 8;
      break;
    case kLength:
      p = read_length(p, end, size, r);
      if (p) p += size;
      break;
    case kFixed32:
      p = end - p < 4 ? r.fail(DecodeError::truncated) : p + 4;
      break;
    case kGroup:
    case kEndGroup:
      return r.fail(DecodeError::group);
    default:
      return r.fail(DecodeError::wire_type);
  }
  if (!p) return nullptr;
  if (!unknown.add(r.arena, {start, static_cast<std::size_t>(p - start)}))
    return r.fail(DecodeError::too_large);
  return p;
}

bool keep_enum(std::uint32_t field_number, std::uint64_t v, UnknownFields& unknown, Reader& r) {
  char field[20];
  char* end = put_varint(field, std::uint64_t{field_number} << 3);
  end = put_varint(end, v);
  const auto size = static_cast<std::size_t>(end - field);
  auto* const kept = static_cast<char*>(r.arena.take(size));
  if (!kept) return false;
  std::memcpy(kept, field, size);
  return unknown.add(r.arena, {kept, size});
}

}  // namespace collector::wire
