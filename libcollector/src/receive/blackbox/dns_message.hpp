// Messages of the DNS (RFC 1035): a question to bytes, an answer from bytes, records as text.
#pragma once

#include <collector/engine/status.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace collector::receive::blackbox {

struct DnsQuestion {
  std::string name;  ///< with or without its final dot; `\` before a character takes it as it is
  std::uint16_t type = 1, klass = 1;
  bool recursion = true;
};

struct DnsResourceRecord {
  std::uint16_t type = 0;
  /// As a zone file has it, with tabs between name, time to live, class, type and data: the text
  /// that expressions are matched with. Types whose data this program does not know are in the form
  /// of RFC 3597.
  std::string text;
  std::optional<std::uint32_t> serial;  ///< SOA
};

struct DnsAnswer {
  std::uint16_t id = 0;
  int rcode = 0;
  bool truncated = false;
  std::vector<DnsResourceRecord> answers, authorities, additional;
};

/// invalid_argument for a name that is none.
Result<std::string> dns_query(const DnsQuestion& question, std::uint16_t id);
/// data_loss for what is no message. What a truncated one lacks is not missed.
Result<DnsAnswer> dns_answer(std::string_view message);

}  // namespace collector::receive::blackbox
