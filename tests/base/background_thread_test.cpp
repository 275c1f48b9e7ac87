// Calls that block run apart, in order, and one that hangs is left behind.
#include "catch.hpp"

#include "base/background_thread.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

using namespace collector;
using namespace std::chrono_literals;

namespace {

/// What was posted, for the thread that waits.
struct Posted {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Function<void()>> calls;

  void add(Function<void()> f) {
    const std::lock_guard lock(mutex);
    calls.push_back(std::move(f));
    changed.notify_all();
  }
  bool run(std::size_t n) {
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, 10s, [&] { return calls.size() >= n; })) return false;
    for (auto& f : calls) f();
    calls.clear();
    return true;
  }
};

}  // namespace

TEST_CASE("work runs on another thread in order, and done comes back") {
  Posted posted;
  std::vector<int> order;
  std::thread::id worker;
  base::BackgroundThread thread([&](Function<void()> f) { posted.add(std::move(f)); });
  for (int i = 0; i < 3; ++i)
    thread.run(
        [&, i] {
          order.push_back(i);
          worker = std::this_thread::get_id();
        },
        [&, i] { order.push_back(10 + i); });
  REQUIRE(posted.run(3));
  CHECK(order == std::vector<int>{0, 1, 2, 10, 11, 12});
  CHECK(worker != std::this_thread::get_id());
}

TEST_CASE("a call that hangs does not hold up the end, and its done is not called") {
  auto gate = std::make_shared<std::mutex>();
  auto done = std::make_shared<bool>(false);
  std::unique_lock hold(*gate);
  const auto begin = std::chrono::steady_clock::now();
  {
    base::BackgroundThread thread([](Function<void()> f) { f(); });
    thread.run([gate] { const std::lock_guard lock(*gate); }, [done] { *done = true; });
    std::this_thread::sleep_for(20ms);
  }
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  hold.unlock();
  std::this_thread::sleep_for(50ms);
  CHECK_FALSE(*done);
}
