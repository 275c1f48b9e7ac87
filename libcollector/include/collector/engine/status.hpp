// What went wrong, whether trying again may help, and how that maps to HTTP and gRPC.
// Values only; usable from any thread.
#pragma once

#include <boost/system/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace collector {

/// Names and numbers follow gRPC's canonical codes (google.rpc.Code), so one table maps both ways.
enum class Code : std::uint8_t {
  ok = 0,                   ///< Done.
  cancelled = 1,            ///< The caller asked for it to stop.
  unknown = 2,              ///< A peer failed without saying why.
  invalid_argument = 3,     ///< The input is wrong whatever the state of the system.
  deadline_exceeded = 4,    ///< Time ran out; the work may or may not have happened.
  not_found = 5,            ///< A named thing does not exist.
  already_exists = 6,       ///< A thing to be created is there already.
  permission_denied = 7,    ///< Known caller, not allowed.
  resource_exhausted = 8,   ///< Quota, memory budget or rate limit.
  failed_precondition = 9,  ///< The system is not in the state that this needs.
  out_of_range = 11,        ///< Beyond a stated limit, such as a body over its size cap.
  unimplemented = 12,       ///< Understood, and not offered.
  internal = 13,            ///< Our own invariant does not hold: a bug.
  unavailable = 14,         ///< The peer or the machine cannot do it now.
  data_loss = 15,           ///< Bytes are damaged or gone.
  unauthenticated = 16,     ///< Credentials are missing or wrong.
};

std::string_view to_string(Code code);

/// A code and a sentence. Default constructed it is `ok`.
class [[nodiscard]] Status {
 public:
  Status() = default;
  /// `retryable` defaults to what the code usually means; see default_retryable.
  Status(Code code, std::string what) : Status(code, std::move(what), default_retryable(code)) {}
  Status(Code code, std::string what, bool retryable)
      : what_(std::move(what)), code_(code), retryable_(retryable) {}

  bool ok() const { return code_ == Code::ok; }
  Code code() const { return code_; }
  const std::string& what() const { return what_; }
  /// True when the same call may succeed later without anybody changing it.
  bool retryable() const { return retryable_; }
  /// The same status with `where: ` before its sentence; `ok` stays as it is.
  Status in(std::string_view where) const;

  static bool default_retryable(Code code) {
    return code == Code::unavailable || code == Code::deadline_exceeded ||
           code == Code::resource_exhausted;
  }

  friend bool operator==(const Status&, const Status&) = default;

 private:
  std::string what_;
  Code code_ = Code::ok;
  bool retryable_ = false;
};

/// `unavailable: connection refused`, or `ok`.
std::string to_string(const Status& status);
/// For the streams of tests and of Result.
template <class Stream>
Stream& operator<<(Stream& stream, const Status& status) {
  stream << to_string(status);
  return stream;
}

/// HTTP status line code for an answer that carries this outcome (RFC 9110).
int to_http(Code code);
/// The meaning of an HTTP response code for the request that drew it.
Code from_http(int http_status);

/// Needed by boost::system::result: reached only by value() on an error, which is a bug.
[[noreturn]] void throw_exception_from_error(const Status& status,
                                             const boost::source_location& where);

/// A value or a Status that is not ok.
template <class T>
using Result = boost::system::result<T, Status>;

}  // namespace collector
