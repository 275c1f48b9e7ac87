#include "receive/scrape_target.hpp"

#include "base/hash.hpp"
#include "model/labels.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <set>

namespace collector::receive {
namespace {

using namespace std::string_view_literals;

/// What the phases of targets are multiples of, where that is at most 1 % of the interval.
constexpr Duration kGrid = std::chrono::milliseconds(20);

bool unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

void escape(std::string& out, std::string_view text, std::string_view also_allowed, bool plus) {
  for (char c : text) {
    if (unreserved(c) || also_allowed.find(c) != std::string_view::npos)
      out += c;
    else if (plus && c == ' ')
      out += '+';
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
}

std::string value_of(const StringMap& labels, std::string_view name) {
  auto at = labels.find(std::string(name));
  return at == labels.end() ? std::string() : at->second;
}

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

std::string target_url(const StringMap& labels, const ScrapeArguments& arguments) {
  std::string url = value_of(labels, "__scheme__") + "://" + value_of(labels, "__address__");
  const std::string path = value_of(labels, "__metrics_path__");
  if (!path.empty() && path.front() != '/') url += '/';
  escape(url, path, "$&+,/:;=@", false);
  auto params = arguments.params;
  constexpr std::string_view kParam = "__param_";
  for (const auto& [name, value] : labels) {
    if (!starts_with(name, kParam)) continue;
    auto& values = params[name.substr(kParam.size())];
    if (values.empty()) values.emplace_back();
    values.front() = value;
  }
  char separator = '?';
  for (const auto& [name, values] : params)
    for (const std::string& value : values) {
      url += separator;
      separator = '&';
      escape(url, name, "", true);
      url += '=';
      escape(url, value, "", true);
    }
  return url;
}

/// Labels by which a target decides for itself what the arguments say for all.
struct HistogramLabel {
  std::string_view name;
  std::string_view what;
  bool ScrapeTarget::* decides;
};
constexpr std::array<HistogramLabel, 3> kHistogramLabels{
    {{"__scrape_native_histograms__"sv, "scrape native histograms"sv,
      &ScrapeTarget::native_histograms},
     {"__always_scrape_classic_histograms__"sv, "always scrape classic histograms"sv,
      &ScrapeTarget::classic_histograms},
     {"__convert_classic_histograms_to_nhcb__"sv, "convert classic histograms to nhcb"sv,
      &ScrapeTarget::convert_histograms}}};

/// As Go's strconv.ParseBool.
std::optional<bool> parse_bool(std::string_view text) {
  for (const std::string_view yes : {"1"sv, "t"sv, "T"sv, "true"sv, "TRUE"sv, "True"sv})
    if (text == yes) return true;
  for (const std::string_view no : {"0"sv, "f"sv, "F"sv, "false"sv, "FALSE"sv, "False"sv})
    if (text == no) return false;
  return std::nullopt;
}

/// Why the target cannot be scraped, or an empty text and `out` filled.
std::string complete(StringMap labels, const ScrapeArguments& arguments, ScrapeTarget& out) {
  const std::string address = value_of(labels, "__address__");
  if (address.empty()) return "no address";
  if (address.find('/') != std::string::npos)
    return fmt::format("\"{}\" is not a valid hostname", address);
  const std::string scheme = value_of(labels, "__scheme__");
  if (scheme != "http" && scheme != "https")
    return fmt::format("scheme \"{}\" is neither http nor https", scheme);
  const std::string interval = value_of(labels, "__scrape_interval__");
  const std::string timeout = value_of(labels, "__scrape_timeout__");
  const auto every = parse_prometheus_duration(interval);
  if (!every) return fmt::format("error parsing scrape interval: \"{}\"", interval);
  if (every->count() == 0) return "scrape interval cannot be 0";
  const auto limit = parse_prometheus_duration(timeout);
  if (!limit) return fmt::format("error parsing scrape timeout: \"{}\"", timeout);
  if (limit->count() == 0) return "scrape timeout cannot be 0";
  if (*limit > *every)
    return fmt::format("scrape timeout cannot be greater than scrape interval (\"{}\" > \"{}\")",
                       timeout, interval);
  out.interval = *every;
  out.timeout = *limit;
  for (const HistogramLabel& label : kHistogramLabels) {
    const std::string value = value_of(labels, label.name);
    const auto decided = parse_bool(value);
    if (!decided) return fmt::format("error parsing {}: \"{}\"", label.what, value);
    out.*label.decides = *decided;
  }
  if (value_of(labels, "instance").empty()) labels["instance"] = address;
  for (const auto& [name, value] : labels)
    if (!model::is_utf8(name) || !model::is_utf8(value))
      return fmt::format("label \"{}\" is not UTF-8", name);
  out.url = target_url(labels, arguments);
  for (const auto& [name, value] : labels)
    if (!starts_with(name, "__") && !value.empty()) out.labels.emplace(name, value);
  for (const auto& [name, value] : out.labels) {
    out.key += name;
    out.key += '\xff';
    out.key += value;
    out.key += '\xff';
  }
  out.key += out.url;
  out.hash = base::hash64(out.key, 0);
  return {};
}

/// As Prometheus writes the configured durations into labels.
std::string duration_label(Duration d) {
  const auto ms = d.count() / 1'000'000;
  if (ms % 3'600'000 == 0 && ms > 0) return fmt::format("{}h", ms / 3'600'000);
  if (ms % 60'000 == 0 && ms > 0) return fmt::format("{}m", ms / 60'000);
  if (ms % 1000 == 0) return fmt::format("{}s", ms / 1000);
  return fmt::format("{}ms", ms);
}

}  // namespace

const std::string& ScrapeTarget::job() const {
  static const std::string none;
  auto at = labels.find("job");
  return at == labels.end() ? none : at->second;
}

std::optional<Duration> parse_prometheus_duration(std::string_view text) {
  if (text == "0") return Duration{};
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 7> kUnits{
      {{"y"sv, 365LL * 86'400'000},
       {"w"sv, 7LL * 86'400'000},
       {"d"sv, 86'400'000},
       {"h"sv, 3'600'000},
       {"m"sv, 60'000},
       {"s"sv, 1000},
       {"ms"sv, 1}}};
  if (text.empty()) return std::nullopt;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 1'000'000;
  std::int64_t ms = 0;
  std::size_t unit = 0;
  while (!text.empty()) {
    std::size_t digits = 0;
    std::int64_t n = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
      if (n > kMost / 10 - 1) return std::nullopt;
      n = n * 10 + (text[digits++] - '0');
    }
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
    std::size_t letters = 0;
    while (letters < text.size() && text[letters] >= 'a' && text[letters] <= 'z') ++letters;
    while (unit < kUnits.size() && kUnits[unit].first != text.substr(0, letters)) ++unit;
    if (unit == kUnits.size()) return std::nullopt;
    const std::int64_t scale = kUnits[unit++].second;
    if (n > (kMost - ms) / scale) return std::nullopt;
    ms += n * scale;
    text.remove_prefix(letters);
  }
  return Duration(ms * 1'000'000);
}

ScrapeTargets build_targets(const ScrapeArguments& arguments, const std::string& component_id) {
  ScrapeTargets out;
  std::set<std::string> seen;
  for (const StringMap& given : arguments.targets) {
    ScrapeTarget target;
    target.discovered = given;
    auto add = [&](const std::string& name, const std::string& value) {
      std::string& slot = target.discovered[name];
      if (slot.empty()) slot = value;
    };
    add("job", arguments.job_name.empty() ? component_id : arguments.job_name);
    add("__scrape_interval__", duration_label(arguments.scrape_interval));
    add("__scrape_timeout__", duration_label(arguments.scrape_timeout));
    add("__metrics_path__", arguments.metrics_path);
    add("__scheme__", arguments.scheme);
    const auto flag = [](bool on) { return on ? "true" : "false"; };
    add("__scrape_native_histograms__", flag(arguments.native_histograms()));
    add("__always_scrape_classic_histograms__", flag(arguments.scrape_classic_histograms));
    add("__convert_classic_histograms_to_nhcb__",
        flag(arguments.convert_classic_histograms_to_nhcb));
    for (const auto& [name, values] : arguments.params)
      if (!values.empty()) add("__param_" + name, values.front());
    StringMap labels = target.discovered;
    std::erase_if(labels, [](const auto& l) { return starts_with(l.first, "__meta_"); });
    std::string why = complete(std::move(labels), arguments, target);
    if (!why.empty())
      out.dropped.push_back({std::move(target.discovered), std::move(why)});
    else if (seen.insert(target.key).second)
      out.active.push_back(std::move(target));
  }
  return out;
}

Duration scrape_offset(const ScrapeTarget& target, WallTime now) {
  const auto interval = static_cast<std::uint64_t>(target.interval.count());
  // Neighbours on a grid wake the process once, not each for itself.
  const std::uint64_t grid =
      std::min(interval / 100 + 1, static_cast<std::uint64_t>(kGrid.count()));
  const auto fraction = static_cast<unsigned __int128>(target.phase()) * interval >> 64;
  const std::uint64_t phase = static_cast<std::uint64_t>(fraction) / grid * grid;
  const std::uint64_t at = static_cast<std::uint64_t>(now.unix_ns) % interval;
  return Duration(static_cast<std::int64_t>((phase + interval - at) % interval));
}

std::string accept_header(const ScrapeArguments& arguments) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kTypes{
      {{"PrometheusProto"sv,
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
        "encoding=delimited"sv},
       {"OpenMetricsText0.0.1"sv, "application/openmetrics-text;version=0.0.1"sv},
       {"OpenMetricsText1.0.0"sv, "application/openmetrics-text;version=1.0.0"sv},
       {"PrometheusText0.0.4"sv, "text/plain;version=0.0.4"sv},
       {"PrometheusText1.0.0"sv, "text/plain;version=1.0.0"sv}}};
  std::string out;
  int weight = 6;  // Prometheus knows five formats and starts at one more
  for (const std::string& protocol : arguments.protocols())
    for (const auto& [name, type] : kTypes) {
      if (name != protocol) continue;
      out += type;
      if (name.substr(name.size() - 5) == "1.0.0")
        out += ";escaping=" + arguments.escaping_scheme();
      out += fmt::format(";q=0.{},", weight--);
    }
  return out + fmt::format("*/*;q=0.{}", weight);
}

}  // namespace collector::receive
