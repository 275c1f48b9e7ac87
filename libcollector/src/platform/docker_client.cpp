#include "platform/docker_client.hpp"

#include "platform/json_fields.hpp"
#include "platform/socket_network.hpp"

#include <fmt/format.h>

#include <charconv>

namespace collector::platform {
namespace {

using nlohmann::json;

/// The version that our reading of the answers was written for; daemons know some older ones too.
constexpr int kMajor = 1, kMinor = 44;

/// The lower of ours and `1.43`; ours when there is none.
std::string version_to_use(std::string_view theirs) {
  int major = 0, minor = 0;
  const char* end = theirs.data() + theirs.size();
  const auto first = std::from_chars(theirs.data(), end, major);
  if (first.ec == std::errc() && first.ptr < end && *first.ptr == '.')
    std::from_chars(first.ptr + 1, end, minor);
  const bool older = minor > 0 && (major < kMajor || (major == kMajor && minor < kMinor));
  return older ? fmt::format("v{}.{}", major, minor) : fmt::format("v{}.{}", kMajor, kMinor);
}

/// An answer that is an array.
struct Body {
  json items;
};

DockerContainer container_of(const json& item) {
  DockerContainer c;
  c.id = text(item, "Id");
  c.image = text(item, "Image");
  c.image_id = text(item, "ImageID");
  c.network_mode = text(member(item, "HostConfig"), "NetworkMode");
  for (const json& name : elements(member(item, "Names")))
    if (name.is_string()) c.names.push_back(name.get<std::string>());
  c.labels = texts(member(item, "Labels"));
  for (const json& port : elements(member(item, "Ports")))
    c.ports.push_back({text(port, "IP"), text(port, "Type"),
                       static_cast<std::uint16_t>(number(port, "PrivatePort")),
                       static_cast<std::uint16_t>(number(port, "PublicPort"))});
  const json& networks = member(member(item, "NetworkSettings"), "Networks");
  if (networks.is_object())
    for (const auto& [name, network] : networks.items()) {
      if (!network.is_object()) continue;
      std::string ip = text(network, "IPAddress");
      if (ip.empty()) ip = text(network, "GlobalIPv6Address");
      c.networks[name] = {text(network, "NetworkID"), std::move(ip)};
    }
  return c;
}

}  // namespace

struct DockerClient::State {
  State(Seams& s, const std::string& socket, net::HttpClientSettings settings)
      : network(s.network, socket),
        seams{s.loop, socket.empty() ? s.network : network, s.files, s.random},
        client(seams, std::move(settings)) {}

  SocketNetwork network;
  Seams seams;
  net::ConfiguredClient client;
  std::string base, version;

  Task<Result<net::Response>> get(std::string target, net::SendOptions options) {
    net::Request request;
    request.url = base + target;
    auto response = co_await client.send(std::move(request), options);
    if (response && response->status != 200) {
      const auto answer = json::parse(response->body, nullptr, false);
      const std::string why = answer.is_discarded() ? std::string() : text(answer, "message");
      co_return Result<net::Response>(
          Status(from_http(response->status),
                 fmt::format("{} answered {}{}{}", target.substr(0, target.find('?')),
                             response->status, why.empty() ? "" : ": ", why)));
    }
    co_return response;
  }

  Task<Result<Body>> list(std::string target, net::SendOptions options) {
    if (version.empty()) {
      auto ping = co_await get("/_ping", options);
      if (!ping) co_return Result<Body>(ping.error());
      version = version_to_use(ping->headers.get("Api-Version"));
    }
    auto response = co_await get(fmt::format("/{}{}", version, target), options);
    if (!response) {
      version.clear();  // the daemon may have been replaced
      co_return Result<Body>(response.error());
    }
    json answer = json::parse(response->body, nullptr, false);
    if (!answer.is_array())
      co_return Result<Body>(Status(Code::data_loss, target + ": the answer is no JSON array"));
    co_return Result<Body>(Body{std::move(answer)});
  }
};

DockerClient::DockerClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
DockerClient::~DockerClient() = default;

Result<std::shared_ptr<DockerClient>> DockerClient::make(Seams& seams, const std::string& host,
                                                         net::HttpClientSettings settings) {
  const std::size_t scheme_end = host.find("://");
  const std::string scheme = host.substr(0, scheme_end);
  if (scheme_end == std::string::npos)
    return Status(Code::invalid_argument, fmt::format("\"{}\" has no scheme", host));
  std::unique_ptr<State> state;
  if (scheme == "unix") {
    const std::string path = host.substr(scheme_end + 3);
    if (path.empty() || path[0] != '/')
      return Status(Code::invalid_argument, fmt::format("\"{}\" names no absolute path", host));
    state = std::make_unique<State>(seams, path, net::HttpClientSettings());
    state->base = "http://localhost";
  } else if (scheme == "tcp" || scheme == "http" || scheme == "https") {
    std::string base = scheme == "tcp" ? "http" + host.substr(scheme_end) : host;
    while (base.back() == '/') base.pop_back();
    if (auto url = net::Url::parse(base); !url) return url.error();
    if (scheme == "tcp") settings = net::HttpClientSettings();
    state = std::make_unique<State>(seams, std::string(), std::move(settings));
    state->base = std::move(base);
  } else {
    return Status(Code::invalid_argument,
                  fmt::format("\"{}\": expected unix, tcp, http or https", scheme));
  }
  return std::shared_ptr<DockerClient>(new DockerClient(std::move(state)));
}

Task<Result<std::vector<DockerContainer>>> DockerClient::containers(DockerFilters filters,
                                                                    net::SendOptions options) {
  using Containers = std::vector<DockerContainer>;
  std::string target = "/containers/json";
  if (!filters.empty()) target += "?filters=" + net::url_encode(json(filters).dump());
  auto answer = co_await state_->list(std::move(target), options);
  if (!answer) co_return Result<Containers>(answer.error());
  Containers out;
  for (const json& item : elements(answer->items)) out.push_back(container_of(item));
  co_return Result<Containers>(std::move(out));
}

Task<Result<std::vector<DockerNetwork>>> DockerClient::networks(net::SendOptions options) {
  using Networks = std::vector<DockerNetwork>;
  auto answer = co_await state_->list("/networks", options);
  if (!answer) co_return Result<Networks>(answer.error());
  Networks out;
  for (const json& item : elements(answer->items))
    out.push_back({text(item, "Id"), text(item, "Name"), text(item, "Scope"),
                   flag(item, "Internal"), flag(item, "Ingress"), texts(member(item, "Labels"))});
  co_return Result<Networks>(std::move(out));
}

}  // namespace collector::platform
