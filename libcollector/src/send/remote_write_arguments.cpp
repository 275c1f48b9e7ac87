#include "send/remote_write_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace collector::send {
namespace {

Status invalid(std::string what) { return Status(Code::invalid_argument, std::move(what)); }

/// What the protocol or the HTTP client sets; Prometheus refuses these names too.
constexpr std::array<std::string_view, 12> kOwnHeaders{"accept-encoding",
                                                       "connection",
                                                       "content-encoding",
                                                       "content-length",
                                                       "content-type",
                                                       "host",
                                                       "keep-alive",
                                                       "proxy-authenticate",
                                                       "proxy-authorization",
                                                       "www-authenticate",
                                                       "x-prometheus-remote-read-version",
                                                       "x-prometheus-remote-write-version"};

bool has_control(std::string_view value) {
  return std::any_of(value.begin(), value.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; });
}

}  // namespace

Status QueueArguments::validate() const {
  if (capacity < 1) return invalid("capacity must be at least 1");
  if (min_shards < 1) return invalid("min_shards must be at least 1");
  if (max_shards < min_shards) return invalid("max_shards must not be less than min_shards");
  if (max_samples_per_send < 1) return invalid("max_samples_per_send must be at least 1");
  if (min_backoff.count() <= 0) return invalid("min_backoff must be more than 0s");
  if (max_backoff < min_backoff) return invalid("max_backoff must not be less than min_backoff");
  if (batch_send_deadline.count() < 0) return invalid("batch_send_deadline must not be negative");
  if (sample_age_limit.count() < 0) return invalid("sample_age_limit must not be negative");
  return {};
}

Status MetadataArguments::validate() const {
  if (max_samples_per_send < 1) return invalid("max_samples_per_send must be at least 1");
  if (send_interval.count() <= 0) return invalid("send_interval must be more than 0s");
  return {};
}

Status EndpointArguments::validate() const {
  if (Status s = client.validate(); !s.ok()) return s;
  const bool client_auth = client.basic_auth || client.authorization || client.oauth2 ||
                           !client.bearer_token.empty() || !client.bearer_token_file.empty();
  const int methods = static_cast<int>(sigv4.has_value()) + static_cast<int>(azuread.has_value()) +
                      static_cast<int>(google_iam.has_value()) + static_cast<int>(client_auth);
  if (methods > 1)
    return invalid(
        "at most one of sigv4, azuread, google_iam, basic_auth, oauth2, bearer_token & "
        "bearer_token_file must be configured");
  if (url.rfind("http://", 0) != 0 && url.rfind("https://", 0) != 0)
    return invalid(fmt::format("url must start with http:// or https://"));
  if (protobuf_message != kVersion1Message && protobuf_message != kVersion2Message)
    return invalid(fmt::format("protobuf_message must be \"{}\" or \"{}\"", kVersion1Message,
                               kVersion2Message));
  if (remote_timeout.count() <= 0) return invalid("remote_timeout must be more than 0s");
  for (const auto& [header, value] : headers) {
    std::string name = header;
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const bool own = std::find(kOwnHeaders.begin(), kOwnHeaders.end(), name) != kOwnHeaders.end();
    const bool signs = name == "x-amz-date" || name == "x-amz-security-token";
    if (own || (sigv4 && signs) || (methods > 0 && name == "authorization"))
      return invalid(fmt::format("setting header \"{}\" is not allowed", header));
    if (name.empty() || name.find_first_of(" \t\r\n:") != std::string::npos || has_control(value))
      return invalid(fmt::format("\"{}\" cannot be sent as a header", header));
  }
  return {};
}

}  // namespace collector::send
