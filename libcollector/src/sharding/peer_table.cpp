#include "sharding/peer_table.hpp"

#include "sharding/join_addresses.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace collector::sharding {
namespace {

using State = ProbedMembership::State;

/// So long a node that others named may be cut off and is still asked.
constexpr Duration kRemembered = std::chrono::minutes(10);

/// Where clouds serve credentials: never asked because somebody said so.
bool is_link_local(std::string_view host) {
  return host.starts_with("169.254.") || host.starts_with("fe80:") || host == "fd00:ec2::254";
}

}  // namespace

PeerTable::Record* PeerTable::find(const std::string& address) {
  const auto at = records_.find(address);
  return at == records_.end() ? nullptr : &at->second;
}

PeerTable::Record* PeerTable::learn(const std::string& address, Instant now, Source source) {
  if (Record* known = find(address)) {
    known->source = std::max(known->source, source);
    known->listed |= source == Source::listed;
    return known;
  }
  const auto split = split_host_port(address);
  if (!split || address == options_.advertise_address || is_link_local(split->first))
    return nullptr;
  if (split->first.find_first_of(" /[]@?#\\") != std::string::npos) return nullptr;
  std::size_t unproven = 0;
  auto victim = records_.end();
  for (auto at = records_.begin(); at != records_.end(); ++at) {
    if (at->second.ever_alive || at->second.listed) continue;
    ++unproven;
    if (at->second.source < source) victim = at;
  }
  if (records_.size() >= kMostPeers || (source != Source::listed && unproven >= kMostUnproven)) {
    ++counters_.hints_dropped;
    if (victim == records_.end()) return nullptr;
    records_.erase(victim);
  }
  Record& made = records_[address];
  made.address = address;
  made.known_since = now;
  made.source = source;
  made.listed = source == Source::listed;
  return &made;
}

void PeerTable::list(const std::set<std::string>& addresses) {
  for (auto& [address, record] : records_) record.listed = addresses.contains(address);
}

void PeerTable::answered(Record& record, const ProbeMessage& message, Instant now) {
  record.decided = true;
  record.failures = 0;
  record.refused = false;
  record.error.clear();
  record.last_answer = now;
  record.is_self = message.instance == instance_;
  if (record.is_self) {
    record.alive = false;
    record.name = message.node;
    return;
  }
  if (!record.alive || record.instance != message.instance)
    say(false, fmt::format("node {} answers at {}", message.node, record.address));
  record.alive = record.ever_alive = true;
  record.name = message.node;
  record.instance = message.instance;
  record.state = message.state;
  record.revision = message.revision;
}

void PeerTable::failed(Record& record, std::string error, Instant now) {
  ++counters_.probes_failed;
  record.error = std::move(error);
  record.is_self = false;
  record.refused = false;
  if (++record.failures < kFailures) return;
  if (record.failures == kFailures)
    say(record.alive || record.listed,
        fmt::format("{} at {} failed {} probes: {}",
                    record.name.empty() ? std::string("a node") : "node " + record.name,
                    record.address, kFailures, record.error));
  if (record.alive && record.state != State::terminating) ++counters_.failed;
  gone(record, now);
}

void PeerTable::refused(Record& record, std::string error, Instant now) {
  ++counters_.probes_failed;
  // Once: what it says is its own and may be different each time.
  if (!record.refused) say(true, fmt::format("{}: {}", record.address, error));
  record.refused = true;
  record.error = std::move(error);
  record.failures = std::max(record.failures + 1, kFailures);
  gone(record, now);
}

void PeerTable::gone(Record& record, Instant now) {
  record.decided = true;
  if (record.alive || record.failures == kFailures) record.gone_since = now;
  record.alive = false;
}

void PeerTable::forget(Instant now) {
  std::erase_if(records_, [&](const auto& entry) {
    const Record& r = entry.second;
    if (r.alive || r.listed || r.is_self || r.in_flight || !r.decided) return false;
    return !r.ever_alive || now - r.gone_since > kRemembered;
  });
}

std::vector<Member> PeerTable::participants() {
  // Of two nodes with one name: who answered last time, then who is known longer.
  std::map<std::string, Record*> chosen;
  const auto better = [](const Record& a, const Record& b) {
    if ((a.failures == 0) != (b.failures == 0)) return a.failures == 0;
    return a.known_since < b.known_since;
  };
  for (auto& [address, record] : records_) {
    if (!record.alive) continue;
    Record*& slot = chosen[record.name];
    if (!slot || better(record, *slot)) slot = &record;
  }
  std::vector<Member> members;
  for (auto& [address, record] : records_) {
    record.member = false;
    if (!record.alive) continue;
    const Record& first = *chosen[record.name];
    const bool ours = record.name == options_.node_name;
    const bool conflict =
        ours || (&first != &record && first.instance != record.instance && record.failures == 0);
    if (conflict && !record.conflict) {
      ++counters_.conflicts;
      say(true, fmt::format("two nodes are called {}: {} and {}; give each its own "
                            "--cluster.node-name",
                            record.name, record.address,
                            ours ? options_.advertise_address : first.address));
    }
    record.conflict = conflict;
    if (conflict || &first != &record || record.state != State::participant) continue;
    record.member = true;
    members.push_back({record.name, record.address, true});
  }
  return members;
}

bool PeerTable::is_leaving(const std::string& name) const {
  return std::any_of(records_.begin(), records_.end(), [&](const auto& entry) {
    return entry.second.name == name && entry.second.alive &&
           entry.second.state == State::terminating;
  });
}

bool PeerTable::any_alive() const {
  return std::any_of(records_.begin(), records_.end(),
                     [](const auto& entry) { return entry.second.alive; });
}

bool PeerTable::all_decided() const {
  return std::all_of(records_.begin(), records_.end(),
                     [](const auto& entry) { return entry.second.decided; });
}

}  // namespace collector::sharding
