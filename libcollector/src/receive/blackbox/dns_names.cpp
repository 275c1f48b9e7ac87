#include "receive/blackbox/dns_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace collector::receive::blackbox {
namespace {

using Name = std::pair<std::string_view, int>;

constexpr auto kTypes = std::to_array<Name>({
    {"None", 0},     {"A", 1},           {"NS", 2},           {"MD", 3},         {"MF", 4},
    {"CNAME", 5},    {"SOA", 6},         {"MB", 7},           {"MG", 8},         {"MR", 9},
    {"NULL", 10},    {"PTR", 12},        {"HINFO", 13},       {"MINFO", 14},     {"MX", 15},
    {"TXT", 16},     {"RP", 17},         {"AFSDB", 18},       {"X25", 19},       {"ISDN", 20},
    {"RT", 21},      {"NSAP-PTR", 23},   {"SIG", 24},         {"KEY", 25},       {"PX", 26},
    {"GPOS", 27},    {"AAAA", 28},       {"LOC", 29},         {"NXT", 30},       {"EID", 31},
    {"NIMLOC", 32},  {"SRV", 33},        {"ATMA", 34},        {"NAPTR", 35},     {"KX", 36},
    {"CERT", 37},    {"DNAME", 39},      {"OPT", 41},         {"APL", 42},       {"DS", 43},
    {"SSHFP", 44},   {"IPSECKEY", 45},   {"RRSIG", 46},       {"NSEC", 47},      {"DNSKEY", 48},
    {"DHCID", 49},   {"NSEC3", 50},      {"NSEC3PARAM", 51},  {"TLSA", 52},      {"SMIMEA", 53},
    {"HIP", 55},     {"NINFO", 56},      {"RKEY", 57},        {"TALINK", 58},    {"CDS", 59},
    {"CDNSKEY", 60}, {"OPENPGPKEY", 61}, {"CSYNC", 62},       {"ZONEMD", 63},    {"SVCB", 64},
    {"HTTPS", 65},   {"SPF", 99},        {"UINFO", 100},      {"UID", 101},      {"GID", 102},
    {"UNSPEC", 103}, {"NID", 104},       {"L32", 105},        {"L64", 106},      {"LP", 107},
    {"EUI48", 108},  {"EUI64", 109},     {"NXNAME", 128},     {"TKEY", 249},     {"TSIG", 250},
    {"IXFR", 251},   {"AXFR", 252},      {"MAILB", 253},      {"MAILA", 254},    {"ANY", 255},
    {"URI", 256},    {"CAA", 257},       {"AVC", 258},        {"AMTRELAY", 260}, {"RESINFO", 261},
    {"TA", 32768},   {"DLV", 32769},     {"Reserved", 65535},
});

constexpr auto kClasses =
    std::to_array<Name>({{"IN", 1}, {"CS", 2}, {"CH", 3}, {"HS", 4}, {"NONE", 254}, {"ANY", 255}});

constexpr auto kRcodes = std::to_array<Name>(
    {{"NOERROR", 0},  {"FORMERR", 1},    {"SERVFAIL", 2}, {"NXDOMAIN", 3},  {"NOTIMP", 4},
     {"REFUSED", 5},  {"YXDOMAIN", 6},   {"YXRRSET", 7},  {"NXRRSET", 8},   {"NOTAUTH", 9},
     {"NOTZONE", 10}, {"DSOTYPENI", 11}, {"BADSIG", 16},  {"BADKEY", 17},   {"BADTIME", 18},
     {"BADMODE", 19}, {"BADNAME", 20},   {"BADALG", 21},  {"BADTRUNC", 22}, {"BADCOOKIE", 23}});

template <class Table>
std::optional<int> number_of(const Table& table, std::string_view name) {
  const auto at =
      std::find_if(table.begin(), table.end(), [&](const Name& row) { return row.first == name; });
  return at == table.end() ? std::nullopt : std::optional(at->second);
}

template <class Table>
std::string name_of(const Table& table, int number, std::string_view otherwise) {
  const auto at = std::find_if(table.begin(), table.end(),
                               [&](const Name& row) { return row.second == number; });
  return at == table.end() ? fmt::format("{}{}", otherwise, number) : std::string(at->first);
}

}  // namespace

std::optional<std::uint16_t> dns_type(std::string_view name) { return number_of(kTypes, name); }
std::optional<std::uint16_t> dns_class(std::string_view name) { return number_of(kClasses, name); }
std::optional<int> dns_rcode(std::string_view name) { return number_of(kRcodes, name); }
std::string dns_type_name(std::uint16_t number) { return name_of(kTypes, number, "TYPE"); }
std::string dns_class_name(std::uint16_t number) { return name_of(kClasses, number, "CLASS"); }
std::string dns_rcode_name(int number) { return name_of(kRcodes, number, "RCODE"); }

}  // namespace collector::receive::blackbox
