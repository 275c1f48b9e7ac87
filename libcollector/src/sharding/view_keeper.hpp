// The view that a node acts on, made of what it saw. Pure.
#pragma once

#include <collector/engine/sharding.hpp>

#include <deque>
#include <vector>

namespace collector::sharding {

/// A network that fails looks like many nodes that went at once: a view that would lose more than
/// half of its members, of now or of the last rounds, is taken when it was seen in two more rounds.
class ViewKeeper {
 public:
  /// What is seen now; `round` at the end of a round of probes, where alone a loss is confirmed or
  /// found to be none. True when the view changed.
  bool offer(std::vector<Member> seen, bool round);
  const View& view() const { return view_; }
  /// A smaller view waits to be confirmed.
  bool holding() const { return holding_; }

 private:
  View view_;
  std::deque<std::vector<Member>> earlier_;  ///< views at the ends of the last rounds
  bool holding_ = false;
  unsigned confirmed_ = 0;
};

/// Equal for equal names, whatever their order.
std::uint64_t revision_of(const std::vector<Member>& members);

}  // namespace collector::sharding
