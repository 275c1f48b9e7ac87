#include <collector/engine/testing.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace collector::testing {
namespace {

constexpr Duration kConnectTimeout = std::chrono::seconds(30);

}  // namespace

SimulatedLoop::SimulatedLoop(WallTime start) : start_(start) {}

TimerId SimulatedLoop::arm(Duration delay, Function<void()> fire) {
  const TimerId id{++last_id_};
  const Instant at = now_ + std::max(delay, Duration{});
  timers_.emplace(std::pair(at, id), std::move(fire));
  when_[id] = at;
  return id;
}

void SimulatedLoop::offload(Function<void()> work, Function<void()> done) {
  constexpr Duration kTakes = std::chrono::milliseconds(2);
  offload_free_ = std::max(offload_free_, now_) + kTakes;
  arm(offload_free_ - now_, [work = std::move(work), done = std::move(done)]() mutable {
    work();
    done();
  });
}

void SimulatedLoop::disarm(TimerId id) {
  const auto at = when_.find(id);
  if (at == when_.end()) return;
  auto timer = timers_.find({at->second, id});
  auto fire = std::move(timer->second);
  timers_.erase(timer);
  when_.erase(at);
}

bool SimulatedLoop::step(Instant end) {
  if (!posted_.empty()) {
    auto f = std::move(posted_.front());
    posted_.pop_front();
    ++steps_;
    f();
    return true;
  }
  if (timers_.empty() || timers_.begin()->first.first > end) return false;
  const auto first = timers_.begin();
  now_ = std::max(now_, first->first.first);
  auto fire = std::move(first->second);
  when_.erase(first->first.second);
  timers_.erase(first);
  ++steps_;
  fire();
  return true;
}

void SimulatedLoop::run_for(Duration duration) {
  const Instant end = now_ + duration;
  while (step(end)) {
  }
  now_ = std::max(now_, end);
}

bool SimulatedLoop::run_until(Function<bool()> done, Duration limit) {
  const Instant end = now_ + limit;
  while (!done())
    if (!step(end)) {
      now_ = std::max(now_, end);
      return done();
    }
  return true;
}

namespace {

/// One direction of a connection: what was written and when it arrives.
struct Wire {
  std::string arrived;
  std::size_t at = 0;
  Instant last;  ///< nothing overtakes
  bool closed = false, broken = false;
  Function<void(bool)> reader;

  void wake(Loop& loop, bool look) {
    if (auto r = std::exchange(reader, nullptr))
      loop.post([r = std::move(r), look]() mutable { r(look); });
  }
};

}  // namespace

struct SimulatedNetwork::State {
  struct Accepting {
    std::deque<std::unique_ptr<Stream>> waiting;
    Function<void(bool)> acceptor;
    bool closed = false;
  };

  State(SimulatedLoop& l, Random& r) : loop(l), chance(r) {}

  SimulatedLoop& loop;
  Random& chance;
  LinkQuality quality;
  std::set<std::string> cut;
  std::set<std::pair<std::string, std::string>> parted;  ///< in order of their names
  std::map<std::pair<std::string, RecordType>, std::vector<DnsRecord>> records;
  std::map<std::pair<std::string, std::uint16_t>, std::shared_ptr<Accepting>> listeners;
  std::string here = "localhost", trace;
  std::uint16_t next_port = 40000;
  std::uint64_t connections = 0;
  struct Connection {
    std::string from, to;
    std::weak_ptr<Wire> there, back;
  };
  std::vector<Connection> open;

  bool blocked(const std::string& from, const std::string& to) const {
    return cut.contains(from) || cut.contains(to) ||
           parted.contains({std::min(from, to), std::max(from, to)});
  }
  void note(std::string_view what, std::uint64_t connection, std::size_t bytes) {
    trace += fmt::format("{} {} {} {}\n", loop.now().since_origin.count(), connection, what, bytes);
  }
  Duration delay() {
    Duration d = quality.latency;
    if (quality.jitter.count() > 0)
      d += Duration(static_cast<Duration::rep>(
          chance.below(static_cast<std::uint64_t>(quality.jitter.count()) + 1)));
    return d;
  }
};

namespace {

using NetworkState = SimulatedNetwork::State;

class SimulatedStream final : public Stream {
 public:
  /// `from` connected to `to`; names of hosts.
  SimulatedStream(std::shared_ptr<NetworkState> net, std::uint64_t id, std::string from,
                  std::string to, std::shared_ptr<Wire> in, std::shared_ptr<Wire> out,
                  std::string peer)
      : net_(std::move(net)),
        id_(id),
        from_(std::move(from)),
        to_(std::move(to)),
        in_(std::move(in)),
        out_(std::move(out)),
        peer_(std::move(peer)) {}
  ~SimulatedStream() override { close(); }

  Task<Result<std::size_t>> read(std::span<std::byte> into, std::stop_token stop) override {
    auto in = in_;
    auto net = net_;
    auto cancel = [in, net] { in->wake(net->loop, false); };
    const std::stop_callback on_stop(stop, cancel);
    while (in->at == in->arrived.size() && !in->closed && !in->broken) {
      if (stop.stop_requested()) co_return Status(Code::cancelled, "read: stopped");
      auto initiate = [&](Function<void(bool)> done) { in->reader = std::move(done); };
      const bool look = co_await await_callback<bool>(initiate);
      if (!look) co_return Status(Code::cancelled, "read: stopped");
    }
    if (in->broken) co_return Status(Code::unavailable, "read: connection reset by peer");
    const std::size_t n = std::min(into.size(), in->arrived.size() - in->at);
    std::memcpy(into.data(), in->arrived.data() + in->at, n);
    in->at += n;
    if (in->at == in->arrived.size()) {
      in->arrived.clear();
      in->at = 0;
    }
    co_return n;
  }

  Task<Status> write(std::span<const std::byte> bytes, std::stop_token) override {
    if (out_->closed || out_->broken || in_->broken)
      co_return Status(Code::unavailable, "write: broken pipe");
    if (net_->chance.unit() < net_->quality.reset) {
      net_->note("reset", id_, 0);
      break_both();
      co_return Status(Code::unavailable, "write: connection reset by peer");
    }
    Duration late = net_->delay();
    for (Duration resend = net_->quality.resend; net_->chance.unit() < net_->quality.loss;
         resend *= 2) {
      net_->note("lost", id_, bytes.size());
      late += resend;
    }
    net_->note("write", id_, bytes.size());
    out_->last = std::max(out_->last, net_->loop.now() + late);
    arrive_at(out_->last, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
              false);
    co_return Status();
  }

  void close() override {
    if (std::exchange(closed_, true)) return;
    net_->note("close", id_, 0);
    in_->closed = true;
    in_->wake(net_->loop, true);
    out_->last = std::max(out_->last, net_->loop.now() + net_->delay());
    arrive_at(out_->last, {}, true);
  }
  std::string peer() const override { return peer_; }

 private:
  void break_both() {
    for (const auto& wire : {in_, out_}) {
      wire->broken = true;
      wire->wake(net_->loop, true);
    }
  }
  /// A cut link holds back what is under way and looks again later.
  void arrive_at(Instant when, std::string bytes, bool end) {
    arrive(net_, out_, from_, to_, when, std::move(bytes), end);
  }
  static void arrive(std::shared_ptr<NetworkState> net, std::shared_ptr<Wire> wire,
                     std::string from, std::string to, Instant when, std::string bytes, bool end) {
    NetworkState& state = *net;
    state.loop.arm(when - state.loop.now(),
                   [net = std::move(net), wire = std::move(wire), from = std::move(from),
                    to = std::move(to), bytes = std::move(bytes), end]() mutable {
                     if (net->blocked(from, to)) {
                       if (wire->broken) return;  // nobody waits for it
                       const Instant later = net->loop.now() + net->quality.resend;
                       return arrive(net, wire, from, to, later, std::move(bytes), end);
                     }
                     wire->arrived += bytes;
                     if (end) wire->closed = true;
                     wire->wake(net->loop, true);
                   });
  }

  std::shared_ptr<NetworkState> net_;
  std::uint64_t id_;
  std::string from_, to_;
  std::shared_ptr<Wire> in_, out_;
  std::string peer_;
  bool closed_ = false;
};

class SimulatedListener final : public Listener {
 public:
  SimulatedListener(std::shared_ptr<NetworkState> net, std::pair<std::string, std::uint16_t> at,
                    std::shared_ptr<NetworkState::Accepting> accepting)
      : net_(std::move(net)), at_(std::move(at)), accepting_(std::move(accepting)) {}
  ~SimulatedListener() override { close(); }

  Task<Result<std::unique_ptr<Stream>>> accept(std::stop_token stop) override {
    auto accepting = accepting_;
    auto net = net_;
    auto cancel = [accepting, net] {
      if (auto a = std::exchange(accepting->acceptor, nullptr))
        net->loop.post([a = std::move(a)]() mutable { a(false); });
    };
    const std::stop_callback on_stop(stop, cancel);
    while (accepting->waiting.empty()) {
      if (accepting->closed || stop.stop_requested())
        co_return Status(Code::cancelled, "accept: stopped");
      auto initiate = [&](Function<void(bool)> done) { accepting->acceptor = std::move(done); };
      const bool look = co_await await_callback<bool>(initiate);
      if (!look) co_return Status(Code::cancelled, "accept: stopped");
    }
    auto stream = std::move(accepting->waiting.front());
    accepting->waiting.pop_front();
    co_return Result<std::unique_ptr<Stream>>(std::move(stream));
  }
  std::uint16_t port() const override { return at_.second; }
  void close() override {
    if (std::exchange(accepting_->closed, true)) return;
    net_->listeners.erase(at_);
    if (auto a = std::exchange(accepting_->acceptor, nullptr))
      net_->loop.post([a = std::move(a)]() mutable { a(true); });
  }

 private:
  std::shared_ptr<NetworkState> net_;
  std::pair<std::string, std::uint16_t> at_;
  std::shared_ptr<NetworkState::Accepting> accepting_;
};

}  // namespace

SimulatedNetwork::SimulatedNetwork(SimulatedLoop& loop, Random& random)
    : state_(std::make_shared<State>(loop, random)) {}
SimulatedNetwork::~SimulatedNetwork() = default;

void SimulatedNetwork::quality(LinkQuality quality) { state_->quality = quality; }
void SimulatedNetwork::cut(const std::string& host, bool is_cut) {
  if (is_cut)
    state_->cut.insert(host);
  else
    state_->cut.erase(host);
}
void SimulatedNetwork::part(const std::string& one, const std::string& other, bool are_parted) {
  const std::pair pair(std::min(one, other), std::max(one, other));
  if (are_parted)
    state_->parted.insert(pair);
  else
    state_->parted.erase(pair);
}
void SimulatedNetwork::crash(const std::string& host) {
  for (auto at = state_->listeners.begin(); at != state_->listeners.end();) {
    if (at->first.first != host) {
      ++at;
      continue;
    }
    const auto accepting = at->second;
    at = state_->listeners.erase(at);
    accepting->closed = true;
    if (auto a = std::exchange(accepting->acceptor, nullptr))
      state_->loop.post([a = std::move(a)]() mutable { a(true); });
  }
  for (const auto& connection : state_->open) {
    if (connection.from != host && connection.to != host) continue;
    for (const auto& end : {connection.there.lock(), connection.back.lock()}) {
      if (!end) continue;
      end->broken = true;
      end->wake(state_->loop, true);
    }
  }
  std::erase_if(state_->open, [&](const auto& c) { return c.from == host || c.to == host; });
}
void SimulatedNetwork::record(std::string name, RecordType type, std::vector<DnsRecord> records) {
  state_->records[{std::move(name), type}] = std::move(records);
}
void SimulatedNetwork::listen_as(std::string host) { state_->here = std::move(host); }
const std::string& SimulatedNetwork::trace() const { return state_->trace; }

namespace {

Task<Result<std::unique_ptr<Stream>>> connect_from(std::shared_ptr<NetworkState> net,
                                                   std::string from, std::string host,
                                                   std::uint16_t port, std::stop_token stop) {
  if (net->blocked(from, host)) {
    const bool slept = co_await sleep_for(net->loop, kConnectTimeout, stop);
    if (!slept) co_return Status(Code::cancelled, "connect: stopped");
    co_return Status(Code::unavailable, fmt::format("dial tcp {}:{}: timed out", host, port));
  }
  const bool slept = co_await sleep_for(net->loop, net->delay(), stop);
  if (!slept) co_return Status(Code::cancelled, "connect: stopped");
  const auto at = net->listeners.find({host, port});
  if (at == net->listeners.end())
    co_return Status(Code::unavailable,
                     fmt::format("dial tcp {}:{}: connection refused", host, port));
  const std::uint64_t id = ++net->connections;
  net->note("connect", id, port);
  auto there = std::make_shared<Wire>(), back = std::make_shared<Wire>();
  std::erase_if(net->open, [](const auto& c) { return c.there.expired() && c.back.expired(); });
  net->open.push_back({from, host, there, back});
  at->second->waiting.push_back(std::make_unique<SimulatedStream>(
      net, id, from, host, there, back, fmt::format("{}:{}", from.empty() ? "client" : from, id)));
  if (auto a = std::exchange(at->second->acceptor, nullptr))
    net->loop.post([a = std::move(a)]() mutable { a(true); });
  std::unique_ptr<Stream> ours = std::make_unique<SimulatedStream>(
      net, id, from, host, back, there, fmt::format("{}:{}", host, port));
  co_return Result<std::unique_ptr<Stream>>(std::move(ours));
}

Result<std::unique_ptr<Listener>> listen_at(const std::shared_ptr<NetworkState>& net,
                                            const std::string& host, std::uint16_t port) {
  if (port == 0) port = net->next_port++;
  const std::pair at(host, port);
  auto accepting = std::make_shared<NetworkState::Accepting>();
  if (!net->listeners.emplace(at, accepting).second)
    return Status(Code::already_exists,
                  fmt::format("listen tcp {}:{}: address already in use", at.first, port));
  return std::unique_ptr<Listener>(std::make_unique<SimulatedListener>(net, at, accepting));
}

Task<Result<std::vector<DnsRecord>>> resolve_in(std::shared_ptr<NetworkState> net, std::string name,
                                                Network::RecordType type, std::stop_token stop) {
  const bool slept = co_await sleep_for(net->loop, net->delay(), stop);
  if (!slept) co_return Status(Code::cancelled, "resolve: stopped");
  const auto at = net->records.find({name, type});
  if (at == net->records.end()) co_return Status(Code::not_found, name + ": no such host");
  co_return at->second;
}

class HostNetwork final : public Network {
 public:
  HostNetwork(std::shared_ptr<NetworkState> net, std::string host)
      : net_(std::move(net)), host_(std::move(host)) {}
  Task<Result<std::unique_ptr<Stream>>> connect(std::string host, std::uint16_t port,
                                                std::stop_token stop) override {
    return connect_from(net_, host_, std::move(host), port, std::move(stop));
  }
  Result<std::unique_ptr<Listener>> listen(const std::string&, std::uint16_t port) override {
    return listen_at(net_, host_, port);
  }
  Task<Result<std::vector<DnsRecord>>> resolve(std::string name, RecordType type,
                                               std::stop_token stop) override {
    return resolve_in(net_, std::move(name), type, std::move(stop));
  }
  Result<std::shared_ptr<void>> watch(const std::string&, Function<void()>) override {
    return Status(Code::unimplemented, "nothing is watched here: poll");
  }

 private:
  std::shared_ptr<NetworkState> net_;
  std::string host_;
};

}  // namespace

std::unique_ptr<Network> SimulatedNetwork::host(std::string name) {
  return std::make_unique<HostNetwork>(state_, std::move(name));
}
Task<Result<std::unique_ptr<Stream>>> SimulatedNetwork::connect(std::string host,
                                                                std::uint16_t port,
                                                                std::stop_token stop) {
  return connect_from(state_, {}, std::move(host), port, std::move(stop));
}
Result<std::unique_ptr<Listener>> SimulatedNetwork::listen(const std::string&, std::uint16_t port) {
  return listen_at(state_, state_->here, port);
}
Task<Result<std::vector<DnsRecord>>> SimulatedNetwork::resolve(std::string name, RecordType type,
                                                               std::stop_token stop) {
  return resolve_in(state_, std::move(name), type, std::move(stop));
}
Result<std::shared_ptr<void>> SimulatedNetwork::watch(const std::string&, Function<void()>) {
  return Status(Code::unimplemented, "nothing is watched here: poll");
}

}  // namespace collector::testing
