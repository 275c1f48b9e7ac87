#include "catch.hpp"

#include <collector/engine/budget.hpp>

#include <optional>
#include <thread>
#include <vector>

using namespace collector;
using Refusal = Budget::Refusal;

TEST_CASE("a budget gives what is left, all of it or nothing, and gets it back") {
  Budget budget(100);
  {
    auto first = budget.reserve(60, "first");
    REQUIRE(first.has_value());
    const auto second = budget.reserve(41, "second");
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code() == Code::resource_exhausted);
    CHECK(second.error().retryable());
    CHECK(second.error().what() == "memory limit: second needs 41 bytes, 40 of 100 are left");
    CHECK(first->grow(40).ok());
    CHECK(first->bytes() == 100);
    CHECK_FALSE(first->grow(1).ok());
    CHECK(first->bytes() == 100);
    first->shrink_to(30);
    CHECK(budget.left() == 70);
    first->shrink_to(50);
    CHECK(first->bytes() == 30);
    Reservation moved = std::move(*first);
    CHECK(moved.bytes() == 30);
    CHECK(first->bytes() == 0);
    first->release();
    CHECK(budget.usage().used == 30);
  }
  CHECK(budget.usage().used == 0);
  CHECK(budget.usage().peak == 100);
  const auto refused = budget.usage().refused;
  CHECK(refused.size() == 2);
  CHECK(refused.at({"second", Refusal::no_room}) == 1);
  CHECK(refused.at({"first", Refusal::no_room}) == 1);
}

TEST_CASE("what can never fit is refused for good") {
  Budget budget(100);
  const auto huge = budget.reserve(101, "huge");
  REQUIRE_FALSE(huge.has_value());
  CHECK_FALSE(huge.error().retryable());
  CHECK(budget.usage().refused.at({"huge", Refusal::over_limit}) == 1);
  Budget unlimited;
  CHECK(unlimited.reserve(std::uint64_t{1} << 62, "huge").has_value());
}

TEST_CASE("a charge is taken whether or not there is room, and leaves less to others") {
  Budget budget(100);
  const Reservation buffer = budget.charge(150, "buffer");
  CHECK(budget.left() == 0);
  CHECK_FALSE(budget.reserve(1, "body").has_value());
  budget.set_limit(200);
  CHECK(budget.reserve(50, "body").has_value());
  budget.set_limit(10);
  CHECK(budget.usage().used == 150);
  CHECK_FALSE(budget.reserve(1, "body").has_value());
}

TEST_CASE("copies are one account, and a reservation outlives them") {
  std::optional<Reservation> reservation;
  {
    Budget budget(100);
    Budget copy = budget;
    reservation.emplace(*copy.reserve(60, "a"));
    CHECK(budget.left() == 40);
  }
  CHECK(reservation->bytes() == 60);
  CHECK_FALSE(reservation->grow(41).ok());
  CHECK_FALSE(Reservation().grow(1).ok());
}

namespace {
/// Something that grows and frees its memory when it is cut.
struct Half {
  Reservation charge;
  bool cut = false;
  explicit Half(Budget& budget)
      : charge(budget.open("half", [this] {
          cut = true;
          charge.release();
        })) {}
};
}  // namespace

TEST_CASE("of several halves the youngest is cut, so that the oldest comes to its end") {
  Budget budget(100);
  Half oldest(budget), middle(budget), youngest(budget), empty(budget);
  CHECK(oldest.charge.grow(40).ok());
  CHECK(youngest.charge.grow(30).ok());
  CHECK(middle.charge.grow(30).ok());
  CHECK(middle.charge.grow(10).ok());  // the youngest that holds something pays
  CHECK(youngest.cut);
  CHECK_FALSE(empty.cut);
  CHECK(budget.left() == 20);
  CHECK(empty.charge.grow(20).ok());
  CHECK(oldest.charge.grow(60).ok());  // both that are left have to go
  CHECK(empty.cut);
  CHECK(middle.cut);
  CHECK(budget.left() == 0);
  CHECK_FALSE(oldest.charge.grow(1).ok());  // it is the youngest itself now
  CHECK_FALSE(oldest.cut);
  CHECK(oldest.charge.bytes() == 100);
  CHECK(budget.usage().refused.at({"half", Refusal::cut}) == 3);
  CHECK(budget.usage().refused.at({"half", Refusal::no_room}) == 1);
}

TEST_CASE("the youngest does not cut its elders, nor anything what is whole") {
  Budget budget(100);
  Half oldest(budget), youngest(budget);
  CHECK(oldest.charge.grow(50).ok());
  CHECK(youngest.charge.grow(50).ok());
  CHECK_FALSE(youngest.charge.grow(1).ok());
  CHECK_FALSE(oldest.cut);
  youngest.charge.settle();
  CHECK_FALSE(oldest.charge.grow(1).ok());
  CHECK_FALSE(youngest.cut);
  CHECK_FALSE(budget.reserve(1, "declared").has_value());  // cuts nobody
  CHECK_FALSE(oldest.cut);
  CHECK_FALSE(oldest.charge.grow(101).ok());  // nor does what could never fit
  CHECK(budget.usage().refused.at({"half", Refusal::over_limit}) == 1);
}

TEST_CASE("a cut that frees nothing makes way for the next") {
  Budget budget(100);
  Half oldest(budget), middle(budget);
  bool asked = false;
  Reservation stubborn = budget.open("half", [&] { asked = true; });
  CHECK(oldest.charge.grow(40).ok());
  CHECK(middle.charge.grow(20).ok());
  CHECK(stubborn.grow(40).ok());
  CHECK(oldest.charge.grow(20).ok());
  CHECK(asked);
  CHECK(middle.cut);
  CHECK_FALSE(oldest.charge.grow(1).ok());
  CHECK(budget.usage().used == 100);
}

TEST_CASE("the n-th question is refused where a test says so") {
  Budget budget;
  budget.refuse_call(2);
  Reservation a = budget.charge(5, "a");
  CHECK(a.grow(1).ok());
  CHECK_FALSE(a.grow(1).ok());
  CHECK(a.grow(1).ok());
  CHECK(budget.usage().used == 7);
}

TEST_CASE("threads share an account without losing count") {
  Budget budget(1000);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        auto held = budget.reserve(300, "block");
        if (held) held->shrink_to(static_cast<std::uint64_t>(i % 300));
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(budget.usage().used == 0);
  CHECK(budget.usage().peak <= 1000);
}
