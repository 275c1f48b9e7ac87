#include "net/system_loop.hpp"

#include "base/background_thread.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <list>
#include <map>

namespace collector::net {

namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;

/// One Asio timer serves all: the earliest of a map of deadlines.
struct SystemLoop::State {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  asio::steady_timer timer{context};
  std::map<std::pair<SteadyClock::time_point, TimerId>, Function<void()>> timers;
  std::map<TimerId, SteadyClock::time_point> deadlines;
  std::uint64_t last = 0;
  SteadyClock::time_point waiting_for = SteadyClock::time_point::max();
  struct Signal {
    Signal(asio::io_context& context, int number, Function<void()> f)
        : set(context, number), call(std::move(f)) {}
    asio::signal_set set;
    Function<void()> call;
  };
  std::list<Signal> signals;
  std::unique_ptr<base::BackgroundThread> background;

  void wait() {
    if (timers.empty()) return;
    const auto next = timers.begin()->first.first;
    if (next >= waiting_for) return;
    waiting_for = next;
    timer.expires_at(next);
    timer.async_wait([this](const boost::system::error_code& error) {
      if (error) return;  // a nearer deadline took over
      waiting_for = SteadyClock::time_point::max();
      fire();
      wait();
    });
  }

  void fire() {
    const auto now = SteadyClock::now();
    while (!timers.empty() && timers.begin()->first.first <= now) {
      auto node = timers.extract(timers.begin());
      deadlines.erase(node.key().second);
      node.mapped()();
    }
  }

  void wait_for_signal(Signal& signal) {
    signal.set.async_wait([this, &signal](const boost::system::error_code& error, int) {
      if (error) return;
      signal.call();
      wait_for_signal(signal);
    });
  }
};

SystemLoop::SystemLoop() : state_(std::make_unique<State>()) {}
SystemLoop::~SystemLoop() { state_->background.reset(); }

Instant SystemLoop::now() const { return {SteadyClock::now().time_since_epoch()}; }
WallTime SystemLoop::wall() const {
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

TimerId SystemLoop::arm(Duration delay, Function<void()> fire) {
  const TimerId id{++state_->last};
  const auto most = std::chrono::hours(24 * 365);
  const auto at = SteadyClock::now() + std::min<Duration>(std::max<Duration>(delay, {}), most);
  state_->timers.emplace(std::pair(at, id), std::move(fire));
  state_->deadlines.emplace(id, at);
  state_->wait();
  return id;
}

void SystemLoop::disarm(TimerId id) {
  const auto it = state_->deadlines.find(id);
  if (it == state_->deadlines.end()) return;
  state_->timers.erase({it->second, id});
  state_->deadlines.erase(it);
}

void SystemLoop::post(Function<void()> f) {
  asio::post(state_->context, [f = std::move(f)]() mutable { f(); });
}

void SystemLoop::offload(Function<void()> work, Function<void()> done) {
  if (!state_->background)
    state_->background = std::make_unique<base::BackgroundThread>(
        [this](Function<void()> f) { post(std::move(f)); });
  state_->background->run(std::move(work), std::move(done));
}

void SystemLoop::run() {
  state_->context.restart();
  state_->context.run();
}
void SystemLoop::run_for(Duration limit) {
  state_->context.restart();
  state_->context.run_for(limit);
}
void SystemLoop::stop() { state_->context.stop(); }

void SystemLoop::on_signal(int signal, Function<void()> f) {
  state_->signals.emplace_back(state_->context, signal, std::move(f));
  state_->wait_for_signal(state_->signals.back());
}

asio::io_context& SystemLoop::context() { return state_->context; }

}  // namespace collector::net
