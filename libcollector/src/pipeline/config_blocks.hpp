// The blocks that configure the collector itself rather than its graph. Values only.
#pragma once

#include <collector/engine/component.hpp>

#include "net/tls.hpp"

#include <string>
#include <vector>

namespace collector::pipeline {

struct LoggingArguments {
  std::string level = "info";
  std::string format = "logfmt";
  std::vector<std::string> write_to;
  static constexpr auto fields() {
    return std::tuple{
        attr<&LoggingArguments::level>("level",
                                       "Least level that is logged: debug, info, warn, error.")
            .check(check_level),
        attr<&LoggingArguments::format>("format", "How lines are written: logfmt or json.")
            .check(check_format),
        attr<&LoggingArguments::write_to>("write_to", "Receivers of the collector's own log.")
            .refused("log receivers do not exist in this version")};
  }
  static Status check_level(const std::string& level);
  static Status check_format(const std::string& format);
};

/// The collector makes no traces of its own in this version: without receivers any fraction of none
/// is none, and a receiver is refused.
struct TracingArguments {
  struct Sampler {
    static constexpr auto fields() { return std::tuple{}; }
  };
  double sampling_fraction = 0.1;
  std::vector<std::string> write_to;
  bool send_traceparent = false;
  std::optional<Sampler> sampler;
  static constexpr auto fields() {
    return std::tuple{
        attr<&TracingArguments::sampling_fraction>("sampling_fraction", "Share of traces to keep."),
        attr<&TracingArguments::write_to>("write_to", "Receivers of the collector's own traces.")
            .refused("trace receivers do not exist in this version"),
        attr<&TracingArguments::send_traceparent>("send_traceparent",
                                                  "Whether requests carry a traceparent header.")
            .refused("the collector makes no traces of its own in this version"),
        block<&TracingArguments::sampler>("sampler", "Custom sampling.")
            .refused("the collector makes no traces of its own in this version")};
  }
};

struct LivedebuggingArguments {
  bool enabled = false;
  static constexpr auto fields() {
    return std::tuple{attr<&LivedebuggingArguments::enabled>(
        "enabled", "Whether the latest samples of each edge are kept for the pages.")};
  }
};

struct HttpBasic {
  std::string username;
  SecretText password;
  static constexpr auto fields() {
    return std::tuple{attr<&HttpBasic::username>("username", "User name.").required(),
                      attr<&HttpBasic::password>("password", "Password.").required()};
  }
};
struct HttpFilter {
  std::vector<std::string> paths;
  bool authenticate_matching_paths = true;
  static constexpr auto fields() {
    return std::tuple{attr<&HttpFilter::paths>("paths", "What the paths of requests begin with."),
                      attr<&HttpFilter::authenticate_matching_paths>(
                          "authenticate_matching_paths",
                          "Whether these paths need authentication, or all but these.")};
  }
};
struct HttpAuth {
  std::optional<HttpBasic> basic;
  std::optional<HttpFilter> filter;
  static constexpr auto fields() {
    return std::tuple{
        block<&HttpAuth::basic>("basic", "HTTP basic authentication."),
        block<&HttpAuth::filter>("filter", "Which paths need authentication; without it all do.")};
  }
  /// Whether a request for `path` must authenticate.
  bool covers(std::string_view path) const;
};
struct HttpTls {
  struct WindowsFilter {
    static constexpr auto fields() { return std::tuple{}; }
  };
  std::string cert_pem, cert_file;
  SecretText key_pem;
  std::string key_file;
  std::string client_ca_pem, client_ca_file;
  std::string client_auth_type = "NoClientCert";
  std::vector<std::string> cipher_suites, curve_preferences;
  std::string min_version, max_version;
  std::optional<WindowsFilter> windows_certificate_filter;
  static constexpr auto fields() {
    return std::tuple{
        attr<&HttpTls::cert_pem>("cert_pem",
                                 "Certificate of the server, and those that lead to it."),
        attr<&HttpTls::cert_file>("cert_file", "File with it; read again when it changes."),
        attr<&HttpTls::key_pem>("key_pem", "Key of the certificate."),
        attr<&HttpTls::key_file>("key_file", "File with it; read again when it changes."),
        attr<&HttpTls::client_ca_pem>("client_ca_pem", "Authorities of clients' certificates."),
        attr<&HttpTls::client_ca_file>("client_ca_file",
                                       "File with them; read again when it changes."),
        attr<&HttpTls::client_auth_type>("client_auth_type",
                                         "What is asked of clients: NoClientCert, "
                                         "RequestClientCert, RequireAnyClientCert, "
                                         "VerifyClientCertIfGiven or RequireAndVerifyClientCert.")
            .check(check_client_auth),
        attr<&HttpTls::cipher_suites>("cipher_suites", "Cipher suites to use, by IANA's names.")
            .check(check_cipher_suites),
        attr<&HttpTls::curve_preferences>(
            "curve_preferences", "Curves, best first: CurveP256, CurveP384, CurveP521, X25519.")
            .check(check_curves),
        attr<&HttpTls::min_version>("min_version", "Oldest version: TLS10, TLS11, TLS12, TLS13.")
            .check(check_version),
        attr<&HttpTls::max_version>("max_version", "Newest version: TLS10, TLS11, TLS12, TLS13.")
            .check(check_version),
        block<&HttpTls::windows_certificate_filter>("windows_certificate_filter",
                                                    "Certificates from Windows' store.")
            .refused("this is not Windows")};
  }
  static Status check_client_auth(const std::string& name);
  static Status check_cipher_suites(const std::vector<std::string>& names);
  static Status check_curves(const std::vector<std::string>& names);
  static Status check_version(const std::string& name);
  Status validate() const;
  friend bool operator==(const HttpTls& a, const HttpTls& b);
};
/// With what is in files. failed_precondition: a file cannot be read.
Result<net::TlsServerSettings> server_tls(Files& files, const HttpTls& tls);

/// The admin server's own TLS and authentication.
struct HttpArguments {
  std::optional<HttpAuth> auth;
  std::optional<HttpTls> tls;
  static constexpr auto fields() {
    return std::tuple{block<&HttpArguments::auth>("auth", "Who may use the admin server."),
                      block<&HttpArguments::tls>("tls", "Serve over TLS.")};
  }
};

}  // namespace collector::pipeline
