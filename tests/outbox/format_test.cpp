// The bytes of the format page, whose checksums another implementation made sure of, mean what the
// page says; and what is no header is none.
#include "catch.hpp"

#include <collector/engine/testing.hpp>

#include "outbox/format.hpp"

#include <fstream>
#include <sstream>

using namespace collector;
using namespace collector::outbox;

namespace {

/// The hexadecimal dumps of docs/outbox-format.md, put where they say.
std::string bytes_of_the_page() {
  std::ifstream page(std::string(TESTS_DIR) + "/../libcollector/docs/outbox-format.md");
  std::string bytes(0x1080, '\0'), line;
  while (std::getline(page, line)) {
    if (line.size() < 57 || line.find("  ") != 8) continue;
    std::istringstream in(line);
    std::size_t at = 0;
    unsigned byte = 0;
    in >> std::hex >> at;
    while (in >> byte) bytes.at(at++) = static_cast<char>(byte);
  }
  const std::string_view crc("\x57\x40\x8b\x5c", 4);  // the page says it in a sentence
  bytes.replace(kSegmentHeader - 4, 4, crc);
  return bytes;
}

}  // namespace

TEST_CASE("the worked bytes of the format page") {
  const std::string bytes = bytes_of_the_page();
  SegmentHeader header;
  REQUIRE(decode_segment_header(bytes, header) == HeaderState::good);
  CHECK(header.first_sequence == 1);
  CHECK(header.destination.component == "prometheus.remote_write.w");
  CHECK(header.destination.name == "e");
  CHECK(header.destination.url == "http://127.0.0.1:19/api/v1/write");
  CHECK(header.destination.tenant.empty());
  CHECK(encode_segment_header(header) == bytes.substr(0, kSegmentHeader));

  std::uint64_t segment = header.id;
  const auto frame = decode_frame_header(std::string_view(bytes).substr(kSegmentHeader), segment);
  REQUIRE(frame);
  CHECK(frame->sequence == 1);
  CHECK(frame->items == 1);
  CHECK(frame->items_before == 0);
  CHECK(frame->body_size == 0x24);
  CHECK(frame->context_size == 0);
  CHECK(frame->protocol == 1);
  CHECK(frame->encoding == 0);
  CHECK(frame->oldest_ms == frame->newest_ms);
  CHECK(frame->oldest_ms == header.created_ms);
  char again[kFrameHeader];
  encode_frame_header(*frame, segment, again);
  CHECK(std::string_view(again, kFrameHeader) == bytes.substr(kSegmentHeader, kFrameHeader));
}

TEST_CASE("a header with any bit flipped is none") {
  const std::string bytes = bytes_of_the_page();
  const std::string good = bytes.substr(kSegmentHeader, kFrameHeader);
  for (std::size_t bit = 0; bit < kFrameHeader * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    std::uint64_t any = 0;
    CHECK(!decode_frame_header(bad, any));
  }
  std::uint64_t other = 1;
  CHECK(!decode_frame_header(good, other));
  for (std::size_t size = 0; size < kFrameHeader; ++size) {
    std::uint64_t any = 0;
    CHECK(!decode_frame_header(std::string_view(good).substr(0, size), any));
  }
}

TEST_CASE("frames keep what they say, at the ends of the ranges too") {
  testing::SeededRandom random(7);
  for (int i = 0; i < 2000; ++i) {
    Frame frame;
    frame.sequence = random.next();
    frame.items_before = random.next();
    frame.items = static_cast<std::uint32_t>(random.next());
    frame.body_size = static_cast<std::uint32_t>(random.below(kMaxPayload - 70'000));
    frame.context_size = static_cast<std::uint16_t>(random.next());
    frame.context_hash = static_cast<std::uint16_t>(random.next());
    frame.payload_crc = static_cast<std::uint32_t>(random.next());
    frame.oldest_ms = static_cast<std::int64_t>(random.next()) / 4;
    frame.newest_ms = frame.oldest_ms + static_cast<std::int64_t>(random.below(1U << 31));
    frame.order_key = static_cast<std::uint8_t>(random.next());
    frame.protocol = static_cast<std::uint8_t>(random.next());
    frame.encoding = static_cast<std::uint8_t>(random.next());
    const std::uint64_t segment = 1 + random.below(1000);
    char bytes[kFrameHeader];
    encode_frame_header(frame, segment, bytes);
    std::uint64_t id = 0;
    CHECK(decode_frame_header({bytes, kFrameHeader}, id) == frame);
    CHECK(id == segment);
  }
  Frame wide;
  wide.oldest_ms = -1'000'000'000'000;
  wide.newest_ms = 1'000'000'000'000;
  char bytes[kFrameHeader];
  encode_frame_header(wide, 1, bytes);
  std::uint64_t id = 1;
  // Never understated: a limit of age must not take what is newer.
  CHECK(decode_frame_header({bytes, kFrameHeader}, id)->newest_ms >= wide.newest_ms);
  CHECK(parse_segment_name(segment_name(42)) == 42);
  CHECK(segment_name(42) == "00000000000000000042.seg");
  for (const char* name :
       {"42.seg", "0000000000000000004x.seg", "00000000000000000042.sego", "cursor"})
    CHECK(!parse_segment_name(name));
}
