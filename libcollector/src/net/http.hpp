// HTTP messages as values, for client, server and in-memory handlers alike.
#pragma once

#include <collector/engine/seams.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace collector::net {

/// ASCII case-insensitive, as header names compare (RFC 9110, 5.1).
bool equal_fold(std::string_view a, std::string_view b);

/// Fields in their order; a name may occur several times.
class Headers {
 public:
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  /// Replaces all fields of that name.
  void set(std::string name, std::string value);
  void remove(std::string_view name);
  /// The first value of that name, or empty.
  std::string_view get(std::string_view name) const;
  bool contains(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// scheme://host:port/target. The host is without brackets, the target begins with a slash.
struct Url {
  std::string scheme, user, password, host, target;
  std::uint16_t port = 0;

  /// http and https only; invalid_argument with a reason otherwise (RFC 3986).
  static Result<Url> parse(std::string_view text);
  bool tls() const { return scheme == "https"; }
  /// `host:port` as in a Host header: the port only where it is not the scheme's own.
  std::string authority() const;
  std::string origin() const;  ///< scheme://host:port, port always
  std::string to_text() const;
};

struct Request {
  std::string method = "GET";
  std::string url;     ///< client: absolute
  std::string target;  ///< server: path and query
  Headers headers;
  std::string body;
  std::string peer;  ///< server: who asks
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  Reservation charge;  ///< client: what the body holds of the budget
};

class BodyPool;
struct HttpTrace;

struct SendOptions {
  Duration timeout = std::chrono::seconds(30);
  std::size_t max_body = 20U << 20;  ///< bytes on the wire; more is out_of_range
  std::size_t max_decoded = 64U << 20;
  bool decode = true;  ///< ask for compressed bodies and undo what comes
  /// When set: pieces of a 2xx body as they come, undecoded and without a limit; the response's
  /// body then stays empty. It may request `stop` by post only.
  std::function<void(std::string_view)> on_body;
  bool every_body = false;  ///< on_body takes the bodies of every status
  /// Numeric address that stands for the URL's host wherever that would be resolved; empty: none.
  std::string address;
  BodyPool* pool = nullptr;    ///< gives memory for the body; outlives the call
  HttpTrace* trace = nullptr;  ///< see http_trace.hpp; outlives the call
  std::stop_token stop;
};

/// The reason phrase of a status code, or "Unknown".
std::string_view reason_phrase(int status);

/// `%20` and `+` undone, as in query strings.
std::string url_decode(std::string_view text);
/// Everything but unreserved characters as %XX.
std::string url_encode(std::string_view text);
/// The value of `name` in the query of `target`, decoded.
std::optional<std::string> query_value(std::string_view target, std::string_view name);

}  // namespace collector::net
