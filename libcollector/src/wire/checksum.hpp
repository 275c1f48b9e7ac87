// CRC-32 as in gzip (RFC 1952, 8).
#pragma once

#include <cstdint>
#include <string_view>

namespace collector::wire {

/// `before` is the checksum of the bytes that precede these.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);

}  // namespace collector::wire
