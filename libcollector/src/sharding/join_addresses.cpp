#include "sharding/join_addresses.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace collector::sharding {
namespace {

bool is_numeric(const std::string& host) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

void add_once(std::vector<std::string>& list, std::string text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(std::move(text));
}

Task<Status> add_addresses(Network& network, std::string host, std::uint16_t port,
                           std::vector<std::string>& found, std::stop_token stop) {
  auto addresses = co_await network.addresses(host, stop);
  if (!addresses) co_return addresses.error();
  for (const std::string& address : *addresses) add_once(found, join_host_port(address, port));
  co_return Status();
}

Task<Status> add_targets(Network& network, const JoinAddress& address,
                         std::vector<std::string>& found, std::stop_token stop) {
  auto records = co_await network.resolve(address.host, Network::RecordType::srv, stop);
  if (!records) co_return records.error();
  Status failed;
  for (const DnsRecord& record : *records) {
    std::string target = record.target;
    while (target.ends_with('.')) target.pop_back();
    if (address.lookup == JoinAddress::Lookup::srv_no_a) {
      add_once(found, join_host_port(target, address.port));
      continue;
    }
    Status status = co_await add_addresses(network, target, address.port, found, stop);
    if (!status.ok()) failed = std::move(status);
  }
  co_return failed;
}

}  // namespace

std::optional<std::pair<std::string, std::uint16_t>> split_host_port(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0)
    return std::nullopt;
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return std::nullopt;
  if (host.empty()) return std::nullopt;
  return std::pair(std::string(host), port);
}

std::string join_host_port(std::string_view host, std::uint16_t port) {
  return host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port)
                                                  : fmt::format("[{}]:{}", host, port);
}

Result<JoinAddress> parse_join_address(std::string_view text, std::uint16_t default_port) {
  using Lookup = JoinAddress::Lookup;
  constexpr std::array<std::pair<std::string_view, Lookup>, 3> kPrefixes{
      {{"dnssrvnoa+", Lookup::srv_no_a}, {"dnssrv+", Lookup::srv}, {"dns+", Lookup::a}}};
  JoinAddress address;
  address.text = std::string(text);
  address.port = default_port;
  std::string_view rest = text;
  for (const auto& [prefix, lookup] : kPrefixes)
    if (rest.starts_with(prefix)) {
      address.lookup = lookup;
      rest.remove_prefix(prefix.size());
      break;
    }
  if (auto split = split_host_port(rest)) {
    address.host = std::move(split->first);
    address.port = split->second;
  } else {
    if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
    address.host = std::string(rest);
  }
  const bool bad = address.host.empty() ||
                   address.host.find_first_of(" /[]@?#") != std::string::npos ||
                   (address.host.find(':') != std::string::npos && !is_numeric(address.host));
  if (bad)
    return Status(Code::invalid_argument,
                  fmt::format("join address \"{}\" is neither HOST nor HOST:PORT", text));
  return address;
}

Task<Result<std::vector<std::string>>> look_up(Network& network, JoinAddress address,
                                               std::stop_token stop) {
  using Lookup = JoinAddress::Lookup;
  std::vector<std::string> found;
  if (address.lookup == Lookup::any && is_numeric(address.host)) {
    found.push_back(join_host_port(address.host, address.port));
    co_return found;
  }
  Status status;
  if (address.lookup == Lookup::any || address.lookup == Lookup::a)
    status = co_await add_addresses(network, address.host, address.port, found, stop);
  if (found.empty() && address.lookup != Lookup::a) {
    Status srv = co_await add_targets(network, address, found, stop);
    if (status.ok()) status = std::move(srv);
  }
  if (!found.empty()) co_return found;
  if (!status.ok()) co_return status;
  co_return Status(Code::not_found, "resolve " + address.host + ": the answer is empty");
}

}  // namespace collector::sharding
