#include "outbox/cursor.hpp"

#include "wire/checksum.hpp"

#include <cstring>
#include <optional>

namespace collector::outbox {
namespace {

constexpr std::size_t kSlot = 4096;
constexpr std::uint32_t kMagic = 0x31525543;  // "CUR1"
constexpr std::size_t kCountAt = 4, kTurnAt = 8, kRangesAt = 16, kCrcAt = kSlot - 4;
constexpr std::size_t kMostRanges = (kCrcAt - kRangesAt) / 16;

struct Slot {
  std::uint64_t turn = 0;
  SequenceSet set;
};

std::optional<Slot> decode(std::string_view bytes) {
  const auto number = [&](std::size_t at, auto value) {
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  };
  if (number(0, std::uint32_t{}) != kMagic ||
      number(kCrcAt, std::uint32_t{}) != wire::crc32(bytes.substr(0, kCrcAt)))
    return std::nullopt;
  Slot slot;
  slot.turn = number(kTurnAt, std::uint64_t{});
  const std::size_t count = number(kCountAt, std::uint32_t{});
  if (count > kMostRanges) return std::nullopt;
  for (std::size_t i = 0; i < count; ++i)
    slot.set.add(number(kRangesAt + 16 * i, std::uint64_t{}),
                 number(kRangesAt + 16 * i + 8, std::uint64_t{}));
  return slot;
}

/// Of both slots the one that was written last; an empty one when neither is whole.
Slot newest_of(std::string_view bytes) {
  Slot newest;
  for (std::size_t at = 0; at + kSlot <= bytes.size(); at += kSlot)
    if (auto slot = decode(bytes.substr(at, kSlot)))
      if (slot->turn >= newest.turn) newest = std::move(*slot);
  return newest;
}

}  // namespace

Result<SequenceSet> Cursor::read(Files& files, const std::string& path) {
  const auto bytes = files.read(path, 2 * kSlot);
  if (!bytes) return bytes.error();
  return newest_of(*bytes).set;
}

Result<Cursor> Cursor::open(Files& files, const std::string& path) {
  auto file = files.open(path, Files::Mode::modify);
  if (!file) return file.error();
  std::string bytes(2 * kSlot, '\0');
  const auto got = (*file)->read_at(0, std::as_writable_bytes(std::span(bytes)));
  if (!got) return got.error();
  Slot newest = newest_of(bytes);
  // Room for both slots from the start: the cursor can be written on a full disk.
  if (*got < bytes.size())
    if (Status s = (*file)->write_at(*got, std::as_bytes(std::span(bytes)).subspan(*got)); !s.ok())
      return s;
  return Cursor(std::move(*file), std::move(newest.set), newest.turn);
}

Status Cursor::write(const SequenceSet& acknowledged) {
  std::string bytes(kSlot, '\0');
  const auto put = [&](std::size_t at, auto value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  };
  std::uint32_t count = 0;
  for (const auto& [first, last] : acknowledged.ranges()) {
    if (count == kMostRanges) break;
    put(kRangesAt + 16 * count, first);
    put(kRangesAt + 16 * count + 8, last);
    ++count;
  }
  put(0, kMagic);
  put(kCountAt, count);
  put(kTurnAt, ++turn_);
  put(kCrcAt, wire::crc32(std::string_view(bytes).substr(0, kCrcAt)));
  return file_->write_at(turn_ % 2 * kSlot, std::as_bytes(std::span(bytes)));
}

}  // namespace collector::outbox
