#include "receive/scrape_arguments.hpp"

#include "base/byte_size.hpp"

#include "base/duration.hpp"
#include "syntax/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <set>

namespace collector::receive {
namespace {

Status invalid(std::string what) { return Status(Code::invalid_argument, std::move(what)); }

constexpr std::array<std::string_view, 4> kProtocols{"OpenMetricsText0.0.1", "OpenMetricsText1.0.0",
                                                     "PrometheusText0.0.4", "PrometheusText1.0.0"};

Status check_protocol(std::string_view argument, std::string_view protocol) {
  if (std::find(kProtocols.begin(), kProtocols.end(), protocol) != kProtocols.end()) return {};
  if (protocol == "PrometheusProto")
    return Status(Code::unimplemented,
                  fmt::format("{}: PrometheusProto is not supported: the protobuf exposition is "
                              "not part of this version",
                              argument));
  return invalid(fmt::format("invalid {} \"{}\"", argument, protocol));
}

struct ByteSizeCodec final : schema::Codec {
  std::string type() const override { return "int"; }
  bool decode(const syntax::Value& value, void* into, schema::Misfit& misfit) const override {
    auto& bytes = static_cast<ByteSize*>(into)->bytes;
    if (value.type() == syntax::Value::Type::string) {
      if (base::parse_bytes(value.string(), bytes)) return true;
      misfit.what = "should be a number of bytes, such as 10485760 or \"10MiB\"";
      return false;
    }
    return schema::codec_for<std::int64_t>().decode(value, &bytes, misfit);
  }
  void encode(const void* from, syntax::Value& value) const override {
    schema::codec_for<std::int64_t>().encode(&static_cast<const ByteSize*>(from)->bytes, value);
  }
};

}  // namespace

std::vector<std::string> ScrapeArguments::default_protocols() {
  return {"OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0",
          "PrometheusText0.0.4"};
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

namespace collector::schema {

const Codec& CodecFor<receive::ByteSize>::get() {
  static const receive::ByteSizeCodec codec;
  return codec;
}

}  // namespace collector::schema
