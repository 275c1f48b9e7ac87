// The blocks that configure the collector itself rather than its graph. Values only.
#pragma once

#include <collector/engine/component.hpp>

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
  std::string cert_file, key_file;
  static constexpr auto fields() {
    return std::tuple{attr<&HttpTls::cert_file>("cert_file", "Certificate of the server."),
                      attr<&HttpTls::key_file>("key_file", "Key of the certificate.")};
  }
};

/// The admin server's own TLS and authentication.
struct HttpArguments {
  std::optional<HttpAuth> auth;
  std::optional<HttpTls> tls;
  static constexpr auto fields() {
    return std::tuple{block<&HttpArguments::auth>("auth", "Who may use the admin server."),
                      block<&HttpArguments::tls>("tls", "Serve over TLS.")
                          .refused("the admin server speaks plain HTTP in this version")};
  }
};

}  // namespace collector::pipeline
