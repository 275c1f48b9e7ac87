// Coroutines for protocols and lifecycles. One thread: a task runs on the loop that resumes it.
#pragma once

#include <collector/engine/function.hpp>

#include <coroutine>
#include <exception>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace collector {

template <class T = void>
class Task;

namespace detail {

struct TaskPromiseBase {
  std::coroutine_handle<> continuation = std::noop_coroutine();

  std::suspend_always initial_suspend() noexcept { return {}; }
  struct Final {
    bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h) noexcept {
      return h.promise().continuation;
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }
  /// No exception crosses a task: errors are Status. One that gets here is a bug.
  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
};

template <class T>
struct TaskPromise : TaskPromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <class U>
  void return_value(U&& u) {
    value.emplace(std::forward<U>(u));
  }
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object();
  void return_void() {}
};

}  // namespace detail

/// A lazy coroutine: it starts when awaited and ends before its Task object dies: to end one early,
/// request its stop token and wait; a suspended Task is never destroyed. The parameters of a
/// coroutine are copied into it; a reference parameter must outlive the Task.
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;

  Task() = default;
  explicit Task(std::coroutine_handle<promise_type> h) : handle_(h) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  explicit operator bool() const { return static_cast<bool>(handle_); }

  auto operator co_await() && noexcept {
    struct Awaiter {
      std::coroutine_handle<promise_type> h;
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
        h.promise().continuation = caller;
        return h;
      }
      T await_resume() {
        if constexpr (!std::is_void_v<T>) return std::move(*h.promise().value);
      }
    };
    return Awaiter{handle_};
  }

 private:
  std::coroutine_handle<promise_type> handle_;
};

template <class T>
Task<T> detail::TaskPromise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(*this));
}
inline Task<void> detail::TaskPromise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<TaskPromise<void>>::from_promise(*this));
}

/// Starts `task` at once on the calling thread and owns its frame until it ends, then calls `done`
/// with its result. Whoever spawns waits for `done` before the task's references die.
template <class T, class Done>
void spawn(Task<T> task, Done done) {
  struct Detached {
    struct promise_type {
      Detached get_return_object() { return {}; }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept { return {}; }
      void return_void() {}
      [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
    };
  };
  [](Task<T> owned, Done finish) -> Detached {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(owned);
      finish();
    } else {
      T result = co_await std::move(owned);
      finish(std::move(result));
    }
  }(std::move(task), std::move(done));
}

/// Bridges a callback interface to co_await: `co_await await_callback<T>([&](Function<void(T)>
/// done) {...})`. The initiator must call `done` exactly once, now or later, on the same loop; it
/// must not be destroyed uncalled while the coroutine waits (that would leave it suspended for
/// ever).
template <class T, class Initiator>
auto await_callback(Initiator initiator) {
  struct Awaiter {
    Initiator initiate;
    std::optional<T> value;
    bool suspended = false;
    bool await_ready() noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> caller) {
      initiate(Function<void(T)>([this, caller](T v) {
        value.emplace(std::move(v));
        if (suspended) caller.resume();
      }));
      if (value) return false;
      suspended = true;
      return true;
    }
    T await_resume() { return std::move(*value); }
  };
  return Awaiter{std::move(initiator), std::nullopt};
}

}  // namespace collector
