// Credentials that are made for each request, such as signatures and tokens that run out. One loop.
#pragma once

#include "net/http.hpp"

namespace collector::net {

class RequestAuthorizer {
 public:
  virtual ~RequestAuthorizer() = default;
  /// Puts credentials into `request`, which is as it will be sent: what it says may be signed, and
  /// its URL may be brought into the form that was. It outlives the task. An error keeps the
  /// request from being sent; `options` has the stop token and the time limit.
  virtual Task<Status> authorize(Request& request, SendOptions options) = 0;
  /// The server answered 401 or 403: whether there may be other credentials now.
  virtual bool refused() = 0;
};

}  // namespace collector::net
