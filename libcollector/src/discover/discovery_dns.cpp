// discovery.dns: targets from DNS records.
#include "base/log.hpp"
#include "discover/components.hpp"
#include "discover/exports.hpp"
#include "discover/pause.hpp"
#include "pipeline/own_metrics.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace collector::discover {
namespace {

using RecordType = Network::RecordType;

std::optional<RecordType> record_type(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  if (upper == "SRV") return RecordType::srv;
  if (upper == "A") return RecordType::a;
  if (upper == "AAAA") return RecordType::aaaa;
  if (upper == "MX") return RecordType::mx;
  if (upper == "NS") return RecordType::ns;
  return std::nullopt;
}

struct DnsDiscoveryArgs {
  std::vector<std::string> names;
  std::int64_t port = 0;
  Duration refresh_interval = std::chrono::seconds(30);
  std::string type = "SRV";

  Status validate() const {
    if (names.empty()) return {Code::invalid_argument, "names must have at least one name"};
    const auto kind = record_type(type);
    if (!kind)
      return {Code::invalid_argument,
              "invalid DNS-SD records type " + type + "; it must be SRV, A, AAAA, MX or NS"};
    if (*kind != RecordType::srv && port == 0)
      return {Code::invalid_argument, "a port is required for all record types except SRV"};
    if (port < 0 || port > 65535) return {Code::invalid_argument, "port must be at most 65535"};
    if (refresh_interval.count() <= 0)
      return {Code::invalid_argument, "refresh_interval must be greater than 0"};
    return {};
  }
  static constexpr auto fields() {
    return std::tuple{
        attr<&DnsDiscoveryArgs::names>("names", "Names to look up.").required(),
        attr<&DnsDiscoveryArgs::port>("port", "Port of the targets; not used for SRV records."),
        attr<&DnsDiscoveryArgs::refresh_interval>("refresh_interval", "How often to look them up."),
        attr<&DnsDiscoveryArgs::type>("type", "SRV, A, AAAA, MX or NS.")};
  }
};

class DnsDiscovery final : public Component<DnsDiscoveryArgs, TargetExports> {
 public:
  explicit DnsDiscovery(Context& context)
      : Component(context),
        lookups_(context.metrics().counter("prometheus_sd_dns_lookups_total",
                                           "The number of DNS-SD lookups.")),
        failures_(context.metrics().counter("prometheus_sd_dns_lookup_failures_total",
                                            "The number of DNS-SD lookup failures.")) {}

  Task<Status> run() override {
    while (!context().stop().stop_requested()) {
      pause_.forget();
      const std::uint64_t round = updates_;
      bool all = true;
      const DnsDiscoveryArgs args = args_;
      for (const std::string& name : args.names) {
        lookups_.add();
        auto records = co_await context().seams().network.resolve(name, *record_type(args.type),
                                                                  context().stop());
        if (context().stop().stop_requested()) co_return Status();
        if (round != updates_) break;
        if (!records && records.error().code() == Code::not_found) {
          context().log().warn("there is no such name", {{"name", name}});
          known_[name].clear();
          continue;
        }
        if (!records) {
          all = false;
          failures_.add();
          context().log().error("a name cannot be looked up",
                                {{"name", name}, {"err", records.error().what()}});
          continue;  // what the name said before stays in force
        }
        known_[name] = targets(args, name, *records);
      }
      if (round != updates_) continue;
      if (all)
        context().work_completed();
      else
        context().work_waiting(1, "lookup_failed");
      publish();
      co_await pause_.wait(context().loop(), args_.refresh_interval, context().stop());
    }
    co_return Status();
  }

 protected:
  Status update(DnsDiscoveryArgs args) override {
    ++updates_;
    if (args.type != args_.type || args.port != args_.port) known_.clear();
    args_ = std::move(args);
    std::erase_if(known_, [this](const auto& entry) {
      return std::find(args_.names.begin(), args_.names.end(), entry.first) == args_.names.end();
    });
    context().expect_progress_every(args_.refresh_interval);
    publish();
    pause_.wake();
    return {};
  }

 private:
  static std::vector<StringMap> targets(const DnsDiscoveryArgs& args, const std::string& name,
                                        const std::vector<DnsRecord>& records) {
    std::vector<StringMap> out;
    const RecordType type = *record_type(args.type);
    for (const DnsRecord& record : records) {
      StringMap target{{"__meta_dns_name", name}};
      std::string host = record.target;
      while (host.ends_with('.')) host.pop_back();
      const auto port = type == RecordType::srv ? record.port : args.port;
      const bool v6 = host.find(':') != std::string::npos;
      target["__address__"] =
          v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
      // The record's own spelling, rooted.
      if (type == RecordType::srv) {
        target["__meta_dns_srv_record_target"] = host + '.';
        target["__meta_dns_srv_record_port"] = std::to_string(record.port);
      } else if (type == RecordType::mx) {
        target["__meta_dns_mx_record_target"] = host + '.';
      } else if (type == RecordType::ns) {
        target["__meta_dns_ns_record_target"] = host + '.';
      }
      out.push_back(std::move(target));
    }
    return out;
  }

  void publish() {
    TargetExports exports;
    for (const std::string& name : args_.names)
      if (auto at = known_.find(name); at != known_.end())
        exports.targets.insert(exports.targets.end(), at->second.begin(), at->second.end());
    set_exports(exports);
  }

  pipeline::Counter &lookups_, &failures_;
  DnsDiscoveryArgs args_;
  std::uint64_t updates_ = 0;
  std::map<std::string, std::vector<StringMap>> known_;
  Pause pause_;
};

}  // namespace

Definition discovery_dns() {
  return define<DnsDiscovery>("discovery.dns", "Looks targets up in DNS.");
}

}  // namespace collector::discover
