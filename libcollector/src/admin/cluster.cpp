#include "admin/cluster.hpp"

#include "admin/html.hpp"
#include "pipeline/controller.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>

namespace collector::admin {
namespace {

using sharding::ProbedMembership;
using State = ProbedMembership::State;
using json = nlohmann::ordered_json;

constexpr std::array<State, 3> kStates{State::viewer, State::participant, State::terminating};

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

std::string what_of(const ProbedMembership::Peer& peer) {
  if (peer.is_self) return "this node";
  if (peer.alive) return std::string(to_string(peer.state));
  return peer.failures >= 3 ? "down" : "unknown";
}

}  // namespace

ClusterMetrics::ClusterMetrics(pipeline::MetricRoot& root, const ProbedMembership& cluster)
    : cluster_(cluster), metrics_(root, {{"cluster_name", cluster.options().cluster_name}}) {
  metrics_.before_write([this] { update(); });
}

void ClusterMetrics::update() {
  const auto gauge = [&](std::string_view name, std::string_view help, double value,
                         StringMap labels = {}) {
    metrics_.gauge(name, help, std::move(labels)).set(value);
  };
  const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value,
                           StringMap labels = {}) {
    metrics_.counter(name, help, std::move(labels)).value = static_cast<double>(value);
  };
  std::array<double, kStates.size()> by_state{};
  by_state[static_cast<std::size_t>(cluster_.state())] += 1;
  double alive = 1, failing = 0;
  for (const auto& peer : cluster_.peers()) {
    if (peer.failures > 0) failing += 1;
    if (!peer.alive) continue;
    alive += 1;
    by_state[static_cast<std::size_t>(peer.state)] += 1;
  }
  for (const State state : kStates) {
    const StringMap labels{{"state", std::string(to_string(state))}};
    gauge("cluster_node_info", "Info about this node: 1 for the state that it is in.",
          state == cluster_.state() ? 1 : 0, labels);
    gauge("cluster_node_peers", "Nodes that answer, this one too, by state.",
          by_state[static_cast<std::size_t>(state)], labels);
  }
  gauge("cluster_node_gossip_alive_peers", "Nodes that answer, this one too.", alive);
  gauge("cluster_ready_for_traffic", "Whether this node may take on work.", cluster_.ready());
  gauge("cluster_minimum_size", "Members below which there is no work.",
        static_cast<double>(cluster_.options().wait_for_size));
  const auto& c = cluster_.counters();
  constexpr std::string_view kEvents = "cluster_node_gossip_received_events_total";
  constexpr std::string_view kEventsHelp = "Changes of the cluster that this node saw.";
  counter(kEvents, kEventsHelp, c.joins, {{"event", "node_join"}});
  counter(kEvents, kEventsHelp, c.leaves, {{"event", "node_leave"}});
  counter(kEvents, kEventsHelp, c.conflicts, {{"event", "node_conflict"}});
  gauge("collector_cluster_members", "Nodes among which this one divides the work.",
        static_cast<double>(cluster_.view().members.size()));
  gauge("collector_cluster_peers_failing", "Addresses whose last probe failed.", failing);
  counter("collector_cluster_probes_total", "Probes of other nodes.", c.probes);
  counter("collector_cluster_probes_failed_total", "Probes that got no answer of this cluster.",
          c.probes_failed);
  counter("collector_cluster_nodes_failed_total",
          "Nodes that failed three probes in a row; their work moved.", c.failed);
  counter("collector_cluster_lookups_failed_total", "Join addresses that could not be looked up.",
          c.lookups_failed);
  counter("collector_cluster_hints_dropped_total",
          "Addresses beyond the most that one node keeps track of.", c.hints_dropped);
  counter("collector_cluster_views_held_total",
          "Times that more than half of the members seemed gone, which waits to be confirmed.",
          c.views_held);
}

json cluster_json(const ProbedMembership* cluster, Instant now) {
  if (!cluster) return {{"enabled", false}};
  json members = json::array(), peers = json::array();
  for (const auto& m : cluster->view().members)
    members.push_back({{"node", m.name}, {"address", m.address}});
  for (const auto& p : cluster->peers())
    peers.push_back(
        {{"address", p.address},
         {"node", p.name},
         {"state", what_of(p)},
         {"member", p.member},
         {"listed", p.listed},
         {"failures", p.failures},
         {"revision", fmt::format("{:016x}", p.revision)},
         {"last_answer_seconds_ago", p.last_answer ? json(seconds(now - *p.last_answer)) : json()},
         {"error", p.error}});
  return {{"enabled", true},
          {"node", cluster->options().node_name},
          {"cluster", cluster->options().cluster_name},
          {"address", cluster->options().advertise_address},
          {"state", to_string(cluster->state())},
          {"ready", cluster->ready()},
          {"not_ready_because", cluster->not_ready_because()},
          {"revision", fmt::format("{:016x}", cluster->view().revision)},
          {"members", std::move(members)},
          {"peers", std::move(peers)}};
}

std::string cluster_page(const PageContext& in) {
  std::string body = "<h1>Clustering</h1>";
  const ProbedMembership* cluster = in.cluster;
  if (!cluster) {
    body +=
        "<p class=\"dim\">This node is alone: it was started without "
        "<code>--cluster.enabled</code>.</p>";
    return document({in.prefix, "Clustering", "clustering", 0}, body);
  }
  const Instant now = in.controller.seams().loop.now();
  const auto& view = cluster->view();
  body += fmt::format(
      "<p><code>{}</code> {} {}</p><p class=\"dim\">{} members, revision {:016x}; nodes with the "
      "same revision divide the work alike. {}</p>",
      escape(cluster->options().node_name), badge(to_string(cluster->state())),
      badge(cluster->ready() ? "ready" : "not ready"), view.members.size(), view.revision,
      escape(cluster->not_ready_because()));
  body +=
      "<div class=\"scroll\"><table><tr><th>node</th><th>state</th><th>last answer</th>"
      "<th>failures</th><th>revision</th></tr>";
  for (const auto& p : cluster->peers()) {
    const std::string state = what_of(p);
    body += fmt::format(
        "<tr><td><code>{}</code> <span class=\"dim\">{}</span>{}</td><td>{}</td>"
        "<td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">"
        "<code>{}</code></td></tr>",
        escape(p.name), escape(p.address),
        p.error.empty() ? "" : fmt::format("<div class=\"error\">{}</div>", escape(p.error)),
        badge(p.member ? "up" : state),
        p.last_answer ? ago(seconds(now - *p.last_answer)) : "never", p.failures,
        p.revision == 0 ? "" : fmt::format("{:016x}", p.revision));
  }
  body += "</table></div>";
  return document({in.prefix, "Clustering", "clustering", 5}, body);
}

net::Response answer_probe(ProbedMembership& cluster, const net::Request& request) {
  net::Response response;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  if (request.method != "POST") {
    response.status = 405;
    response.body = "use POST\n";
  } else if (request.headers.contains("Origin")) {
    response.status = 403;
    response.body = "this is for nodes, not for browsers\n";
  } else if (auto answer = cluster.answer(request.body); answer) {
    response.headers.set("Content-Type", "application/json");
    response.body = std::move(*answer);
  } else {
    response.status = answer.error().code() == Code::failed_precondition ? 409 : 400;
    response.body = answer.error().what();
  }
  return response;
}

}  // namespace collector::admin
