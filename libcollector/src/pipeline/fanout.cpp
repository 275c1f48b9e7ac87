#include <collector/engine/component.hpp>

#include "model/series_table.hpp"
#include "pipeline/edge.hpp"
#include "pipeline/node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

namespace collector {
namespace {

constexpr Duration kLeastWait = std::chrono::milliseconds(50);

/// One batch on its way to every branch; its own Ack is the source's.
struct Flight {
  Metrics batch;
  std::uint64_t number = 0;  ///< in the order of consume()
  std::size_t branches = 0;
  std::size_t open = 0;
  Outcome joined;
};

/// The first samples of a batch as text, for live debugging.
std::vector<std::string> text_of(const Metrics& batch, const model::SeriesTable& series) {
  constexpr std::size_t kMost = 20;
  std::vector<std::string> lines;
  const MetricColumns& columns = batch.columns();
  for (std::size_t i = 0; i < std::min(columns.series.size(), kMost); ++i)
    lines.push_back(fmt::format("{} {} {}", series.to_text(columns.series[i]), columns.value[i],
                                columns.timestamp[i]));
  for (const HistogramSample& h : columns.histograms) {
    if (lines.size() == kMost) break;
    const double count =
        h.histogram->is_float ? h.histogram->float_count : static_cast<double>(h.histogram->count);
    lines.push_back(fmt::format("{} histogram of {}, sum {}, {}", series.to_text(h.series), count,
                                h.histogram->sum, h.timestamp));
  }
  for (const Exemplar& e : columns.exemplars) {
    if (lines.size() == kMost) break;
    std::string labels;
    for (const auto& [name, value] : e.labels)
      labels += fmt::format("{}{}=\"{}\"", labels.empty() ? "" : ",", name, value);
    lines.push_back(fmt::format("{} exemplar {{{}}} {} {}", series.to_text(e.series), labels,
                                e.value, e.timestamp));
  }
  return lines;
}

/// What a branch refused, and what came after it: one at a time, in order.
struct Held {
  std::deque<std::shared_ptr<Flight>> flights;
  const Flight* offered = nullptr;  ///< the one of them that the branch has now
  bool armed = false;               ///< a timer will offer the first
};

struct Branch {
  std::shared_ptr<pipeline::ReceiverState> to;
  std::shared_ptr<pipeline::Edge> edge;
  std::shared_ptr<Held> held = std::make_shared<Held>();
};

void offer(Loop& loop, std::shared_ptr<Flight> flight, Branch branch);

void offer_first(Loop& loop, const Branch& branch) {
  Held& held = *branch.held;
  if (held.flights.empty() || held.offered || held.armed) return;
  held.offered = held.flights.front().get();
  offer(loop, held.flights.front(), branch);
}

void count(pipeline::Edge& edge, const Outcome& outcome, std::uint64_t items) {
  edge.waiting -= items;
  switch (outcome.kind) {
    case Outcome::Kind::delivered:
      edge.delivered += items;
      return;
    case Outcome::Kind::rejected: {
      const auto n = std::min(outcome.rejected_items, items);
      edge.rejected += n;
      edge.delivered += items - n;
      edge.reasons[outcome.reason] += n;
      break;
    }
    case Outcome::Kind::retry:
      edge.retried += items;
      break;
  }
  edge.last_problem = outcome.reason;
}

/// A lone branch that refuses tells the source so. Of several, the one that refuses is offered the
/// batch again when it said it would have room: the others have it or are deciding, and must not
/// get it twice. What comes for it meanwhile waits behind, so that nothing overtakes.
void settled(Loop& loop, std::shared_ptr<Flight> flight, Branch branch, Outcome outcome) {
  Held& held = *branch.held;
  const bool was_held = held.offered == flight.get();
  if (was_held) held.offered = nullptr;
  if (outcome.kind == Outcome::Kind::retry && flight->branches > 1) {
    if (!was_held)
      held.flights.insert(
          std::find_if(held.flights.begin(), held.flights.end(),
                       [&](const auto& other) { return other->number > flight->number; }),
          std::move(flight));
    if (held.armed || held.offered) return;
    held.armed = true;
    loop.arm(std::max(outcome.after, kLeastWait), [&loop, branch = std::move(branch)] {
      branch.held->armed = false;
      offer_first(loop, branch);
    });
    return;
  }
  if (was_held) {
    std::erase(held.flights, flight);
    offer_first(loop, branch);
  }
  if (outcome.kind == Outcome::Kind::rejected && flight->joined.kind == Outcome::Kind::rejected)
    outcome.rejected_items += flight->joined.rejected_items;
  if (outcome.kind >= flight->joined.kind) flight->joined = std::move(outcome);
  if (--flight->open == 0) flight->batch.ack.settle(std::move(flight->joined));
}

void offer(Loop& loop, std::shared_ptr<Flight> flight, Branch branch) {
  pipeline::Edge& edge = *branch.edge;
  const std::size_t items = flight->batch.size();
  edge.offered += items;
  edge.bytes += flight->batch.bytes();
  edge.waiting += items;
  ++edge.batches;
  Ack ack(
      loop,
      [&loop, flight, branch, items, sent = loop.now()](Outcome outcome) mutable {
        branch.edge->latency_seconds += std::chrono::duration<double>(loop.now() - sent).count();
        count(*branch.edge, outcome, items);
        settled(loop, std::move(flight), std::move(branch), std::move(outcome));
      },
      flight->batch.ack.patience());
  if (!branch.to->sink)
    return ack.settle(Outcome::rejected("component " + branch.to->node + " has left", items));
  branch.to->sink->consume(flight->batch.with(std::move(ack)));
}

}  // namespace

struct MetricsFanout::State {
  pipeline::Node& node;
  std::vector<Branch> branches;
  std::uint64_t flights = 0;
};

MetricsFanout::MetricsFanout(Context& context)
    : state_(std::make_shared<State>(State{context.node(), {}, 0})) {}
MetricsFanout::~MetricsFanout() = default;

void MetricsFanout::set(const std::vector<MetricsReceiver>& branches) {
  state_->branches.clear();
  for (const MetricsReceiver& receiver : branches)
    if (receiver.state())
      state_->branches.push_back(
          {receiver.state(),
           state_->node.env().edges.edge(state_->node.id(), receiver.state()->node),
           std::make_shared<Held>()});
}

void MetricsFanout::consume(Metrics batch) {
  if (state_->branches.empty()) return batch.ack.settle(Outcome::filtered());
  auto flight = std::make_shared<Flight>();
  flight->batch = std::move(batch);
  flight->number = ++state_->flights;
  flight->branches = flight->open = state_->branches.size();
  const std::vector<Branch> branches = state_->branches;
  pipeline::Environment& env = state_->node.env();
  if (env.edges.recording())
    for (const Branch& branch : branches) branch.edge->recent = text_of(flight->batch, env.series);
  for (const Branch& branch : branches) {
    if (branch.held->flights.empty())
      offer(env.seams.loop, flight, branch);
    else
      branch.held->flights.push_back(flight);
  }
}

}  // namespace collector
