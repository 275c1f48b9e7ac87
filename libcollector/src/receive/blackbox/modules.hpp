// The modules of prometheus.exporter.blackbox: blackbox_exporter's configuration
// (prometheus/blackbox_exporter, CONFIGURATION.md) as structs.
#pragma once

#include "receive/blackbox/address_choice.hpp"
#include "receive/blackbox/client_settings.hpp"
#include "receive/blackbox/http_module.hpp"
#include "receive/blackbox/pattern.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace collector::receive::blackbox {

struct ExpectLabel {
  std::string name, value;
  static constexpr auto fields() {
    using T = ExpectLabel;
    return std::tuple{attr<&T::name>("name", "").required(), attr<&T::value>("value", "")};
  }
};

/// One step of a conversation, in the order of its fields.
struct QueryResponse {
  Pattern expect;  ///< lines are read until one matches
  std::string expect_bytes;
  std::vector<ExpectLabel> labels;
  std::string send;
  bool starttls = false;

  Status validate() const;
  static constexpr auto fields() {
    using T = QueryResponse;
    return std::tuple{attr<&T::expect>("expect", ""), attr<&T::expect_bytes>("expect_bytes", ""),
                      block<&T::labels>("labels", ""), attr<&T::send>("send", ""),
                      attr<&T::starttls>("starttls", "")};
  }
};

struct Conversation {
  std::vector<QueryResponse> steps;
  bool tls = false;
  TlsConfig tls_config;

  static constexpr auto fields() {
    using T = Conversation;
    return std::tuple{block<&T::steps>("query_response", ""), attr<&T::tls>("tls", ""),
                      block<&T::tls_config>("tls_config", "")};
  }
};

struct TcpProbe {
  AddressChoice address;
  std::string source_ip_address;
  Conversation conversation;

  static constexpr auto fields() {
    using T = TcpProbe;
    return std::tuple{squash<&T::address>(), attr<&T::source_ip_address>("source_ip_address", ""),
                      squash<&T::conversation>()};
  }
};

struct UnixProbe {
  Conversation conversation;
  static constexpr auto fields() { return std::tuple{squash<&UnixProbe::conversation>()}; }
};

struct RecordRules {
  std::vector<Pattern> matches, all_match, not_matches, none_matches;
  static constexpr auto fields() {
    using T = RecordRules;
    return std::tuple{attr<&T::matches>("fail_if_matches_regexp", ""),
                      attr<&T::all_match>("fail_if_all_match_regexp", ""),
                      attr<&T::not_matches>("fail_if_not_matches_regexp", ""),
                      attr<&T::none_matches>("fail_if_none_matches_regexp", "")};
  }
};

struct DnsProbe {
  AddressChoice address;
  bool dns_over_tls = false;
  TlsConfig tls;
  std::string source_ip_address, transport_protocol = "udp", query_class = "IN", query_name,
                                 query_type = "ANY";
  bool recursion_desired = true;
  std::optional<std::vector<std::string>> valid_rcodes;  ///< NOERROR when not given
  RecordRules answer, authority, additional;

  Status validate() const;
  static constexpr auto fields() {
    using T = DnsProbe;
    return std::tuple{squash<&T::address>(),
                      attr<&T::dns_over_tls>("dns_over_tls", ""),
                      block<&T::tls>("tls_config", ""),
                      attr<&T::source_ip_address>("source_ip_address", ""),
                      attr<&T::transport_protocol>("transport_protocol", ""),
                      attr<&T::query_class>("query_class", ""),
                      attr<&T::query_name>("query_name", "").required(),
                      attr<&T::query_type>("query_type", ""),
                      attr<&T::recursion_desired>("recursion_desired", ""),
                      attr<&T::valid_rcodes>("valid_rcodes", ""),
                      block<&T::answer>("validate_answer_rrs", ""),
                      block<&T::authority>("validate_authority_rrs", ""),
                      block<&T::additional>("validate_additional_rrs", "")};
  }
};

struct IcmpProbe {
  AddressChoice address;
  std::string source_ip_address;
  std::int64_t payload_size = 0;
  bool dont_fragment = false;
  std::int64_t ttl = 64;

  Status validate() const;
  static constexpr auto fields() {
    using T = IcmpProbe;
    return std::tuple{squash<&T::address>(), attr<&T::source_ip_address>("source_ip_address", ""),
                      attr<&T::payload_size>("payload_size", ""),
                      attr<&T::dont_fragment>("dont_fragment", ""), attr<&T::ttl>("ttl", "")};
  }
};

struct GrpcProbe {
  std::string service;
  bool tls = false;
  TlsConfig tls_config;
  AddressChoice address;
  std::map<std::string, std::vector<std::string>> metadata;

  static constexpr auto fields() {
    using T = GrpcProbe;
    return std::tuple{attr<&T::service>("service", ""), attr<&T::tls>("tls", ""),
                      block<&T::tls_config>("tls_config", ""), squash<&T::address>(),
                      attr<&T::metadata>("metadata", "")};
  }
};

struct Module {
  std::string prober;
  Duration timeout{};  ///< 0: what the scrape leaves
  HttpProbe http;
  TcpProbe tcp;
  IcmpProbe icmp;
  DnsProbe dns;
  GrpcProbe grpc;
  UnixProbe unix_socket;

  static constexpr auto fields() {
    using T = Module;
    return std::tuple{attr<&T::prober>("prober", "").required().check(known_prober),
                      attr<&T::timeout>("timeout", ""),
                      block<&T::http>("http", ""),
                      block<&T::tcp>("tcp", ""),
                      block<&T::icmp>("icmp", ""),
                      block<&T::dns>("dns", ""),
                      block<&T::grpc>("grpc", ""),
                      block<&T::unix_socket>("unix", "")};
  }
  static Status known_prober(const std::string& name);
};

using Modules = std::map<std::string, Module>;

/// invalid_argument or unimplemented with every problem and its line.
Result<Modules> read_modules(const std::string& yaml);

/// Whether `compression` may be asked for with this Accept-Encoding: a module that asks for another
/// coding than it decodes is wrong.
bool accepts_encoding(std::string_view compression, std::string_view accept_encoding);

}  // namespace collector::receive::blackbox
