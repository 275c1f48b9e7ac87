// The account of a collector's memory: what holds data of others asks here before it takes memory,
// so that the process stays below a limit whatever arrives.
#pragma once

#include <collector/engine/function.hpp>
#include <collector/engine/status.hpp>

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace collector {

class Reservation;

/// A handle: copies are the same account. Any thread, but for open() and the reservations it gives:
/// those belong to the loop. All sizes are bytes.
///
/// A `purpose` says in one or two words (`response_body`) who asks; it is in the sentence of a
/// refusal and is a label of its counter.
class Budget {
 public:
  static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();
  explicit Budget(std::uint64_t limit = kNoLimit);

  /// All of it, or resource_exhausted and nothing.
  Result<Reservation> reserve(std::uint64_t bytes, std::string_view purpose) const;
  /// For what is in memory already or cannot be done without, such as a connection's buffer: counts
  /// beyond the limit too, and leaves less to others.
  Reservation charge(std::uint64_t bytes, std::string_view purpose) const;
  /// For what arrives piece by piece and has no known end: begins with nothing and may be cut,
  /// until it is settled. When one that grows finds no room, the youngest is cut: itself, or
  /// another, whose `cut` is called from within that grow(). `cut` frees the memory and releases
  /// the reservation, and must not destroy it. So the oldest of several halves comes to its end.
  Reservation open(std::string_view purpose, Function<void()> cut) const;

  /// May be less than what is used: then nothing is given until enough has come back.
  void set_limit(std::uint64_t bytes);
  std::uint64_t left() const;

  enum class Refusal : std::uint8_t {
    no_room,     ///< More than was left.
    over_limit,  ///< More than the whole limit: waiting would not help.
    cut,         ///< The youngest that grew, cut for an older one.
  };
  struct Usage {
    std::uint64_t limit = kNoLimit, used = 0, peak = 0;
    std::map<std::pair<std::string, Refusal>, std::uint64_t> refused;  ///< by purpose and reason
  };
  Usage usage() const;

  /// For tests: the n-th question from now on (1 is the next) is refused; 0: none.
  void refuse_call(std::uint64_t n);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

std::string_view to_string(Budget::Refusal reason);

/// A part of a budget, given back when it is destroyed. It may outlive every handle of the budget.
class [[nodiscard]] Reservation {
 public:
  /// Of no budget: grow() is refused.
  Reservation();
  Reservation(Reservation&&) noexcept;
  Reservation& operator=(Reservation&&) noexcept;
  ~Reservation();

  /// Adds `more`, or resource_exhausted and it stays as it is.
  Status grow(std::uint64_t more);
  /// Gives back what is beyond `bytes`.
  void shrink_to(std::uint64_t bytes);
  void release() { shrink_to(0); }
  /// What came of open() is whole now and is not cut any more.
  void settle();
  std::uint64_t bytes() const;

 private:
  friend class Budget;
  struct Entry;
  explicit Reservation(std::unique_ptr<Entry> entry);
  std::unique_ptr<Entry> entry_;
};

}  // namespace collector
