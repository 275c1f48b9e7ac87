// place(): weighted consistent hashing.
#include <collector/engine/sharding.hpp>

#include <algorithm>
#include <limits>
#include <numeric>

namespace collector::sharding {
namespace {

/// How far above max(mean, heaviest) the fullest node may be.
constexpr double kSlack = 1.15;

class Placing {
 public:
  Placing(const Rendezvous& nodes, std::span<const Load> loads)
      : nodes_(nodes),
        loads_(loads),
        order_(loads.size()),
        where_(loads.size(), kNowhere),
        carried_(nodes.size(), 0.0),
        fresh_(nodes.size(), true),
        held_(nodes.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      if (loads[a].weight != loads[b].weight) return loads[a].weight > loads[b].weight;
      return loads[a].key < loads[b].key;
    });
    double total = 0;
    for (const std::size_t i : order_) {
      total += loads[i].weight;
      if (!loads[i].owner || *loads[i].owner >= nodes.size()) continue;
      const std::size_t node = *loads[i].owner;
      where_[i] = node;
      carried_[node] += loads[i].weight;
      held_[node].push_back(i);
      fresh_[node] = false;
    }
    mean_ = total / static_cast<double>(nodes.size());
    most_ = std::max(mean_, loads.empty() ? 0.0 : loads[order_.front()].weight);
  }

  std::vector<std::size_t> run() {
    const auto newcomers = static_cast<std::size_t>(std::count(fresh_.begin(), fresh_.end(), true));
    if (newcomers < nodes_.size()) shed(std::min(level(newcomers), kSlack * most_));
    std::vector<std::size_t> rank(order_.size());
    for (std::size_t r = 0; r < order_.size(); ++r) rank[order_[r]] = r;
    // Each finds its place once, as settling displaces only what comes later.
    for (std::size_t r = 0; r < order_.size(); ++r)
      if (where_[order_[r]] == kNowhere) settle(order_[r], newcomers < nodes_.size(), rank);
    return std::move(where_);
  }

 private:
  static constexpr std::size_t kNowhere = SIZE_MAX;

  /// The level that nodes must come down to so that each newcomer gets the mean.
  double level(std::size_t newcomers) const {
    double wanted = mean_ * static_cast<double>(newcomers);
    for (std::size_t i = 0; i < loads_.size(); ++i)
      if (where_[i] == kNowhere) wanted -= loads_[i].weight;
    std::vector<double> full;
    for (std::size_t node = 0; node < carried_.size(); ++node)
      if (!fresh_[node]) full.push_back(carried_[node]);
    std::sort(full.begin(), full.end(), std::greater<>());
    if (wanted <= 0) return full.front();
    // The k fullest give down to one level: sum(full[0..k)) - k x level = wanted.
    double sum = 0, level = 0;
    for (std::size_t k = 1; k <= full.size(); ++k) {
      sum += full[k - 1];
      level = (sum - wanted) / static_cast<double>(k);
      if (k == full.size() || level >= full[k]) break;
    }
    return std::max(level, 0.0);
  }

  /// Takes loads from nodes above `limit`: the largest that do not take more than the excess; one
  /// more where the node would stay fuller than allowed.
  void shed(double limit) {
    for (std::size_t node = 0; node < carried_.size(); ++node) {
      for (const std::size_t i : held_[node])  // heaviest first
        if (loads_[i].weight > 0 && loads_[i].weight <= carried_[node] - limit) take(i, node);
      while (carried_[node] > kSlack * most_) {
        const double excess = carried_[node] - kSlack * most_;
        std::size_t smallest = kNowhere;
        for (const std::size_t i : held_[node])
          if (where_[i] == node && (smallest == kNowhere || loads_[i].weight >= excess))
            smallest = i;
        if (smallest == kNowhere) break;
        take(smallest, node);
      }
    }
  }
  void take(std::size_t i, std::size_t node) {
    where_[i] = kNowhere;
    carried_[node] -= loads_[i].weight;
  }

  void settle(std::size_t i, bool newcomers_first, const std::vector<std::size_t>& rank) {
    const double weight = loads_[i].weight;
    const auto ranked = nodes_.ranked(loads_[i].key);
    std::size_t chosen = kNowhere;
    if (newcomers_first)
      for (const std::size_t node : ranked)
        if (fresh_[node] && carried_[node] + weight <= most_) {
          chosen = node;
          break;
        }
    if (chosen == kNowhere)
      for (const std::size_t node : ranked)
        if (carried_[node] + weight <= kSlack * most_) {
          chosen = node;
          break;
        }
    const bool crowded = chosen == kNowhere;
    if (crowded) chosen = least_of_heavier(ranked, i, rank);
    where_[i] = chosen;
    carried_[chosen] += weight;
    held_[chosen].push_back(i);
    if (crowded) displace(chosen, rank[i], rank);
  }

  /// Where no node has room, lighter loads make it: the node with the least of what is heavier.
  std::size_t least_of_heavier(const std::vector<std::size_t>& ranked, std::size_t load,
                               const std::vector<std::size_t>& rank) const {
    std::size_t best = ranked.front();
    double least = std::numeric_limits<double>::infinity();
    for (const std::size_t node : ranked) {
      double heavier = 0;
      for (const std::size_t i : held_[node])
        if (where_[i] == node && rank[i] < rank[load]) heavier += loads_[i].weight;
      if (heavier < least) {
        least = heavier;
        best = node;
      }
    }
    return best;
  }

  /// Takes from a node that is too full what comes after `settled`: the lightest that is enough,
  /// else the heaviest.
  void displace(std::size_t node, std::size_t settled, const std::vector<std::size_t>& rank) {
    auto& held = held_[node];
    std::erase_if(held, [&](std::size_t i) { return where_[i] != node; });
    std::sort(held.begin(), held.end(),
              [&](std::size_t a, std::size_t b) { return rank[a] < rank[b]; });
    held.erase(std::unique(held.begin(), held.end()), held.end());
    while (carried_[node] > kSlack * most_) {
      const double excess = carried_[node] - kSlack * most_;
      std::size_t enough = kNowhere;
      for (const std::size_t i : held)
        if (where_[i] == node && rank[i] > settled && loads_[i].weight > 0 &&
            (enough == kNowhere || loads_[i].weight >= excess))
          enough = i;
      if (enough == kNowhere) break;
      take(enough, node);
    }
  }

  const Rendezvous& nodes_;
  std::span<const Load> loads_;
  std::vector<std::size_t> order_;  ///< heaviest first
  std::vector<std::size_t> where_;
  std::vector<double> carried_;
  std::vector<bool> fresh_;  ///< nodes that have nothing yet
  std::vector<std::vector<std::size_t>> held_;
  double mean_ = 0, most_ = 0;
};

}  // namespace

std::vector<std::size_t> place(const Rendezvous& nodes, std::span<const Load> loads) {
  if (nodes.size() == 0) return {};
  return Placing(nodes, loads).run();
}

}  // namespace collector::sharding
