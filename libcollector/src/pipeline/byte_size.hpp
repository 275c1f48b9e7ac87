// A number of bytes as an argument. Values only.
#pragma once

#include <collector/engine/arguments.hpp>

#include <cstdint>

namespace collector {

namespace pipeline {
/// Bytes, as a number or as text with a unit: 512KiB, 10MB (both count in powers of two).
struct ByteSize {
  std::int64_t bytes = 0;
};
}  // namespace pipeline

namespace schema {
template <>
struct CodecFor<pipeline::ByteSize> {
  static const Codec& get();
};
}  // namespace schema

}  // namespace collector
