// What a module of the http prober may say.
#pragma once

#include "receive/blackbox/address_choice.hpp"
#include "receive/blackbox/client_settings.hpp"
#include "receive/blackbox/pattern.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace collector::receive::blackbox {

struct HeaderMatch {
  std::string header;
  Pattern regexp;
  bool allow_missing = false;

  static constexpr auto fields() {
    using T = HeaderMatch;
    return std::tuple{attr<&T::header>("header", "").required(),
                      attr<&T::regexp>("regexp", "").required(),
                      attr<&T::allow_missing>("allow_missing", "")};
  }
};

struct HttpProbe {
  std::vector<std::int64_t> valid_status_codes;  ///< empty: 200 to 299
  std::vector<std::string> valid_http_versions;
  AddressChoice address;
  bool skip_resolve_phase_with_proxy = false;
  std::optional<bool> no_follow_redirects;
  bool fail_if_ssl = false, fail_if_not_ssl = false;
  std::string method = "GET";
  StringMap headers;
  std::vector<Pattern> fail_if_body_matches, fail_if_body_not_matches;
  std::string fail_if_json_matches, fail_if_json_not_matches;
  std::vector<HeaderMatch> fail_if_header_matches, fail_if_header_not_matches;
  std::string body, body_file;
  ClientConfig client;
  std::string compression, body_size_limit;
  bool enable_http3 = false;

  bool follows_redirects() const {
    return no_follow_redirects ? !*no_follow_redirects : client.follow_redirects;
  }
  std::int64_t limit() const;  ///< bytes of a body; 0: none
  Status validate() const;
  static constexpr auto fields() {
    using T = HttpProbe;
    constexpr std::string_view kNoCel = "there is no CEL here; match the body by expressions";
    return std::tuple{
        attr<&T::valid_status_codes>("valid_status_codes", ""),
        attr<&T::valid_http_versions>("valid_http_versions", ""),
        squash<&T::address>(),
        attr<&T::skip_resolve_phase_with_proxy>("skip_resolve_phase_with_proxy", ""),
        attr<&T::no_follow_redirects>("no_follow_redirects", ""),
        attr<&T::fail_if_ssl>("fail_if_ssl", ""),
        attr<&T::fail_if_not_ssl>("fail_if_not_ssl", ""),
        attr<&T::method>("method", ""),
        attr<&T::headers>("headers", ""),
        attr<&T::fail_if_body_matches>("fail_if_body_matches_regexp", ""),
        attr<&T::fail_if_body_not_matches>("fail_if_body_not_matches_regexp", ""),
        attr<&T::fail_if_json_matches>("fail_if_body_json_matches_cel", "").refused(kNoCel),
        attr<&T::fail_if_json_not_matches>("fail_if_body_json_not_matches_cel", "").refused(kNoCel),
        block<&T::fail_if_header_matches>("fail_if_header_matches", ""),
        block<&T::fail_if_header_not_matches>("fail_if_header_not_matches", ""),
        attr<&T::body>("body", ""),
        attr<&T::body_file>("body_file", ""),
        squash<&T::client>(),
        attr<&T::compression>("compression", ""),
        attr<&T::body_size_limit>("body_size_limit", ""),
        attr<&T::enable_http3>("enable_http3", "").refused("HTTP/3 is not spoken here")};
  }
};

}  // namespace collector::receive::blackbox
