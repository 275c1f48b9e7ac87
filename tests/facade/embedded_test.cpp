// collector.h in a host that has signals, forks and more than one collector of its own.
#include "catch.hpp"

#include <collector/collector.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN
#endif
#endif

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kStore = R"(
collector.store "s" { }
export "metrics" { value = collector.store.s.receiver }
)";
/// Nothing listens on port 1.
constexpr const char* kDead = R"(
prometheus.remote_write "w" {
  endpoint { url = "http://127.0.0.1:1/" }
}
export "metrics" { value = prometheus.remote_write.w.receiver }
)";

col_collector* opened(const char* config) {
  char error[2048];
  col_collector* c = nullptr;
  const int code = col_open(config, &c, error, sizeof error);
  INFO(error);
  REQUIRE(code == COL_OK);
  return c;
}

int push(col_collector* c, const std::string& text) {
  return col_push_metrics(c, "metrics", text.data(), text.size());
}

std::string last_error(col_collector* c) {
  std::string text(col_last_error(c, nullptr, 0), '\0');
  col_last_error(c, text.data(), text.size() + 1);
  return text;
}

/// SA_RESTORER of Linux: glibc sets it in whatever passes through sigaction.
constexpr int kSetByLibc = 0x04000000;

struct SignalState {
  sigset_t mask;
  struct sigaction actions[32];
  SignalState() {
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    for (int i = 1; i < 32; ++i) sigaction(i, nullptr, &actions[i]);
  }
  bool operator==(const SignalState& other) const {
    for (int i = 1; i < 32; ++i)
      if (sigismember(&mask, i) != sigismember(&other.mask, i) ||
          actions[i].sa_handler != other.actions[i].sa_handler ||
          ((actions[i].sa_flags ^ other.actions[i].sa_flags) & ~kSetByLibc))
        return false;
    return true;
  }
};

#ifndef UNDER_TSAN
volatile sig_atomic_t handled_by = 0;
void note_thread(int) { handled_by = static_cast<sig_atomic_t>(gettid()); }
#endif

}  // namespace

TEST_CASE("wrong calls of the C interface are codes with sentences") {
  char error[256];
  col_collector* c = reinterpret_cast<col_collector*>(1);
  CHECK(col_open("prometheus.ecko \"x\" { }", &c, error, sizeof error) == COL_EINVAL);
  CHECK(c == nullptr);
  CHECK(std::string(error).find("did you mean \"prometheus.echo\"?") != std::string::npos);
  CHECK(col_open(nullptr, &c, error, sizeof error) == COL_EINVAL);
  CHECK(col_open("", nullptr, error, sizeof error) == COL_EINVAL);
  char tiny[8];
  CHECK(col_open("x", &c, tiny, sizeof tiny) == COL_EINVAL);
  CHECK(std::string(tiny).size() == sizeof tiny - 1);

  c = opened(kStore);
  CHECK(push(c, "a 1\n") == COL_OK);
  CHECK(push(c, "") == COL_OK);
  CHECK(col_push_metrics(c, "metrics", nullptr, 0) == COL_OK);
  CHECK(col_push_metrics(c, "metrics", nullptr, 3) == COL_EINVAL);
  CHECK(col_push_metrics(c, "other", "a 1\n", 4) == COL_ENOTFOUND);
  CHECK(last_error(c).find("other") != std::string::npos);
  CHECK(push(c, "a 1\nb {\n") == COL_EINVAL);
  CHECK(col_reload(c, "x {") == COL_EINVAL);
  CHECK(push(c, "a 2\n") == COL_OK);  // what ran before the bad text still runs
  CHECK(col_flush(c, 1000) == COL_OK);
  CHECK(col_push_metrics(nullptr, "metrics", "", 0) == COL_EINVAL);
  CHECK(col_close(nullptr, 0) == COL_EINVAL);
  CHECK(col_close(c, 1000) == COL_OK);
}

// The thread sanitizer delivers signals late and allows no thread after a fork.
#ifndef UNDER_TSAN
TEST_CASE("two collectors leave the host's signals alone, and none arrives on their threads") {
  const SignalState before;
  col_collector* a = opened(kStore);
  col_collector* b = opened(kDead);
  CHECK(SignalState() == before);
  CHECK(push(a, "x 1\n") == COL_OK);
  CHECK(push(b, "x 1\n") == COL_OK);

  // While this thread blocks it, a signal to the process waits for this thread.
  sigset_t usr1, previous;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  struct sigaction action{}, old{};
  action.sa_handler = note_thread;
  sigaction(SIGUSR1, &action, &old);
  pthread_sigmask(SIG_BLOCK, &usr1, &previous);
  handled_by = 0;
  kill(getpid(), SIGUSR1);
  usleep(50'000);
  CHECK(handled_by == 0);
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
  CHECK(handled_by == static_cast<sig_atomic_t>(gettid()));
  sigaction(SIGUSR1, &old, nullptr);

  CHECK(col_close(a, 1000) == COL_OK);
  CHECK(col_close(b, 0) == COL_ETIMEDOUT);
  CHECK(SignalState() == before);
}

#endif

TEST_CASE("a dead endpoint holds no call longer than its deadline") {
  for (const unsigned deadline : {0U, 50U, 300U}) {
    col_collector* c = opened(kDead);
    REQUIRE(push(c, "x 1\n") == COL_OK);
    auto start = Clock::now();
    CHECK(col_flush(c, deadline) == COL_ETIMEDOUT);
    const auto flushed = Clock::now() - start;
    CHECK(last_error(c) == "1 samples are not delivered");
    start = Clock::now();
    CHECK(col_close(c, deadline) == COL_ETIMEDOUT);
    const auto closed = Clock::now() - start;
    // The promise is 10 ms; a machine that is busy with other tests gets ten times that.
    CHECK(flushed < std::chrono::milliseconds(deadline + 100));
    CHECK(closed < std::chrono::milliseconds(deadline + 100));
  }
}

#ifndef UNDER_TSAN
TEST_CASE("a forked child cannot use its parent's handle, can open its own, and harms neither") {
  col_collector* c = opened(kStore);
  REQUIRE(push(c, "x 1\n") == COL_OK);
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      int wrong = 0;
      wrong |= push(c, "x 2\n") == COL_EFORK ? 0 : 1;
      wrong |= col_flush(c, 1000) == COL_EFORK ? 0 : 2;
      wrong |= last_error(c).find("fork") != std::string::npos ? 0 : 4;
      wrong |= col_close(c, 1000) == COL_EFORK ? 0 : 8;
      col_collector* own = nullptr;
      wrong |= col_open(kStore, &own, nullptr, 0) == COL_OK ? 0 : 16;
      if (own) wrong |= push(own, "x 3\n") == COL_OK && col_close(own, 1000) == COL_OK ? 0 : 32;
      _exit(wrong);
    }
    int state = 0;
    waitpid(child, &state, 0);
    CHECK(WIFEXITED(state));
    CHECK(WEXITSTATUS(state) == 0);
    CHECK(push(c, "x 4\n") == COL_OK);
  }
  CHECK(col_close(c, 1000) == COL_OK);
}
#endif
