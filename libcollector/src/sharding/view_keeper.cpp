#include "sharding/view_keeper.hpp"

#include <algorithm>

namespace collector::sharding {
namespace {

constexpr unsigned kConfirmations = 2;
/// As many as a node has to fail in: those that went together are counted together.
constexpr std::size_t kRounds = 3;

bool by_name(const Member& a, const Member& b) { return a.name < b.name; }

}  // namespace

std::uint64_t revision_of(const std::vector<Member>& members) {
  if (members.empty()) return 0;
  std::vector<std::string_view> names;
  for (const Member& m : members) names.push_back(m.name);
  std::sort(names.begin(), names.end());
  std::string all;
  for (const std::string_view name : names) all.append(name).push_back('\0');
  return key_of(all);
}

bool ViewKeeper::offer(std::vector<Member> seen, bool round) {
  std::sort(seen.begin(), seen.end(), by_name);
  const auto loses_most = [&](const std::vector<Member>& before) {
    const auto stay = std::count_if(before.begin(), before.end(), [&](const Member& m) {
      return std::binary_search(seen.begin(), seen.end(), m, by_name);
    });
    return static_cast<std::size_t>(stay) * 2 < before.size();
  };
  if (round) {
    earlier_.push_back(view_.members);
    if (earlier_.size() > kRounds) earlier_.pop_front();
  }
  const bool shrinks =
      !std::includes(seen.begin(), seen.end(), view_.members.begin(), view_.members.end(), by_name);
  if (shrinks &&
      (loses_most(view_.members) || std::any_of(earlier_.begin(), earlier_.end(), loses_most))) {
    if (!holding_) {
      holding_ = true;
      confirmed_ = 0;
      return false;
    }
    if (round) ++confirmed_;
    if (confirmed_ < kConfirmations) return false;
  }
  if (round) holding_ = false;
  if (seen == view_.members) return false;
  view_.revision = revision_of(seen);
  view_.members = std::move(seen);
  return true;
}

}  // namespace collector::sharding
