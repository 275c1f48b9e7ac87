#include "platform/consul_client.hpp"

#include "platform/json_fields.hpp"
#include "platform/socket_network.hpp"

#include <fmt/format.h>

#include <charconv>

namespace collector::platform {
namespace {

using nlohmann::json;

/// Beyond the wait that was asked for: servers add up to a sixteenth of it.
constexpr Duration kGrace = std::chrono::seconds(15);

/// Consul's own summary of an instance's checks: the worst of them (api/health.go).
std::string worst_of(const json& checks) {
  bool critical = false, warning = false;
  for (const json& check : elements(checks)) {
    const std::string id = text(check, "CheckID"), status = text(check, "Status");
    if (id == "_node_maintenance" || id.rfind("_service_maintenance:", 0) == 0)
      return "maintenance";
    critical = critical || status == "critical";
    warning = warning || status == "warning";
    if (status != "critical" && status != "warning" && status != "passing") return {};
  }
  return critical ? "critical" : warning ? "warning" : "passing";
}

ConsulInstance instance_of(const json& entry) {
  const json &node = member(entry, "Node"), &service = member(entry, "Service");
  ConsulInstance i;
  i.node = text(node, "Node");
  i.node_address = text(node, "Address");
  i.node_meta = texts(member(node, "Meta"));
  i.tagged_addresses = texts(member(node, "TaggedAddresses"));
  i.id = text(service, "ID");
  i.address = text(service, "Address");
  i.port = number(service, "Port");
  i.ns = text(service, "Namespace");
  i.partition = text(service, "Partition");
  i.service_meta = texts(member(service, "Meta"));
  for (const json& tag : elements(member(service, "Tags")))
    if (tag.is_string()) i.tags.push_back(tag.get<std::string>());
  i.health = worst_of(member(entry, "Checks"));
  return i;
}

std::uint64_t index_of(const net::Response& response) {
  const std::string_view text = response.headers.get("X-Consul-Index");
  std::uint64_t index = 0;
  std::from_chars(text.data(), text.data() + text.size(), index);
  return index;
}

}  // namespace

struct ConsulClient::State {
  State(Seams& s, const std::string& socket, ConsulAccess a)
      : access(std::move(a)),
        network(s.network, socket),
        seams{s.loop, socket.empty() ? s.network : network, s.files, s.random},
        client(seams, access.http) {}

  ConsulAccess access;
  SocketNetwork network;
  Seams seams;
  net::ConfiguredClient client;
  std::string base;

  Task<Result<net::Response>> get(std::string path, ConsulQuery query, std::string more,
                                  std::stop_token stop) {
    std::string target = path + "?";
    const auto add = [&](std::string_view name, std::string_view value) {
      if (!value.empty()) target += fmt::format("{}={}&", name, net::url_encode(value));
    };
    add("dc", access.datacenter);
    add("ns", access.ns);
    add("partition", access.partition);
    for (const auto& [name, value] : query.node_meta) add("node-meta", name + ":" + value);
    target += more;
    if (query.allow_stale) target += "stale&";
    if (query.index > 0)
      target +=
          fmt::format("index={}&wait={}ms&", query.index,
                      std::chrono::duration_cast<std::chrono::milliseconds>(query.wait).count());
    target.pop_back();
    net::Request request;
    request.url = base + target;
    if (!access.token.empty()) request.headers.set("X-Consul-Token", access.token);
    net::SendOptions options;
    options.timeout = query.wait + kGrace;
    options.stop = std::move(stop);
    auto response = co_await client.send(std::move(request), options);
    if (response && response->status != 200)
      co_return Result<net::Response>(Status(
          from_http(response->status), fmt::format("{} answered {}: {}", path, response->status,
                                                   response->body.substr(0, 200))));
    co_return response;
  }
};

ConsulClient::ConsulClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
ConsulClient::~ConsulClient() = default;

Result<std::shared_ptr<ConsulClient>> ConsulClient::make(Seams& seams, ConsulAccess access) {
  constexpr std::string_view kSocket = "unix://";
  const std::string server = access.server, scheme = access.scheme;
  const bool local = server.rfind(kSocket, 0) == 0;
  auto state = std::make_unique<State>(seams, local ? server.substr(kSocket.size()) : std::string(),
                                       std::move(access));
  state->base = local ? "http://localhost" : fmt::format("{}://{}", scheme, server);
  if (auto url = net::Url::parse(state->base); !url) return url.error();
  return std::shared_ptr<ConsulClient>(new ConsulClient(std::move(state)));
}

Task<Result<std::string>> ConsulClient::datacenter(std::stop_token stop) {
  ConsulQuery query;
  query.allow_stale = false;
  auto response = co_await state_->get("/v1/agent/self", query, "", std::move(stop));
  if (!response) co_return Result<std::string>(response.error());
  const json answer = json::parse(response->body, nullptr, false);
  std::string name = text(member(answer, "Config"), "Datacenter");
  if (name.empty())
    co_return Result<std::string>(Status(Code::data_loss, "the agent names no datacenter"));
  co_return Result<std::string>(std::move(name));
}

Task<Result<ConsulAnswer<ConsulClient::Services>>> ConsulClient::services(ConsulQuery query,
                                                                          std::stop_token stop) {
  using Answer = ConsulAnswer<Services>;
  auto response = co_await state_->get("/v1/catalog/services", query, "", std::move(stop));
  if (!response) co_return Result<Answer>(response.error());
  const json services = json::parse(response->body, nullptr, false);
  if (!services.is_object())
    co_return Result<Answer>(Status(Code::data_loss, "the catalog is no JSON object"));
  Answer answer;
  answer.index = index_of(*response);
  for (const auto& [name, tags] : services.items()) {
    auto& list = answer.value[name];
    for (const json& tag : elements(tags))
      if (tag.is_string()) list.push_back(tag.get<std::string>());
  }
  co_return Result<Answer>(std::move(answer));
}

Task<Result<ConsulAnswer<std::vector<ConsulInstance>>>> ConsulClient::instances(
    std::string service, std::vector<std::string> tags, ConsulQuery query, std::stop_token stop) {
  using Answer = ConsulAnswer<std::vector<ConsulInstance>>;
  std::string more;
  for (const std::string& tag : tags) more += fmt::format("tag={}&", net::url_encode(tag));
  auto response = co_await state_->get("/v1/health/service/" + net::url_encode(service), query,
                                       std::move(more), std::move(stop));
  if (!response) co_return Result<Answer>(response.error());
  const json entries = json::parse(response->body, nullptr, false);
  if (!entries.is_array())
    co_return Result<Answer>(Status(Code::data_loss, "the service's health is no JSON array"));
  Answer answer;
  answer.index = index_of(*response);
  for (const json& entry : elements(entries)) answer.value.push_back(instance_of(entry));
  co_return Result<Answer>(std::move(answer));
}

}  // namespace collector::platform
