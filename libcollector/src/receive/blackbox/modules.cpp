#include "receive/blackbox/modules.hpp"

#include "base/byte_size.hpp"
#include "model/labels.hpp"
#include "receive/blackbox/dns_names.hpp"
#include "receive/blackbox/yaml_struct.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace collector::receive::blackbox {
namespace {

Status wrong(std::string what) { return {Code::invalid_argument, std::move(what)}; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// Whether the weight of a coding, `q=0.5`, is more than 0. Three digits count (RFC 9110, 12.4.2).
bool weighs(std::string_view parameter) {
  parameter = trimmed(parameter);
  if (parameter.starts_with("q=")) parameter.remove_prefix(2);
  const std::size_t digit = parameter.find_first_not_of("0.");
  const std::size_t point = parameter.find('.');
  return digit != std::string_view::npos && std::isdigit(parameter[digit]) != 0 &&
         (point == std::string_view::npos || digit <= point + 3);
}

}  // namespace

bool accepts_encoding(std::string_view compression, std::string_view accept_encoding) {
  if (compression.empty() || accept_encoding.empty()) return true;
  // An entry of weight 0 refuses the coding; a later one that takes it weighs more and wins.
  for (std::size_t at = 0; at <= accept_encoding.size();) {
    const std::size_t comma = std::min(accept_encoding.find(',', at), accept_encoding.size());
    const std::string_view entry = accept_encoding.substr(at, comma - at);
    at = comma + 1;
    const std::size_t semicolon = entry.rfind(';');
    const std::string_view coding = trimmed(entry.substr(0, semicolon));
    if (coding != compression && coding != "*") continue;
    if (semicolon == std::string_view::npos || weighs(entry.substr(semicolon + 1))) return true;
  }
  return false;
}

std::int64_t HttpProbe::limit() const {
  std::int64_t bytes = 0;
  base::parse_bytes(body_size_limit, bytes);
  return bytes;
}

Status HttpProbe::validate() const {
  if (Status s = client.check(); !s.ok()) return s;
  if (!body.empty() && !body_file.empty())
    return wrong("setting body and body_file both are not allowed");
  std::int64_t bytes = 0;
  if (!body_size_limit.empty() && !base::parse_bytes(body_size_limit, bytes))
    return wrong(fmt::format("body_size_limit: \"{}\" is no size", body_size_limit));
  if (net::equal_fold(compression, "br"))
    return {Code::unimplemented, "compression \"br\" is not supported: there is no brotli here"};
  for (const std::string_view known : {"", "gzip", "deflate", "identity", "br"})
    if (net::equal_fold(compression, known)) {
      for (const auto& [name, value] : headers)
        if (net::equal_fold(name, "Accept-Encoding") && !accepts_encoding(compression, value))
          return wrong(fmt::format("invalid configuration \"{}: {}\", \"compression: {}\"", name,
                                   value, compression));
      if (std::find(valid_http_versions.begin(), valid_http_versions.end(), "HTTP/3.0") !=
          valid_http_versions.end())
        return {Code::unimplemented, "HTTP/3.0 is not spoken here"};
      return {};
    }
  return wrong(fmt::format("\"{}\" is no compression", compression));
}

Status QueryResponse::validate() const {
  if (expect && !expect_bytes.empty())
    return wrong("expect and expect_bytes are mutually exclusive");
  for (const ExpectLabel& label : labels)
    if (!model::is_legacy_label_name(label.name))
      return wrong(fmt::format("\"{}\" is no label name", label.name));
  return {};
}

Status DnsProbe::validate() const {
  if (!dns_class(query_class))
    return wrong(fmt::format("query class '{}' is not valid", query_class));
  if (!dns_type(query_type)) return wrong(fmt::format("query type '{}' is not valid", query_type));
  for (const std::string& code : valid_rcodes.value_or(std::vector<std::string>()))
    if (!dns_rcode(code)) return wrong(fmt::format("rcode '{}' is not valid", code));
  if (transport_protocol != "udp" && transport_protocol != "tcp")
    return wrong(fmt::format("transport_protocol is udp or tcp, not '{}'", transport_protocol));
  if (dns_over_tls && transport_protocol != "tcp")
    return wrong("dns_over_tls needs transport_protocol tcp");
  return {};
}

Status IcmpProbe::validate() const {
  if (ttl < 0) return wrong("\"ttl\" cannot be negative");
  if (ttl > 255) return wrong("\"ttl\" cannot exceed 255");
  // An IPv4 packet of 65535 bytes without its header and ICMP's.
  if (payload_size < 0 || payload_size > 65507)
    return wrong("\"payload_size\" is from 0 to 65507 bytes");
  return {};
}

Status Module::known_prober(const std::string& name) {
  if (name == "websocket") return {Code::unimplemented, "the websocket prober is not supported"};
  for (const std::string_view known : {"http", "tcp", "icmp", "dns", "grpc", "unix"})
    if (name == known) return {};
  return wrong(fmt::format("prober '{}' is not valid", name));
}

Result<Modules> read_modules(const std::string& yaml) {
  Modules modules;
  YamlProblems problems;
  try {
    const YAML::Node document = YAML::Load(yaml);
    for (const MappingEntry& field : mapping_entries(document, "the configuration", problems)) {
      if (field.name != "modules") {
        problems.add(field.key, fmt::format("the configuration has no field \"{}\"", field.name));
        continue;
      }
      for (const MappingEntry& one : mapping_entries(field.value, "modules", problems))
        read_mapping(one.value, modules[one.name], fmt::format("module \"{}\"", one.name),
                     problems);
    }
  } catch (const YAML::Exception& e) {
    return Status(Code::invalid_argument,
                  fmt::format("line {}, column {}: {}", e.mark.line + 1, e.mark.column + 1, e.msg));
  }
  if (Status s = problems.status(); !s.ok()) return s;
  return modules;
}

}  // namespace collector::receive::blackbox
