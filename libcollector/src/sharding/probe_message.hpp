// What nodes say of themselves when they probe each other: the body of POST /api/v0/cluster/probe
// and of its answer, in JSON:
//   {"node": "a", "instance": "5f0c...", "cluster": "", "address": "10.0.0.1:12345",
//    "state": "participant", "revision": "9ae1...",
//    "members": [{"node": "a", "address": "10.0.0.1:12345"}]}
#pragma once

#include <collector/engine/sharding.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace collector::sharding {

struct ProbeMessage {
  std::string node;
  std::string instance;  ///< of the process: another one after a restart
  std::string cluster, address;
  ProbedMembership::State state = ProbedMembership::State::viewer;
  std::uint64_t revision = 0;
  std::vector<Member> members;

  std::string to_json() const;
  /// invalid_argument with the reason. Longer texts and more members than a node can mean are
  /// refused.
  static Result<ProbeMessage> parse(std::string_view json);
};

inline constexpr std::string_view kProbePath = "/api/v0/cluster/probe";
/// Nodes and addresses that one node keeps track of.
inline constexpr std::size_t kMostPeers = 1024;

}  // namespace collector::sharding
