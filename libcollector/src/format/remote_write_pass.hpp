// What reading 1.0 and reading 2.0 have in common. Included by the two readers only.
#pragma once

#include "format/remote_write_read.hpp"
#include "wire/reader.hpp"
#include "wire/varint.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace collector::format {

class RemoteWriteReader::Pass {
 public:
  Pass(RemoteWriteReader& reader, const Options& options, WriteIntake& intake, Reservation& charge)
      : self_(reader), options_(options), intake_(intake), charge_(charge), state_{reader.arena_} {}

  /// Why run() said false, unless the intake knows.
  Status problem() const {
    if (!no_room_.ok()) return no_room_;
    return {Code::data_loss,
            "no whole protocol buffer: " + std::string(wire::to_string(state_.error))};
  }

 protected:
  using Bytes = std::string_view;

  /// Over the rest of a field of a schema that is newer than ours.
  const char* skip(const char* p, const char* end, std::uint32_t tag) {
    std::uint64_t v = 0;
    Bytes bytes;
    switch (tag & 7) {
      case 0:
        return wire::read_varint(p, end, v, state_);
      case 1:
        return wire::read_fixed(p, end, v, state_);
      case 2:
        return wire::read_bytes(p, end, bytes, state_);
      case 3:
      case 4:
        return state_.fail(wire::DecodeError::group);
      case 5: {
        std::uint32_t half = 0;
        return wire::read_fixed(p, end, half, state_);
      }
      default:
        return state_.fail(wire::DecodeError::wire_type);
    }
  }
  /// More are no series: each takes several times the memory of its bytes.
  static constexpr std::size_t kMostLabels = 4096;
  static std::int64_t signed_of(std::uint64_t v) { return static_cast<std::int64_t>(v); }

  /// Sample of either version: 1 value, 2 timestamp, 3 start_timestamp, which 1.0 does not have.
  bool read_point(const char* p, const char* end, WritePoint& point) {
    while (p < end) {
      std::uint32_t tag = 0;
      p = wire::read_tag(p, end, tag, state_);
      if (!p) return false;
      std::uint64_t v = 0;
      switch (tag) {
        case 0x09:
          p = wire::read_fixed(p, end, point.value, state_);
          break;
        case 0x10:
        case 0x18: {
          const char* const next = wire::get_varint(p, end, v);
          p = next ? next : wire::read_varint(p, end, v, state_);
          (tag == 0x10 ? point.timestamp : point.start_timestamp) = signed_of(v);
          break;
        }
        default:
          p = skip(p, end, tag);
      }
      if (!p) return false;
    }
    return true;
  }

  /// A nested message as its generated struct, which lives until the next call. not_utf8 is no
  /// error of the body: the caller says what it means.
  template <class Message>
  wire::DecodeError decode(Bytes bytes, Message& message) {
    self_.arena_.reset();
    // Packed varints of one byte become eight in the arena, which doubles as it grows.
    constexpr std::size_t kSmall = 4096, kMostGrowth = 24;
    if (bytes.size() <= kSmall) return wire::decode(bytes, message, self_.arena_);
    const std::size_t before = charge_.bytes();
    no_room_ = charge_.grow(bytes.size() * kMostGrowth);
    if (!no_room_.ok()) return wire::DecodeError::too_large;
    const wire::DecodeError e = wire::decode(bytes, message, self_.arena_);
    charge_.shrink_to(before);
    return e;
  }
  bool fail(wire::DecodeError e) {
    state_.error = e;
    return false;
  }

  RemoteWriteReader& self_;
  const Options& options_;
  WriteIntake& intake_;
  Reservation& charge_;
  wire::Reader state_;
  Status no_room_;
};

template <class P>
Result<WriteReport> RemoteWriteReader::read(std::string_view body, const Options& options,
                                            MetricColumns& out, Reservation& charge) {
  // From before the first look: what is given up meanwhile is not used for another series.
  out.lease = known_.table().lease();
  WriteIntake intake(known_.table(), out, charge, options.latest_ms);
  P pass(*this, options, intake, charge);
  const bool whole = pass.run(body);
  constexpr std::size_t kMostKept = 1U << 20;
  if (arena_.held() > kMostKept) arena_ = wire::Arena();
  if (symbols_.capacity() * sizeof(symbols_[0]) > kMostKept) {
    symbols_ = {};
    hashes_ = {};
  }
  if (whole) return intake.finish();
  if (!intake.status().ok()) return intake.status();
  return pass.problem();
}

}  // namespace collector::format
