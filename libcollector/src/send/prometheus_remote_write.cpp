// prometheus.remote_write: samples to Prometheus-compatible servers, remote write 1.0 or 2.0. A
// batch is delivered when every endpoint's outbox has it, at that endpoint's level.
#include "outbox/folder.hpp"
#include "pipeline/node.hpp"
#include "pipeline/until_stopped.hpp"
#include "send/components.hpp"
#include "send/remote_write_endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace collector::send {
namespace {

constexpr Duration kFullRetry = std::chrono::seconds(1);
/// Without a deadline of the process: how long an endpoint that left the configuration may drain.
constexpr Duration kLeavingDrain = std::chrono::minutes(1);

/// Alloy's log of what is not delivered yet; here it is the outbox, which needs no such times: what
/// is delivered is removed at once, and what is not stays until the outbox has its size.
struct WalArguments {
  Duration truncate_frequency = std::chrono::hours(2);
  Duration min_keepalive_time = std::chrono::minutes(5);
  Duration max_keepalive_time = std::chrono::hours(8);
  Status validate() const {
    if (min_keepalive_time > max_keepalive_time)
      return Status(Code::invalid_argument,
                    "min_keepalive_time must not be greater than max_keepalive_time");
    return {};
  }
  static constexpr auto fields() {
    using T = WalArguments;
    return std::tuple{
        attr<&T::truncate_frequency>("truncate_frequency",
                                     "Without effect: the outbox removes what is delivered at "
                                     "once."),
        attr<&T::min_keepalive_time>("min_keepalive_time",
                                     "Without effect: delivered data is not kept."),
        attr<&T::max_keepalive_time>("max_keepalive_time",
                                     "Without effect: undelivered data is kept until the outbox "
                                     "has its size; see sample_age_limit to drop it by age.")};
  }
};

struct RemoteWriteArgs {
  StringMap external_labels;
  std::vector<EndpointArguments> endpoints;
  WalArguments wal;

  Status validate() const {
    std::set<std::string> names;
    for (const EndpointArguments& e : endpoints)
      if (!names.insert(endpoint_name(e)).second)
        return Status(Code::invalid_argument,
                      fmt::format("two endpoints are alike ({}): give each a name of its own",
                                  e.name.empty() ? redacted_url(e.url) : e.name));
    return {};
  }
  static constexpr auto fields() {
    return std::tuple{
        attr<&RemoteWriteArgs::external_labels>("external_labels",
                                                "Labels to add to series that do not have them."),
        block<&RemoteWriteArgs::endpoints>("endpoint", "A server to send to."),
        block<&RemoteWriteArgs::wal>("wal",
                                     "Alloy's write-ahead log: here the outbox, with a "
                                     "configuration of its own.")};
  }
};

struct RemoteWriteExports {
  MetricsReceiver receiver;
  static constexpr auto fields() {
    return std::tuple{attr<&RemoteWriteExports::receiver>("receiver", "Takes the samples.")};
  }
};

class RemoteWrite : public Component<RemoteWriteArgs, RemoteWriteExports>, public Sink<Metrics> {
 public:
  explicit RemoteWrite(Context& context) : Component(context) {}

  Task<Status> run() override {
    running_ = true;
    if (Status s = claim_folders(); !s.ok()) co_return s;
    for (const auto& e : endpoints_)
      if (Status s = e->start(place_); !s.ok()) co_return s.in(e->name());
    co_await pipeline::until_stopped(context().loop(), context().stop());
    const Instant deadline =
        std::min(context().drain_deadline(), context().loop().now() + kLeavingDrain);
    for (const auto& e : endpoints_) drain(e, deadline);
    while (draining_ > 0) {
      auto until_drained = [this](Function<void(bool)> done) { drained_ = std::move(done); };
      const bool woken = co_await await_callback<bool>(until_drained);
      (void)woken;
    }
    running_ = false;
    stopped_ = true;
    co_return Status();
  }

  void consume(Metrics batch) override {
    const std::size_t n = batch.size();
    if (stopped_) return batch.ack.settle(Outcome::rejected("remote write has stopped", n));
    if (endpoints_.empty()) return batch.ack.settle(Outcome::delivered());
    std::vector<RemoteWriteEndpoint*> full;
    Status why;
    for (const auto& e : endpoints_) {
      Ack share = batch.ack.share();
      if (Status s = e->push(batch, share); !s.ok()) {
        share.settle(Outcome::delivered());  // what came of it is said below
        full.push_back(e.get());
        why = std::move(s);
      }
    }
    // Where every endpoint is full the giver keeps the batch. Where one is full and another is not,
    // the full one alone loses it: a dead endpoint does not hold up the others.
    const bool some = full.size() < endpoints_.size();
    for (RemoteWriteEndpoint* e : full) e->refused(batch, some);
    batch.ack.settle(some ? Outcome::delivered() : Outcome::retry(why.what(), kFullRetry));
  }

  void flush() override {
    for (const auto& e : endpoints_) e->flush();
  }

  std::map<std::string, Ledger> ledgers() override {
    std::map<std::string, Ledger> out;
    for (const auto& e : endpoints_) out[e->name()] = e->ledger();
    return out;
  }

  StringMap debug_info() override {
    StringMap out;
    for (const auto& e : endpoints_) {
      out[e->name() + " waiting"] = std::to_string(e->waiting());
      out[e->name() + " shards"] = std::to_string(e->shards());
      if (!e->last_error().empty()) out[e->name() + " last error"] = e->last_error();
      if (const std::string name = e->outbox_name(); !name.empty())
        out[e->name() + " outbox"] = name;
    }
    return out;
  }

 protected:
  Status update(RemoteWriteArgs args) override {
    std::vector<std::shared_ptr<RemoteWriteEndpoint>> next;
    Duration slowest{};
    for (EndpointArguments& arguments : args.endpoints) {
      slowest = std::max(slowest, arguments.queue.batch_send_deadline);
      const std::string name = endpoint_name(arguments);
      auto known = std::find_if(endpoints_.begin(), endpoints_.end(),
                                [&](const auto& e) { return e->name() == name; });
      std::shared_ptr<RemoteWriteEndpoint> endpoint;
      if (known != endpoints_.end()) {
        endpoint = *known;
        endpoints_.erase(known);
      } else {
        endpoint = std::make_shared<RemoteWriteEndpoint>(context(), [this] { progressed(); });
      }
      endpoint->configure(std::move(arguments), args.external_labels);
      next.push_back(std::move(endpoint));
    }
    const auto left = std::exchange(endpoints_, std::move(next));
    for (const auto& e : left) {
      if (!running_) continue;
      drain(e, context().loop().now() + kLeavingDrain);
    }
    if (running_)
      for (const auto& e : endpoints_)
        if (!e->running())
          if (Status s = e->start(place_); !s.ok()) return s.in(e->name());
    context().expect_progress_every(slowest);
    if (!receiver_.state()) receiver_ = make_receiver(*this);
    set_exports({receiver_});
    return {};
  }

 private:
  void drain(const std::shared_ptr<RemoteWriteEndpoint>& endpoint, Instant deadline) {
    ++draining_;
    spawn(RemoteWriteEndpoint::drain(endpoint, deadline), [this] {
      if (--draining_ > 0) return;
      if (auto wake = std::exchange(drained_, nullptr)) wake(true);
    });
  }

  /// Health: progress is made when every endpoint that has work made some since the last time.
  void progressed() {
    std::size_t waiting = 0;
    std::string reason;
    bool all = true;
    for (const auto& e : endpoints_) {
      waiting += e->waiting();
      if (!e->last_error().empty()) reason = e->name() + ": " + e->last_error();
      if (e->take_completed()) fresh_.insert(e->name());
      all = all && (e->waiting() == 0 || fresh_.contains(e->name()));
    }
    if (all && !fresh_.empty()) {
      fresh_.clear();
      context().work_completed();
    }
    context().work_waiting(waiting, std::move(reason));
  }

  /// On disk only where there is a place for it, and some endpoint wants one.
  Status claim_folders() {
    Files& files = context().seams().files;
    const pipeline::OutboxArguments& outbox = context().node().env().outbox;
    std::string root = drains_ ? context().storage_path() : outbox.path.value_or("");
    if (root.empty() && !context().storage_path().empty())
      root = context().storage_path() + "/outbox";
    if (root.empty() || (outbox.level == "queued" && !drains_)) return {};
    std::string id = context().id();
    std::replace(id.begin(), id.end(), '/', ':');
    root += "/" + id;
    if (!drains_) {
      auto own = outbox::Folder::claim(files, root);
      if (!own) return own.error();
      folders_.push_back(std::move(*own));
      place_.own = folders_.front().path();
    }
    for (outbox::Folder& folder : outbox::Folder::abandoned(files, root)) {
      place_.abandoned.push_back(folder.path());
      folders_.push_back(std::move(folder));
    }
    return {};
  }

  MetricsReceiver receiver_;
  std::vector<outbox::Folder> folders_;  ///< the locks
  OutboxPlace place_;
  std::vector<std::shared_ptr<RemoteWriteEndpoint>> endpoints_;
  std::set<std::string> fresh_;  ///< endpoints that made progress since work_completed
  std::size_t draining_ = 0;
  Function<void(bool)> drained_;
  bool running_ = false, stopped_ = false;

 protected:
  bool drains_ = false;
};

class DrainingRemoteWrite final : public RemoteWrite {
 public:
  explicit DrainingRemoteWrite(Context& context) : RemoteWrite(context) { drains_ = true; }
};

}  // namespace

Definition draining_remote_write() {
  Definition d = prometheus_remote_write();
  d.create = [](Context& context) -> std::unique_ptr<AnyComponent> {
    return std::make_unique<DrainingRemoteWrite>(context);
  };
  return d;
}

Definition prometheus_remote_write() {
  return define<RemoteWrite>("prometheus.remote_write",
                             "Sends metrics to servers that take Prometheus remote write.");
}

}  // namespace collector::send
