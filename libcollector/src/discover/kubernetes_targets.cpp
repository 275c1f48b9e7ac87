#include "discover/kubernetes_targets.hpp"

#include "discover/target_labels.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace collector::discover::kubernetes {
namespace {

constexpr std::string_view kPrefix = "__meta_kubernetes_";

void set(StringMap& labels, std::string_view name, std::string value) {
  labels[std::string(kPrefix).append(name)] = std::move(value);
}
template <class T>
void set(StringMap& labels, std::string_view name, const std::optional<T>& value) {
  if (!value) return;
  if constexpr (std::is_same_v<T, bool>)
    set(labels, name, std::string(*value ? "true" : "false"));
  else
    set(labels, name, std::string(*value));
}

void add_annotations_and_labels(StringMap& out, std::string_view kind, const Meta& meta) {
  for (const auto& [name, value] : meta.labels) {
    const std::string clean = label_name(name);
    set(out, fmt::format("{}_label_{}", kind, clean), value);
    set(out, fmt::format("{}_labelpresent_{}", kind, clean), std::string("true"));
  }
  for (const auto& [name, value] : meta.annotations) {
    const std::string clean = label_name(name);
    set(out, fmt::format("{}_annotation_{}", kind, clean), value);
    set(out, fmt::format("{}_annotationpresent_{}", kind, clean), std::string("true"));
  }
}
void add_meta(StringMap& out, std::string_view kind, const Meta& meta) {
  set(out, fmt::format("{}_name", kind), meta.name);
  add_annotations_and_labels(out, kind, meta);
}

void add_pod_labels(StringMap& out, const Pod& pod) {
  add_meta(out, "pod", pod.meta);
  set(out, "pod_ip", pod.ip);
  set(out, "pod_ready", pod.ready);
  set(out, "pod_phase", pod.phase);
  set(out, "pod_node_name", pod.node);
  set(out, "pod_host_ip", pod.host_ip);
  set(out, "pod_uid", pod.meta.uid);
  if (!pod.meta.controller_kind.empty()) set(out, "pod_controller_kind", pod.meta.controller_kind);
  if (!pod.meta.controller_name.empty()) set(out, "pod_controller_name", pod.meta.controller_name);
}

void add_container(StringMap& out, const Container& c) {
  set(out, "pod_container_name", c.name);
  set(out, "pod_container_image", c.image);
  set(out, "pod_container_init", std::string(c.init ? "true" : "false"));
}
void add_container_port(StringMap& out, const Port& port) {
  set(out, "pod_container_port_number", fmt::format("{}", port.number));
  set(out, "pod_container_port_name", port.name);
  set(out, "pod_container_port_protocol", port.protocol);
}

void add_service_labels(StringMap& out, const Service& service) {
  set(out, "namespace", service.meta.ns);
  add_meta(out, "service", service.meta);
}

/// Labels of `base` that `target` does not have: a target's own win over its group's.
StringMap over(StringMap target, const StringMap& base) {
  target.insert(base.begin(), base.end());
  return target;
}

/// Pods of the group's endpoints, with the numbers of the ports that were seen.
using SeenPods = std::map<std::string, std::pair<const Pod*, std::vector<std::int64_t>>>;

class Builder {
 public:
  Builder(const Store& store, Attach attach) : store_(store), attach_(attach) {}

  void node(const Node& n) {
    const std::string* address = nullptr;
    for (const std::string_view type :
         {"InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"}) {
      for (const auto& [have, value] : n.addresses)
        if (!address && have == type) address = &value;
    }
    if (!address) return;
    StringMap target{{"__address__", host_port(*address, n.kubelet_port)},
                     {"instance", n.meta.name}};
    set(target, "node_provider_id", n.provider_id);
    for (const auto& [type, status] : n.conditions)
      set(target, "node_condition_" + label_name(type), status);
    add_meta(target, "node", n.meta);
    for (auto at = n.addresses.rbegin(); at != n.addresses.rend(); ++at)
      set(target, "node_address_" + label_name(at->first), at->second);
    out.push_back(std::move(target));
  }

  void pod(const Pod& p) {
    // The store holds the nodes that the node selector keeps.
    if (attach_.node && !store_.nodes.contains(p.node)) return;
    StringMap more;
    if (attach_.node) add_node(more, p.node);
    add_namespace(more, p.meta.ns);
    add_pod(p, more, out);
  }

  void service(const Service& s) {
    StringMap group;
    add_service_labels(group, s);
    add_namespace(group, s.meta.ns);
    for (const Port& port : s.ports) {
      StringMap target{
          {"__address__", host_port(s.meta.name + "." + s.meta.ns + ".svc", port.number)}};
      set(target, "service_port_name", port.name);
      set(target, "service_port_number", fmt::format("{}", port.number));
      set(target, "service_port_protocol", port.protocol);
      set(target, "service_type", s.type);
      if (s.type == "ExternalName")
        set(target, "service_external_name", s.external_name);
      else
        set(target, "service_cluster_ip", s.cluster_ip);
      if (s.type == "LoadBalancer") set(target, "service_loadbalancer_ip", s.load_balancer_ips);
      out.push_back(over(std::move(target), group));
    }
  }

  void endpoints(const Endpoints& e) {
    StringMap group;
    set(group, "namespace", e.meta.ns);
    if (const auto s = store_.services.find(e.meta.key()); s != store_.services.end())
      add_service_labels(group, s->second);
    add_meta(group, "endpoints", e.meta);
    add_namespace(group, e.meta.ns);
    SeenPods seen;
    for (const Endpoints::Subset& subset : e.subsets)
      for (const Port& port : subset.ports) {
        for (const EndpointAddress& a : subset.ready) endpoint(a, port, "true", group, seen);
        for (const EndpointAddress& a : subset.not_ready) endpoint(a, port, "false", group, seen);
      }
    unseen_ports(seen, group);
  }

  void slice(const EndpointSlice& s) {
    StringMap group;
    set(group, "namespace", s.meta.ns);
    set(group, "endpointslice_address_type", s.address_type);
    add_meta(group, "endpointslice", s.meta);
    if (const auto name = s.meta.labels.find("kubernetes.io/service-name");
        name != s.meta.labels.end()) {
      const auto service = store_.services.find(s.meta.ns + "/" + name->second);
      if (service != store_.services.end()) {
        add_service_labels(group, service->second);
        // The other family's slice of a dual-stack service would be the same targets again.
        const std::string& primary = service->second.primary_family;
        if (!primary.empty() && primary != s.address_type) return;
      }
    }
    add_namespace(group, s.meta.ns);
    SeenPods seen;
    for (const EndpointSlice::Endpoint& e : s.endpoints)
      for (const EndpointSlice::SlicePort& port : s.ports)
        for (const std::string& address : e.addresses)
          slice_endpoint(address, e, port, group, seen);
    unseen_ports(seen, group);
  }

  void ingress(const Ingress& i) {
    StringMap group;
    set(group, "namespace", i.meta.ns);
    set(group, "ingress_class_name", i.class_name);
    add_meta(group, "ingress", i.meta);
    add_namespace(group, i.meta.ns);
    for (const Ingress::Rule& rule : i.rules) {
      const bool tls = std::any_of(i.tls_hosts.begin(), i.tls_hosts.end(),
                                   [&](const std::string& h) { return covers(h, rule.host); });
      for (const std::string& path : rule.paths) {
        StringMap target{{"__address__", rule.host}};
        set(target, "ingress_scheme", std::string(tls ? "https" : "http"));
        set(target, "ingress_host", rule.host);
        set(target, "ingress_path", path.empty() ? "/" : path);
        out.push_back(over(std::move(target), group));
      }
    }
  }

  std::vector<StringMap> out;

 private:
  void add_node(StringMap& labels, const std::string& name) const {
    if (const auto at = store_.nodes.find(name); at != store_.nodes.end())
      add_meta(labels, "node", at->second.meta);
  }
  void add_namespace(StringMap& labels, const std::string& name) const {
    if (!attach_.ns) return;
    if (const auto at = store_.namespaces.find(name); at != store_.namespaces.end())
      add_annotations_and_labels(labels, "namespace", at->second.meta);
  }
  const Pod* pod_of(const std::optional<Reference>& ref) const {
    if (!ref || ref->kind != "Pod") return nullptr;
    const auto at = store_.pods.find(ref->ns + "/" + ref->name);
    return at == store_.pods.end() ? nullptr : &at->second;
  }
  /// A wildcard of a certificate stands for one whole first part of a name.
  static bool covers(const std::string& pattern, const std::string& host) {
    if (pattern == host) return true;
    if (pattern.rfind("*.", 0) != 0) return false;
    const std::size_t dot = host.find('.');
    return dot != std::string::npos && host.substr(dot) == pattern.substr(1);
  }

  void endpoint(const EndpointAddress& a, const Port& port, std::string_view ready,
                const StringMap& group, SeenPods& seen) {
    StringMap target{{"__address__", host_port(a.ip, port.number)}};
    set(target, "endpoint_port_name", port.name);
    set(target, "endpoint_port_protocol", port.protocol);
    set(target, "endpoint_ready", std::string(ready));
    if (a.target) {
      set(target, "endpoint_address_target_kind", a.target->kind);
      set(target, "endpoint_address_target_name", a.target->name);
    }
    set(target, "endpoint_node_name", a.node);
    if (!a.hostname.empty()) set(target, "endpoint_hostname", a.hostname);
    if (attach_.node) {
      if (a.node)
        add_node(target, *a.node);
      else if (a.target && a.target->kind == "Node")
        add_node(target, a.target->name);
    }
    back_by_pod(target, a.target, port.number, port.protocol, seen);
    out.push_back(over(std::move(target), group));
  }

  void slice_endpoint(const std::string& address, const EndpointSlice::Endpoint& e,
                      const EndpointSlice::SlicePort& port, const StringMap& group,
                      SeenPods& seen) {
    StringMap target{{"__address__", port.number ? host_port(address, *port.number) : address}};
    set(target, "endpointslice_port_name", port.name);
    set(target, "endpointslice_port_protocol", port.protocol);
    if (port.number) set(target, "endpointslice_port", fmt::format("{}", *port.number));
    set(target, "endpointslice_port_app_protocol", port.app_protocol);
    set(target, "endpointslice_endpoint_conditions_ready", e.ready);
    set(target, "endpointslice_endpoint_conditions_serving", e.serving);
    set(target, "endpointslice_endpoint_conditions_terminating", e.terminating);
    set(target, "endpointslice_endpoint_hostname", e.hostname);
    if (e.target) {
      set(target, "endpointslice_address_target_kind", e.target->kind);
      set(target, "endpointslice_address_target_name", e.target->name);
    }
    set(target, "endpointslice_endpoint_node_name", e.node);
    set(target, "endpointslice_endpoint_zone", e.zone);
    for (const auto& [name, value] : e.topology) {
      const std::string clean = label_name(name);
      set(target, "endpointslice_endpoint_topology_" + clean, value);
      set(target, "endpointslice_endpoint_topology_present_" + clean, std::string("true"));
    }
    if (attach_.node) {
      if (e.target && e.target->kind == "Node")
        add_node(target, e.target->name);
      else if (e.node)
        add_node(target, *e.node);
    }
    back_by_pod(target, e.target, port.number, std::nullopt, seen);
    out.push_back(over(std::move(target), group));
  }

  /// Where a pod stands behind an endpoint: its labels, and those of the container whose port it
  /// is. `protocol`: the endpoint's, which role endpoints shows instead of the container's.
  void back_by_pod(StringMap& target, const std::optional<Reference>& ref,
                   std::optional<std::int64_t> number, std::optional<std::string> protocol,
                   SeenPods& seen) const {
    const Pod* pod = pod_of(ref);
    if (!pod) return;
    add_pod_labels(target, *pod);
    auto& [known, ports] = seen[pod->meta.key()];
    known = pod;
    if (!number) return;
    ports.push_back(*number);
    for (const Container& c : pod->containers)
      for (const Port& port : c.ports) {
        if (port.number != *number) continue;
        add_container(target, c);
        add_container_port(target, port);
        if (protocol) set(target, "pod_container_port_protocol", *protocol);
        break;
      }
  }

  /// Ports of those pods' containers that no endpoint leads to.
  void unseen_ports(const SeenPods& seen, const StringMap& group) {
    for (const auto& [key, entry] : seen) {
      const auto& [pod, ports] = entry;
      if (pod->ip.empty()) continue;
      for (const Container& c : pod->containers)
        for (const Port& port : c.ports) {
          if (std::find(ports.begin(), ports.end(), port.number) != ports.end()) continue;
          StringMap target{{"__address__", host_port(pod->ip, port.number)}};
          add_container(target, c);
          add_container_port(target, port);
          add_pod_labels(target, *pod);
          out.push_back(over(std::move(target), group));
        }
    }
  }

  const Store& store_;
  Attach attach_;
};

}  // namespace

void add_pod(const Pod& pod, const StringMap& more, std::vector<StringMap>& out) {
  if (pod.ip.empty()) return;  // it starts, or was evicted
  StringMap group = more;
  add_pod_labels(group, pod);
  set(group, "namespace", pod.meta.ns);
  for (const Container& c : pod.containers) {
    StringMap target = group;
    add_container(target, c);
    set(target, "pod_container_id", c.id);
    if (c.ports.empty()) {
      target["__address__"] = pod.ip;
      out.push_back(std::move(target));
      continue;
    }
    for (const Port& port : c.ports) {
      StringMap& one = out.emplace_back(target);
      one["__address__"] = host_port(pod.ip, port.number);
      add_container_port(one, port);
    }
  }
}

std::vector<StringMap> targets_of(const Store& store, Role role, Attach attach) {
  Builder builder(store, attach);
  switch (role) {
    case Role::node:
      for (const auto& [key, object] : store.nodes) builder.node(object);
      break;
    case Role::pod:
      for (const auto& [key, object] : store.pods) builder.pod(object);
      break;
    case Role::service:
      for (const auto& [key, object] : store.services) builder.service(object);
      break;
    case Role::endpoints:
      for (const auto& [key, object] : store.endpoints) builder.endpoints(object);
      break;
    case Role::endpoint_slice:
      for (const auto& [key, object] : store.slices) builder.slice(object);
      break;
    case Role::ingress:
      for (const auto& [key, object] : store.ingresses) builder.ingress(object);
      break;
  }
  return std::move(builder.out);
}

}  // namespace collector::discover::kubernetes
