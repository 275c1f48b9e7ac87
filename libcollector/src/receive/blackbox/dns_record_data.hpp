// The data of the DNS' record types as zone files write them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace collector::receive::blackbox {

/// A place in a message, which names may point back into (RFC 1035, 4.1.4). A false return leaves
/// the place somewhere behind where it was.
class DnsReader {
 public:
  explicit DnsReader(std::string_view message) : message_(message), end_(message.size()) {}

  bool u8(std::uint8_t& into);
  bool u16(std::uint16_t& into);
  bool u32(std::uint32_t& into);
  bool bytes(std::size_t size, std::string_view& into);
  /// With its final dot and special characters escaped.
  bool name(std::string& into);
  bool skip(std::size_t size);
  std::size_t left() const { return end_ - at_; }
  std::string_view rest() const { return message_.substr(at_, left()); }
  /// The next `size` bytes, which are there, as a reader of their own.
  DnsReader part(std::size_t size) const {
    DnsReader out = *this;
    out.end_ = at_ + size;
    return out;
  }

 private:
  std::string_view message_;
  std::size_t at_ = 0, end_;
};

/// False when the data is not what its type wants.
bool dns_record_data(std::uint16_t type, DnsReader data, std::string& text);

/// The serial number of the zone in an SOA record's data.
std::optional<std::uint32_t> dns_serial(DnsReader data);

}  // namespace collector::receive::blackbox
