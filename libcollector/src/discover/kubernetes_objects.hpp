// What discovery keeps of the objects of a Kubernetes API: the members that labels come from, and
// nothing else. Values only.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace collector::discover::kubernetes {

using Texts = std::map<std::string, std::string>;

struct Meta {
  std::string ns, name, uid;
  Texts labels, annotations;
  std::string controller_kind, controller_name;  ///< of the owner that controls it
  /// What names an object among its kind: `namespace/name`, or the name where there is no
  /// namespace.
  std::string key() const { return ns.empty() ? name : ns + "/" + name; }
};
struct Port {
  std::string name, protocol;
  std::int64_t number = 0;
};
struct Container {
  std::string name, image, id;
  bool init = false;
  std::vector<Port> ports;
};
struct Pod {
  Meta meta;
  std::string ip, phase, node, host_ip, ready = "unknown";
  std::vector<Container> containers;  ///< init containers last
};
struct Node {
  Meta meta;
  std::string provider_id;
  Texts conditions;
  std::vector<std::pair<std::string, std::string>> addresses;  ///< type, address
  std::int64_t kubelet_port = 0;
};
struct Service {
  Meta meta;
  std::string type, cluster_ip, external_name, load_balancer_ips;
  std::string primary_family;  ///< of a dual-stack service, else empty
  std::vector<Port> ports;
};
struct Reference {
  std::string kind, ns, name;
};
struct EndpointAddress {
  std::string ip, hostname;
  std::optional<std::string> node;
  std::optional<Reference> target;
};
struct Endpoints {
  struct Subset {
    std::vector<EndpointAddress> ready, not_ready;
    std::vector<Port> ports;
  };
  Meta meta;
  std::vector<Subset> subsets;
};
struct EndpointSlice {
  struct Endpoint {
    std::vector<std::string> addresses;
    std::optional<bool> ready, serving, terminating;
    std::optional<std::string> hostname, node, zone;
    std::optional<Reference> target;
    Texts topology;
  };
  struct SlicePort {
    std::optional<std::string> name, protocol, app_protocol;
    std::optional<std::int64_t> number;
  };
  Meta meta;
  std::string address_type;
  std::vector<Endpoint> endpoints;
  std::vector<SlicePort> ports;
};
struct Ingress {
  struct Rule {
    std::string host;
    std::vector<std::string> paths;
  };
  Meta meta;
  std::optional<std::string> class_name;
  std::vector<Rule> rules;
  std::vector<std::string> tls_hosts;
};
struct Namespace {
  Meta meta;
};

Meta read_meta(const nlohmann::json& object);
void read(const nlohmann::json& object, Pod& pod);
void read(const nlohmann::json& object, Node& node);
void read(const nlohmann::json& object, Service& service);
void read(const nlohmann::json& object, Endpoints& endpoints);
void read(const nlohmann::json& object, EndpointSlice& slice);
void read(const nlohmann::json& object, Ingress& ingress);
void read(const nlohmann::json& object, Namespace& ns);

}  // namespace collector::discover::kubernetes
