// discovery.kubernetes: objects of a Kubernetes API as targets.
#include "base/log.hpp"
#include "discover/components.hpp"
#include "discover/exports.hpp"
#include "discover/kubernetes_watches.hpp"
#include "discover/pause.hpp"
#include "pipeline/http_client_arguments.hpp"
#include "pipeline/own_metrics.hpp"
#include "platform/kubernetes_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace collector::discover {
namespace {

using kubernetes::Role;

/// Changes are gathered for this long: a rollout changes many objects at once.
constexpr Duration kBetweenExports = std::chrono::seconds(5);
constexpr Duration kConfigRetry = std::chrono::seconds(15);

/// A role, and the roles whose selectors it takes.
struct KnownRole {
  std::string_view name;
  Role role;
  std::array<std::string_view, 3> selectors;
};
constexpr std::array kRoles{
    KnownRole{"node", Role::node, {"node"}},
    KnownRole{"pod", Role::pod, {"pod", "node"}},
    KnownRole{"service", Role::service, {"service"}},
    KnownRole{"endpoints", Role::endpoints, {"pod", "service", "endpoints"}},
    KnownRole{"endpointslice", Role::endpoint_slice, {"pod", "service", "endpointslice"}},
    KnownRole{"ingress", Role::ingress, {"ingress"}}};

const KnownRole* find_role(std::string_view name) {
  for (const KnownRole& r : kRoles)
    if (r.name == name) return &r;
  return nullptr;
}

struct KubernetesNamespacesArgs {
  std::vector<std::string> names;
  bool own_namespace = false;
  static constexpr auto fields() {
    using A = KubernetesNamespacesArgs;
    return std::tuple{
        attr<&A::names>("names", "Namespaces to search."),
        attr<&A::own_namespace>("own_namespace", "Search the namespace of this pod as well.")};
  }
};

struct KubernetesSelectorArgs {
  std::string role, label, field;
  static constexpr auto fields() {
    using A = KubernetesSelectorArgs;
    return std::tuple{attr<&A::role>("role", "Which objects to select.").required(),
                      attr<&A::label>("label", "Label selector, as the API has it."),
                      attr<&A::field>("field", "Field selector, as the API has it.")};
  }
};

struct KubernetesAttachArgs {
  bool node = false, ns = false;
  static constexpr auto fields() {
    using A = KubernetesAttachArgs;
    return std::tuple{
        attr<&A::node>("node", "Add labels of the target's node (pod, endpoints, endpointslice)."),
        attr<&A::ns>("namespace", "Add labels of the target's namespace.")};
  }
};

struct KubernetesDiscoveryArgs {
  std::string role, api_server, kubeconfig_file;
  KubernetesNamespacesArgs namespaces;
  std::vector<KubernetesSelectorArgs> selectors;
  KubernetesAttachArgs attach_metadata;
  pipeline::HttpClientArguments client;

  Status validate() const {
    const auto invalid = [](std::string what) {
      return Status(Code::invalid_argument, std::move(what));
    };
    const KnownRole* known = find_role(role);
    if (!known)
      return invalid(
          fmt::format("role \"{}\" is none of node, pod, service, endpoints, "
                      "endpointslice and ingress",
                      role));
    if (!api_server.empty()) {
      if (auto url = net::Url::parse(api_server); !url) return url.error().in("api_server");
      if (!kubeconfig_file.empty())
        return invalid("at most one of api_server and kubeconfig_file may be given");
    }
    const bool elsewhere = !api_server.empty() || !kubeconfig_file.empty();
    if (elsewhere && namespaces.own_namespace)
      return invalid("own_namespace is for the API of the cluster that this runs in");
    if (api_server.empty() && custom_client())
      return invalid("settings of the HTTP client need api_server");
    std::set<std::string> seen;
    for (const KubernetesSelectorArgs& s : selectors) {
      if (!seen.insert(s.role).second)
        return invalid(fmt::format("there are two selectors for role \"{}\"", s.role));
      const auto& allowed = known->selectors;
      if (s.role.empty() || std::find(allowed.begin(), allowed.end(), s.role) == allowed.end())
        return invalid(
            fmt::format("role {} takes no selectors for role \"{}\"", known->name, s.role));
    }
    return client.validate();
  }
  bool custom_client() const {
    return client.basic_auth || client.authorization || client.oauth2 ||
           !client.bearer_token.empty() || !client.bearer_token_file.empty() ||
           !client.proxy.proxy_url.empty() || client.proxy.proxy_from_environment ||
           !client.proxy.no_proxy.empty() || !client.proxy.proxy_connect_header.empty() ||
           !client.tls.ca_pem.empty() || !client.tls.ca_file.empty() ||
           !client.tls.cert_pem.empty() || !client.tls.cert_file.empty() ||
           !client.tls.key_pem.empty() || !client.tls.key_file.empty() ||
           !client.tls.server_name.empty() || client.tls.insecure_skip_verify ||
           !client.tls.min_version.empty() || !client.http_headers.empty() ||
           !client.follow_redirects || !client.enable_http2;
  }
  static constexpr auto fields() {
    using A = KubernetesDiscoveryArgs;
    return std::tuple{
        attr<&A::role>("role",
                       "What to discover: node, pod, service, endpoints, endpointslice or ingress.")
            .required(),
        attr<&A::api_server>("api_server",
                             "URL of the API; without it and kubeconfig_file, this pod's cluster."),
        attr<&A::kubeconfig_file>("kubeconfig_file", "kubeconfig file that says how to connect."),
        block<&A::namespaces>("namespaces", "Namespaces to search; without it, all."),
        block<&A::selectors>("selectors", "Which objects to ask the API for."),
        block<&A::attach_metadata>("attach_metadata", "More labels."),
        squash<&A::client>()};
  }
};

class KubernetesDiscovery final : public Component<KubernetesDiscoveryArgs, TargetExports> {
 public:
  explicit KubernetesDiscovery(Context& context)
      : Component(context),
        failures_(context.metrics().counter("prometheus_sd_kubernetes_failures_total",
                                            "The number of failed WATCH/LIST requests.")) {}

  Task<Status> run() override {
    while (!context().stop().stop_requested()) {
      again_.forget();
      const std::uint64_t epoch = epoch_;
      auto settings = access();
      if (!settings) {
        failed("the API cannot be reached", settings.error());
        co_await again_.wait(context().loop(), kConfigRetry, context().stop());
        continue;
      }
      watches_ = std::make_shared<kubernetes::Watches>(
          context().seams(), std::move(*settings), [this] { changed_.wake(); },
          [this](const std::string& collection, const Status& status) {
            if (!status.ok()) return failed(collection, status);
            context().work_completed();
          });
      bool exporting = true;
      Function<void(bool)> ended;
      spawn(export_changes(watches_), [&] {
        exporting = false;
        if (auto done = std::exchange(ended, nullptr)) done(true);
      });
      co_await watches_->run(context().stop());
      changed_.wake();
      auto exporter_ended = [&](Function<void(bool)> done) {
        if (exporting)
          ended = std::move(done);
        else
          done(true);
      };
      const bool over = co_await await_callback<bool>(exporter_ended);
      (void)over;
      watches_.reset();
      if (epoch == epoch_ && !context().stop().stop_requested())
        co_return Status(Code::internal, "the watches ended by themselves");
    }
    co_return Status();
  }

  StringMap debug_info() override {
    return {{"objects", fmt::format("{}", watches_ ? watches_->objects() : 0)}};
  }

 protected:
  Status update(KubernetesDiscoveryArgs args) override {
    args_ = std::move(args);
    ++epoch_;
    if (watches_)
      watches_->stop();
    else
      set_exports({});
    again_.wake();
    return {};
  }

 private:
  /// Exports soon after a change, and then not again for a while.
  Task<void> export_changes(std::shared_ptr<kubernetes::Watches> watches) {
    const std::uint64_t epoch = epoch_;
    const auto current = [&] { return epoch == epoch_ && !context().stop().stop_requested(); };
    while (current()) {
      co_await changed_.wait(context().loop(), std::chrono::hours(24), context().stop());
      if (!current()) co_return;
      if (!watches->complete()) continue;
      set_exports({watches->targets()});
      const Instant until = context().loop().now() + kBetweenExports;
      bool more = false;
      while (current() && context().loop().now() < until) {
        co_await changed_.wait(context().loop(), until - context().loop().now(), context().stop());
        more = more || context().loop().now() < until;
      }
      if (more) changed_.wake();
    }
  }

  Result<kubernetes::WatchSettings> access() {
    kubernetes::WatchSettings out;
    Files& files = context().seams().files;
    if (!args_.api_server.empty()) {
      out.server = args_.api_server;
      while (out.server.back() == '/') out.server.pop_back();
      out.http = pipeline::client_settings(args_.client);
    } else {
      auto found = args_.kubeconfig_file.empty()
                       ? platform::kubernetes_in_cluster(files)
                       : platform::kubernetes_from_file(files, args_.kubeconfig_file);
      if (!found) return found.error();
      out.server = found->server;
      out.http = found->http;
    }
    out.role = find_role(args_.role)->role;
    out.namespaces = args_.namespaces.names;
    if (args_.namespaces.own_namespace) {
      auto own = platform::kubernetes_own_namespace(files);
      if (!own) return own.error();
      out.namespaces.push_back(std::move(*own));
    }
    std::sort(out.namespaces.begin(), out.namespaces.end());
    out.namespaces.erase(std::unique(out.namespaces.begin(), out.namespaces.end()),
                         out.namespaces.end());
    const bool on_nodes =
        out.role == Role::pod || out.role == Role::endpoints || out.role == Role::endpoint_slice;
    out.attach.node = args_.attach_metadata.node && on_nodes;
    out.attach.ns = args_.attach_metadata.ns && out.role != Role::node;
    for (const KubernetesSelectorArgs& s : args_.selectors)
      out.selectors[s.role] = {s.label, s.field};
    return out;
  }

  void failed(const std::string& what, const Status& status) {
    failures_.add();
    context().work_waiting(1, "refresh_failed: " + status.what());
    context().log().error("Kubernetes cannot be watched",
                          {{"collection", what}, {"err", status.what()}});
  }

  pipeline::Counter& failures_;
  KubernetesDiscoveryArgs args_;
  std::uint64_t epoch_ = 0;
  std::shared_ptr<kubernetes::Watches> watches_;
  Pause again_, changed_;
};

}  // namespace

Definition discovery_kubernetes() {
  return define<KubernetesDiscovery>("discovery.kubernetes",
                                     "Objects of a Kubernetes API: pods, services, nodes.");
}

}  // namespace collector::discover
