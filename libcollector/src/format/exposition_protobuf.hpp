// The protobuf exposition, family by family and metric by metric: a body is a row of
// io.prometheus.client.MetricFamily messages, each after its length. Pure: everything is a view
// into the body, or lies in the arena until the next metric.
#pragma once

#include <collector/engine/signals.hpp>

#include "proto/metric_family.hpp"
#include "wire/arena.hpp"

#include <string_view>

namespace collector::format {

class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view body)
      : begin_(body.data()), at_(begin_), end_(begin_ + body.size()) {}

  /// The next family that has a metric; false at the end. An error is data_loss and says where.
  Result<bool> next_family();
  std::string_view family() const { return family_; }
  std::string_view help() const { return help_; }
  std::string_view unit() const { return unit_; }
  MetricType type() const { return type_; }

  /// The next metric of the family; false behind the last. Its message lacks the labels that stand
  /// first: those are `labels()`, encoded.
  Result<bool> next_metric();
  const proto::metric_family::Metric& metric() const { return metric_; }
  std::string_view labels() const { return labels_; }
  /// The labels of the metric, all of them, until the next one.
  Status read_labels(std::vector<std::pair<std::string_view, std::string_view>>& out);

 private:
  Status error(std::string_view what) const;

  const char* begin_;
  const char* at_;
  const char* end_;
  wire::Arena arena_;
  const char* metric_at_ = nullptr;
  const char* family_end_ = nullptr;
  std::string_view family_, help_, unit_, labels_;
  MetricType type_ = MetricType::unknown;
  proto::metric_family::Metric metric_;
};

/// A histogram message has a native form: spans, or a zero bucket.
bool is_native(const proto::metric_family::Histogram& message);
/// Its native form, checked and without empty buckets.
Result<NativeHistogram> native_histogram(const proto::metric_family::Histogram& message,
                                         bool is_gauge);

/// Milliseconds since 1970; 0 for null and for what does not fit.
std::int64_t milliseconds(const proto::metric_family::Timestamp* timestamp);

}  // namespace collector::format
