// What one exchange saw on its way, also when it failed: when its phases began and ended, who the
// server was, and how the answer began.
#pragma once

#include "net/http.hpp"
#include "net/tls.hpp"

#include <optional>

namespace collector::net {

struct HttpTrace {
  explicit HttpTrace(Clock& c) : clock(c) { head.status = 0; }

  Clock& clock;
  std::optional<Instant> dialled;    ///< the name is resolved by whoever set SendOptions::address
  std::optional<Instant> connected;  ///< the transport; through a proxy, its tunnel
  std::optional<Instant> secured;    ///< the TLS handshake is done
  std::optional<Instant> ready;      ///< the request may be written
  std::optional<Instant> answered;   ///< the first byte of the answer
  std::optional<TlsPeer> tls;        ///< of the server, not of a proxy
  std::string version;               ///< HTTP/1.0, HTTP/1.1 or HTTP/2.0, once there is a head
  Response head;                     ///< status and fields, without body; 0: none came

  static void mark(HttpTrace* trace, std::optional<Instant> HttpTrace::* moment) {
    if (trace && !(trace->*moment)) trace->*moment = trace->clock.now();
  }
};

}  // namespace collector::net
