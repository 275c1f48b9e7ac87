#include <collector/engine/sharding.hpp>

#include <algorithm>

namespace collector::sharding {

std::vector<Verdict> Membership::decide(std::span<const Claim> claims) const {
  const std::vector<Member>& members = view().members;
  if (!ready() || members.empty()) return std::vector<Verdict>(claims.size(), Verdict::nobody);
  std::vector<std::string> names;
  names.reserve(members.size());
  for (const Member& m : members) names.push_back(m.name);
  const Rendezvous nodes(names);
  std::vector<Verdict> verdicts;
  verdicts.reserve(claims.size());
  for (const Claim& claim : claims) {
    const Member& owner = members[nodes.owner(claim.key)];
    const bool mine = owner.name == self() || (claim.held && !owner.ready);
    verdicts.push_back(mine ? Verdict::mine : Verdict::others);
  }
  return verdicts;
}

bool Membership::has_successor() const {
  const std::vector<Member>& members = view().members;
  return std::any_of(members.begin(), members.end(),
                     [this](const Member& m) { return m.name != self(); });
}

}  // namespace collector::sharding
