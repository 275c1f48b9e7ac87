// The event loop of this machine, over Boost.Asio, which stays out of this header.
#pragma once

#include <collector/engine/seams.hpp>

#include <memory>

namespace boost::asio {
class io_context;
}

namespace collector::net {

class SystemLoop final : public Loop {
 public:
  SystemLoop();
  SystemLoop(const SystemLoop&) = delete;
  SystemLoop& operator=(const SystemLoop&) = delete;
  ~SystemLoop() override;

  Instant now() const override;
  WallTime wall() const override;
  TimerId arm(Duration delay, Function<void()> fire) override;
  void disarm(TimerId id) override;
  void post(Function<void()> f) override;
  /// The first call starts a thread, which ends with the loop, or is left behind when it hangs.
  void offload(Function<void()> work, Function<void()> done) override;

  /// Runs the loop on the calling thread until stop().
  void run();
  /// Runs what is ready and what becomes ready within `limit`, then returns.
  void run_for(Duration limit);
  /// Any thread; run() returns soon, and may be called again.
  void stop();
  /// Calls `f` on this loop each time the process gets the signal, until the loop dies.
  void on_signal(int signal, Function<void()> f);

  boost::asio::io_context& context();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace collector::net
