// What the admin server says of the cluster: metrics under Alloy's names where it has one, JSON, a
// page. One thread.
#pragma once

#include <collector/engine/sharding.hpp>

#include "admin/pages.hpp"
#include "net/http.hpp"
#include "pipeline/own_metrics.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace collector::admin {

/// Both outlive it.
class ClusterMetrics {
 public:
  ClusterMetrics(pipeline::MetricRoot& root, const sharding::ProbedMembership& cluster);

 private:
  void update();
  const sharding::ProbedMembership& cluster_;
  pipeline::OwnMetrics metrics_;
};

/// For /api/v0/cluster; `cluster` may be null.
nlohmann::ordered_json cluster_json(const sharding::ProbedMembership* cluster, Instant now);
std::string cluster_page(const PageContext& in);

/// Another node's probe. One with an Origin comes from a browser and is refused.
net::Response answer_probe(sharding::ProbedMembership& cluster, const net::Request& request);

}  // namespace collector::admin
