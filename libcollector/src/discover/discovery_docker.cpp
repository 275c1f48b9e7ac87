// discovery.docker: the ports of running containers as targets (facts: prometheus/prometheus,
// discovery/moby).
#include "discover/components.hpp"
#include "discover/refreshing.hpp"
#include "discover/target_labels.hpp"
#include "pipeline/http_client_arguments.hpp"
#include "platform/docker_client.hpp"

#include <fmt/format.h>

namespace collector::discover {
namespace {

using platform::DockerContainer;
using Networks = std::map<std::string, platform::DockerEndpoint>;

struct DockerFilterArgs {
  std::string name;
  std::vector<std::string> values;
  static constexpr auto fields() {
    return std::tuple{
        attr<&DockerFilterArgs::name>("name", "Name of the filter, as the Docker API has it.")
            .required(),
        attr<&DockerFilterArgs::values>("values", "Values to filter by.").required()};
  }
};

struct DockerDiscoveryArgs {
  std::string host, host_networking_host = "localhost";
  std::int64_t port = 80;
  Duration refresh_interval = std::chrono::minutes(1);
  bool match_first_network = true;
  std::vector<DockerFilterArgs> filters;
  pipeline::HttpClientArguments client;

  Status validate() const {
    if (host.empty()) return {Code::invalid_argument, "host must not be empty"};
    if (refresh_interval.count() <= 0)
      return {Code::invalid_argument, "refresh_interval must be greater than 0"};
    return client.validate();
  }
  static constexpr auto fields() {
    using A = DockerDiscoveryArgs;
    return std::tuple{
        attr<&A::host>("host", "Docker's API: unix:///path, tcp://host:port, http or https.")
            .required(),
        attr<&A::port>("port", "Port of containers that have none of their own."),
        attr<&A::host_networking_host>("host_networking_host",
                                       "Address of containers in the host's network."),
        attr<&A::refresh_interval>("refresh_interval", "How often to ask; also the time limit."),
        attr<&A::match_first_network>("match_first_network",
                                      "Of several networks take only the first by name."),
        block<&A::filters>("filter", "Which containers to take."),
        squash<&A::client>()};
  }
};

class ContainerTargets {
 public:
  ContainerTargets(const DockerDiscoveryArgs& args, const std::vector<DockerContainer>& containers,
                   const std::vector<platform::DockerNetwork>& networks)
      : args_(args) {
    for (const DockerContainer& c : containers) by_id_[c.id] = &c;
    for (const platform::DockerNetwork& n : networks) {
      StringMap& labels = network_labels_[n.id];
      labels = {{"__meta_docker_network_id", n.id},
                {"__meta_docker_network_name", n.name},
                {"__meta_docker_network_scope", n.scope},
                {"__meta_docker_network_internal", n.internal ? "true" : "false"},
                {"__meta_docker_network_ingress", n.ingress ? "true" : "false"}};
      for (const auto& [name, value] : n.labels)
        labels["__meta_docker_network_label_" + label_name(name)] = value;
    }
  }

  void add(const DockerContainer& c, std::vector<StringMap>& out) const {
    if (c.names.empty()) return;
    StringMap common{{"__meta_docker_container_id", c.id},
                     {"__meta_docker_container_name", c.names[0]},
                     {"__meta_docker_container_network_mode", c.network_mode}};
    if (!c.image.empty()) common["__meta_docker_container_image"] = c.image;
    if (!c.image_id.empty()) common["__meta_docker_container_image_id"] = c.image_id;
    for (const auto& [name, value] : c.labels)
      common["__meta_docker_container_label_" + label_name(name)] = value;
    const Networks& networks = networks_of(c);
    for (const auto& [name, endpoint] : networks) {
      StringMap target = common;
      target["__meta_docker_network_ip"] = endpoint.ip;
      if (const auto at = network_labels_.find(endpoint.network_id); at != network_labels_.end())
        for (const auto& [label, value] : at->second) target[label] = value;
      bool has_port = false;
      for (const platform::DockerPort& port : c.ports) {
        if (port.type != "tcp") continue;
        has_port = true;
        StringMap& one = out.emplace_back(target);
        one["__address__"] = host_port(endpoint.ip, port.private_port);
        one["__meta_docker_port_private"] = fmt::format("{}", port.private_port);
        if (port.public_port == 0) continue;
        one["__meta_docker_port_public"] = fmt::format("{}", port.public_port);
        one["__meta_docker_port_public_ip"] = port.ip;
      }
      if (!has_port) {
        target["__address__"] = c.network_mode == "host" ? args_.host_networking_host
                                                         : host_port(endpoint.ip, args_.port);
        out.push_back(std::move(target));
      }
      if (args_.match_first_network) break;
    }
  }

 private:
  /// A container in the network of another one (`container:ID`) has that one's networks.
  const Networks& networks_of(const DockerContainer& c) const {
    const DockerContainer* at = &c;
    for (std::size_t steps = 0; steps < by_id_.size() && at->networks.empty(); ++steps) {
      constexpr std::string_view kShared = "container:";
      if (at->network_mode.rfind(kShared, 0) != 0) break;
      const auto next = by_id_.find(at->network_mode.substr(kShared.size()));
      if (next == by_id_.end()) break;
      at = next->second;
    }
    return at->networks;
  }

  const DockerDiscoveryArgs& args_;
  std::map<std::string, const DockerContainer*> by_id_;
  std::map<std::string, StringMap> network_labels_;
};

class DockerDiscovery final : public RefreshingDiscovery<DockerDiscoveryArgs> {
 public:
  explicit DockerDiscovery(Context& context) : RefreshingDiscovery(context) {}

 protected:
  Status update(DockerDiscoveryArgs args) override {
    auto client = platform::DockerClient::make(context().seams(), args.host,
                                               pipeline::client_settings(args.client));
    if (!client) return client.error().in("host");
    const bool elsewhere = args.host != args_.host;
    client_ = std::move(*client);
    args_ = std::move(args);
    changed(args_.refresh_interval, elsewhere);
    return {};
  }

  Task<Result<std::vector<StringMap>>> refresh() override {
    using Targets = std::vector<StringMap>;
    const auto client = client_;
    const DockerDiscoveryArgs args = args_;
    platform::DockerFilters filters;
    for (const DockerFilterArgs& f : args.filters)
      filters[f.name].insert(filters[f.name].end(), f.values.begin(), f.values.end());
    const net::SendOptions options = send_options(args.refresh_interval);
    auto containers = co_await client->containers(std::move(filters), options);
    if (!containers) co_return Result<Targets>(containers.error().in("containers"));
    auto networks = co_await client->networks(options);
    if (!networks) co_return Result<Targets>(networks.error().in("networks"));
    const ContainerTargets all(args, *containers, *networks);
    Targets targets;
    for (const DockerContainer& c : *containers) all.add(c, targets);
    co_return Result<Targets>(std::move(targets));
  }

 private:
  DockerDiscoveryArgs args_;
  std::shared_ptr<platform::DockerClient> client_;
};

}  // namespace

Definition discovery_docker() {
  return define<DockerDiscovery>("discovery.docker", "The ports of running Docker containers.");
}

}  // namespace collector::discover
