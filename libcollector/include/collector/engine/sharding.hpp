// Who owns what: hashmod, consistent hashing with and without weights, and memberships: the nodes
// among which work is shared. Hashes and placements are the same on every machine. One thread.
#pragma once

#include <collector/engine/seams.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace collector::sharding {

/// What `action = "hashmod"` of relabelling computes, as Prometheus does: the last eight bytes of
/// the MD5 digest of `text`, big endian, modulo `modulus`, which is not 0. In relabelling `text` is
/// the values of the source labels, joined by the separator.
std::uint64_t hashmod(std::string_view text, std::uint64_t modulus);

/// The place of `text` among keys (XXH3 without a seed).
std::uint64_t key_of(std::string_view text);

/// Consistent hashing by highest random weight (Thaler, Ravishankar 1996): every key is decided by
/// itself, so nodes whose lists of keys differ for a while agree on those that both have. A node
/// that leaves moves its own keys and no others; one that joins takes its share from all.
class Rendezvous {
 public:
  Rendezvous() = default;
  /// The order of `names` decides nothing; each is there once.
  explicit Rendezvous(std::span<const std::string> names);
  std::size_t size() const { return seeds_.size(); }
  /// Index of the owner's name; size() must not be 0.
  std::size_t owner(std::uint64_t key) const;
  /// All indices, the owner first; each next one inherits when those before it leave.
  std::vector<std::size_t> ranked(std::uint64_t key) const;

 private:
  std::vector<std::uint64_t> seeds_;
};

/// A key that weighs something, for place().
struct Load {
  std::uint64_t key = 0;
  double weight = 1;                 ///< at least 0: the series of the last scrape, say
  std::optional<std::size_t> owner;  ///< index of the node that has it; none: new, or its node left
};

/// Gives each load a node so that the fullest carries at most about 1.15 x max(mean, heaviest load)
/// and few move: what stays under that bound stays where it is; a node that is new takes loads from
/// the fullest until it carries the mean. Heavier loads choose first, each its best ranked node
/// with room. All nodes must agree on weights and owners: for memberships that carry both. The
/// result does not depend on the order of `loads`.
std::vector<std::size_t> place(const Rendezvous& nodes, std::span<const Load> loads);

struct Member {
  std::string name;     ///< unique in its cluster
  std::string address;  ///< host:port of its admin server; empty where the membership has none
  bool ready = true;    ///< false: whoever owns what it is to own goes on until it is
  friend bool operator==(const Member&, const Member&) = default;
};

/// The nodes that share the work.
struct View {
  /// Nodes with the same revision have the same view.
  std::uint64_t revision = 0;
  std::vector<Member> members;  ///< by name; without this node when it takes no part
};

/// Something that one node must do, as a component asks about it.
struct Claim {
  std::uint64_t key = 0;
  double weight = 1;
  bool held = false;  ///< this node does it now
};
enum class Verdict : std::uint8_t {
  mine,    ///< to be done here
  others,  ///< another node does it: end it without a trace, that node carries on
  nobody,  ///< the cluster is not ready
};

/// Who belongs to the cluster. Where members come from is the implementation's: probing here, etcd
/// or Kubernetes elsewhere.
class Membership {
 public:
  virtual ~Membership() = default;
  /// This node's name.
  virtual const std::string& self() const = 0;
  virtual const View& view() const = 0;
  /// Whether this node may take on work. Without it every verdict is `nobody`.
  virtual bool ready() const = 0;
  /// Calls `changed`, by post, after view() or ready() changed, until what is returned is gone.
  virtual std::shared_ptr<void> on_change(Function<void()> changed) = 0;
  /// One verdict for each claim. Unweighted: by Rendezvous over the view. A held key whose next
  /// owner is not ready stays here. Memberships whose nodes agree on weights override it.
  virtual std::vector<Verdict> decide(std::span<const Claim> claims) const;
  /// Whether another node carries on what this one ends.
  bool has_successor() const;
};

/// A membership from addresses, static or in DNS: nodes ask each other over their admin ports who
/// they are (POST /api/v0/cluster/probe) and whom they see. Addresses and what peers tell are hints
/// where to ask; only an answer makes a member. Unweighted; every member is ready.
class ProbedMembership final : public Membership {
 public:
  enum class State : std::uint8_t { viewer, participant, terminating };
  struct Options {
    std::string node_name;          ///< unique in the cluster
    std::string cluster_name;       ///< nodes with another one are no members
    std::string advertise_address;  ///< host:port at which others reach this node
    /// `host`, `host:port`, an address, or one behind `dns+`, `dnssrv+`, `dnssrvnoa+`, as Alloy's
    /// --cluster.join-addresses; without a port default_port, for SRV records too.
    std::vector<std::string> join;
    std::uint16_t default_port = 12345;
    std::size_t max_join_peers = 5;  ///< of the addresses, asked at random each time; 0: all
    Duration rejoin_interval = std::chrono::seconds(60);  ///< 0: looked up until it works, once
    std::size_t wait_for_size = 0;                        ///< members before there is work
    Duration wait_timeout{};                              ///< 0: waits without an end
    Duration probe_interval = std::chrono::seconds(1);
    Duration probe_timeout = std::chrono::seconds(1);
    /// Gets each event once; a problem is for the operator to see.
    Function<void(bool problem, std::string_view message)> log;
  };
  /// Another node, or an address at which one may be, as the pages show it.
  struct Peer {
    std::string address, name;
    State state = State::viewer;
    bool alive = false;     ///< answered, and did not fail three times since
    bool member = false;    ///< of the present view
    bool listed = false;    ///< from the join addresses
    bool is_self = false;   ///< this very node answers there
    unsigned failures = 0;  ///< in a row
    std::optional<Instant> last_answer;
    std::uint64_t revision = 0;  ///< of its view when it answered last
    std::string error;           ///< of the last probe; empty when it went well
  };
  struct Counters {
    std::uint64_t probes = 0, probes_failed = 0;
    std::uint64_t joins = 0, leaves = 0, failed = 0;  ///< members; failed: left without a word
    std::uint64_t conflicts = 0;                      ///< two nodes with one name
    std::uint64_t hints_dropped = 0;                  ///< addresses beyond the most that are kept
    std::uint64_t lookups_failed = 0;                 ///< join addresses
    std::uint64_t views_held = 0;                     ///< shrunk by more than half, to be confirmed
  };

  /// Nothing happens before start(). What `seams` refers to outlives the tasks: see leave().
  ProbedMembership(Seams seams, Options options);
  ProbedMembership(const ProbedMembership&) = delete;
  ProbedMembership& operator=(const ProbedMembership&) = delete;
  ~ProbedMembership() override;

  /// Begins to look for the others, as a viewer; answer() must be reachable.
  void start();
  /// This node is able to work: it takes part once it has heard from all it knows of.
  void participate();
  /// Hands all work to the others: true once each of them knows. Keep answering meanwhile.
  Task<bool> leave(Instant deadline);
  /// Ends all tasks; to be awaited before the loop goes.
  Task<void> stop();
  /// The answer to a probe's body, JSON both. failed_precondition: another cluster's;
  /// invalid_argument: no probe.
  Result<std::string> answer(std::string_view body);

  const std::string& self() const override;
  const View& view() const override;
  bool ready() const override;
  std::shared_ptr<void> on_change(Function<void()> changed) override;

  State state() const;
  const Options& options() const;
  const Counters& counters() const;
  std::vector<Peer> peers() const;
  /// Why ready() is false, or empty.
  std::string not_ready_because() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

std::string_view to_string(ProbedMembership::State state);

}  // namespace collector::sharding
