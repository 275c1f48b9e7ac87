// What a node knows of the addresses at which others may be: what they answered, what failed, and
// who of them is a member. Pure: probing is probed_membership.cpp's.
#pragma once

#include <collector/engine/sharding.hpp>

#include "sharding/probe_message.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace collector::sharding {

class PeerTable {
 public:
  /// Failures in a row after which a node is gone.
  static constexpr unsigned kFailures = 3;
  /// Addresses that only others named and that have not answered yet.
  static constexpr std::size_t kMostUnproven = 128;

  /// Who named an address; each is believed more than those before.
  enum class Source : std::uint8_t { hearsay, sender, listed };

  struct Record : ProbedMembership::Peer {
    std::string instance;
    Source source = Source::hearsay;
    bool decided = false;  ///< it answered, or failed kFailures times
    bool ever_alive = false;
    bool in_flight = false;  ///< a probe is on its way
    bool again = false;      ///< probe once more when that one has ended
    bool conflict = false;   ///< its name belongs to another node
    bool refused = false;    ///< it belonged elsewhere when it answered last
    Instant known_since, gone_since;
  };
  using Log = Function<void(bool problem, std::string_view message)>;

  PeerTable(const ProbedMembership::Options& options, std::string instance, Log log,
            ProbedMembership::Counters& counters)
      : options_(options),
        instance_(std::move(instance)),
        log_(std::move(log)),
        counters_(counters) {}

  /// Null when there is none.
  Record* find(const std::string& address);
  std::map<std::string, Record>& all() { return records_; }
  /// The record of an address, made when it is new. Null: it is not to be asked, because it is
  /// none, our own, link-local, or one too many. Whoever lies can name many addresses where nobody
  /// is: few of those are asked at a time, and they make room for what a better source names.
  Record* learn(const std::string& address, Instant now, Source source);
  /// The join addresses as they are now.
  void list(const std::set<std::string>& addresses);

  void answered(Record& record, const ProbeMessage& message, Instant now);
  void failed(Record& record, std::string error, Instant now);
  /// The node there belongs elsewhere, as it says itself.
  void refused(Record& record, std::string error, Instant now);
  /// Drops what was learned from others and is gone for long.
  void forget(Instant now);

  /// Everyone who takes part, but for this node; each name once.
  std::vector<Member> participants();
  /// Whether the node of this name said that it ends.
  bool is_leaving(const std::string& name) const;
  bool any_alive() const;
  bool all_decided() const;

 private:
  void gone(Record& record, Instant now);
  void say(bool problem, const std::string& message) {
    if (log_) log_(problem, message);
  }

  const ProbedMembership::Options& options_;
  std::string instance_;
  Log log_;
  ProbedMembership::Counters& counters_;
  std::map<std::string, Record> records_;
};

}  // namespace collector::sharding
