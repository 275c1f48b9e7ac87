#include "process/measured_fanout.hpp"

#include <algorithm>

namespace collector::process {

MeasuredFanout::MeasuredFanout(Context& context)
    : loop_(context.loop()),
      fanout_(context),
      forwarded_(context.metrics().counter("prometheus_forwarded_samples_total",
                                           "Samples that the receivers took.")),
      latency_(context.metrics().histogram("prometheus_fanout_latency",
                                           "Time until the receivers took a batch, in seconds.",
                                           {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10})) {}

void MeasuredFanout::consume(Metrics batch) {
  const Duration patience = batch.ack.patience();
  Ack ack(
      loop_,
      [this, weak = std::weak_ptr(alive_), n = batch.size(), begin = loop_.now(),
       source = std::move(batch.ack)](Outcome outcome) mutable {
        if (!weak.expired()) {
          const Duration took = loop_.now() - begin;
          latency_.observe(std::chrono::duration<double>(took).count());
          std::size_t lost = outcome.kind == Outcome::Kind::retry ? n : 0;
          if (outcome.kind == Outcome::Kind::rejected)
            lost = std::min<std::size_t>(n, outcome.rejected_items);
          forwarded_.add(static_cast<double>(n - lost));
        }
        source.settle(std::move(outcome));
      },
      patience);
  batch.ack = std::move(ack);
  fanout_.consume(std::move(batch));
}

}  // namespace collector::process
