// The body of an HTTP message while it arrives: on the account of the budget before there is memory
// for it. One loop.
#pragma once

#include <collector/engine/budget.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace collector::net {

class BodyPool;

class IncomingBody {
 public:
  /// `cut` is called when the body had to make way for an older one: its bytes are gone, failure()
  /// says why, and the message should be read no further. `pool`, or null, gives memory and
  /// outlives the body.
  IncomingBody(Budget budget, std::string_view purpose, Function<void()> cut,
               BodyPool* pool = nullptr)
      : budget_(std::move(budget)), purpose_(purpose), cut_(std::move(cut)), pool_(pool) {}
  IncomingBody(const IncomingBody&) = delete;
  IncomingBody& operator=(const IncomingBody&) = delete;

  /// Takes room for the whole of a body whose length was declared; such a body is never cut.
  Status declare(std::uint64_t length);
  /// resource_exhausted when the budget has no room, or the body was cut before.
  Status append(std::string_view bytes);
  /// Where to put the next bytes of a declared body, `most` of them if it has as many to come; then
  /// how many were put there.
  std::span<std::byte> room(std::size_t most);
  void put(std::size_t n) { size_ += n; }
  std::size_t size() const { return size_; }
  const Status& failure() const { return failure_; }

  /// The whole body and what it holds of the budget.
  std::string take(Reservation& charge);

 private:
  Status grow(std::size_t size);
  std::string recycled();
  void fail(Status why);

  Budget budget_;
  std::string_view purpose_;
  Function<void()> cut_;
  BodyPool* pool_;
  std::string bytes_;     ///< what is behind the body's bytes is of no meaning
  std::size_t size_ = 0;  ///< of the body so far
  Reservation charge_;
  bool charged_ = false;
  Status failure_;
};

}  // namespace collector::net
