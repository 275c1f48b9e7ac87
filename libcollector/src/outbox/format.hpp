// The outbox on disk: segments and the frames in them, version 1. docs/outbox-format.md has the
// same with worked bytes. Numbers are little-endian, checksums are CRC-32 as in gzip (RFC 1952).
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace collector::outbox {

inline constexpr std::uint8_t kFormatVersion = 1;
/// Frames begin at multiples of this within a segment.
inline constexpr std::size_t kFrameAlign = 64;
inline constexpr std::size_t kFrameHeader = 64;
inline constexpr std::size_t kSegmentHeader = 4096;
/// A frame's context and body together; more in a header is damage.
inline constexpr std::size_t kMaxPayload = std::size_t{64} << 20;

/// Whose requests a log holds. Texts only, at most 3 KiB in all.
struct Destination {
  std::string component;    ///< id: `prometheus.remote_write.central`
  std::string name;         ///< of the endpoint in metrics
  std::string fingerprint;  ///< of what must stay the same for the requests to be its own
  std::string url;          ///< without credentials, for people
  std::string tenant;
  friend bool operator==(const Destination&, const Destination&) = default;
};

struct SegmentHeader {
  std::uint64_t id = 0;  ///< random; its frames repeat it
  std::uint64_t first_sequence = 0;
  std::int64_t created_ms = 0;
  Destination destination;
};

/// What is known of a frame without its bytes. Protocol, encoding and order key mean something to
/// the sender only.
struct Frame {
  std::uint64_t sequence = 0;
  std::uint64_t items_before = 0;  ///< items of all frames of the log before it
  std::uint32_t items = 0;
  std::uint16_t context_size = 0;  ///< bytes before the body
  std::uint16_t context_hash = 0;  ///< low bits of their CRC-32
  std::uint32_t body_size = 0;
  std::uint32_t payload_crc = 0;  ///< of context and body
  std::int64_t oldest_ms = 0, newest_ms = 0;
  std::uint8_t order_key = 0, protocol = 0, encoding = 0;

  std::size_t payload_size() const { return std::size_t{context_size} + body_size; }
  /// Bytes that it takes in a segment.
  std::size_t size() const {
    return (kFrameHeader + payload_size() + kFrameAlign - 1) / kFrameAlign * kFrameAlign;
  }
  friend bool operator==(const Frame&, const Frame&) = default;
};

/// 4096 bytes.
std::string encode_segment_header(const SegmentHeader& header);
enum class HeaderState : std::uint8_t {
  good,
  damaged,
  newer,  ///< written by a later version: not ours to touch
};
HeaderState decode_segment_header(std::string_view bytes, SegmentHeader& header);

/// Writes 64 bytes to `out`.
void encode_frame_header(const Frame& frame, std::uint64_t segment, char* out);
/// Nothing when these 64 bytes are no header of a frame of `segment`; 0 stands for any segment and
/// receives the frame's.
std::optional<Frame> decode_frame_header(std::string_view bytes, std::uint64_t& segment);

std::uint16_t hash_of_context(std::string_view context);

/// `00000000000000000042.seg`, by the first sequence.
std::string segment_name(std::uint64_t first_sequence);
std::optional<std::uint64_t> parse_segment_name(std::string_view name);

}  // namespace collector::outbox
