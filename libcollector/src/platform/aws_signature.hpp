// AWS Signature Version 4 of requests (AWS Identity and Access Management User Guide, "Create a
// signed AWS API request"). Pure.
#pragma once

#include "net/http.hpp"

#include <string>
#include <string_view>

namespace collector::platform {

struct AwsKeys {
  std::string key_id, secret, session_token;
};

/// Who is meant by a signature, and when it was made.
struct AwsScope {
  std::string_view region, service;
  WallTime time;
};

/// Adds X-Amz-Date, X-Amz-Security-Token where there is one, and Authorization. The URL is brought
/// into the form that is signed: no empty segments, `.` and `..` in the path, the query in order.
/// Every header is signed but those that proxies touch.
Status sign(net::Request& request, const AwsKeys& keys, const AwsScope& scope);

}  // namespace collector::platform
