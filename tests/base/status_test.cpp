#include "catch.hpp"

#include <collector/engine/status.hpp>

using namespace collector;

TEST_CASE("a status knows whether trying again may help") {
  CHECK(Status().ok());
  CHECK(Status(Code::unavailable, "x").retryable());
  CHECK_FALSE(Status(Code::invalid_argument, "x").retryable());
  CHECK(Status(Code::invalid_argument, "x", true).retryable());
}

TEST_CASE("a status gains the place where it happened, but ok stays ok") {
  CHECK(to_string(Status(Code::not_found, "no file").in("reading /x")) ==
        "not found: reading /x: no file");
  CHECK(Status().in("anywhere").ok());
}

TEST_CASE("codes map to HTTP as google.rpc.Code documents them, and back") {
  const auto f = [](Code code, int http) {
    CHECK(to_http(code) == http);
    CHECK(from_http(http) == code);
  };
  f(Code::invalid_argument, 400);
  f(Code::unauthenticated, 401);
  f(Code::permission_denied, 403);
  f(Code::not_found, 404);
  f(Code::resource_exhausted, 429);
  f(Code::unavailable, 503);
  f(Code::deadline_exceeded, 504);
  CHECK(from_http(204) == Code::ok);
  CHECK(from_http(500) == Code::unavailable);
  CHECK(from_http(418) == Code::invalid_argument);
}
