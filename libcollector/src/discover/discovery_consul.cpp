// discovery.consul: instances of services in Consul's catalog, by blocking queries (facts:
// prometheus/prometheus, discovery/consul).
#include "base/log.hpp"
#include "discover/components.hpp"
#include "discover/exports.hpp"
#include "discover/pause.hpp"
#include "discover/target_labels.hpp"
#include "pipeline/http_client_arguments.hpp"
#include "pipeline/own_metrics.hpp"
#include "platform/consul_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace collector::discover {
namespace {

constexpr Duration kWait = std::chrono::minutes(2);
constexpr Duration kRetry = std::chrono::seconds(15);

struct ConsulDiscoveryArgs {
  std::string server = "localhost:8500", scheme = "http";
  SecretText token;
  std::string datacenter, ns, partition, tag_separator = ",", username;
  SecretText password;
  bool allow_stale = true;
  std::vector<std::string> services, tags;
  StringMap node_meta;
  Duration refresh_interval = std::chrono::seconds(30);
  pipeline::HttpClientArguments client;

  Status validate() const {
    const auto invalid = [](const char* what) { return Status(Code::invalid_argument, what); };
    if (server.empty()) return invalid("server must not be empty");
    if (refresh_interval.count() <= 0) return invalid("refresh_interval must be greater than 0");
    if (scheme != "http" && scheme != "https") return invalid("scheme must be http or https");
    const bool user = !username.empty() || !password.empty();
    if (user && client.basic_auth)
      return invalid("at most one of username with password and basic_auth may be given");
    if (!token.empty() && (client.authorization || client.oauth2))
      return invalid("at most one of token, authorization and oauth2 may be given");
    return http().validate();
  }
  /// `username` and `password` are another spelling of basic_auth.
  pipeline::HttpClientArguments http() const {
    pipeline::HttpClientArguments out = client;
    if (!username.empty() || !password.empty())
      out.basic_auth = pipeline::BasicAuthArguments{username, password, {}};
    return out;
  }
  static constexpr auto fields() {
    using A = ConsulDiscoveryArgs;
    return std::tuple{
        attr<&A::server>("server", "Host and port of the Consul API, or unix:///path."),
        attr<&A::scheme>("scheme", "http or https."),
        attr<&A::token>("token", "Token of the Consul API."),
        attr<&A::datacenter>("datacenter", "Datacenter to ask; empty: the agent's own."),
        attr<&A::ns>("namespace", "Namespace to ask (Consul Enterprise)."),
        attr<&A::partition>("partition", "Admin partition to ask (Consul Enterprise)."),
        attr<&A::tag_separator>("tag_separator", "What stands between tags in the label of them."),
        attr<&A::username>("username", "User name; deprecated, see basic_auth."),
        attr<&A::password>("password", "Password; deprecated, see basic_auth."),
        attr<&A::allow_stale>("allow_stale", "Let any server answer, also one that lags behind."),
        attr<&A::services>("services", "Services to take; empty: all."),
        attr<&A::tags>("tags", "Tags that an instance must have, all of them."),
        attr<&A::node_meta>("node_meta", "Metadata that a node must have."),
        attr<&A::refresh_interval>("refresh_interval", "Least time between two queries."),
        squash<&A::client>()};
  }
};

StringMap target_of(const platform::ConsulInstance& i, const std::string& service,
                    const std::string& datacenter, const std::string& separator) {
  // The separator stands around the tags too, so that expressions need not care for places.
  const std::string tags = fmt::format("{0}{1}{0}", separator, fmt::join(i.tags, separator));
  StringMap target{
      {"__address__", host_port(i.address.empty() ? i.node_address : i.address, i.port)},
      {"__meta_consul_address", i.node_address},
      {"__meta_consul_dc", datacenter},
      {"__meta_consul_health", i.health},
      {"__meta_consul_namespace", i.ns},
      {"__meta_consul_node", i.node},
      {"__meta_consul_partition", i.partition},
      {"__meta_consul_service", service},
      {"__meta_consul_service_address", i.address},
      {"__meta_consul_service_id", i.id},
      {"__meta_consul_service_port", fmt::format("{}", i.port)},
      {"__meta_consul_tags", tags}};
  for (const auto& [name, value] : i.node_meta)
    target["__meta_consul_metadata_" + label_name(name)] = value;
  for (const auto& [name, value] : i.service_meta)
    target["__meta_consul_service_metadata_" + label_name(name)] = value;
  for (const auto& [name, value] : i.tagged_addresses)
    target["__meta_consul_tagged_address_" + label_name(name)] = value;
  return target;
}

/// The queries of one set of arguments. It waits for all of them before its run() ends.
class ConsulWatch {
 public:
  using Changed = std::function<void()>;
  using Report = std::function<void(const Status&)>;

  ConsulWatch(Context& context, ConsulDiscoveryArgs args,
              std::shared_ptr<platform::ConsulClient> client, Changed changed, Report report)
      : loop_(context.loop()),
        args_(std::move(args)),
        client_(std::move(client)),
        changed_(std::move(changed)),
        report_(std::move(report)) {}

  void stop() { stop_.request_stop(); }

  Task<void> run(std::stop_token outer) {
    auto pass_on = [this] { stop_.request_stop(); };
    const std::stop_callback on_stop(outer, pass_on);
    datacenter_ = args_.datacenter;
    while (datacenter_.empty() && !stopped()) {
      auto found = co_await client_->datacenter(stop_.get_token());
      if (found) {
        datacenter_ = std::move(*found);
      } else if (!stopped()) {
        report_(found.error());
        co_await pause(kRetry);
      }
    }
    const bool fixed = !args_.services.empty() && args_.tags.empty();
    if (fixed)
      for (const std::string& name : args_.services) begin(name);
    std::uint64_t index = 0;
    while (!stopped()) {
      if (fixed)
        co_await pause(std::chrono::hours(24));
      else
        co_await turn([&] { return catalog(index); });
    }
    for (auto& [name, service] : services_) service->stop.request_stop();
    auto all_ended = [this](Function<void(bool)> done) {
      if (running_ == 0)
        done(true);
      else
        ended_ = std::move(done);
    };
    const bool ended = co_await await_callback<bool>(all_ended);
    (void)ended;
  }

  std::vector<StringMap> targets() const {
    std::vector<StringMap> out;
    for (const auto& [name, service] : services_)
      out.insert(out.end(), service->targets.begin(), service->targets.end());
    return out;
  }

 private:
  struct Service {
    std::stop_source stop;
    std::vector<StringMap> targets;
  };

  bool stopped() const { return stop_.stop_requested(); }
  Task<void> pause(Duration delay) {
    const bool slept = co_await sleep_for(loop_, delay, stop_.get_token());
    (void)slept;
  }
  /// One query, and what is left of refresh_interval after it.
  template <class Query>
  Task<void> turn(Query query) {
    const Instant begin = loop_.now();
    const Status status = co_await query();
    if (stopped()) co_return;
    report_(status);
    const Duration left = args_.refresh_interval - (loop_.now() - begin);
    co_await pause(status.ok() ? std::max(left, Duration{}) : std::max(left, kRetry));
  }
  platform::ConsulQuery query(std::uint64_t index) const {
    return {args_.allow_stale, args_.node_meta, index, kWait};
  }
  /// Consul's advice: an index that falls begins anew.
  static void advance(std::uint64_t& index, std::uint64_t next) { index = next < index ? 0 : next; }

  bool wanted(const std::string& name, const std::vector<std::string>& tags) const {
    const auto contains = [](const std::vector<std::string>& all, const std::string& one) {
      return std::find(all.begin(), all.end(), one) != all.end();
    };
    if (!args_.services.empty() && !contains(args_.services, name)) return false;
    return std::all_of(args_.tags.begin(), args_.tags.end(),
                       [&](const std::string& tag) { return contains(tags, tag); });
  }

  Task<Status> catalog(std::uint64_t& index) {
    auto answer = co_await client_->services(query(index), stop_.get_token());
    if (!answer) co_return answer.error();
    if (answer->index == index && index != 0) co_return Status();
    advance(index, answer->index);
    for (const auto& [name, tags] : answer->value)
      if (wanted(name, tags) && !services_.contains(name)) begin(name);
    std::vector<std::string> gone;
    for (const auto& [name, service] : services_)
      if (!answer->value.contains(name)) gone.push_back(name);
    for (const std::string& name : gone) {
      services_[name]->stop.request_stop();
      services_.erase(name);
    }
    if (!gone.empty() || services_.empty()) changed_();
    co_return Status();
  }

  void begin(const std::string& name) {
    auto service = std::make_shared<Service>();
    services_[name] = service;
    ++running_;
    spawn(follow(name, service), [this] {
      if (--running_ == 0)
        if (auto done = std::exchange(ended_, nullptr)) done(true);
    });
  }

  Task<void> follow(std::string name, std::shared_ptr<Service> service) {
    std::uint64_t index = 0;
    while (!service->stop.stop_requested()) {
      const Instant begin = loop_.now();
      auto answer =
          co_await client_->instances(name, args_.tags, query(index), service->stop.get_token());
      if (service->stop.stop_requested()) co_return;
      report_(answer ? Status() : answer.error().in(name));
      if (answer && (answer->index != index || index == 0)) {
        advance(index, answer->index);
        service->targets.clear();
        for (const platform::ConsulInstance& i : answer->value)
          service->targets.push_back(target_of(i, name, datacenter_, args_.tag_separator));
        changed_();
      }
      const Duration left = args_.refresh_interval - (loop_.now() - begin);
      const bool slept =
          co_await sleep_for(loop_, answer ? std::max(left, Duration{}) : std::max(left, kRetry),
                             service->stop.get_token());
      if (!slept) co_return;
    }
  }

  Loop& loop_;
  const ConsulDiscoveryArgs args_;
  std::shared_ptr<platform::ConsulClient> client_;
  Changed changed_;
  Report report_;
  std::stop_source stop_;
  std::string datacenter_;
  std::map<std::string, std::shared_ptr<Service>> services_;
  std::size_t running_ = 0;
  Function<void(bool)> ended_;
};

class ConsulDiscovery final : public Component<ConsulDiscoveryArgs, TargetExports> {
 public:
  explicit ConsulDiscovery(Context& context)
      : Component(context),
        failures_(context.metrics().counter("prometheus_sd_consul_rpc_failures_total",
                                            "The number of Consul RPC call failures.")) {}

  Task<Status> run() override {
    while (!context().stop().stop_requested()) {
      auto watch = watch_;
      co_await watch->run(context().stop());
      if (watch == watch_ && !context().stop().stop_requested())
        co_return Status(Code::internal, "the watch ended by itself");
    }
    co_return Status();
  }

 protected:
  Status update(ConsulDiscoveryArgs args) override {
    platform::ConsulAccess access{args.server,
                                  args.scheme,
                                  args.token.reveal(),
                                  args.datacenter,
                                  args.ns,
                                  args.partition,
                                  pipeline::client_settings(args.http())};
    auto client = platform::ConsulClient::make(context().seams(), std::move(access));
    if (!client) return client.error().in("server");
    context().expect_progress_every(args.refresh_interval + kWait);
    const auto before = std::move(watch_);
    auto changed = [this] { set_exports({watch_->targets()}); };
    auto report = [this](const Status& status) {
      if (status.ok()) return context().work_completed();
      failures_.add();
      context().work_waiting(1, "refresh_failed: " + status.what());
      context().log().error("Consul cannot be asked", {{"err", status.what()}});
    };
    watch_ = std::make_shared<ConsulWatch>(context(), std::move(args), std::move(*client),
                                           std::move(changed), std::move(report));
    if (before)
      before->stop();
    else
      set_exports({});
    return {};
  }

 private:
  pipeline::Counter& failures_;
  std::shared_ptr<ConsulWatch> watch_;
};

}  // namespace

Definition discovery_consul() {
  return define<ConsulDiscovery>("discovery.consul", "Instances of services in Consul's catalog.");
}

}  // namespace collector::discover
