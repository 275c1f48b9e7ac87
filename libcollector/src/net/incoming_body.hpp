// The body of an HTTP message while it arrives: on the account of the budget before there is memory
// for it. One loop.
#pragma once

#include <collector/engine/budget.hpp>

#include <string>
#include <string_view>

namespace collector::net {

class IncomingBody {
 public:
  /// `cut` is called when the body had to make way for an older one: its bytes are gone, failure()
  /// says why, and the message should be read no further.
  IncomingBody(Budget budget, std::string_view purpose, Function<void()> cut)
      : budget_(std::move(budget)), purpose_(purpose), cut_(std::move(cut)) {}
  IncomingBody(const IncomingBody&) = delete;
  IncomingBody& operator=(const IncomingBody&) = delete;

  /// Takes room for the whole of a body whose length was declared; such a body is never cut.
  Status declare(std::uint64_t length);
  /// resource_exhausted when the budget has no room, or the body was cut before.
  Status append(std::string_view bytes);
  std::size_t size() const { return bytes_.size(); }
  const Status& failure() const { return failure_; }

  /// The whole body and what it holds of the budget.
  std::string take(Reservation& charge);

 private:
  Status grow(std::size_t size);
  void fail(Status why);

  Budget budget_;
  std::string_view purpose_;
  Function<void()> cut_;
  std::string bytes_;
  Reservation charge_;
  bool charged_ = false;
  Status failure_;
};

}  // namespace collector::net
