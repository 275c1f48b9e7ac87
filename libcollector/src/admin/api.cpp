#include "admin/api.hpp"

#include "base/redact.hpp"
#include "net/http.hpp"
#include "schema/decode.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace collector::admin {
namespace {

using json = nlohmann::ordered_json;

json time_or_null(WallTime time) {
  return time.unix_ns == 0 ? json() : json(base::format_time(time));
}

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

json of_edge(const pipeline::Edge& edge, const EdgeRates& rates) {
  return {{"from", edge.from},
          {"to", edge.to},
          {"unit", "samples"},
          {"samples_per_second", rates.samples_per_second(edge)},
          {"offered", edge.offered},
          {"bytes", edge.bytes},
          {"accepted", edge.offered - edge.retried},
          {"delivered", edge.delivered},
          {"rejected", edge.rejected},
          {"rejected_by_reason", edge.reasons},
          {"retried", edge.retried},
          {"waiting", edge.waiting},
          {"batches", edge.batches},
          {"latency_seconds_sum", edge.latency_seconds},
          {"last_problem", edge.last_problem},
          {"recent", edge.recent}};
}

json of_component(pipeline::Controller& controller, pipeline::Node& node, const EdgeRates& rates,
                  bool whole) {
  const auto health = node.health().report(controller.seams().loop);
  json out{{"id", node.id()},
           {"name", node.definition().name},
           {"label", node.label()},
           {"health",
            {{"state", pipeline::to_string(health.state)},
             {"reason", health.reason},
             {"since", time_or_null(health.since)}}}};
  json edges = json::array();
  for (const auto& edge : controller.edges())
    if (edge->from == node.id() || edge->to == node.id()) edges.push_back(of_edge(*edge, rates));
  out["edges"] = std::move(edges);
  if (!whole) return out;
  out["arguments"] = shown_arguments(node);
  out["exports"] = shown(node.exports());
  out["debug_info"] = node.component().debug_info();
  return out;
}

json all_targets(pipeline::Controller& controller) {
  json rows = json::array();
  for (pipeline::Node* node : controller.nodes())
    for (const TargetRow& row : node->component().targets())
      rows.push_back({{"component", node->id()},
                      {"job", row.job},
                      {"url", row.url},
                      {"discovered_labels", row.discovered_labels},
                      {"labels", row.labels},
                      {"health", row.health},
                      {"error", row.error},
                      {"last_scrape", time_or_null(row.last_scrape)},
                      {"duration_seconds", seconds(row.duration)},
                      {"interval_seconds", seconds(row.interval)},
                      {"samples", row.samples}});
  return rows;
}

json ledger(pipeline::Controller& controller, const EdgeRates& rates) {
  json edges = json::array(), destinations = json::array();
  for (const auto& edge : controller.edges()) edges.push_back(of_edge(*edge, rates));
  for (pipeline::Node* node : controller.nodes())
    for (const auto& [name, account] : node->component().ledgers())
      destinations.push_back({{"component", node->id()},
                              {"destination", name},
                              {"unit", "samples"},
                              {"accepted", account.accepted},
                              {"delivered", account.delivered},
                              {"waiting", account.waiting},
                              {"dropped", account.dropped}});
  return {{"edges", std::move(edges)}, {"destinations", std::move(destinations)}};
}

json memory(const Budget& budget) {
  const Budget::Usage usage = budget.usage();
  json refusals = json::array();
  for (const auto& [key, n] : usage.refused)
    refusals.push_back({{"purpose", key.first}, {"reason", to_string(key.second)}, {"count", n}});
  return {{"limit_bytes", usage.limit == Budget::kNoLimit ? json() : json(usage.limit)},
          {"used_bytes", usage.used},
          {"peak_bytes", usage.peak},
          {"refusals", std::move(refusals)}};
}

json store(pipeline::Controller& controller, const std::string& target) {
  SeriesQuery query;
  query.search = net::query_value(target, "search").value_or("");
  query.offset = query_number(target, "offset", 0, SIZE_MAX);
  query.limit = query_number(target, "limit", 100, 10'000);
  json rows = json::array();
  std::size_t matched = 0;
  for (pipeline::Node* node : controller.nodes()) {
    if (!node->component().has_series()) continue;
    SeriesPage page = node->component().series_page(query);
    matched += page.matched;
    for (const SeriesRow& row : page.rows)
      rows.push_back({{"component", node->id()}, {"labels", row.labels}, {"points", row.points}});
  }
  return {{"matched", matched}, {"series", std::move(rows)}};
}

/// Passwords in URLs go, wherever a text came from: a label, an error, an argument.
void hide_passwords(json& value) {
  if (value.is_string()) value = base::without_passwords(value.get<std::string>());
  if (value.is_structured())
    for (json& item : value) hide_passwords(item);
}

}  // namespace

std::size_t query_number(const std::string& target, std::string_view name, std::size_t otherwise,
                         std::size_t most) {
  const auto text = net::query_value(target, name);
  if (!text) return otherwise;
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return otherwise;
  return std::min(value, most);
}

json shown(const syntax::Value& value) {
  using Type = syntax::Value::Type;
  switch (value.type()) {
    case Type::null:
      return {};
    case Type::number:
      if (value.is_int()) return value.as_int();
      if (value.is_uint()) return value.as_uint();
      return value.as_float();
    case Type::string:
      return value.string();
    case Type::boolean:
      return value.boolean();
    case Type::array: {
      json out = json::array();
      for (const auto& item : value.array()) out.push_back(shown(item));
      return out;
    }
    case Type::object: {
      json out = json::object();
      for (const auto& [key, item] : value.object()) out[key] = shown(item);
      return out;
    }
    case Type::function:
      return "function";
    case Type::capsule:
      if (auto text = value.capsule_as<syntax::OptionalSecret>(); text && !text->sensitive())
        return text->reveal();
      if (auto receiver = value.capsule_as<pipeline::ReceiverState>())
        return "receiver of " + receiver->node;
      return syntax::to_text(value);
  }
  return {};
}

json shown_arguments(const pipeline::Node& node) {
  if (!node.args()) return json::object();
  return shown(syntax::Value(schema::encode(node.args()->info(), node.args()->data())));
}

std::optional<std::string> api(pipeline::Controller& controller, const EdgeRates& rates,
                               std::string_view rest, const std::string& target) {
  json out;
  if (rest == "components") {
    out["components"] = json::array();
    for (pipeline::Node* node : controller.nodes())
      out["components"].push_back(of_component(controller, *node, rates, false));
  } else if (rest.starts_with("components/")) {
    pipeline::Node* node = controller.find(net::url_decode(std::string(rest.substr(11))));
    if (!node) return std::nullopt;
    out = of_component(controller, *node, rates, true);
  } else if (rest == "targets") {
    out["targets"] = all_targets(controller);
  } else if (rest == "edges") {
    out["edges"] = json::array();
    for (const auto& edge : controller.edges()) out["edges"].push_back(of_edge(*edge, rates));
  } else if (rest == "ledger") {
    out = ledger(controller, rates);
  } else if (rest == "memory") {
    out = memory(controller.seams().budget);
  } else if (rest == "store") {
    out = store(controller, target);
  } else {
    return std::nullopt;
  }
  hide_passwords(out);
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace collector::admin
