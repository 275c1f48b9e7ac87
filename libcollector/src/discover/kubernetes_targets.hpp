// Targets of the objects of a Kubernetes API, with the labels that Prometheus gives them (facts:
// prometheus/prometheus, discovery/kubernetes). Pure.
#pragma once

#include <collector/engine/arguments.hpp>

#include "discover/kubernetes_objects.hpp"

#include <map>
#include <string>
#include <vector>

namespace collector::discover::kubernetes {

enum class Role : std::uint8_t { node, pod, service, endpoints, endpoint_slice, ingress };

template <class T>
using Objects = std::map<std::string, T>;  ///< by Meta::key()

struct Store {
  Objects<Node> nodes;
  Objects<Pod> pods;
  Objects<Service> services;
  Objects<Endpoints> endpoints;
  Objects<EndpointSlice> slices;
  Objects<Ingress> ingresses;
  Objects<Namespace> namespaces;
};

struct Attach {
  bool node = false, ns = false;
};

/// All targets of `role`, in the order of their objects' keys.
std::vector<StringMap> targets_of(const Store& store, Role role, Attach attach);
/// The targets of one pod, as role pod has them.
void add_pod(const Pod& pod, const StringMap& more, std::vector<StringMap>& out);

}  // namespace collector::discover::kubernetes
