// The names and numbers of the DNS (RFC 1035, 3.2; IANA, Domain Name System Parameters), as
// github.com/miekg/dns spells them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace collector::receive::blackbox {

std::optional<std::uint16_t> dns_type(std::string_view name);
std::optional<std::uint16_t> dns_class(std::string_view name);
std::optional<int> dns_rcode(std::string_view name);
/// `TYPE4711` for a number without a name, and so on.
std::string dns_type_name(std::uint16_t number);
std::string dns_class_name(std::uint16_t number);
std::string dns_rcode_name(int number);

}  // namespace collector::receive::blackbox
