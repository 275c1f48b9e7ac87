#include <collector/engine/status.hpp>

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace collector {
namespace {

struct Row {
  Code code;
  std::string_view name;
  int http;
};
// gRPC to HTTP as google.rpc.Code documents it, except that retryable quota is 429 and ours too.
constexpr std::array kRows{
    Row{Code::ok, "ok", 200},
    Row{Code::cancelled, "cancelled", 499},
    Row{Code::unknown, "unknown", 500},
    Row{Code::invalid_argument, "invalid argument", 400},
    Row{Code::deadline_exceeded, "deadline exceeded", 504},
    Row{Code::not_found, "not found", 404},
    Row{Code::already_exists, "already exists", 409},
    Row{Code::permission_denied, "permission denied", 403},
    Row{Code::resource_exhausted, "resource exhausted", 429},
    Row{Code::failed_precondition, "failed precondition", 412},
    Row{Code::out_of_range, "out of range", 413},
    Row{Code::unimplemented, "unimplemented", 501},
    Row{Code::internal, "internal", 500},
    Row{Code::unavailable, "unavailable", 503},
    Row{Code::data_loss, "data loss", 500},
    Row{Code::unauthenticated, "unauthenticated", 401},
};

const Row& row(Code code) {
  for (const Row& r : kRows)
    if (r.code == code) return r;
  return kRows[2];
}

}  // namespace

std::string_view to_string(Code code) { return row(code).name; }

Status Status::in(std::string_view where) const {
  if (ok()) return *this;
  return Status(code_, fmt::format("{}: {}", where, what_), retryable_);
}

std::string to_string(const Status& status) {
  if (status.ok()) return "ok";
  return fmt::format("{}: {}", to_string(status.code()), status.what());
}

int to_http(Code code) { return row(code).http; }

Code from_http(int http_status) {
  if (http_status >= 200 && http_status < 300) return Code::ok;
  if (http_status == 408) return Code::deadline_exceeded;
  if (http_status == 502) return Code::unavailable;
  for (const Row& r : kRows)
    if (r.http == http_status && r.http != 500) return r.code;
  if (http_status >= 500) return Code::unavailable;
  return http_status >= 400 ? Code::invalid_argument : Code::unknown;
}

void throw_exception_from_error(const Status& status, const boost::source_location& where) {
  std::fprintf(stderr, "BUG: value() of a failed result at %s:%u: %s\n", where.file_name(),
               static_cast<unsigned>(where.line()), to_string(status).c_str());
  std::abort();
}

}  // namespace collector
