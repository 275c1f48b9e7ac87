#include "base/background_thread.hpp"

#include <pthread.h>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace collector::base {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(100);

struct Call {
  Function<void()> work, done;
};

}  // namespace

/// Shared with the thread, which may live longer than the object.
struct BackgroundThread::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Call> calls;
  Function<void(Function<void()>)> post;
  std::thread thread;
  bool stopping = false, ended = false;

  void serve() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);  // the host's signals are for its own threads
    std::unique_lock lock(mutex);
    while (!stopping) {
      if (calls.empty()) {
        changed.wait(lock);
        continue;
      }
      Call call = std::move(calls.front());
      calls.pop_front();
      lock.unlock();
      call.work();
      call.work = nullptr;
      lock.lock();
      if (!stopping) post(std::move(call.done));
    }
    ended = true;
    changed.notify_all();
  }
};

BackgroundThread::BackgroundThread(Function<void(Function<void()>)> post)
    : state_(std::make_shared<State>()) {
  state_->post = std::move(post);
  state_->thread = std::thread([state = state_] { state->serve(); });
}

BackgroundThread::~BackgroundThread() {
  std::deque<Call> dropped;
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->changed.notify_all();
  std::swap(dropped, state_->calls);
  const bool ended = state_->changed.wait_for(lock, kPatience, [this] { return state_->ended; });
  lock.unlock();
  if (ended)
    state_->thread.join();
  else
    state_->thread.detach();
}

void BackgroundThread::run(Function<void()> work, Function<void()> done) {
  const std::lock_guard lock(state_->mutex);
  state_->calls.push_back({std::move(work), std::move(done)});
  state_->changed.notify_all();
}

}  // namespace collector::base
