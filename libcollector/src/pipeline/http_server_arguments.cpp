#include "pipeline/http_server_arguments.hpp"

#include <fmt/format.h>

#include <limits>
#include <tuple>

namespace collector::pipeline {
namespace {

constexpr std::string_view kVersionPrefix = "Version";  // of Go's constants

std::vector<std::string> split(const std::string& names) {
  std::vector<std::string> out;
  std::string name;
  for (const char c : names + ',') {
    if (c == ' ') continue;
    if (c != ',')
      name += c;
    else if (!name.empty())
      out.push_back(std::exchange(name, {}));
  }
  return out;
}

}  // namespace

Status HttpServerTls::check_cipher_suites(const std::string& names) {
  return HttpTls::check_cipher_suites(split(names));
}

Status HttpServerTls::check_version(const std::string& name) {
  if (name.empty()) return {};
  if (name.starts_with(kVersionPrefix) && net::is_tls_version(name.substr(kVersionPrefix.size())))
    return {};
  return Status(Code::invalid_argument, fmt::format("unknown TLS version \"{}\"", name));
}

HttpTls HttpServerTls::block() const {
  HttpTls out;
  out.cert_pem = cert_pem;
  out.cert_file = cert_file;
  out.key_pem = key_pem;
  out.key_file = key_file;
  out.client_ca_pem = client_ca_pem.empty() ? client_ca : client_ca_pem;
  out.client_ca_file = client_ca_file;
  out.client_auth_type = client_auth_type;
  out.cipher_suites = split(cipher_suites);
  if (!min_version.empty()) out.min_version = min_version.substr(kVersionPrefix.size());
  return out;
}

Status HttpServerTls::validate() const {
  if (!client_ca_pem.empty() && !client_ca.empty())
    return Status(Code::invalid_argument, "client_ca and client_ca_pem are the same: set one");
  return block().validate();
}

Status HttpListenArguments::check_port(const std::int64_t& port) {
  if (port >= 0 && port <= 65535) return {};
  return Status(Code::invalid_argument, "should be a port: 0 to 65535");
}

Status HttpListenArguments::check_limit(const std::int64_t& limit) {
  if (limit >= 0) return {};
  return Status(Code::invalid_argument, "should not be negative");
}

Status HttpListenArguments::check_timeout(const Duration& timeout) {
  if (timeout >= Duration{}) return {};
  return Status(Code::invalid_argument, "should not be negative");
}

bool operator==(const HttpListenArguments& a, const HttpListenArguments& b) {
  const auto plain = [](const HttpListenArguments& v) {
    return std::tie(v.listen_address, v.listen_port, v.conn_limit, v.server_read_timeout,
                    v.server_write_timeout, v.server_idle_timeout);
  };
  if (plain(a) != plain(b) || a.tls.has_value() != b.tls.has_value()) return false;
  return !a.tls || a.tls->block() == b.tls->block();
}

net::HttpServer::Options HttpListenArguments::options(std::shared_ptr<ServedTls> served) const {
  net::HttpServer::Options out;
  out.idle_timeout = server_idle_timeout;
  out.read_timeout = server_read_timeout;
  out.write_timeout = server_write_timeout;
  out.max_connections = conn_limit > 0 ? static_cast<std::size_t>(conn_limit)
                                       : std::numeric_limits<std::size_t>::max();
  if (tls)
    out.admission = [served = std::move(served), block = std::optional(tls->block())](
                        std::unique_ptr<Stream> stream, std::stop_token stop) {
      return ServedTls::admit(served, block, std::move(stream), std::move(stop));
    };
  return out;
}

Task<Result<std::unique_ptr<Listener>>> listen_on(Network& network, HttpListenArguments where,
                                                  std::stop_token stop) {
  using Listening = Result<std::unique_ptr<Listener>>;
  const auto port = static_cast<std::uint16_t>(where.listen_port);
  if (where.listen_address.empty()) {
    // Both families where the system has both (net.ipv6.bindv6only is off by default).
    Listening both = network.listen("::", port);
    if (both) co_return both;
    Listening old = network.listen("0.0.0.0", port);
    co_return old;
  }
  Listening direct = network.listen(where.listen_address, port);
  if (direct || direct.error().code() != Code::invalid_argument) co_return direct;
  auto addresses = co_await network.addresses(where.listen_address, std::move(stop));
  if (!addresses) co_return Listening(addresses.error());
  Listening last(Status(Code::unavailable, where.listen_address + " has no address"));
  for (const std::string& address : *addresses) {
    last = network.listen(address, port);
    if (last) break;
  }
  co_return last;
}

}  // namespace collector::pipeline
