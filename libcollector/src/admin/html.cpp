#include "admin/html.hpp"

#include "base/redact.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace collector::admin {
namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--back:#fbfbfa;--card:#fff;--ink:#1d2327;--dim:#667079;--line:#dfe3e6;
--accent:#0b6fb8;--good:#1a7f43;--bad:#b3261e;--warn:#8a5a00}
@media (prefers-color-scheme:dark){:root{--back:#14181b;--card:#1c2226;--ink:#e4e8ea;--dim:#98a4ac;
--line:#323a40;--accent:#5cb3f0;--good:#5fd38a;--bad:#ff8a80;--warn:#f0c060}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.45 system-ui,sans-serif}
header{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;align-items:baseline;padding:.7rem 1rem;
border-bottom:1px solid var(--line);background:var(--card)}
header b{font-size:1.05rem}
nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
nav a.here{color:var(--ink);border-bottom:2px solid var(--accent)}
main{max-width:72rem;margin:0 auto;padding:1rem}
h1{font-size:1.3rem;margin:.2rem 0 .8rem}h2{font-size:1.05rem;margin:1.4rem 0 .5rem}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.7rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.7rem .8rem;
min-width:0}
.card .name{color:var(--dim);font-size:.85rem}.card .value{font-size:1.35rem;font-weight:600}
.card svg{width:100%;height:2.6rem;color:var(--accent);display:block}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:.5rem}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child td{border-bottom:0}th{color:var(--dim);font-weight:500;white-space:nowrap}
td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td svg{width:8rem;height:1.7rem;color:var(--accent);display:block}
code,pre{font-family:ui-monospace,monospace;font-size:.86rem;overflow-wrap:anywhere}
pre{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.7rem;
overflow-x:auto;white-space:pre-wrap;margin:0}
.badge{font-weight:600}.good{color:var(--good)}.bad{color:var(--bad)}.quiet{color:var(--dim)}
.dim{color:var(--dim);font-size:.88rem}.error{color:var(--bad);overflow-wrap:anywhere}
form{display:flex;gap:.5rem;margin:0 0 .8rem}
input,button{font:inherit;padding:.4rem .6rem;border:1px solid var(--line);border-radius:.4rem;
background:var(--card);color:var(--ink)}input{flex:1;min-width:0}
@media (max-width:40rem){.wide{display:none}main{padding:.7rem}}
)";

std::string digits(double value) {
  const double magnitude = std::fabs(value);
  if (magnitude >= 100 || value == std::floor(value)) return fmt::format("{:.0f}", value);
  if (magnitude >= 10) return fmt::format("{:.1f}", value);
  if (magnitude >= 0.01) return fmt::format("{:.2f}", value);
  return fmt::format("{:.2g}", value);
}

std::string scaled(double value, double step, std::span<const std::string_view> units) {
  if (!std::isfinite(value)) return fmt::format("{}", value);
  std::size_t unit = 0;
  while (std::fabs(value) >= step && unit + 1 < units.size()) {
    value /= step;
    ++unit;
  }
  return digits(value) + std::string(units[unit]);
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : base::without_passwords(std::string(text))) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string short_number(double value) {
  constexpr std::array<std::string_view, 5> kUnits{"", "k", "M", "G", "T"};
  return scaled(value, 1000, kUnits);
}

std::string short_bytes(double bytes) {
  constexpr std::array<std::string_view, 6> kUnits{" B", " KiB", " MiB", " GiB", " TiB", " PiB"};
  return scaled(bytes, 1024, kUnits);
}

std::string ago(double seconds) {
  if (seconds < 0) seconds = 0;
  if (seconds < 90) return fmt::format("{:.0f} s ago", seconds);
  if (seconds < 5400) return fmt::format("{:.0f} min ago", seconds / 60);
  return fmt::format("{:.0f} h ago", seconds / 3600);
}

std::string sparkline(std::span<const double> values, int width, int height) {
  if (values.size() < 2) return {};
  double low = INFINITY, high = -INFINITY;
  for (double v : values) {
    if (!std::isfinite(v)) continue;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  if (!(low <= high)) return {};
  if (low > 0 && low < high / 2) low = 0;
  const double span = high > low ? high - low : 1;
  const bool flat = !(high > low);
  std::string points;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    const double x =
        1 + (width - 2) * static_cast<double>(i) / static_cast<double>(values.size() - 1);
    const double y = flat ? height / 2.0 : height - 2 - (height - 4) * (values[i] - low) / span;
    points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ", x, y);
  }
  return fmt::format(
      "<svg viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\" role=\"img\" "
      "aria-label=\"from {} to {}\"><polyline points=\"{}\" fill=\"none\" stroke=\"currentColor\" "
      "stroke-width=\"1.5\" vector-effect=\"non-scaling-stroke\"/></svg>",
      width, height, short_number(low), short_number(high), points);
}

std::string badge(std::string_view state) {
  const std::string_view kind = state == "healthy" || state == "up" ? "good"
                                : state == "unhealthy" || state == "down" || state == "exited"
                                    ? "bad"
                                    : "quiet";
  return fmt::format("<span class=\"badge {}\">{}</span>", kind, escape(state));
}

std::string document(const Frame& frame, const std::string& body) {
  std::string nav;
  for (const auto& [path, name] :
       {std::pair{"", "components"}, std::pair{"targets", "targets"}, std::pair{"store", "store"},
        std::pair{"ledger", "ledger"}, std::pair{"clustering", "clustering"}})
    nav += fmt::format("<a href=\"{}/{}\"{}>{}</a>", escape(frame.prefix), path,
                       frame.at == name ? " class=\"here\"" : "", name);
  std::string refresh;
  if (frame.refresh_seconds > 0)
    refresh = fmt::format("<meta http-equiv=\"refresh\" content=\"{}\">", frame.refresh_seconds);
  return fmt::format(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">{}"
      "<title>{} - collector</title><style>{}</style></head><body>"
      "<header><b>collector</b><nav>{}</nav><span class=\"dim\">{}</span></header>"
      "<main>{}</main></body></html>\n",
      refresh, escape(frame.title), kStyle, nav, COLLECTOR_VERSION, body);
}

}  // namespace collector::admin
