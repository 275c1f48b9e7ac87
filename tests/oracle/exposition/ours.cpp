// Answers the same questions as main.go, with our own code.
#include <collector/engine/testing.hpp>

#include "base/base64.hpp"
#include "format/scrape_cache.hpp"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include <bit>
#include <iostream>
#include <string>

using namespace collector;
using nlohmann::json;

namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

std::string bits(double value) { return fmt::format("{:x}", std::bit_cast<std::uint64_t>(value)); }

json all(const std::vector<double>& values) {
  json out = json::array();
  for (const double v : values) out.push_back(bits(v));
  return out;
}

json spans(const NativeHistogram::Buckets& side) {
  json out = json::array();
  for (const auto& s : side.spans) out.push_back({s.offset, s.length});
  return out;
}

json shown(const NativeHistogram& h) {
  return {{"float", h.is_float},
          {"gauge", h.reset == NativeHistogram::Reset::gauge},
          {"schema", h.schema},
          {"Count", h.is_float ? bits(h.float_count) : std::to_string(h.count)},
          {"ZeroCount", h.is_float ? bits(h.float_zero_count) : std::to_string(h.zero_count)},
          {"Sum", bits(h.sum)},
          {"ZeroThreshold", bits(h.zero_threshold)},
          {"PositiveSpans", spans(h.positive)},
          {"NegativeSpans", spans(h.negative)},
          {"PositiveDeltas", h.positive.deltas},
          {"NegativeDeltas", h.negative.deltas},
          {"PositiveCounts", all(h.positive.counts)},
          {"NegativeCounts", all(h.negative.counts)},
          {"CustomValues", all(h.custom_values)}};
}

json scraped(const json& request) {
  format::ScrapeSettings settings;
  const std::string type = request.at("Type");
  settings.format = type.find("protobuf") != std::string::npos ? format::Exposition::protobuf
                    : type.find("openmetrics") != std::string::npos
                        ? format::Exposition::open_metrics
                        : format::Exposition::text;
  settings.utf8_names = true;
  settings.native_histograms = request.at("Native");
  settings.classic_histograms = request.at("Classic");
  settings.convert_histograms = request.at("Convert");
  settings.start_timestamps = request.at("Starts");
  settings.type_and_unit_labels = request.at("TypeAndUnit");
  settings.bucket_limit = request.at("BucketLimit");
  settings.finest_schema = request.at("FinestSchema");
  testing::SeededRandom random(1);
  model::SeriesTable table(random);
  format::ScrapeCache cache(table, 1);
  const std::string body = *base::base64_decode(request.at("Body").get<std::string>());
  MetricColumns first, columns;
  const auto ok = cache.scrape(body, settings, kNow, first);
  if (!ok) return {{"ok", false}, {"error", ok.error().what()}};
  // What is known already must be read as what is new was.
  if (const auto again = cache.scrape(body, settings, kNow, columns); !again)
    return {{"ok", false}, {"error", "the second time: " + again.error().what()}};
  if (first.series != columns.series || first.histograms.size() != columns.histograms.size())
    return {{"ok", false}, {"error", "the second scrape is not the first"}};
  json samples = json::array();
  const auto add = [&](SeriesId id, std::int64_t timestamp, std::int64_t start, json sample) {
    std::vector<model::Label> labels;
    table.labels(id, labels);
    sample["labels"] = json::object();
    for (const auto& l : labels) sample["labels"][std::string(l.name)] = std::string(l.value);
    sample["timestamp"] = timestamp;
    sample["start"] = start;
    samples.push_back(std::move(sample));
  };
  for (std::size_t i = 0; i < columns.series.size(); ++i)
    add(columns.series[i], columns.timestamp[i],
        columns.start_timestamp.empty() ? 0 : columns.start_timestamp[i],
        {{"value", bits(columns.value[i])}});
  for (const HistogramSample& h : columns.histograms)
    add(h.series, h.timestamp, h.start_timestamp, {{"histogram", shown(*h.histogram)}});
  json exemplars = json::array();
  for (const Exemplar& e : columns.exemplars) {
    std::vector<model::Label> labels;
    table.labels(e.series, labels);
    json series = json::object(), own = json::object();
    for (const auto& l : labels) series[std::string(l.name)] = std::string(l.value);
    for (const auto& [name, value] : e.labels) own[name] = value;
    exemplars.push_back({{"series", std::move(series)},
                         {"labels", std::move(own)},
                         {"value", bits(e.value)},
                         {"timestamp", e.timestamp}});
  }
  return {{"ok", true}, {"samples", std::move(samples)}, {"exemplars", std::move(exemplars)}};
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line))
    std::cout << scraped(json::parse(line)).dump(-1, ' ', false, json::error_handler_t::replace)
              << '\n';
}
