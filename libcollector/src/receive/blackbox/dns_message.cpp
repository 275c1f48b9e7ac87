#include "receive/blackbox/dns_message.hpp"

#include "receive/blackbox/dns_names.hpp"
#include "receive/blackbox/dns_record_data.hpp"

#include <fmt/format.h>

namespace collector::receive::blackbox {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestName = 255;

void put16(std::string& out, std::uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xFF);
}

Status no_name(std::string_view name) {
  return {Code::invalid_argument, fmt::format("\"{}\" is no domain name", name)};
}

bool read_record(DnsReader& in, DnsResourceRecord& record) {
  std::string name;
  std::uint16_t klass = 0;
  std::uint32_t ttl = 0;
  std::uint16_t length = 0;
  if (!in.name(name) || !in.u16(record.type) || !in.u16(klass) || !in.u32(ttl) || !in.u16(length) ||
      length > in.left())
    return false;
  DnsReader data = in.part(length);
  std::string text;
  if (!dns_record_data(record.type, data, text)) return false;
  if (record.type == 6) record.serial = dns_serial(in.part(length));
  in.skip(length);
  record.text = fmt::format("{}\t{}\t{}\t{}\t{}", name, ttl, dns_class_name(klass),
                            dns_type_name(record.type), text);
  return true;
}

}  // namespace

Result<std::string> dns_query(const DnsQuestion& question, std::uint16_t id) {
  std::string out;
  put16(out, id);
  put16(out, question.recursion ? 0x0100 : 0);
  for (const std::uint16_t count : {1, 0, 0, 0}) put16(out, count);
  std::string label;
  const auto end_label = [&] {
    if (label.empty() || label.size() > kLongestLabel) return false;
    out += static_cast<char>(label.size());
    out += label;
    label.clear();
    return true;
  };
  std::string_view name = question.name;
  if (name == ".") name = {};
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '.') {
      if (!end_label()) return no_name(question.name);
      continue;
    }
    if (name[i] == '\\' && i + 1 < name.size()) ++i;
    label += name[i];
  }
  if (!label.empty() && !end_label()) return no_name(question.name);
  out += '\0';
  if (out.size() - kHeader > kLongestName) return no_name(question.name);
  put16(out, question.type);
  put16(out, question.klass);
  return out;
}

Result<DnsAnswer> dns_answer(std::string_view message) {
  const Status broken(Code::data_loss, "the answer is no DNS message");
  DnsReader in(message);
  DnsAnswer out;
  std::uint16_t flags = 0;
  std::uint16_t questions = 0;
  std::uint16_t counts[3] = {};
  if (!in.u16(out.id) || !in.u16(flags) || !in.u16(questions) || !in.u16(counts[0]) ||
      !in.u16(counts[1]) || !in.u16(counts[2]))
    return broken;
  if (!(flags & 0x8000)) return broken;  // a question
  out.rcode = flags & 0xF;
  out.truncated = (flags & 0x0200) != 0;
  for (int i = 0; i < questions; ++i) {
    std::string name;
    if (!in.name(name) || !in.skip(4)) return broken;
  }
  std::vector<DnsResourceRecord>* sections[] = {&out.answers, &out.authorities, &out.additional};
  for (std::size_t s = 0; s < 3; ++s)
    for (int i = 0; i < counts[s]; ++i) {
      DnsResourceRecord record;
      if (!read_record(in, record)) {
        if (out.truncated) return out;
        return broken;
      }
      sections[s]->push_back(std::move(record));
    }
  return out;
}

}  // namespace collector::receive::blackbox
