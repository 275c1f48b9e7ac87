// A receiver that keeps whole batches and when they came.
#pragma once

#include "component_bench.hpp"

#include <functional>

namespace collector {

/// test.keeper: keeps whole batches and when they came; answers as told, or holds the answers back.
class Keeper final : public Sink<Metrics>, public Component<TestSink::Args, TestSink::Exports> {
 public:
  struct Kept {
    Metrics batch;
    Duration patience{};
    Instant at;
  };
  explicit Keeper(Context& context) : Component(context) {}
  Task<Status> run() override {
    co_await pipeline::until_stopped(context().loop(), context().stop());
    co_return Status();
  }
  Status update(TestSink::Args) override {
    set_exports({make_receiver(*this)});
    return {};
  }
  void consume(Metrics batch) override {
    Ack ack = std::move(batch.ack);
    kept.push_back({std::move(batch), ack.patience(), context().loop().now()});
    if (on_batch) on_batch();
    if (hold)
      held.push_back(std::move(ack));
    else
      ack.settle(outcome);
  }
  std::vector<Kept> kept;
  std::vector<Ack> held;
  Outcome outcome;
  bool hold = false;
  std::function<void()> on_batch;
};

inline Definition batch_keeper() { return define<Keeper>("test.keeper", "Keeps batches."); }

}  // namespace collector
