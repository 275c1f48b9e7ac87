// What the stores hold: search, latest values and sparklines, and this host at a glance.
#include "admin/api.hpp"
#include "admin/html.hpp"
#include "admin/pages.hpp"
#include "net/http.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace collector::admin {
namespace {

constexpr std::size_t kRowsOfPage = 100;
constexpr std::size_t kSeriesOfPanel = 2000;
constexpr std::size_t kPointsOfPanel = 120;

std::string series_text(const StringMap& labels) {
  std::string name, rest;
  for (const auto& [key, value] : labels) {
    if (key == "__name__")
      name = value;
    else
      rest += fmt::format("{}{}=\"{}\"", rest.empty() ? "" : ", ", key, value);
  }
  return rest.empty() ? name : name + '{' + rest + '}';
}

std::vector<double> values(const SeriesRow& row) {
  std::vector<double> out;
  const std::size_t from =
      row.points.size() > kPointsOfPanel ? row.points.size() - kPointsOfPanel : 0;
  for (std::size_t i = from; i < row.points.size(); ++i) out.push_back(row.points[i].second);
  return out;
}

/// Sums over series, by timestamp.
using Line = std::map<std::int64_t, double>;

std::vector<double> tail(const Line& line) {
  std::vector<double> out;
  for (const auto& [at, value] : line) out.push_back(value);
  if (out.size() > kPointsOfPanel) out.erase(out.begin(), out.end() - kPointsOfPanel);
  return out;
}

/// Where the panel's numbers come from: every series of one name in the stores.
class Stored {
 public:
  explicit Stored(const PageContext& in) : in_(in) {}

  std::vector<SeriesRow> series(const std::string& name) const {
    std::vector<SeriesRow> rows;
    for (pipeline::Node* node : in_.controller.nodes()) {
      if (!node->component().has_series()) continue;
      for (SeriesRow& row : node->component().series_page({name, 0, kSeriesOfPanel}).rows)
        if (auto at = row.labels.find("__name__"); at != row.labels.end() && at->second == name)
          rows.push_back(std::move(row));
    }
    return rows;
  }

  /// The sum of a gauge's series.
  Line sum(const std::string& name) const {
    Line line;
    for (const SeriesRow& row : series(name))
      for (const auto& [at, value] : row.points) line[at] += value;
    return line;
  }

  /// The sum of per-second increases of a counter's series that `wanted` accepts.
  template <class Wanted>
  Line rate(const std::string& name, Wanted wanted) const {
    Line line;
    for (const SeriesRow& row : series(name)) {
      if (!wanted(row.labels)) continue;
      for (std::size_t i = 1; i < row.points.size(); ++i) {
        const auto& [t0, v0] = row.points[i - 1];
        const auto& [t1, v1] = row.points[i];
        if (t1 > t0 && v1 >= v0) line[t1] += (v1 - v0) * 1000 / static_cast<double>(t1 - t0);
      }
    }
    return line;
  }

 private:
  const PageContext& in_;
};

std::string card(std::string_view name, const std::string& value, const std::vector<double>& line) {
  return fmt::format(
      "<div class=\"card\"><div class=\"name\">{}</div><div class=\"value\">{}</div>{}</div>",
      escape(name), escape(value), sparkline(line, 240, 44));
}

std::string label_of(const StringMap& labels, const char* name) {
  auto at = labels.find(name);
  return at == labels.end() ? std::string() : at->second;
}

}  // namespace

std::string host_panel(const PageContext& in) {
  const Stored stored(in);
  std::string cards;
  const auto any = [](const StringMap&) { return true; };

  Line busy = stored.rate("node_cpu_seconds_total", [](const StringMap& l) {
    return label_of(l, "mode") != "idle" && label_of(l, "mode") != "iowait";
  });
  const Line all = stored.rate("node_cpu_seconds_total", any);
  for (auto& [at, value] : busy)
    if (auto total = all.find(at); total != all.end() && total->second > 0)
      value = 100 * value / total->second;
  if (!busy.empty())
    cards += card("CPU", fmt::format("{:.1f} %", busy.rbegin()->second), tail(busy));

  const Line total = stored.sum("node_memory_MemTotal_bytes");
  Line used;
  for (const auto& [at, free] : stored.sum("node_memory_MemAvailable_bytes"))
    if (auto t = total.find(at); t != total.end()) used[at] = t->second - free;
  if (!used.empty())
    cards += card("Memory",
                  fmt::format("{} of {}", short_bytes(used.rbegin()->second),
                              short_bytes(total.rbegin()->second)),
                  tail(used));

  Line disk = stored.rate("node_disk_read_bytes_total", any);
  for (const auto& [at, value] : stored.rate("node_disk_written_bytes_total", any))
    disk[at] += value;
  if (!disk.empty())
    cards += card("Disk read and written", short_bytes(disk.rbegin()->second) + "/s", tail(disk));

  const auto real = [](const StringMap& l) { return label_of(l, "device") != "lo"; };
  Line network = stored.rate("node_network_receive_bytes_total", real);
  for (const auto& [at, value] : stored.rate("node_network_transmit_bytes_total", real))
    network[at] += value;
  if (!network.empty())
    cards +=
        card("Network in and out", short_bytes(network.rbegin()->second) + "/s", tail(network));

  const Line load = stored.sum("node_load1");
  if (!load.empty())
    cards += card("Load, 1 minute", fmt::format("{:.2f}", load.rbegin()->second), tail(load));

  if (cards.empty()) return {};
  return "<h2>This host</h2><div class=\"cards\">" + cards + "</div>";
}

std::string store_page(const PageContext& in, const std::string& target) {
  SeriesQuery query;
  query.search = net::query_value(target, "search").value_or("");
  query.offset = query_number(target, "offset", 0, SIZE_MAX);
  query.limit = kRowsOfPage;
  std::string body = fmt::format(
      "<h1>Store</h1><form action=\"{}/store\" method=\"get\"><input name=\"search\" value=\"{}\" "
      "title=\"words of a series, such as node_cpu mode idle\" aria-label=\"search\">"
      "<button>Search</button></form>",
      escape(in.prefix), escape(query.search));
  std::string rows;
  std::size_t matched = 0;
  bool any = false;
  const WallTime now = in.controller.seams().loop.wall();
  for (pipeline::Node* node : in.controller.nodes()) {
    if (!node->component().has_series()) continue;
    any = true;
    const SeriesPage found = node->component().series_page(query);
    matched = std::max(matched, found.matched);
    for (const SeriesRow& row : found.rows) {
      if (row.points.empty()) continue;
      const double age = static_cast<double>(now.unix_ms() - row.points.back().first) / 1000;
      rows += fmt::format(
          "<tr><td><code>{}</code></td><td class=\"number\">{}</td><td class=\"wide "
          "number\">{}</td>"
          "<td>{}</td></tr>",
          escape(series_text(row.labels)), short_number(row.points.back().second), ago(age),
          sparkline(values(row)));
    }
  }
  if (!any) {
    body += "<p class=\"dim\">The configuration has no <code>collector.store</code>.</p>";
  } else {
    const std::size_t last = std::min(matched, query.offset + kRowsOfPage);
    body += fmt::format("<p class=\"dim\">{} series match; {} to {} are shown. ", matched,
                        matched == 0 ? 0 : std::min(query.offset + 1, matched), last);
    const auto link = [&](std::size_t offset, std::string_view text) {
      return fmt::format("<a href=\"{}/store?search={}&amp;offset={}\">{}</a> ", escape(in.prefix),
                         escape(net::url_encode(query.search)), offset, text);
    };
    if (query.offset > 0)
      body += link(query.offset > kRowsOfPage ? query.offset - kRowsOfPage : 0, "before");
    if (last < matched) body += link(query.offset + kRowsOfPage, "next");
    body +=
        "</p><div class=\"scroll\"><table><tr><th>series</th><th>value</th>"
        "<th class=\"wide\">seen</th><th>recent</th></tr>" +
        rows + "</table></div>";
  }
  return document({in.prefix, "Store", "store", 0}, body);
}

}  // namespace collector::admin
