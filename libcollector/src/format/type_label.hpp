// Names of types, as OpenMetrics spells them and the label __type__ holds them (Prometheus,
// type-and-unit-labels). Pure.
#pragma once

#include <collector/engine/signals.hpp>

#include <string_view>

namespace collector::format {

/// As OpenMetrics spells the type; empty where it is unknown.
constexpr std::string_view type_label(MetricType type) {
  switch (type) {
    case MetricType::counter:
      return "counter";
    case MetricType::gauge:
      return "gauge";
    case MetricType::histogram:
      return "histogram";
    case MetricType::gauge_histogram:
      return "gaugehistogram";
    case MetricType::summary:
      return "summary";
    case MetricType::info:
      return "info";
    case MetricType::stateset:
      return "stateset";
    case MetricType::unknown:
      break;
  }
  return {};
}

}  // namespace collector::format
