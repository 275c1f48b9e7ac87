#include "receive/blackbox/dns_record_data.hpp"

#include "base/base64.hpp"
#include "receive/blackbox/dns_names.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <ctime>
#include <optional>
#include <vector>

namespace collector::receive::blackbox {
namespace {

constexpr std::size_t kMostPointers = 126;  // a name has no more labels
constexpr std::size_t kLongestName = 255;

std::string escape(std::string_view bytes, std::string_view special) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte > '~')
      out += fmt::format("\\{:03}", byte);
    else if (special.find(c) != std::string_view::npos)
      out.append(1, '\\').append(1, c);
    else
      out += c;
  }
  return out;
}

std::string quoted(std::string_view text) { return '"' + escape(text, "\"\\") + '"'; }

std::string hex(std::string_view bytes, bool upper) {
  std::string out;
  for (const char c : bytes)
    out += upper ? fmt::format("{:02X}", static_cast<unsigned char>(c))
                 : fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

/// A piece of data after another, with a blank between; false from the first failure on.
class Line {
 public:
  Line(DnsReader& in, std::string& out) : in_(in), out_(out) {}

  Line& u8() { return number<std::uint8_t>(&DnsReader::u8); }
  Line& u16() { return number<std::uint16_t>(&DnsReader::u16); }
  Line& u32() { return number<std::uint32_t>(&DnsReader::u32); }
  Line& name() {
    std::string text;
    good_ = good_ && in_.name(text);
    return add(text);
  }
  /// A length and so many characters.
  Line& string() {
    std::uint8_t size = 0;
    std::string_view text;
    good_ = good_ && in_.u8(size) && in_.bytes(size, text);
    return add(quoted(text));
  }
  Line& strings() {
    do string();
    while (good_ && in_.left() > 0);
    return *this;
  }
  Line& type() {
    std::uint16_t number = 0;
    good_ = good_ && in_.u16(number);
    return add(dns_type_name(number));
  }
  /// Seconds since 1970, modulo 2^32 (RFC 4034, 3.2).
  Line& date() {
    std::uint32_t when = 0;
    good_ = good_ && in_.u32(when);
    const std::time_t t = when;
    std::tm parts{};
    ::gmtime_r(&t, &parts);
    return add(fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                           parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec));
  }
  Line& types();
  Line& rest(std::string (*form)(std::string_view)) {
    std::string_view bytes;
    good_ = good_ && in_.bytes(in_.left(), bytes);
    return add(form(bytes));
  }
  bool good() const { return good_; }

 private:
  template <class N>
  Line& number(bool (DnsReader::*read)(N&)) {
    N value = 0;
    good_ = good_ && (in_.*read)(value);
    return add(fmt::format("{}", value));
  }
  Line& add(std::string_view text) {
    if (!good_) return *this;
    if (!first_) out_ += ' ';
    first_ = false;
    out_ += text;
    return *this;
  }

  DnsReader& in_;
  std::string& out_;
  bool first_ = true, good_ = true;
};

/// Windows of a bitmap (RFC 4034, 4.1.2).
Line& Line::types() {
  while (good_ && in_.left() > 0) {
    std::uint8_t window = 0;
    std::uint8_t size = 0;
    std::string_view bits;
    good_ = in_.u8(window) && in_.u8(size) && in_.bytes(size, bits);
    for (std::size_t i = 0; good_ && i < bits.size() * 8; ++i)
      if (static_cast<unsigned char>(bits[i / 8]) & (0x80 >> (i % 8)))
        add(dns_type_name(static_cast<std::uint16_t>(window * 256 + i)));
  }
  return *this;
}

bool address(DnsReader& in, int family, std::string& text) {
  std::string_view bytes;
  if (!in.bytes(family == AF_INET ? 4 : 16, bytes)) return false;
  char out[INET6_ADDRSTRLEN];
  text = inet_ntop(family, bytes.data(), out, sizeof out);
  return true;
}

std::string upper_hex(std::string_view bytes) { return hex(bytes, true); }
std::string lower_hex(std::string_view bytes) { return hex(bytes, false); }
std::string base64(std::string_view bytes) { return base::base64(bytes); }
/// RFC 3597, 5.
std::string unknown(std::string_view bytes) {
  std::string out = fmt::format("\\# {}", bytes.size());
  return bytes.empty() ? out : out + ' ' + hex(bytes, false);
}

}  // namespace

bool DnsReader::u8(std::uint8_t& into) {
  if (left() < 1) return false;
  into = static_cast<std::uint8_t>(message_[at_++]);
  return true;
}
bool DnsReader::u16(std::uint16_t& into) {
  std::uint8_t high = 0;
  std::uint8_t low = 0;
  if (!u8(high) || !u8(low)) return false;
  into = static_cast<std::uint16_t>(high << 8 | low);
  return true;
}
bool DnsReader::u32(std::uint32_t& into) {
  std::uint16_t high = 0;
  std::uint16_t low = 0;
  if (!u16(high) || !u16(low)) return false;
  into = std::uint32_t{high} << 16 | low;
  return true;
}
bool DnsReader::bytes(std::size_t size, std::string_view& into) {
  if (left() < size) return false;
  into = message_.substr(at_, size);
  at_ += size;
  return true;
}
bool DnsReader::skip(std::size_t size) {
  std::string_view ignored;
  return bytes(size, ignored);
}

bool DnsReader::name(std::string& into) {
  into.clear();
  // Behind a pointer the name goes on elsewhere, and this place behind the pointer.
  std::optional<std::size_t> behind;
  std::size_t pointers = 0;
  std::size_t size = 1;
  std::size_t at = at_;
  std::size_t end = end_;
  for (;;) {
    if (at >= end) return false;
    const auto length = static_cast<unsigned char>(message_[at++]);
    if (length == 0) break;
    if ((length & 0xC0) == 0xC0) {
      if (at >= end || ++pointers > kMostPointers) return false;
      const std::size_t to =
          std::size_t{length & 0x3FU} << 8 | static_cast<unsigned char>(message_[at++]);
      if (!behind) behind = at;
      at = to;
      end = message_.size();
      continue;
    }
    if (length > 63 || at + length > end) return false;
    size += length + std::size_t{1};
    if (size > kLongestName) return false;
    into += escape(message_.substr(at, length), ". '@;()\"\\") + '.';
    at += length;
  }
  at_ = behind.value_or(at);
  if (into.empty()) into = ".";
  return true;
}

bool dns_record_data(std::uint16_t type, DnsReader in, std::string& text) {
  Line line(in, text);
  switch (type) {
    case 1:  // A
      return address(in, AF_INET, text);
    case 28:  // AAAA
      return address(in, AF_INET6, text);
    case 2:   // NS
    case 3:   // MD
    case 4:   // MF
    case 5:   // CNAME
    case 7:   // MB
    case 8:   // MG
    case 9:   // MR
    case 12:  // PTR
    case 39:  // DNAME
      return line.name().good();
    case 6:  // SOA
      return line.name().name().u32().u32().u32().u32().u32().good();
    case 13:  // HINFO
      return line.string().string().good();
    case 14:  // MINFO
    case 17:  // RP
      return line.name().name().good();
    case 15:  // MX
    case 18:  // AFSDB
    case 21:  // RT
    case 36:  // KX
      return line.u16().name().good();
    case 16:  // TXT
    case 99:  // SPF
      return line.strings().good();
    case 33:  // SRV
      return line.u16().u16().u16().name().good();
    case 35:  // NAPTR
      return line.u16().u16().string().string().string().name().good();
    case 43:  // DS
    case 59:  // CDS
      return line.u16().u8().u8().rest(upper_hex).good();
    case 44:  // SSHFP
      return line.u8().u8().rest(upper_hex).good();
    case 46:  // RRSIG
      return line.type().u8().u8().u32().date().date().u16().name().rest(base64).good();
    case 47:  // NSEC
      return line.name().types().good();
    case 48:  // DNSKEY
    case 60:  // CDNSKEY
      return line.u16().u8().u8().rest(base64).good();
    case 52:  // TLSA
    case 53:  // SMIMEA
      return line.u8().u8().u8().rest(lower_hex).good();
    case 257: {  // CAA: flags, tag, value
      std::uint8_t flags = 0;
      std::uint8_t size = 0;
      std::string_view tag;
      if (!in.u8(flags) || !in.u8(size) || !in.bytes(size, tag)) return false;
      text = fmt::format("{} {} {}", flags, escape(tag, "\"\\"), quoted(in.rest()));
      return true;
    }
    default:
      return line.rest(unknown).good();
  }
}

std::optional<std::uint32_t> dns_serial(DnsReader data) {
  std::string ignored;
  std::uint32_t serial = 0;
  if (!data.name(ignored) || !data.name(ignored) || !data.u32(serial)) return std::nullopt;
  return serial;
}

}  // namespace collector::receive::blackbox
