// How Prometheus' discoveries spell labels and addresses. Pure.
#pragma once

#include <string>
#include <string_view>

namespace collector::discover {

/// Every character that a label name cannot have becomes an underscore.
std::string label_name(std::string_view text);
/// `host:port`, brackets around an IPv6 address (Go's net.JoinHostPort).
std::string host_port(std::string_view host, std::string_view port);
std::string host_port(std::string_view host, long long port);

}  // namespace collector::discover
