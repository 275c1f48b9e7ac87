// discovery.kubelet: the pods of one node, from its kubelet.
#include "discover/components.hpp"
#include "discover/kubernetes_targets.hpp"
#include "discover/refreshing.hpp"
#include "net/http_client_config.hpp"
#include "pipeline/http_client_arguments.hpp"
#include "platform/json_fields.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace collector::discover {
namespace {

constexpr Duration kTimeout = std::chrono::seconds(30);

struct KubeletDiscoveryArgs {
  std::string url = "https://localhost:10250";
  Duration refresh_interval = std::chrono::seconds(5);
  std::vector<std::string> namespaces;
  pipeline::HttpClientArguments client;

  Status validate() const {
    if (auto parsed = net::Url::parse(url); !parsed) return parsed.error().in("url");
    if (refresh_interval.count() <= 0)
      return {Code::invalid_argument, "refresh_interval must be greater than 0"};
    return client.validate();
  }
  static constexpr auto fields() {
    using A = KubeletDiscoveryArgs;
    return std::tuple{
        attr<&A::url>("url", "The kubelet's address; /pods is added."),
        attr<&A::refresh_interval>("refresh_interval", "How often to ask."),
        attr<&A::namespaces>("namespaces", "Namespaces whose pods to take; empty: all."),
        squash<&A::client>()};
  }
};

class KubeletDiscovery final : public RefreshingDiscovery<KubeletDiscoveryArgs> {
 public:
  explicit KubeletDiscovery(Context& context) : RefreshingDiscovery(context) {}

 protected:
  Status update(KubeletDiscoveryArgs args) override {
    const bool elsewhere = args.url != args_.url;
    client_ = std::make_shared<net::ConfiguredClient>(context().seams(),
                                                      pipeline::client_settings(args.client));
    args_ = std::move(args);
    changed(args_.refresh_interval, elsewhere);
    return {};
  }

  Task<Result<std::vector<StringMap>>> refresh() override {
    using Targets = std::vector<StringMap>;
    const auto client = client_;
    const auto namespaces = args_.namespaces;
    net::Request request;
    request.url = args_.url + "/pods";
    auto response = co_await client->send(std::move(request), send_options(kTimeout));
    if (!response) co_return Result<Targets>(response.error());
    if (response->status != 200)
      co_return Result<Targets>(Status(from_http(response->status),
                                       fmt::format("the kubelet answered {} {}", response->status,
                                                   net::reason_phrase(response->status))));
    const auto list = nlohmann::json::parse(response->body, nullptr, false);
    if (!list.is_object())
      co_return Result<Targets>(Status(Code::data_loss, "the kubelet's answer is no JSON object"));
    Targets targets;
    for (const nlohmann::json& item : platform::elements(platform::member(list, "items"))) {
      kubernetes::Pod pod;
      kubernetes::read(item, pod);
      const bool wanted = namespaces.empty() || std::find(namespaces.begin(), namespaces.end(),
                                                          pod.meta.ns) != namespaces.end();
      if (wanted) kubernetes::add_pod(pod, {}, targets);
    }
    co_return Result<Targets>(std::move(targets));
  }

 private:
  KubeletDiscoveryArgs args_;
  std::shared_ptr<net::ConfiguredClient> client_;
};

}  // namespace

Definition discovery_kubelet() {
  return define<KubeletDiscovery>("discovery.kubelet", "The pods of one node, from its kubelet.");
}

}  // namespace collector::discover
