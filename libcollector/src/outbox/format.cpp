#include "outbox/format.hpp"

#include "wire/checksum.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>

namespace collector::outbox {
namespace {

static_assert(std::endian::native == std::endian::little, "fields are copied as they are");

constexpr std::uint32_t kFrameMagic = 0x314d5246;  // "FRM1"
/// Between oldest and newest: 49 days or more.
constexpr std::uint32_t kMostSpan = std::numeric_limits<std::uint32_t>::max();
constexpr std::string_view kSegmentMagic = "collector outbox segment\n";
constexpr std::size_t kVersionAt = 32, kIdAt = 40, kFirstAt = 48, kCreatedAt = 56, kTextAt = 64;
constexpr std::size_t kSegmentCrcAt = kSegmentHeader - 4;

template <class T>
void put(char* out, std::size_t at, T value) {
  std::memcpy(out + at, &value, sizeof value);
}
template <class T>
T get(std::string_view in, std::size_t at) {
  T value;
  std::memcpy(&value, in.data() + at, sizeof value);
  return value;
}

/// Each text as two bytes of length and the bytes.
class Texts {
 public:
  explicit Texts(std::string& page) : page_(page) {}
  void add(std::string_view text) {
    constexpr std::size_t kMost = 600;  // five of them fit
    text = text.substr(0, kMost);
    put(page_.data(), at_, static_cast<std::uint16_t>(text.size()));
    std::memcpy(page_.data() + at_ + 2, text.data(), text.size());
    at_ += 2 + text.size();
  }

 private:
  std::string& page_;
  std::size_t at_ = kTextAt;
};

bool take_text(std::string_view page, std::size_t& at, std::string& text) {
  const std::size_t size = get<std::uint16_t>(page, at);
  if (at + 2 + size > kSegmentCrcAt) return false;
  text = page.substr(at + 2, size);
  at += 2 + size;
  return true;
}

}  // namespace

std::string encode_segment_header(const SegmentHeader& header) {
  std::string page(kSegmentHeader, '\0');
  std::memcpy(page.data(), kSegmentMagic.data(), kSegmentMagic.size());
  page[kVersionAt] = static_cast<char>(kFormatVersion);
  put(page.data(), kIdAt, header.id);
  put(page.data(), kFirstAt, header.first_sequence);
  put(page.data(), kCreatedAt, header.created_ms);
  Texts texts(page);
  const Destination& d = header.destination;
  for (const std::string* text : {&d.component, &d.name, &d.fingerprint, &d.url, &d.tenant})
    texts.add(*text);
  put(page.data(), kSegmentCrcAt, wire::crc32(std::string_view(page).substr(0, kSegmentCrcAt)));
  return page;
}

HeaderState decode_segment_header(std::string_view bytes, SegmentHeader& header) {
  if (bytes.size() < kSegmentHeader || !bytes.starts_with(kSegmentMagic))
    return HeaderState::damaged;
  bytes = bytes.substr(0, kSegmentHeader);
  if (get<std::uint32_t>(bytes, kSegmentCrcAt) != wire::crc32(bytes.substr(0, kSegmentCrcAt)))
    return HeaderState::damaged;
  if (static_cast<std::uint8_t>(bytes[kVersionAt]) != kFormatVersion) return HeaderState::newer;
  header.id = get<std::uint64_t>(bytes, kIdAt);
  header.first_sequence = get<std::uint64_t>(bytes, kFirstAt);
  header.created_ms = get<std::int64_t>(bytes, kCreatedAt);
  std::size_t at = kTextAt;
  Destination& d = header.destination;
  for (std::string* text : {&d.component, &d.name, &d.fingerprint, &d.url, &d.tenant})
    if (!take_text(bytes, at, *text)) return HeaderState::damaged;
  return HeaderState::good;
}

void encode_frame_header(const Frame& frame, std::uint64_t segment, char* out) {
  const auto span =
      static_cast<std::uint64_t>(frame.newest_ms) - static_cast<std::uint64_t>(frame.oldest_ms);
  put(out, 0, kFrameMagic);
  put(out, 4, kFormatVersion);
  put(out, 5, frame.order_key);
  put(out, 6, frame.protocol);
  put(out, 7, frame.encoding);
  put(out, 8, frame.sequence);
  put(out, 16, frame.items_before);
  put(out, 24, frame.items);
  put(out, 28, frame.body_size);
  put(out, 32, frame.payload_crc);
  put(out, 36, frame.context_size);
  put(out, 38, frame.context_hash);
  put(out, 40, frame.oldest_ms);
  put(out, 48, static_cast<std::uint32_t>(std::min<std::uint64_t>(span, kMostSpan)));
  put(out, 52, segment);
  put(out, 60, wire::crc32(std::string_view(out, 60)));
}

std::optional<Frame> decode_frame_header(std::string_view bytes, std::uint64_t& segment) {
  if (bytes.size() < kFrameHeader || get<std::uint32_t>(bytes, 0) != kFrameMagic ||
      get<std::uint8_t>(bytes, 4) != kFormatVersion)
    return std::nullopt;
  const auto id = get<std::uint64_t>(bytes, 52);
  if (segment != 0 && id != segment) return std::nullopt;
  if (get<std::uint32_t>(bytes, 60) != wire::crc32(bytes.substr(0, 60))) return std::nullopt;
  Frame frame;
  frame.order_key = get<std::uint8_t>(bytes, 5);
  frame.protocol = get<std::uint8_t>(bytes, 6);
  frame.encoding = get<std::uint8_t>(bytes, 7);
  frame.sequence = get<std::uint64_t>(bytes, 8);
  frame.items_before = get<std::uint64_t>(bytes, 16);
  frame.items = get<std::uint32_t>(bytes, 24);
  frame.body_size = get<std::uint32_t>(bytes, 28);
  frame.payload_crc = get<std::uint32_t>(bytes, 32);
  frame.context_size = get<std::uint16_t>(bytes, 36);
  frame.context_hash = get<std::uint16_t>(bytes, 38);
  frame.oldest_ms = get<std::int64_t>(bytes, 40);
  const auto span = get<std::uint32_t>(bytes, 48);
  frame.newest_ms = span == kMostSpan ? std::numeric_limits<std::int64_t>::max()
                                      : frame.oldest_ms + static_cast<std::int64_t>(span);
  if (frame.payload_size() > kMaxPayload) return std::nullopt;
  segment = id;
  return frame;
}

std::uint16_t hash_of_context(std::string_view context) {
  return static_cast<std::uint16_t>(wire::crc32(context));
}

std::string segment_name(std::uint64_t first_sequence) {
  std::string digits = std::to_string(first_sequence);
  return std::string(20 - digits.size(), '0') + digits + ".seg";
}

std::optional<std::uint64_t> parse_segment_name(std::string_view name) {
  if (name.size() != 24 || !name.ends_with(".seg")) return std::nullopt;
  std::uint64_t first = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + 20, first);
  if (error != std::errc() || end != name.data() + 20) return std::nullopt;
  return first;
}

}  // namespace collector::outbox
