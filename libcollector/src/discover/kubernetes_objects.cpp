#include "discover/kubernetes_objects.hpp"

#include "platform/json_fields.hpp"

#include <algorithm>
#include <cctype>

namespace collector::discover::kubernetes {
namespace {

using nlohmann::json;
using platform::elements;
using platform::flag;
using platform::member;
using platform::number;
using platform::text;
using platform::texts;

std::string lower(std::string t) {
  for (char& c : t) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return t;
}

std::optional<std::string> optional_text(const json& object, const char* name) {
  const json& value = member(object, name);
  if (!value.is_string()) return std::nullopt;
  return value.get<std::string>();
}
std::optional<bool> optional_flag(const json& object, const char* name) {
  const json& value = member(object, name);
  if (!value.is_boolean()) return std::nullopt;
  return value.get<bool>();
}

std::vector<std::string> strings(const json& array) {
  std::vector<std::string> out;
  for (const json& one : elements(array))
    if (one.is_string()) out.push_back(one.get<std::string>());
  return out;
}

std::optional<Reference> reference(const json& holder) {
  const json& ref = member(holder, "targetRef");
  if (!ref.is_object()) return std::nullopt;
  return Reference{text(ref, "kind"), text(ref, "namespace"), text(ref, "name")};
}

void read_containers(const json& specs, const json& statuses, bool init,
                     std::vector<Container>& out) {
  for (const json& spec : elements(specs)) {
    Container& c = out.emplace_back();
    c.name = text(spec, "name");
    c.image = text(spec, "image");
    c.init = init;
    for (const json& port : elements(member(spec, "ports")))
      c.ports.push_back(
          {text(port, "name"), text(port, "protocol"), number(port, "containerPort")});
    for (const json& status : elements(statuses))
      if (c.id.empty() && text(status, "name") == c.name) c.id = text(status, "containerID");
  }
}

std::vector<EndpointAddress> addresses(const json& list) {
  std::vector<EndpointAddress> out;
  for (const json& a : elements(list))
    out.push_back({text(a, "ip"), text(a, "hostname"), optional_text(a, "nodeName"), reference(a)});
  return out;
}

std::vector<Port> ports(const json& list) {
  std::vector<Port> out;
  for (const json& p : elements(list))
    out.push_back({text(p, "name"), text(p, "protocol"), number(p, "port")});
  return out;
}

}  // namespace

Meta read_meta(const json& object) {
  const json& meta = member(object, "metadata");
  Meta out{text(meta, "namespace"),
           text(meta, "name"),
           text(meta, "uid"),
           texts(member(meta, "labels")),
           texts(member(meta, "annotations")),
           {},
           {}};
  for (const json& owner : elements(member(meta, "ownerReferences"))) {
    if (!flag(owner, "controller")) continue;
    out.controller_kind = text(owner, "kind");
    out.controller_name = text(owner, "name");
    break;
  }
  return out;
}

void read(const json& object, Pod& pod) {
  const json &spec = member(object, "spec"), &status = member(object, "status");
  pod.meta = read_meta(object);
  pod.ip = text(status, "podIP");
  pod.phase = text(status, "phase");
  pod.host_ip = text(status, "hostIP");
  pod.node = text(spec, "nodeName");
  for (const json& condition : elements(member(status, "conditions")))
    if (text(condition, "type") == "Ready") {
      pod.ready = lower(text(condition, "status"));
      break;
    }
  read_containers(member(spec, "containers"), member(status, "containerStatuses"), false,
                  pod.containers);
  read_containers(member(spec, "initContainers"), member(status, "initContainerStatuses"), true,
                  pod.containers);
}

void read(const json& object, Node& node) {
  const json& status = member(object, "status");
  node.meta = read_meta(object);
  node.provider_id = text(member(object, "spec"), "providerID");
  for (const json& c : elements(member(status, "conditions")))
    node.conditions[lower(text(c, "type"))] = lower(text(c, "status"));
  for (const json& a : elements(member(status, "addresses")))
    node.addresses.emplace_back(text(a, "type"), text(a, "address"));
  node.kubelet_port = number(member(member(status, "daemonEndpoints"), "kubeletEndpoint"), "Port");
}

void read(const json& object, Service& service) {
  const json& spec = member(object, "spec");
  service.meta = read_meta(object);
  service.type = text(spec, "type");
  service.cluster_ip = text(spec, "clusterIP");
  service.external_name = text(spec, "externalName");
  service.ports = ports(member(spec, "ports"));
  const json& balancer = member(member(object, "status"), "loadBalancer");
  for (const json& ingress : elements(member(balancer, "ingress")))
    if (const std::string ip = text(ingress, "ip"); !ip.empty())
      service.load_balancer_ips.append(service.load_balancer_ips.empty() ? "" : ",").append(ip);
  if (service.load_balancer_ips.empty()) service.load_balancer_ips = text(spec, "loadBalancerIP");
  const std::string policy = text(spec, "ipFamilyPolicy");
  const auto families = strings(member(spec, "ipFamilies"));
  if ((policy == "PreferDualStack" || policy == "RequireDualStack") && !families.empty())
    service.primary_family = families[0];
}

void read(const json& object, Endpoints& endpoints) {
  endpoints.meta = read_meta(object);
  for (const json& subset : elements(member(object, "subsets")))
    endpoints.subsets.push_back({addresses(member(subset, "addresses")),
                                 addresses(member(subset, "notReadyAddresses")),
                                 ports(member(subset, "ports"))});
}

void read(const json& object, EndpointSlice& slice) {
  slice.meta = read_meta(object);
  slice.address_type = text(object, "addressType");
  for (const json& e : elements(member(object, "endpoints"))) {
    const json& conditions = member(e, "conditions");
    slice.endpoints.push_back(
        {strings(member(e, "addresses")), optional_flag(conditions, "ready"),
         optional_flag(conditions, "serving"), optional_flag(conditions, "terminating"),
         optional_text(e, "hostname"), optional_text(e, "nodeName"), optional_text(e, "zone"),
         reference(e), texts(member(e, "deprecatedTopology"))});
  }
  for (const json& p : elements(member(object, "ports"))) {
    std::optional<std::int64_t> port;
    if (member(p, "port").is_number_integer()) port = number(p, "port");
    slice.ports.push_back({optional_text(p, "name"), optional_text(p, "protocol"),
                           optional_text(p, "appProtocol"), port});
  }
}

void read(const json& object, Ingress& ingress) {
  const json& spec = member(object, "spec");
  ingress.meta = read_meta(object);
  ingress.class_name = optional_text(spec, "ingressClassName");
  for (const json& rule : elements(member(spec, "rules"))) {
    Ingress::Rule& out = ingress.rules.emplace_back();
    out.host = text(rule, "host");
    const json& http = member(rule, "http");
    for (const json& path : elements(member(http, "paths")))
      out.paths.push_back(text(path, "path"));
    if (!http.is_object()) out.paths.emplace_back();
  }
  for (const json& tls : elements(member(spec, "tls")))
    for (std::string& host : strings(member(tls, "hosts")))
      ingress.tls_hosts.push_back(std::move(host));
}

void read(const json& object, Namespace& ns) { ns.meta = read_meta(object); }

}  // namespace collector::discover::kubernetes
