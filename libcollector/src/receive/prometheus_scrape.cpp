// prometheus.scrape: one loop per target; targets that stay keep their state over an update.
#include "base/log.hpp"
#include "receive/components.hpp"
#include "receive/scrape_loop.hpp"

#include <collector/engine/sharding.hpp>

#include "pipeline/until_stopped.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace collector::receive {
namespace {

/// Without a deadline of the process: how long the last samples may take to be accepted.
constexpr Duration kLastSamples = std::chrono::seconds(10);

std::string labels_key(const StringMap& labels) {
  std::string key;
  for (const auto& [name, value] : labels) key += name + '\xff' + value + '\xff';
  return key;
}

class Scrape final : public Component<ScrapeArguments> {
 public:
  explicit Scrape(Context& context)
      : Component(context), outlet_(std::make_shared<ScrapeOutlet>(context)) {}

  Task<Status> run() override {
    running_ = true;
    if (sharding::Membership* cluster = context().cluster())
      watching_ = cluster->on_change([this] {
        if (outlet_->clustered) sync();
      });
    sync();
    co_await pipeline::until_stopped(context().loop(), context().stop());
    watching_ = nullptr;
    outlet_->flush();
    const Instant deadline =
        std::min(context().drain_deadline(), context().loop().now() + kLastSamples);
    std::stop_source late;
    const TimerId limit =
        context().loop().arm(std::max(deadline - context().loop().now(), Duration{}),
                             [late]() mutable { late.request_stop(); });
    while (tasks_ > 0 || (outlet_->unsettled > 0 && !late.stop_requested())) {
      std::stop_source changed;
      outlet_->settled = [changed]() mutable { changed.request_stop(); };
      ended_ = [changed]() mutable { changed.request_stop(); };
      auto pass_on = [&changed] { changed.request_stop(); };
      std::stop_callback on_late(late.get_token(), pass_on);
      const bool slept =
          co_await sleep_for(context().loop(), std::chrono::seconds(1), changed.get_token());
      (void)slept;
    }
    outlet_->settled = nullptr;
    ended_ = nullptr;
    context().loop().disarm(limit);
    running_ = false;
    co_return Status();
  }

  void flush() override { outlet_->flush(); }

  std::vector<TargetRow> targets() override {
    std::vector<TargetRow> rows;
    for (const auto& loop : loops_)
      if (!loop->leaving()) rows.push_back(loop->row());
    for (const auto& dropped : dropped_) {
      TargetRow row;
      row.discovered_labels = dropped.discovered;
      row.health = "dropped";
      row.error = dropped.why;
      auto job = dropped.discovered.find("job");
      if (job != dropped.discovered.end()) row.job = job->second;
      rows.push_back(std::move(row));
    }
    return rows;
  }

 protected:
  Status update(ScrapeArguments args) override {
    outlet_->flush();  // where it was to go when it was scraped
    outlet_->fanout.set(args.forward_to);
    if (outlet_->failure_log != args.scrape_failure_log_file) {
      outlet_->failure_log = args.scrape_failure_log_file;
      outlet_->failure_file = nullptr;
    }
    ScrapeTargets built = build_targets(args, context().id());
    dropped_ = std::move(built.dropped);
    for (const auto& dropped : dropped_) {
      auto address = dropped.discovered.find("__address__");
      context().log().warn("a target cannot be scraped",
                           {{"address", address == dropped.discovered.end() ? "" : address->second},
                            {"err", dropped.why}});
    }
    outlet_->clustered = args.clustering.enabled;
    shared_ = std::make_shared<ScrapeShared>(context().seams(), std::move(args));
    all_ = std::move(built.active);
    if (running_) sync();
    return {};
  }

 private:
  using LoopPtr = std::shared_ptr<ScrapeLoop>;

  /// The targets that this node scrapes; the keys of the others go to `elsewhere`.
  std::vector<ScrapeTarget> own_targets(const std::unordered_map<std::string, LoopPtr>& by_key,
                                        std::unordered_set<std::string>& elsewhere) {
    const sharding::Membership* cluster = outlet_->clustered ? context().cluster() : nullptr;
    if (!cluster) return std::exchange(all_, {});  // decided by the next update only
    std::vector<sharding::Claim> claims;
    claims.reserve(all_.size());
    for (const ScrapeTarget& target : all_) {
      const auto at = by_key.find(target.key);
      const bool held = at != by_key.end() && !at->second->leaving();
      claims.push_back(
          {target.hash, held ? static_cast<double>(at->second->last_samples()) : 0.0, held});
    }
    const std::vector<sharding::Verdict> verdicts = cluster->decide(claims);
    std::vector<ScrapeTarget> own;
    for (std::size_t i = 0; i < all_.size(); ++i)
      if (verdicts[i] == sharding::Verdict::mine)
        own.push_back(all_[i]);
      else
        elsewhere.insert(all_[i].key);
    return own;
  }

  /// Gives each target of this node its loop: its own from before, else that of a target which left
  /// with the same labels (its series go on, whatever URL they come from), else a new one.
  void sync() {
    std::unordered_map<std::string, LoopPtr> by_key;
    for (const LoopPtr& loop : loops_)
      if (!loop->ended()) by_key[loop->target().key] = loop;
    std::unordered_set<std::string> elsewhere;
    std::vector<ScrapeTarget> wanted = own_targets(by_key, elsewhere);
    outlet_->targets.set(static_cast<double>(wanted.size()));
    const std::uint64_t limit = shared_->arguments.target_limit;
    shared_->forced_error.clear();
    if (limit > 0 && wanted.size() > limit)
      shared_->forced_error = fmt::format(
          "target_limit exceeded (number of targets: {}, limit: {})", wanted.size(), limit);
    std::erase_if(by_key, [&](const auto& entry) {
      if (!elsewhere.contains(entry.first)) return false;
      outlet_->moved.add();
      entry.second->hand_over();
      return true;
    });
    std::vector<LoopPtr> next(wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      auto at = by_key.find(wanted[i].key);
      if (at == by_key.end()) continue;
      next[i] = std::move(at->second);
      by_key.erase(at);
    }
    std::unordered_map<std::string, LoopPtr> by_labels;
    for (auto& [key, loop] : by_key) by_labels.emplace(labels_key(loop->target().labels), loop);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const bool fresh = !next[i];
      if (fresh) {
        auto at = by_labels.find(labels_key(wanted[i].labels));
        if (at != by_labels.end()) {
          next[i] = std::move(at->second);
          by_labels.erase(at);
          by_key.erase(next[i]->target().key);
        }
      }
      const bool start = !next[i];
      if (start) next[i] = std::make_shared<ScrapeLoop>(outlet_);
      next[i]->configure(std::move(wanted[i]), shared_);
      if (start) begin(next[i]);
    }
    for (auto& [key, loop] : by_key) {
      loop->leave();
      next.push_back(loop);
    }
    loops_ = std::move(next);
  }

  void begin(const LoopPtr& loop) {
    ++tasks_;
    spawn(ScrapeLoop::run(loop, context().stop()), [this] {
      --tasks_;
      if (ended_) ended_();
      // By post: the loop's own wake-up may be what ends it, in the middle of sync().
      context().loop().post([this, weak = std::weak_ptr(alive_)] {
        if (weak.expired()) return;
        std::erase_if(loops_, [](const LoopPtr& l) { return l->ended(); });
      });
    });
  }

  std::shared_ptr<ScrapeOutlet> outlet_;
  std::shared_ptr<ScrapeShared> shared_;
  std::vector<ScrapeTarget> all_;
  std::shared_ptr<void> watching_;  ///< the cluster
  std::vector<ScrapeTargets::Dropped> dropped_;
  std::vector<LoopPtr> loops_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::size_t tasks_ = 0;
  Function<void()> ended_;
  bool running_ = false;
};

}  // namespace

Definition prometheus_scrape() {
  return define<Scrape>("prometheus.scrape", "Scrapes metrics from targets over HTTP.");
}

}  // namespace collector::receive
