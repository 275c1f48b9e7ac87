// The cookies that servers set while one probe follows their redirects (RFC 6265).
#pragma once

#include "net/http.hpp"

#include <string>
#include <vector>

namespace collector::receive::blackbox {

class Cookies {
 public:
  /// What the answer of `from` sets; `now` is for its dates.
  void take(const net::Url& from, const net::Headers& answer, WallTime now);
  /// The Cookie header for `to`, or empty.
  std::string header(const net::Url& to) const;

 private:
  struct Cookie {
    std::string name, value, domain, path;
    bool host_only = true, secure = false;
  };
  void set(const net::Url& from, std::string_view text, WallTime now);
  std::vector<Cookie> all_;
};

}  // namespace collector::receive::blackbox
