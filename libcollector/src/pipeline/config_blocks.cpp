#include "pipeline/config_blocks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace collector::pipeline {
namespace {

constexpr std::size_t kLargestPem = 1U << 20;

constexpr std::array<std::pair<std::string_view, net::ClientAuth>, 5> kClientAuths{
    {{"NoClientCert", net::ClientAuth::none},
     {"RequestClientCert", net::ClientAuth::request},
     {"RequireAnyClientCert", net::ClientAuth::require_any},
     {"VerifyClientCertIfGiven", net::ClientAuth::verify_if_given},
     {"RequireAndVerifyClientCert", net::ClientAuth::require_and_verify}}};

Status invalid(std::string what) { return Status(Code::invalid_argument, std::move(what)); }

auto client_auth(std::string_view name) {
  return std::find_if(kClientAuths.begin(), kClientAuths.end(),
                      [&](const auto& row) { return row.first == name; });
}

}  // namespace

Status LoggingArguments::check_level(const std::string& level) {
  for (const char* known : {"debug", "info", "warn", "error"})
    if (level == known) return {};
  return Status(Code::invalid_argument, "should be \"debug\", \"info\", \"warn\" or \"error\"");
}

Status LoggingArguments::check_format(const std::string& format) {
  if (format == "logfmt" || format == "json") return {};
  return Status(Code::invalid_argument, "should be \"logfmt\" or \"json\"");
}

Status HttpTls::check_client_auth(const std::string& name) {
  if (client_auth(name) != kClientAuths.end()) return {};
  return invalid(fmt::format("unknown client auth type \"{}\"", name));
}

Status HttpTls::check_cipher_suites(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (!net::is_tls_cipher_suite(name)) return invalid(fmt::format("unknown cipher \"{}\"", name));
  return {};
}

Status HttpTls::check_curves(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (!net::is_tls_curve(name)) return invalid(fmt::format("unknown curve \"{}\"", name));
  return {};
}

Status HttpTls::check_version(const std::string& name) {
  if (name.empty() || net::is_tls_version(name)) return {};
  return invalid(fmt::format("unknown TLS version \"{}\"", name));
}

Status HttpTls::validate() const {
  const bool key_given = !key_pem.reveal().empty();
  if (!client_ca_pem.empty() && !client_ca_file.empty())
    return invalid("cannot specify both client_ca_pem and client_ca_file");
  if (!cert_pem.empty() && !cert_file.empty())
    return invalid("cannot specify both cert_pem and cert_file");
  if (key_given && !key_file.empty()) return invalid("cannot specify both key_pem and key_file");
  if (cert_pem.empty() && cert_file.empty())
    return invalid("must specify either cert_pem or cert_file");
  if (!key_given && key_file.empty()) return invalid("must specify either key_pem or key_file");
  const bool ca = !client_ca_pem.empty() || !client_ca_file.empty();
  if (ca && client_auth_type == "NoClientCert")
    return invalid(
        "cannot specify client_ca_pem or client_ca_file when client_auth_type is NoClientCert");
  // By name the versions sort as by age.
  if (!min_version.empty() && !max_version.empty() && min_version > max_version)
    return invalid("min_version is newer than max_version");
  if (min_version.empty() && !max_version.empty() && max_version < "TLS12")
    return invalid("max_version is older than the default of min_version, TLS12");
  return {};
}

bool operator==(const HttpTls& a, const HttpTls& b) {
  const auto all = [](const HttpTls& t) {
    return std::tie(t.cert_pem, t.cert_file, t.key_pem, t.key_file, t.client_ca_pem,
                    t.client_ca_file, t.client_auth_type, t.cipher_suites, t.curve_preferences,
                    t.min_version, t.max_version);
  };
  return all(a) == all(b);
}

Result<net::TlsServerSettings> server_tls(Files& files, const HttpTls& tls) {
  net::TlsServerSettings out;
  const auto resolve = [&](const char* name, const std::string& text, const std::string& file,
                           std::string& into) {
    into = text;
    if (file.empty()) return Status();
    auto read = files.read(file, kLargestPem);
    if (!read) return Status(Code::failed_precondition, read.error().what()).in(name);
    into = std::move(*read);
    return Status();
  };
  if (Status s = resolve("cert_file", tls.cert_pem, tls.cert_file, out.cert_pem); !s.ok()) return s;
  if (Status s = resolve("key_file", tls.key_pem.reveal(), tls.key_file, out.key_pem); !s.ok())
    return s;
  if (Status s =
          resolve("client_ca_file", tls.client_ca_pem, tls.client_ca_file, out.client_ca_pem);
      !s.ok())
    return s;
  out.client_auth = client_auth(tls.client_auth_type)->second;
  out.cipher_suites = tls.cipher_suites;
  out.curves = tls.curve_preferences;
  out.min_version = tls.min_version;
  out.max_version = tls.max_version;
  out.alpn = {"http/1.1"};
  return out;
}

bool HttpAuth::covers(std::string_view path) const {
  if (!basic) return false;
  if (!filter || filter->paths.empty()) return true;
  for (const std::string& begin : filter->paths)
    if (path.starts_with(begin)) return filter->authenticate_matching_paths;
  return !filter->authenticate_matching_paths;
}

}  // namespace collector::pipeline
