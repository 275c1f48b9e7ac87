// Generated readers and writers against libprotobuf's classes of the same schemas.
#include "proto/kinds_proto2.hpp"
#include "proto/kinds_proto3.hpp"

#include "catch.hpp"
#include "protobuf_oracle.hpp"
#include "wire/random_message.hpp"

#include "kinds_proto2.pb.h"
#include "kinds_proto3.pb.h"

using namespace collector;
namespace ours2 = proto::kinds_proto2;
namespace ours3 = proto::kinds_proto3;
namespace theirs2 = wire_test::two;
namespace theirs3 = wire_test::three;

namespace {

/// Random messages, `turns` of them: what libprotobuf writes we read, and write again byte for
/// byte.
template <class Ours, class Theirs, class Check>
void round_trips(int turns, Check check) {
  wire::Arena arena;
  wire::Writer writer;
  std::size_t bytes = 0;
  for (int turn = 0; turn < turns; ++turn) {
    CAPTURE(turn);
    RandomMessage random(static_cast<std::uint64_t>(turn));
    Theirs theirs;
    random.fill(theirs);
    const std::string sent = oracle_bytes(theirs);
    arena.reset();
    Ours ours;
    REQUIRE(wire::decode(sent, ours, arena) == wire::DecodeError::none);
    check(ours, theirs);
    const std::string_view back = wire::encode(ours, writer);
    REQUIRE((back == sent));
    bytes += sent.size();
  }
  CHECK(bytes > 1000);
}
template <class Ours, class Theirs>
void same_round_trips(int turns) {
  round_trips<Ours, Theirs>(turns, [](const Ours& a, const Theirs& b) { REQUIRE(Same::of(a, b)); });
}

bool same_scalars(const ours3::Scalars& a, const theirs3::Scalars& b) {
  return SAME_FIELD(a_int32) && SAME_FIELD(a_int64) && SAME_FIELD(a_uint32) &&
         SAME_FIELD(a_uint64) && SAME_FIELD(a_sint32) && SAME_FIELD(a_sint64) &&
         SAME_FIELD(a_fixed32) && SAME_FIELD(a_fixed64) && SAME_FIELD(a_sfixed32) &&
         SAME_FIELD(a_sfixed64) && SAME_FIELD(a_float) && SAME_FIELD(a_double) &&
         SAME_FIELD(a_bool) && SAME_FIELD(a_string) && SAME_FIELD(a_bytes) && SAME_FIELD(a_color);
}
template <class Theirs, class Ours>
bool same_lists(const Ours& a, const Theirs& b) {
  bool same = SAME_FIELD(int32s) && SAME_FIELD(int64s) && SAME_FIELD(uint32s) &&
              SAME_FIELD(uint64s) && SAME_FIELD(sint32s) && SAME_FIELD(sint64s) &&
              SAME_FIELD(fixed32s) && SAME_FIELD(fixed64s) && SAME_FIELD(sfixed32s) &&
              SAME_FIELD(sfixed64s) && SAME_FIELD(floats) && SAME_FIELD(doubles) &&
              SAME_FIELD(bools) && SAME_FIELD(strings) && SAME_FIELD(byteses) &&
              SAME_FIELD(colors) && static_cast<int>(a.messages.size()) == b.messages_size();
  for (std::size_t i = 0; same && i < a.messages.size(); ++i)
    same = same_scalars(a.messages[i], b.messages(static_cast<int>(i)));
  return same;
}
bool same_optionals(const ours3::Optionals& a, const theirs3::Optionals& b) {
  return SAME_FLAGGED(a_int32) && SAME_FLAGGED(a_double) && SAME_FLAGGED(a_string) &&
         SAME_FLAGGED(a_color) && SAME_FLAGGED(a_bool) &&
         (a.scalars != nullptr) == b.has_scalars() &&
         (!a.scalars || same_scalars(*a.scalars, b.scalars()));
}
bool same_choice(const ours3::Choice& a, const theirs3::Choice& b) {
  using Pick = ours3::Choice::PickCase;
  return SAME_FIELD(before) && SAME_CASE(pick) && SAME_CHOSEN(pick, a_bool) &&
         SAME_CHOSEN(pick, a_sint32) && SAME_CHOSEN(pick, a_fixed64) &&
         SAME_CHOSEN(pick, a_double) && SAME_CHOSEN(pick, a_string) && SAME_CHOSEN(pick, a_bytes) &&
         SAME_CHOSEN(pick, a_color) &&
         (a.pick_case != Pick::a_message || same_scalars(*a.a_message, b.a_message())) &&
         (a.pick_case != Pick::a_choice || same_choice(*a.a_choice, b.a_choice())) &&
         SAME_CASE(second_pick) && SAME_CHOSEN(second_pick, count) &&
         SAME_CHOSEN(second_pick, share) && Same::of(a.default_, b.default_());
}

/// What `Ours` makes of bytes, written by us and read by libprotobuf, is what libprotobuf makes of
/// them itself; both refuse the same.
template <class Ours, class Theirs>
void agree(std::string_view bytes) {
  wire::Arena arena;
  Ours ours;
  Theirs theirs, again;
  const auto error = wire::decode(bytes, ours, arena);
  const bool taken = oracle_parse(bytes, theirs);
  INFO(wire::to_string(error));
  REQUIRE((error == wire::DecodeError::none) == taken);
  if (!taken) return;
  wire::Writer writer;
  REQUIRE(oracle_parse(wire::encode(ours, writer), again));
  REQUIRE((oracle_bytes(again) == oracle_bytes(theirs)));
}

template <class Theirs>
std::string random_bytes(std::uint64_t seed) {
  RandomMessage random(seed);
  Theirs message;
  random.fill(message);
  return oracle_bytes(message);
}

}  // namespace

TEST_CASE("remote write and the exposition go both ways") {
  same_round_trips<proto::remote_write_v1::WriteRequest, prometheus::WriteRequest>(300);
  same_round_trips<proto::remote_write_v2::Request, io::prometheus::write::v2::Request>(300);
  same_round_trips<proto::metric_family::MetricFamily, io::prometheus::client::MetricFamily>(300);
}

TEST_CASE("every kind of field goes both ways") {
  round_trips<ours3::Scalars, theirs3::Scalars>(
      300, [](const auto& a, const auto& b) { REQUIRE(same_scalars(a, b)); });
  round_trips<ours3::Optionals, theirs3::Optionals>(
      300, [](const auto& a, const auto& b) { REQUIRE(same_optionals(a, b)); });
  round_trips<ours3::Lists, theirs3::Lists>(
      300, [](const auto& a, const auto& b) { REQUIRE(same_lists(a, b)); });
  round_trips<ours3::Loose, theirs3::Loose>(
      300, [](const auto& a, const auto& b) { REQUIRE(same_lists(a, b)); });
  round_trips<ours3::Choice, theirs3::Choice>(
      300, [](const auto& a, const auto& b) { REQUIRE(same_choice(a, b)); });
  round_trips<ours3::Maps, theirs3::Maps>(300, [](const ours3::Maps& a, const theirs3::Maps& b) {
    REQUIRE(static_cast<int>(a.by_name.size()) == b.by_name_size());
    for (const auto& entry : a.by_name)
      REQUIRE(b.by_name().at(std::string(entry.key)) == entry.value);
    REQUIRE(static_cast<int>(a.by_number.size()) == b.by_number_size());
    for (const auto& entry : a.by_number)
      REQUIRE(same_scalars(*entry.value, b.by_number().at(entry.key)));
    REQUIRE(static_cast<int>(a.by_truth.size()) == b.by_truth_size());
    for (const auto& entry : a.by_truth) REQUIRE(b.by_truth().at(entry.key) == entry.value);
    for (const auto& entry : a.by_fixed)
      REQUIRE(static_cast<int>(b.by_fixed().at(entry.key)) == static_cast<int>(entry.value));
    for (const auto& entry : a.by_sign) REQUIRE(b.by_sign().at(entry.key) == entry.value);
  });
  round_trips<ours3::Everything, theirs3::Everything>(200, [](const auto&, const auto&) {});
  round_trips<ours2::Closed, theirs2::Closed>(300, [](const auto&, const auto&) {});
  round_trips<ours2::Defaults, theirs2::Defaults>(300, [](const auto&, const auto&) {});
}

TEST_CASE("lists are read packed and unpacked, whatever the schema says") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const std::string packed = random_bytes<theirs3::Lists>(seed);
    const std::string loose = random_bytes<theirs3::Loose>(seed + 1000);
    for (const std::string& bytes : {packed, loose, packed + loose, loose + packed}) {
      wire::Arena arena;
      ours3::Lists as_packed;
      theirs3::Lists theirs_packed;
      REQUIRE(wire::decode(bytes, as_packed, arena) == wire::DecodeError::none);
      REQUIRE(oracle_parse(bytes, theirs_packed));
      REQUIRE(same_lists(as_packed, theirs_packed));
      ours3::Loose as_loose;
      theirs3::Loose theirs_loose;
      REQUIRE(wire::decode(bytes, as_loose, arena) == wire::DecodeError::none);
      REQUIRE(oracle_parse(bytes, theirs_loose));
      REQUIRE(same_lists(as_loose, theirs_loose));
    }
  }
}

TEST_CASE("of a field that occurs twice the last wins; messages merge, lists grow") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    const std::string twice =
        random_bytes<theirs3::Everything>(seed) + random_bytes<theirs3::Everything>(seed + 1);
    agree<ours3::Everything, theirs3::Everything>(twice);
    const std::string choices =
        random_bytes<theirs3::Choice>(seed) + random_bytes<theirs3::Choice>(seed + 7);
    wire::Arena arena;
    ours3::Choice ours;
    theirs3::Choice theirs;
    REQUIRE(wire::decode(choices, ours, arena) == wire::DecodeError::none);
    REQUIRE(oracle_parse(choices, theirs));
    REQUIRE(same_choice(ours, theirs));
    agree<ours2::Closed, theirs2::Closed>(random_bytes<theirs2::Closed>(seed) +
                                          random_bytes<theirs2::Closed>(seed + 1));
  }
  REQUIRE(difference<proto::metric_family::MetricFamily, io::prometheus::client::MetricFamily>(
              random_bytes<io::prometheus::client::MetricFamily>(1) +
              random_bytes<io::prometheus::client::MetricFamily>(2)) == "");
}

TEST_CASE("decoding twice into one struct merges, as the bytes one after the other do") {
  wire::Arena arena;
  const std::string first = random_bytes<theirs3::Everything>(3);
  const std::string second = random_bytes<theirs3::Everything>(4);
  ours3::Everything apart, together;
  REQUIRE(wire::decode(first, apart, arena) == wire::DecodeError::none);
  REQUIRE(wire::decode(second, apart, arena) == wire::DecodeError::none);
  const std::string both = first + second;
  REQUIRE(wire::decode(both, together, arena) == wire::DecodeError::none);
  wire::Writer one, other;
  REQUIRE((wire::encode(apart, one) == wire::encode(together, other)));
}

TEST_CASE("unknown fields are kept byte for byte, at every level") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    const std::string bytes =
        random_bytes<theirs3::Everything>(seed) + random_bytes<theirs3::Everything>(seed + 500);
    wire::Arena arena;
    ours3::Narrow ours;
    theirs3::Narrow theirs;
    REQUIRE(wire::decode(bytes, ours, arena) == wire::DecodeError::none);
    REQUIRE(oracle_parse(bytes, theirs));
    REQUIRE(Same::unknown(ours.unknown_fields, theirs));
    if (ours.lists) REQUIRE(Same::unknown(ours.lists->unknown_fields, theirs.lists()));
    for (std::size_t i = 0; i < ours.choices.size(); ++i)
      REQUIRE(Same::unknown(ours.choices[i].unknown_fields, theirs.choices(static_cast<int>(i))));
    wire::Writer writer;
    REQUIRE((wire::encode(ours, writer) == oracle_bytes(theirs)));
    // Nothing is lost on the way through the narrow schema.
    theirs3::Everything whole, through;
    REQUIRE(oracle_parse(bytes, whole));
    REQUIRE(oracle_parse(writer.bytes(), through));
    REQUIRE((oracle_bytes(whole) == oracle_bytes(through)));
  }
}

TEST_CASE("values that a proto2 enum does not name are unknown fields") {
  // level 4; levels 5, 6, 3; packed_levels 3, 7, -1; color 2; picked 9; after "z"
  const std::string_view bytes(
      "\x08\x04\x10\x05\x10\x06\x10\x03\x1a\x0c\x03\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
      "\x20\x02\x28\x09\x3a\x01z",
      29);
  wire::Arena arena;
  ours2::Closed ours;
  theirs2::Closed theirs;
  REQUIRE(wire::decode(bytes, ours, arena) == wire::DecodeError::none);
  REQUIRE(oracle_parse(bytes, theirs));
  CHECK_FALSE(ours.has_level);
  REQUIRE(ours.levels.size() == 2);
  CHECK(ours.levels[1] == ours2::Level::low);
  REQUIRE(ours.packed_levels.size() == 2);
  CHECK(ours.packed_levels[1] == ours2::Level::below);
  CHECK_FALSE(ours.has_color);
  CHECK(ours.pick_case == ours2::Closed::PickCase::none);
  CHECK(ours.after == "z");
  CHECK(Same::unknown(ours.unknown_fields, theirs));
  agree<ours2::Closed, theirs2::Closed>(bytes);
}

TEST_CASE("an unknown value of an enum keeps its 64 bits") {
  // MetricFamily.type is the low 32 bits of this varint, and no type.
  const std::string bytes = "\x18\xfc\xff\xff\xff\xff\xdd\x92\xf4\x06";
  CHECK(difference<proto::metric_family::MetricFamily, io::prometheus::client::MetricFamily>(
            bytes) == "");
  wire::Arena arena;
  proto::metric_family::MetricFamily family;
  REQUIRE(wire::decode(bytes, family, arena) == wire::DecodeError::none);
  wire::Writer writer;
  CHECK(wire::encode(family, writer) == bytes);
}

TEST_CASE("defaults are those of the schema") {
  const ours2::Defaults a;
  const theirs2::Defaults b;
  CHECK(SAME_FLAGGED(an_int32));
  CHECK(SAME_FLAGGED(an_int64));
  CHECK(SAME_FLAGGED(a_uint32));
  CHECK(SAME_FLAGGED(a_uint64));
  CHECK(SAME_FLAGGED(a_double));
  CHECK(SAME_FLAGGED(a_float));
  CHECK(SAME_FLAGGED(a_bool));
  CHECK(SAME_FLAGGED(a_string));
  CHECK(SAME_FLAGGED(a_bytes));
  CHECK(SAME_FLAGGED(a_level));
  CHECK(SAME_FLAGGED(first_level));
}

TEST_CASE("what is cut at any byte is taken by both or by neither") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const std::string everything = random_bytes<theirs3::Everything>(seed);
    for (std::size_t n = 0; n < everything.size() && n < 3000; ++n) {
      CAPTURE(seed, n);
      // A copy of its own, so that a read past the end is seen by the sanitizers.
      const std::string cut(everything, 0, n);
      agree<ours3::Everything, theirs3::Everything>(cut);
    }
    const std::string v1 = random_bytes<prometheus::WriteRequest>(seed);
    for (std::size_t n = 0; n < v1.size() && n < 3000; ++n)
      REQUIRE(difference<proto::remote_write_v1::WriteRequest, prometheus::WriteRequest>(
                  std::string(v1, 0, n)) == "");
    const std::string v2 = random_bytes<io::prometheus::write::v2::Request>(seed);
    for (std::size_t n = 0; n < v2.size() && n < 3000; ++n)
      REQUIRE(difference<proto::remote_write_v2::Request, io::prometheus::write::v2::Request>(
                  std::string(v2, 0, n)) == "");
  }
  // One field on the outside: every cut is an error.
  theirs3::Everything one;
  RandomMessage random(1);
  random.fill(*one.mutable_lists());
  const std::string whole = oracle_bytes(one);
  REQUIRE(whole.size() > 100);
  for (std::size_t n = 1; n < whole.size(); ++n) {
    CAPTURE(n);
    wire::Arena arena;
    ours3::Everything ours;
    REQUIRE(wire::decode(std::string_view(whole).substr(0, n), ours, arena) ==
            wire::DecodeError::truncated);
  }
}

TEST_CASE("damaged bytes are taken by both, with the same content, or by neither") {
  int taken = 0;
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    CAPTURE(seed);
    RandomMessage random(seed);
    const auto damage = [&](std::string bytes) {
      for (std::uint64_t n = 1 + random.below(3); n > 0 && !bytes.empty(); --n)
        bytes[random.below(bytes.size())] = static_cast<char>(random.next());
      return bytes;
    };
    const std::string v1 = damage(random_bytes<prometheus::WriteRequest>(seed));
    REQUIRE(difference<proto::remote_write_v1::WriteRequest, prometheus::WriteRequest>(v1) == "");
    const std::string v2 = damage(random_bytes<io::prometheus::write::v2::Request>(seed));
    REQUIRE(difference<proto::remote_write_v2::Request, io::prometheus::write::v2::Request>(v2) ==
            "");
    const std::string family = damage(random_bytes<io::prometheus::client::MetricFamily>(seed));
    REQUIRE(difference<proto::metric_family::MetricFamily, io::prometheus::client::MetricFamily>(
                family) == "");
    io::prometheus::client::MetricFamily theirs;
    taken += oracle_parse(family, theirs);
  }
  CHECK(taken > 100);
}
