// ProbedMembership: who is asked when, and what follows for the view.
#include <collector/engine/sharding.hpp>

#include "net/http_client.hpp"
#include "sharding/join_addresses.hpp"
#include "sharding/peer_table.hpp"
#include "sharding/probe_message.hpp"
#include "sharding/view_keeper.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <list>

namespace collector::sharding {
namespace {

/// Until join addresses that failed are looked up again.
constexpr Duration kLookUpAgain = std::chrono::seconds(5);
/// An address at which this node itself answers is asked in every so many rounds: it may be
/// another's later.
constexpr std::uint64_t kSelfRounds = 30;
constexpr Duration kPoll = std::chrono::milliseconds(2);
constexpr std::size_t kLargestAnswer = 1U << 20;

/// What a stranger said, for logs and pages.
std::string printable(std::string text) {
  for (char& c : text)
    if (c < ' ' || c > '~') c = c == '\n' ? ' ' : '?';
  return text;
}

}  // namespace

struct ProbedMembership::Impl : std::enable_shared_from_this<Impl> {
  struct Join {
    JoinAddress address;
    std::vector<std::string> answer;  ///< the last that was none of an error and empty
    std::string error;                ///< of the last look-up
  };

  Impl(Seams s, Options o)
      : seams(s),
        options(std::move(o)),
        client(s.loop, s.network),
        instance(fmt::format("{:016x}", s.random.next())),
        peers(
            options, instance, [this](bool problem, std::string_view m) { say(problem, m); },
            counters) {
    for (const std::string& text : options.join) {
      auto parsed = parse_join_address(text, options.default_port);
      if (parsed)
        joins.push_back({std::move(*parsed), {}, {}});
      else
        say(true, parsed.error().what());
    }
  }

  Seams seams;
  Options options;
  net::HttpClient client;
  std::string instance;
  Counters counters;
  PeerTable peers;
  std::vector<Join> joins;
  std::set<std::string> listed;      ///< what the join addresses came to
  std::set<std::string> not_to_ask;  ///< of those
  ViewKeeper keeper;
  State state = State::viewer;
  bool able = false;     ///< participate() was called
  bool settled = false;  ///< all that is known of was heard from, once
  bool ready = false, looking_up = false;
  Instant started, next_look_up;
  std::optional<Instant> short_since;  ///< fewer members than wait_for_size since
  std::uint64_t round = 0;
  std::list<std::weak_ptr<Function<void()>>> observers;
  bool notified = false;
  std::set<std::string> told;  ///< instances that know that this node ends
  std::stop_source stopping;
  std::size_t tasks = 0;

  void say(bool problem, std::string_view message) {
    if (options.log) options.log(problem, message);
  }
  Instant now() const { return seams.loop.now(); }

  void run(Task<void> task) {
    ++tasks;
    spawn(std::move(task), [self = shared_from_this()] { --self->tasks; });
  }

  // --- who is asked

  static Task<void> rounds(std::shared_ptr<Impl> self) {
    const std::stop_token stop = self->stopping.get_token();
    while (!stop.stop_requested()) {
      self->begin_round();
      const bool slept = co_await sleep_for(self->seams.loop, self->options.probe_interval, stop);
      if (!slept) co_return;
      // Those asked may be the ones that are gone: nobody is alone before all were asked.
      if (!self->peers.any_alive() && self->peers.all_decided()) self->ask_listed();
      self->evaluate(true);
    }
  }

  void begin_round() {
    if (!joins.empty() && !looking_up && now() >= next_look_up) {
      looking_up = true;
      run(look_up_all(shared_from_this()));
    }
    peers.forget(now());
    std::vector<std::string> due;
    for (auto& [address, record] : peers.all())
      if (!record.is_self || round % kSelfRounds == 0) due.push_back(address);
    ++round;
    for (const std::string& address : due) probe(address);
  }

  static Task<void> look_up_all(std::shared_ptr<Impl> self) {
    const std::stop_token stop = self->stopping.get_token();
    bool all = true;
    for (Join& join : self->joins) {
      auto found = co_await look_up(self->seams.network, join.address, stop);
      if (stop.stop_requested()) co_return;
      if (found) {
        join.answer = std::move(*found);
        join.error.clear();
        continue;
      }
      all = false;
      ++self->counters.lookups_failed;
      std::string error = found.error().what();
      if (join.error != error)
        self->say(true, fmt::format("join address {}: {}", join.address.text, error));
      join.error = std::move(error);
    }
    self->looking_up = false;
    self->looked_up(all);
  }

  /// What failed keeps its last answer: an error says nothing of the members.
  void looked_up(bool all) {
    const Duration rejoin = options.rejoin_interval;
    if (all)
      next_look_up = rejoin.count() > 0 ? now() + rejoin : Instant{Duration::max()};
    else
      next_look_up = now() + (rejoin.count() > 0 ? std::min(rejoin, kLookUpAgain) : kLookUpAgain);
    listed.clear();
    not_to_ask.clear();  // there may be room by now
    for (const Join& join : joins) listed.insert(join.answer.begin(), join.answer.end());
    listed.erase(options.advertise_address);
    peers.list(listed);
    ask_listed();
    evaluate(false);
  }

  std::vector<std::string> unasked() {
    std::vector<std::string> unknown;
    for (const std::string& address : listed)
      if (!peers.find(address) && !not_to_ask.contains(address)) unknown.push_back(address);
    return unknown;
  }

  void ask_listed() {
    std::vector<std::string> unknown = unasked();
    const std::size_t most = options.max_join_peers;
    if (most > 0 && unknown.size() > most) {
      for (std::size_t i = 0; i < most; ++i)
        std::swap(unknown[i], unknown[i + seams.random.below(unknown.size() - i)]);
      unknown.resize(most);
    }
    for (const std::string& address : unknown)
      if (peers.learn(address, now(), PeerTable::Source::listed))
        probe(address);
      else
        not_to_ask.insert(address);
  }

  void probe(const std::string& address) {
    PeerTable::Record* record = peers.find(address);
    if (!record || stopping.stop_requested()) return;
    if (record->in_flight) {
      record->again = true;
      return;
    }
    record->in_flight = true;
    run(probe_task(shared_from_this(), address));
  }
  void probe_everyone() {
    std::vector<std::string> addresses;
    for (auto& [address, record] : peers.all())
      if (!record.is_self) addresses.push_back(address);
    for (const std::string& address : addresses) probe(address);
  }

  static Task<void> probe_task(std::shared_ptr<Impl> self, std::string address) {
    ++self->counters.probes;
    net::Request request;
    request.method = "POST";
    request.url = fmt::format("http://{}{}", address, kProbePath);
    request.headers.set("Content-Type", "application/json");
    request.headers.set("User-Agent", "libcollector/" COLLECTOR_VERSION);
    request.body = self->describe().to_json();
    net::SendOptions send;
    send.timeout = self->options.probe_timeout;
    send.max_body = send.max_decoded = kLargestAnswer;
    send.stop = self->stopping.get_token();
    auto answer = co_await self->client.send(std::move(request), send);
    if (self->stopping.stop_requested()) co_return;
    self->probed(address, std::move(answer));
  }

  void probed(const std::string& address, Result<net::Response> answer) {
    PeerTable::Record* record = peers.find(address);
    if (!record) return;
    record->in_flight = false;
    const bool again = std::exchange(record->again, false);
    if (!answer) {
      peers.failed(*record, answer.error().what(), now());
    } else if (answer->status == 409) {
      peers.refused(*record, printable(answer->body.substr(0, 200)), now());
    } else if (answer->status != 200) {
      peers.failed(
          *record,
          fmt::format(
              "the answer is {} {}{}", answer->status, net::reason_phrase(answer->status),
              answer->status == 401
                  ? fmt::format(": leave {} out of the http block's auth filter", kProbePath)
                  : std::string()),
          now());
    } else if (auto message = ProbeMessage::parse(answer->body); !message) {
      peers.failed(*record, message.error().what(), now());
    } else if (message->cluster != options.cluster_name) {
      peers.refused(*record, other_cluster(message->cluster), now());
    } else {
      peers.answered(*record, *message, now());
      hear(message->members);
    }
    if (again) probe(address);
    evaluate(false);
  }

  std::string other_cluster(const std::string& theirs) const {
    return fmt::format("it belongs to the cluster \"{}\", this node to \"{}\"", theirs,
                       options.cluster_name);
  }

  /// Asks the nodes that another one sees and this one does not.
  void hear(const std::vector<Member>& members) {
    for (const Member& member : members) {
      if (peers.find(member.address)) continue;
      if (peers.learn(member.address, now(), PeerTable::Source::hearsay)) probe(member.address);
    }
  }

  ProbeMessage describe() const {
    ProbeMessage message;
    message.node = options.node_name;
    message.instance = instance;
    message.cluster = options.cluster_name;
    message.address = options.advertise_address;
    message.state = state;
    message.revision = keeper.view().revision;
    message.members = keeper.view().members;
    return message;
  }

  Result<std::string> answer(std::string_view body) {
    auto message = ProbeMessage::parse(body);
    if (!message) return message.error();
    if (message->cluster != options.cluster_name)
      return Status(Code::failed_precondition,
                    fmt::format("this node belongs to the cluster \"{}\", not to \"{}\"",
                                options.cluster_name, message->cluster));
    if (message->instance != instance && !stopping.stop_requested()) {
      if (state == State::terminating && told.size() < kMostPeers) told.insert(message->instance);
      // What it says is only a reason to ask it: nobody can speak for another node.
      const auto* known = peers.learn(message->address, now(), PeerTable::Source::sender);
      if (known &&
          (!known->alive || known->instance != message->instance || known->state != message->state))
        probe(message->address);
      hear(message->members);
    }
    return describe().to_json();
  }

  // --- what follows

  void evaluate(bool end_of_round) {
    if (!settled) settled = has_settled();
    if (state == State::viewer && able && settled) {
      state = State::participant;
      probe_everyone();  // so that all hear of it now
    }
    std::vector<Member> seen = peers.participants();
    // Whoever ends alone has nobody to leave its work to.
    if (state == State::participant || (state == State::terminating && seen.empty()))
      seen.push_back({options.node_name, options.advertise_address, true});
    const View before = keeper.view();
    // Nodes that a broken network hides fail one after the other: they are judged together.
    if (!end_of_round) keep_silent(before.members, seen);
    const bool held = keeper.holding();
    const bool changed = keeper.offer(std::move(seen), end_of_round);
    if (keeper.holding() && !held) {
      ++counters.views_held;
      say(true, fmt::format("more than half of {} members cannot be reached; they keep their work "
                            "until that is confirmed",
                            before.members.size()));
    }
    if (changed) count_changes(before, keeper.view());
    const bool was_ready = std::exchange(ready, is_ready());
    if (was_ready != ready)
      say(!ready, ready ? "the cluster is ready: this node takes on work"
                        : "the cluster is not ready: " + not_ready_because());
    if (changed || was_ready != ready) notify();
  }

  /// Adds to `seen` the members that are not in it and did not say that they end.
  void keep_silent(const std::vector<Member>& members, std::vector<Member>& seen) {
    const auto by_name = [](const Member& a, const Member& b) { return a.name < b.name; };
    std::sort(seen.begin(), seen.end(), by_name);
    std::vector<Member> silent;
    for (const Member& m : members)
      if (!std::binary_search(seen.begin(), seen.end(), m, by_name) &&
          m.name != options.node_name && !peers.is_leaving(m.name))
        silent.push_back(m);
    seen.insert(seen.end(), silent.begin(), silent.end());
  }

  bool has_settled() {
    if (options.wait_timeout.count() > 0 && now() - started >= options.wait_timeout) return true;
    if (!peers.all_decided()) return false;
    if (peers.any_alive()) return true;
    return unasked().empty() &&
           std::all_of(joins.begin(), joins.end(), [](const Join& j) { return !j.answer.empty(); });
  }

  bool is_ready() {
    if (state == State::viewer || keeper.view().members.empty()) return false;
    if (keeper.view().members.size() >= options.wait_for_size) {
      short_since.reset();
      return true;
    }
    if (!short_since) short_since = now();
    return options.wait_timeout.count() > 0 && now() - *short_since >= options.wait_timeout;
  }

  std::string not_ready_because() const {
    if (ready) return {};
    if (state == State::viewer) {
      if (!able) return "this node is still starting";
      for (const Join& join : joins)
        if (join.answer.empty())
          return fmt::format("join address {} has no answer yet{}{}", join.address.text,
                             join.error.empty() ? "" : ": ", join.error);
      return "not all nodes were heard from yet";
    }
    if (keeper.view().members.empty()) return "there are no members";
    return fmt::format("{} of {} members are there", keeper.view().members.size(),
                       options.wait_for_size);
  }

  void count_changes(const View& before, const View& after) {
    const auto has = [](const View& view, const std::string& name) {
      return std::any_of(view.members.begin(), view.members.end(),
                         [&](const Member& m) { return m.name == name; });
    };
    std::string names;
    for (const Member& m : after.members) {
      if (!has(before, m.name)) ++counters.joins;
      names += (names.empty() ? "" : ", ") + m.name;
    }
    for (const Member& m : before.members)
      if (!has(after, m.name)) ++counters.leaves;
    say(false, fmt::format("{} members: {} (revision {:016x})", after.members.size(), names,
                           after.revision));
  }

  void notify() {
    if (std::exchange(notified, true)) return;
    seams.loop.post([self = shared_from_this()] {
      self->notified = false;
      std::erase_if(self->observers, [](const auto& weak) { return weak.expired(); });
      std::vector<std::shared_ptr<Function<void()>>> all;
      for (const auto& weak : self->observers)
        if (auto observer = weak.lock()) all.push_back(std::move(observer));
      for (const auto& observer : all) (*observer)();
    });
  }
};

ProbedMembership::ProbedMembership(Seams seams, Options options)
    : impl_(std::make_shared<Impl>(seams, std::move(options))) {}
ProbedMembership::~ProbedMembership() { impl_->stopping.request_stop(); }

void ProbedMembership::start() {
  impl_->started = impl_->next_look_up = impl_->now();
  impl_->run(Impl::rounds(impl_));
}

void ProbedMembership::participate() {
  impl_->able = true;
  impl_->evaluate(false);
}

Task<bool> ProbedMembership::leave(Instant deadline) {
  auto impl = impl_;
  impl->state = State::terminating;
  impl->evaluate(false);
  impl->probe_everyone();
  const auto all_know = [&] {
    for (const auto& [address, record] : impl->peers.all())
      if (record.alive && record.failures == 0 && !impl->told.contains(record.instance))
        return false;
    return true;
  };
  while (!all_know() && impl->now() < deadline) {
    const bool slept = co_await sleep_for(impl->seams.loop, kPoll, impl->stopping.get_token());
    if (!slept) break;
  }
  co_return all_know();
}

Task<void> ProbedMembership::stop() {
  auto impl = impl_;
  impl->stopping.request_stop();
  while (impl->tasks > 0) {
    const bool slept = co_await sleep_for(impl->seams.loop, kPoll, {});
    (void)slept;
  }
}

Result<std::string> ProbedMembership::answer(std::string_view body) { return impl_->answer(body); }
const std::string& ProbedMembership::self() const { return impl_->options.node_name; }
const View& ProbedMembership::view() const { return impl_->keeper.view(); }
bool ProbedMembership::ready() const { return impl_->ready; }
ProbedMembership::State ProbedMembership::state() const { return impl_->state; }
const ProbedMembership::Options& ProbedMembership::options() const { return impl_->options; }
const ProbedMembership::Counters& ProbedMembership::counters() const { return impl_->counters; }
std::string ProbedMembership::not_ready_because() const { return impl_->not_ready_because(); }

std::vector<ProbedMembership::Peer> ProbedMembership::peers() const {
  std::vector<Peer> all;
  for (const auto& [address, record] : impl_->peers.all()) all.push_back(record);
  return all;
}

std::shared_ptr<void> ProbedMembership::on_change(Function<void()> changed) {
  auto observer = std::make_shared<Function<void()>>(std::move(changed));
  impl_->observers.push_back(observer);
  return observer;
}

}  // namespace collector::sharding
