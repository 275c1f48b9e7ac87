#include "catch.hpp"

#include "manual_loop.hpp"

#include <memory>

using namespace collector;

namespace {

Task<int> doubled(Loop& loop, int n, std::stop_token stop) {
  const bool slept = co_await sleep_for(loop, std::chrono::seconds(1), stop);
  co_return slept ? 2 * n : -1;
}

Task<int> sum(Loop& loop, int n, std::stop_token stop) {
  int total = 0;
  for (int i = 1; i <= n; ++i) {
    const int part = co_await doubled(loop, i, stop);
    if (part < 0) co_return -1;
    total += part;
  }
  co_return total;
}

}  // namespace

TEST_CASE("tasks await tasks and time") {
  ManualLoop loop;
  int result = 0;
  spawn(sum(loop, 3, {}), [&](int r) { result = r; });
  loop.advance(std::chrono::milliseconds(2999));
  CHECK(result == 0);
  loop.advance(std::chrono::milliseconds(1));
  CHECK(result == 12);
}

TEST_CASE("a stop ends a sleep at once and leaves no timer") {
  ManualLoop loop;
  std::stop_source stop;
  int result = 0;
  spawn(sum(loop, 3, stop.get_token()), [&](int r) { result = r; });
  loop.advance(std::chrono::milliseconds(1500));
  stop.request_stop();
  CHECK(result == -1);
  CHECK(loop.armed() == 0);
}

TEST_CASE("a deep chain of tasks needs no deep stack") {
  ManualLoop loop;
  int result = 0;
  struct Chain {
    static Task<int> go(int depth) {
      int total = 0;
      for (int i = 0; i < depth; ++i) {
        const int one = co_await leaf();
        total += one;
      }
      co_return total;
    }
    static Task<int> leaf() { co_return 1; }
  };
  spawn(Chain::go(200'000), [&](int r) { result = r; });
  CHECK(result == 200'000);
}

TEST_CASE("a function moves its callable, large or small, and destroys it once") {
  auto count = std::make_shared<int>(0);
  {
    Function<int(int)> small = [count](int n) { return n + ++*count; };
    struct Large {
      std::shared_ptr<int> count;
      char padding[200];
      int operator()(int n) { return n * ++*count; }
    };
    Function<int(int)> large = Large{count, {}};
    CHECK(small(1) == 2);
    Function<int(int)> moved = std::move(large);
    CHECK_FALSE(large);
    CHECK(moved(10) == 20);
    small = std::move(moved);
    CHECK(small(1) == 3);
    CHECK(count.use_count() == 2);
  }
  CHECK(count.use_count() == 1);
}
