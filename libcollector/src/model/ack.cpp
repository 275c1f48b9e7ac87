#include <collector/engine/signals.hpp>

#include <algorithm>

namespace collector {

struct Ack::State {
  Loop& loop;
  Function<void(Outcome)> done;
  Duration patience;
  Outcome joined{};
  std::size_t shares = 1;
};

Ack::Ack(Loop& loop, Function<void(Outcome)> done, Duration patience)
    : state_(new State{loop, std::move(done), patience}) {}

Duration Ack::patience() const { return state_ ? state_->patience : Duration{}; }

Ack& Ack::operator=(Ack&& other) noexcept {
  if (this != &other) {
    abandon();
    state_ = std::exchange(other.state_, nullptr);
  }
  return *this;
}

Ack Ack::share() {
  if (state_) ++state_->shares;
  return Ack(state_);
}

void Ack::settle(Outcome outcome) {
  State* state = std::exchange(state_, nullptr);
  if (!state) return;
  Outcome& joined = state->joined;
  if (outcome.kind == Outcome::Kind::retry && joined.kind == Outcome::Kind::retry)
    joined.after = std::max(joined.after, outcome.after);
  else if (outcome.kind == Outcome::Kind::rejected && joined.kind == Outcome::Kind::rejected)
    joined.rejected_items += outcome.rejected_items;
  else if (outcome.kind > joined.kind)
    joined = std::move(outcome);
  release(state);
}

void Ack::abandon() {
  if (state_) settle(Outcome::retry("abandoned", {}));
}

void Ack::release(State* state) {
  if (--state->shares > 0) return;
  Loop& loop = state->loop;
  loop.post([done = std::move(state->done), joined = std::move(state->joined)]() mutable {
    done(std::move(joined));
  });
  delete state;
}

std::size_t Metrics::bytes() const {
  const MetricColumns& c = *columns_;
  std::size_t bytes = c.series.size() * 20 + c.start_timestamp.size() * 8;
  for (const HistogramSample& h : c.histograms) {
    bytes += sizeof(HistogramSample) + sizeof(NativeHistogram);
    for (const auto* buckets : {&h.histogram->positive, &h.histogram->negative})
      bytes += 8 * (buckets->spans.size() + buckets->deltas.size() + buckets->counts.size());
    bytes += 8 * h.histogram->custom_values.size();
  }
  for (const Exemplar& e : c.exemplars) {
    bytes += sizeof(Exemplar);
    for (const auto& [name, value] : e.labels)
      bytes += sizeof(e.labels[0]) + name.size() + value.size();
  }
  return bytes;
}

MetricColumns& Metrics::edit() {
  if (columns_.use_count() > 1) columns_ = std::make_shared<MetricColumns>(*columns_);
  return *columns_;
}

}  // namespace collector
