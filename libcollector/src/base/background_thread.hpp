// One thread beside a loop, for calls that block: fsync(2) above all.
#pragma once

#include <collector/engine/function.hpp>

#include <memory>

namespace collector::base {

class BackgroundThread {
 public:
  /// `post` brings a callable back to the loop; it is called on the thread, and not after this
  /// dies.
  explicit BackgroundThread(Function<void(Function<void()>)> post);
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;
  /// What has not begun is dropped. Waits up to 100 ms for a call that runs; one that hangs longer
  /// is left behind with all that it owns.
  ~BackgroundThread();

  /// Runs `work` on the thread, then posts `done`, in the order of calling.
  void run(Function<void()> work, Function<void()> done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace collector::base
