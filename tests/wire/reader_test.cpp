// Expected values: the worked examples and rules of protobuf.dev/programming-guides/encoding.
#include "wire/reader.hpp"
#include "proto/kinds_proto2.hpp"
#include "proto/kinds_proto3.hpp"
#include "wire/writer.hpp"

#include "catch.hpp"
#include "protobuf_oracle.hpp"

#include "kinds_proto3.pb.h"

using namespace collector;
using wire::DecodeError;
namespace kinds = proto::kinds_proto3;

namespace {

template <class Message>
DecodeError error_of(std::string_view bytes) {
  wire::Arena arena;
  Message message;
  // A copy of its own, so that a read past the end is seen by the sanitizers.
  const std::string copy(bytes);
  return wire::decode(copy, message, arena);
}

std::string hex(std::string_view digits) {
  std::string out;
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    out += static_cast<char>(value(digits[i]) * 16 + value(digits[i + 1]));
  return out;
}

/// `levels` trees in one another, the outermost included.
std::string tree(int levels, std::string_view tag) {
  std::string bytes;
  for (int i = 1; i < levels; ++i) {
    char size[10];
    char* const end = wire::put_varint(size, bytes.size());
    bytes = std::string(tag) + std::string(size, end) + bytes;
  }
  return bytes;
}

}  // namespace

TEST_CASE("worked bytes of the encoding guide") {
  wire::Arena arena;
  kinds::Scalars scalars;
  const std::string number = hex("089601");
  REQUIRE(wire::decode(number, scalars, arena) == DecodeError::none);
  CHECK(scalars.a_int32 == 150);
  wire::Writer writer;
  CHECK(wire::encode(scalars, writer) == number);

  kinds::Scalars text;
  const std::string testing = hex("720774657374696e67");
  REQUIRE(wire::decode(testing, text, arena) == DecodeError::none);
  CHECK(text.a_string == "testing");

  // -2 as int64, and the least and most of sint32.
  kinds::Scalars negative;
  const std::string negatives = hex("10feffffffffffffffff0128ffffffff0f");
  REQUIRE(wire::decode(negatives, negative, arena) == DecodeError::none);
  CHECK(negative.a_int64 == -2);
  CHECK(negative.a_sint32 == INT32_MIN);
  CHECK(wire::encode(negative, writer) == negatives);

  // 3, 270 and 86942, packed, as in the guide, and the same one by one.
  for (const char* digits : {"0a06038e029ea705", "0803088e02089ea705", "08030a058e029ea705"}) {
    kinds::Lists lists;
    const std::string bytes = hex(digits);
    REQUIRE(wire::decode(bytes, lists, arena) == DecodeError::none);
    REQUIRE(lists.int32s.size() == 3);
    CHECK(lists.int32s[0] == 3);
    CHECK(lists.int32s[1] == 270);
    CHECK(lists.int32s[2] == 86942);
    CHECK(wire::encode(lists, writer) == hex("0a06038e029ea705"));
  }
}

TEST_CASE("the empty message is no bytes") {
  wire::Arena arena;
  kinds::Everything everything;
  REQUIRE(wire::decode("", everything, arena) == DecodeError::none);
  REQUIRE(wire::decode(std::string_view(), everything, arena) == DecodeError::none);
  wire::Writer writer;
  CHECK(wire::encode(everything, writer).empty());
  CHECK(arena.used() == 0);
}

TEST_CASE("minus zero is sent, zero is not") {
  wire::Writer writer;
  kinds::Scalars scalars;
  scalars.a_double = -0.0;
  CHECK(wire::encode(scalars, writer) == hex("610000000000000080"));
  scalars.a_double = 0;
  CHECK(wire::encode(scalars, writer).empty());
}

TEST_CASE("each way to be wrong has its name") {
  const auto is = [](const char* digits, DecodeError want) {
    CAPTURE(digits);
    CHECK(error_of<kinds::Scalars>(hex(digits)) == want);
  };
  is("08", DecodeError::truncated);
  is("0880", DecodeError::truncated);
  is("80", DecodeError::truncated);
  is("6100000000000000", DecodeError::truncated);
  is("5d000000", DecodeError::truncated);
  is("7205616263", DecodeError::truncated);
  is("7a", DecodeError::truncated);
  is("7a80", DecodeError::truncated);
  is("08ffffffffffffffffffff01", DecodeError::long_varint);
  is("08ffffffffffffffffff01", DecodeError::none);
  is("888080808000"
     "01",
     DecodeError::long_varint);  // a tag of 6 bytes
  is("7a8080808080"
     "00",
     DecodeError::long_varint);  // a length of 6 bytes
  is("7affffffff07", DecodeError::truncated);
  is("0000", DecodeError::field_number);
  is("0200", DecodeError::field_number);
  is("8000", DecodeError::field_number);
  is("f8ffffff0f00", DecodeError::none);          // 2^29 - 1
  is("808080801000", DecodeError::field_number);  // 2^29
  is("0b0c", DecodeError::group);
  is("0c", DecodeError::group);
  is("a3060801a406", DecodeError::group);
  is("0e", DecodeError::wire_type);
  is("0f", DecodeError::wire_type);
  // A known number with another wire type is an unknown field.
  is("0a03616263", DecodeError::none);
  is("0d01020304", DecodeError::none);
  CHECK(error_of<kinds::Lists>(hex("3a03010203")) == DecodeError::packed_size);
  CHECK(error_of<kinds::Lists>(hex("0a0180")) == DecodeError::truncated);
  CHECK(error_of<kinds::Lists>(hex("8a01020b0c")) == DecodeError::group);
}

TEST_CASE("strings of proto3 are UTF-8") {
  CHECK(error_of<kinds::Scalars>(hex("7201ff")) == DecodeError::not_utf8);
  CHECK(error_of<kinds::Scalars>(hex("7203eda080")) == DecodeError::not_utf8);
  CHECK(error_of<kinds::Scalars>(hex("7203e282ac")) == DecodeError::none);
  CHECK(error_of<kinds::Scalars>(hex("720c3132333435363738393aff31")) == DecodeError::not_utf8);
  CHECK(error_of<kinds::Scalars>(hex("7a01ff")) == DecodeError::none);
  CHECK(error_of<kinds::Lists>(hex("7201ff")) == DecodeError::not_utf8);
  CHECK(error_of<kinds::Maps>(hex("0a030a01ff")) == DecodeError::not_utf8);
  CHECK(error_of<proto::kinds_proto2::Defaults>(hex("4201ff")) == DecodeError::none);
}

TEST_CASE("64 messages may lie in the outermost") {
  for (const std::string& tag : {hex("0a"), hex("12"), hex("1a")}) {
    for (int levels : {2, 64, 65, 66, 200}) {
      CAPTURE(levels);
      const std::string bytes = tree(levels, tag);
      const bool fits = levels <= wire::kMaxDepth + 1;
      CHECK(error_of<kinds::Tree>(bytes) == (fits ? DecodeError::none : DecodeError::too_deep));
      wire_test::three::Tree theirs;
      CHECK(oracle_parse(bytes, theirs) == fits);
    }
  }
}

TEST_CASE("an arena's limit ends the decoding") {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += hex("8a0100");  // empty Scalars
  kinds::Lists small, large;
  wire::Arena limited(10'000), enough(1'000'000);
  CHECK(wire::decode(bytes, small, limited) == DecodeError::too_large);
  CHECK(limited.used() <= 10'000);
  REQUIRE(wire::decode(bytes, large, enough) == DecodeError::none);
  CHECK(large.messages.size() == 1000);
}

TEST_CASE("a reset arena hands out what it holds") {
  wire::Arena arena;
  std::size_t held = 0;
  for (int turn = 0; turn < 10; ++turn) {
    arena.reset();
    for (std::size_t size : {1U, 7U, 8U, 100U, 5000U, 300'000U, 3U, 70'000U}) {
      void* const p = arena.take(size);
      REQUIRE(p != nullptr);
      CHECK(reinterpret_cast<std::uintptr_t>(p) % 8 == 0);
      std::memset(p, 0xab, size);
    }
    CHECK(arena.used() == 8 + 8 + 8 + 104 + 5000 + 300'000 + 8 + 70'000);
    if (turn == 0) held = arena.held();
    CHECK(arena.held() == held);
  }
}

TEST_CASE("a struct that is built in an arena is written") {
  wire::Arena arena;
  proto::remote_write_v1::WriteRequest request;
  auto* const series = request.timeseries.add(arena);
  auto* const label = series->labels.add(arena);
  label->name = "__name__";
  label->value = "up";
  auto* const sample = series->samples.add(arena);
  sample->value = 1;
  sample->timestamp = 1'700'000'000'000;
  wire::Writer writer;
  prometheus::WriteRequest theirs;
  REQUIRE(oracle_parse(wire::encode(request, writer), theirs));
  REQUIRE(theirs.timeseries_size() == 1);
  CHECK(theirs.timeseries(0).labels(0).name() == "__name__");
  CHECK(theirs.timeseries(0).labels(0).value() == "up");
  CHECK(theirs.timeseries(0).samples(0).value() == 1);
  CHECK(theirs.timeseries(0).samples(0).timestamp() == 1'700'000'000'000);
}
