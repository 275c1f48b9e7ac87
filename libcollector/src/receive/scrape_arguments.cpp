#include "receive/scrape_arguments.hpp"

#include "base/duration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace collector::receive {
namespace {

Status invalid(std::string what) { return Status(Code::invalid_argument, std::move(what)); }

constexpr std::string_view kProtobuf = "PrometheusProto";
constexpr std::array<std::string_view, 5> kProtocols{kProtobuf, "OpenMetricsText0.0.1",
                                                     "OpenMetricsText1.0.0", "PrometheusText0.0.4",
                                                     "PrometheusText1.0.0"};

Status check_protocol(std::string_view argument, std::string_view protocol) {
  if (std::find(kProtocols.begin(), kProtocols.end(), protocol) != kProtocols.end()) return {};
  return invalid(fmt::format("invalid {} \"{}\"", argument, protocol));
}

}  // namespace

std::vector<std::string> ScrapeArguments::default_protocols() {
  return {"OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0",
          "PrometheusText0.0.4"};
}

std::vector<std::string> ScrapeArguments::protocols() const {
  std::vector<std::string> out = scrape_protocols;
  if (native_histograms() && out == default_protocols())
    out.insert(out.begin(), std::string(kProtobuf));
  return out;
}

const std::string& ScrapeArguments::escaping_scheme() const {
  static const std::string underscores = "underscores", utf8 = "allow-utf-8";
  if (!metric_name_escaping_scheme.empty()) return metric_name_escaping_scheme;
  return metric_name_validation_scheme == "legacy" ? underscores : utf8;
}

Status ScrapeArguments::validate() const {
  if (scrape_interval.count() <= 0) return invalid("scrape_interval must be more than 0s");
  if (scrape_timeout.count() <= 0) return invalid("scrape_timeout must be more than 0s");
  if (scrape_timeout > scrape_interval)
    return invalid(fmt::format("scrape_timeout ({}) greater than scrape_interval ({})",
                               base::to_text(scrape_timeout), base::to_text(scrape_interval)));
  if (scheme != "http" && scheme != "https")
    return invalid(fmt::format("scheme \"{}\" is neither http nor https", scheme));
  if (body_size_limit.bytes < 0) return invalid("body_size_limit must not be negative");
  if (enable_protobuf_negotiation && scrape_protocols != default_protocols())
    return invalid(
        "both enable_protobuf_negotiation and scrape_protocols are set, only one can be set at a "
        "time");
  const std::vector<std::string> asked = protocols();
  if (native_histograms() && std::find(asked.begin(), asked.end(), kProtobuf) == asked.end())
    return invalid(
        "scrape_native_histograms is set to true, but PrometheusProto is not in scrape_protocols");
  std::set<std::string_view> seen;
  for (const std::string& protocol : scrape_protocols) {
    if (!seen.insert(protocol).second)
      return invalid(fmt::format("duplicate scrape protocol \"{}\"", protocol));
    if (Status s = check_protocol("scrape_protocols", protocol); !s.ok()) return s;
  }
  if (!scrape_fallback_protocol.empty())
    if (Status s = check_protocol("scrape_fallback_protocol", scrape_fallback_protocol); !s.ok())
      return s;
  if (metric_name_validation_scheme != "legacy" && metric_name_validation_scheme != "utf8")
    return invalid(
        fmt::format("invalid metric_name_validation_scheme \"{}\": must be \"legacy\" or \"utf8\"",
                    metric_name_validation_scheme));
  constexpr std::array<std::string_view, 5> kSchemes{"", "allow-utf-8", "underscores", "dots",
                                                     "values"};
  if (std::find(kSchemes.begin(), kSchemes.end(), metric_name_escaping_scheme) == kSchemes.end())
    return invalid(
        fmt::format("invalid metric_name_escaping_scheme \"{}\"", metric_name_escaping_scheme));
  if (metric_name_escaping_scheme == "allow-utf-8" && metric_name_validation_scheme != "utf8")
    return invalid(
        "metric_name_escaping_scheme cannot be set to \"allow-utf-8\" while "
        "metric_name_validation_scheme is not set to \"utf8\"");
  return client.validate();
}

}  // namespace collector::receive
