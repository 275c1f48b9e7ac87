#include "admin/pages.hpp"

#include "admin/api.hpp"
#include "admin/cluster.hpp"
#include "admin/html.hpp"
#include "net/http.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace collector::admin {
namespace {

constexpr int kRefresh = 5;

std::string component_link(const PageContext& in, const std::string& id) {
  return fmt::format("<a href=\"{}/component/{}\"><code>{}</code></a>", escape(in.prefix),
                     escape(net::url_encode(id)), escape(id));
}

std::string edge_rows(const PageContext& in, const std::string& id) {
  std::string rows;
  for (const auto& edge : in.controller.edges()) {
    if (!id.empty() && edge->from != id && edge->to != id) continue;
    std::string problem;
    if (!edge->last_problem.empty())
      problem = fmt::format("<div class=\"error\">{}</div>", escape(edge->last_problem));
    rows += fmt::format(
        "<tr><td>{} &rarr; {}{}</td><td class=\"number\">{}/s</td><td class=\"wide\">{}</td>"
        "<td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
        component_link(in, edge->from), component_link(in, edge->to), problem,
        short_number(in.rates.samples_per_second(*edge)), sparkline(in.rates.history(*edge)),
        short_number(static_cast<double>(edge->delivered)),
        short_number(static_cast<double>(edge->waiting)),
        short_number(static_cast<double>(edge->rejected)));
  }
  if (rows.empty()) return {};
  return "<h2>Edges</h2><div class=\"scroll\"><table><tr><th>from &rarr; to</th><th>samples</th>"
         "<th class=\"wide\">last 5 minutes</th><th>delivered</th><th>waiting</th><th>refused</th>"
         "</tr>" +
         rows + "</table></div>";
}

/// Nothing while there is neither a limit nor a refusal.
std::string memory_line(const Budget& budget) {
  const Budget::Usage usage = budget.usage();
  std::uint64_t refused = 0;
  for (const auto& [key, n] : usage.refused) refused += n;
  if (usage.limit == Budget::kNoLimit && refused == 0) return {};
  const std::string limit = usage.limit == Budget::kNoLimit
                                ? std::string("no limit")
                                : short_bytes(static_cast<double>(usage.limit));
  return fmt::format("<h2>Memory</h2><p{}>{} of {} taken, at most {}; refused {} times.</p>",
                     refused > 0 ? " class=\"error\"" : "",
                     short_bytes(static_cast<double>(usage.used)), limit,
                     short_bytes(static_cast<double>(usage.peak)), refused);
}

std::string overview(const PageContext& in) {
  std::string body = host_panel(in);
  const auto& load = in.controller.load_state();
  if (!load.error.empty())
    body += fmt::format(
        "<h2 class=\"error\">The last load failed; the configuration before it runs</h2>"
        "<pre>{}</pre>",
        escape(load.error));
  body +=
      "<h2>Components</h2><div class=\"scroll\"><table><tr><th>component</th><th>health</th>"
      "<th>reason</th></tr>";
  for (pipeline::Node* node : in.controller.nodes()) {
    const auto health = node->health().report(in.controller.seams().loop);
    body +=
        fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>", component_link(in, node->id()),
                    badge(pipeline::to_string(health.state)), escape(health.reason));
  }
  body += "</table></div>" + memory_line(in.controller.seams().budget) + edge_rows(in, {});
  return document({in.prefix, "Components", "components", kRefresh}, body);
}

std::string labels_text(const StringMap& labels) {
  std::string text;
  for (const auto& [name, value] : labels)
    text += fmt::format("{}<code>{}=&quot;{}&quot;</code>", text.empty() ? "" : " ", escape(name),
                        escape(value));
  return text;
}

std::string target_rows(const PageContext& in, pipeline::Node& node) {
  std::string rows;
  const WallTime now = in.controller.seams().loop.wall();
  for (const TargetRow& row : node.component().targets()) {
    const double age = static_cast<double>(now.unix_ns - row.last_scrape.unix_ns) / 1e9;
    const double took = std::chrono::duration<double, std::milli>(row.duration).count();
    rows += fmt::format(
        "<tr><td>{}<div>{}</div><details class=\"dim\"><summary>before relabelling</summary>{}"
        "</details></td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>"
        "<td class=\"number\">{}</td></tr>",
        row.url.empty() ? "" : fmt::format("<code>{}</code>", escape(row.url)),
        labels_text(row.labels) +
            (row.error.empty() ? ""
                               : fmt::format("<div class=\"error\">{}</div>", escape(row.error))),
        labels_text(row.discovered_labels), badge(row.health),
        row.last_scrape.unix_ns == 0 ? "never" : ago(age), fmt::format("{:.1f} ms", took),
        row.samples);
  }
  if (rows.empty()) return {};
  return "<div class=\"scroll\"><table><tr><th>target</th><th>health</th><th>last scrape</th>"
         "<th>took</th><th>samples</th></tr>" +
         rows + "</table></div>";
}

std::string targets(const PageContext& in) {
  std::string body = "<h1>Targets</h1>";
  bool any = false;
  for (pipeline::Node* node : in.controller.nodes()) {
    const std::string rows = target_rows(in, *node);
    if (rows.empty()) continue;
    any = true;
    body += fmt::format("<h2>{}</h2>{}", component_link(in, node->id()), rows);
  }
  if (!any) body += "<p class=\"dim\">No component scrapes anything.</p>";
  return document({in.prefix, "Targets", "targets", kRefresh}, body);
}

std::string table_of(const StringMap& facts) {
  std::string rows;
  for (const auto& [name, value] : facts)
    rows += fmt::format("<tr><th>{}</th><td>{}</td></tr>", escape(name), escape(value));
  return "<div class=\"scroll\"><table>" + rows + "</table></div>";
}

std::optional<std::string> component(const PageContext& in, const std::string& id) {
  pipeline::Node* node = in.controller.find(id);
  if (!node) return std::nullopt;
  const auto health = node->health().report(in.controller.seams().loop);
  std::string body = fmt::format("<h1><code>{}</code></h1><p>{} {}</p>", escape(id),
                                 badge(pipeline::to_string(health.state)), escape(health.reason));
  body += fmt::format("<p class=\"dim\">{}</p>", escape(node->definition().doc));
  body += edge_rows(in, id);
  if (const std::string rows = target_rows(in, *node); !rows.empty())
    body += "<h2>Targets</h2>" + rows;
  if (const StringMap facts = node->component().debug_info(); !facts.empty())
    body += "<h2>Now</h2>" + table_of(facts);
  const auto dump = [](const nlohmann::ordered_json& value) {
    return escape(value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  };
  body += "<h2>Arguments</h2><pre>" + dump(shown_arguments(*node)) + "</pre>";
  body += "<h2>Exports</h2><pre>" + dump(shown(node->exports())) + "</pre>";
  return document({in.prefix, id, "components", kRefresh}, body);
}

std::string ledger(const PageContext& in) {
  std::string body =
      "<h1>Ledger</h1><p class=\"dim\">accepted = delivered + waiting + dropped, in samples</p>";
  std::string rows;
  for (pipeline::Node* node : in.controller.nodes()) {
    for (const auto& [name, account] : node->component().ledgers()) {
      std::string dropped;
      for (const auto& [reason, count] : account.dropped)
        dropped += fmt::format("<div>{} {}</div>", count, escape(reason));
      rows += fmt::format(
          "<tr><td>{}<div class=\"dim\">{}</div></td><td class=\"number\">{}</td>"
          "<td class=\"number\">{}</td><td class=\"number\">{}</td><td>{}</td></tr>",
          component_link(in, node->id()), escape(name), account.accepted, account.delivered,
          account.waiting, dropped.empty() ? "none" : dropped);
    }
  }
  if (rows.empty())
    body += "<p class=\"dim\">No component delivers to a destination.</p>";
  else
    body +=
        "<h2>Destinations</h2><div class=\"scroll\"><table><tr><th>destination</th>"
        "<th>accepted</th><th>delivered</th><th>waiting</th><th>dropped</th></tr>" +
        rows + "</table></div>";
  body += edge_rows(in, {});
  return document({in.prefix, "Ledger", "ledger", kRefresh}, body);
}

}  // namespace

std::optional<std::string> page(const PageContext& in, std::string_view path,
                                const std::string& target) {
  constexpr std::string_view kComponent = "/component/";
  if (path.empty() || path == "/") return overview(in);
  if (path == "/targets") return targets(in);
  if (path == "/store") return store_page(in, target);
  if (path == "/ledger") return ledger(in);
  if (path == "/clustering") return cluster_page(in);
  if (path.starts_with(kComponent))
    return component(in, net::url_decode(std::string(path.substr(kComponent.size()))));
  return std::nullopt;
}

}  // namespace collector::admin
