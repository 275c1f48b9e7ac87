// Our decoded structs against libprotobuf's classes of the same schemas, field by field; and how
// libprotobuf is asked. For tests and fuzz targets.
#pragma once

#include "proto/metric_family.hpp"
#include "proto/remote_write_v1.hpp"
#include "proto/remote_write_v2.hpp"
#include "wire/reader.hpp"
#include "wire/writer.hpp"

#include "metric_family.pb.h"
#include "remote_write_v1.pb.h"
#include "remote_write_v2.pb.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace collector {

/// libprotobuf says on standard error what it refuses; we ask it about much that it does.
inline void quieten_oracle() {
  static auto* const before = google::protobuf::SetLogHandler(nullptr);
  (void)before;
}

/// Whether libprotobuf takes the whole of `bytes`, nested as deep as we allow.
inline bool oracle_parse(std::string_view bytes, google::protobuf::Message& message) {
  quieten_oracle();
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  in.SetRecursionLimit(wire::kMaxDepth);
  return message.MergePartialFromCodedStream(&in) && in.ConsumedEntireMessage();
}

inline std::string oracle_bytes(const google::protobuf::Message& message) {
  quieten_oracle();
  std::string out;
  {
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializePartialToCodedStream(&coded);
  }
  return out;
}

#define SAME_FIELD(name) Same::of(a.name, b.name())
#define SAME_FLAGGED(name) (a.has_##name == b.has_##name() && Same::of(a.name, b.name()))
#define SAME_MESSAGE(name) \
  ((a.name != nullptr) == b.has_##name() && (!a.name || Same::of(*a.name, b.name())))
#define SAME_CASE(oneof) (static_cast<int>(a.oneof##_case) == static_cast<int>(b.oneof##_case()))
#define SAME_CHOSEN(oneof, name)                                            \
  (a.oneof##_case != std::remove_cvref_t<decltype(a.oneof##_case)>::name || \
   Same::of(a.name, b.name()))

/// Numbers are compared by their bits.
struct Same {
  template <class T>
    requires std::is_arithmetic_v<T>
  static bool of(T a, T b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
  }
  template <class E, class F>
    requires std::is_enum_v<E>
  static bool of(E a, F b) {
    return static_cast<int>(a) == static_cast<int>(b);
  }
  static bool of(std::string_view a, const std::string& b) { return a == b; }
  template <class T, class R>
  static bool of(const wire::Repeated<T>& a, const R& b) {
    if (static_cast<int>(a.size()) != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (!of(a[i], b.Get(static_cast<int>(i)))) return false;
    return true;
  }
  /// What libprotobuf kept as unknown, in the same bytes.
  static bool unknown(const wire::UnknownFields& a, const google::protobuf::Message& b) {
    std::string ours, theirs;
    a.each([&](std::string_view part) { ours += part; });
    b.GetReflection()->GetUnknownFields(b).SerializeToString(&theirs);
    return ours == theirs;
  }

  static bool of(const proto::remote_write_v1::Label& a, const prometheus::Label& b) {
    return SAME_FIELD(name) && SAME_FIELD(value);
  }
  static bool of(const proto::remote_write_v1::Sample& a, const prometheus::Sample& b) {
    return SAME_FIELD(value) && SAME_FIELD(timestamp);
  }
  static bool of(const proto::remote_write_v1::Exemplar& a, const prometheus::Exemplar& b) {
    return SAME_FIELD(labels) && SAME_FIELD(value) && SAME_FIELD(timestamp);
  }
  static bool of(const proto::remote_write_v1::MetricMetadata& a,
                 const prometheus::MetricMetadata& b) {
    return SAME_FIELD(type) && SAME_FIELD(metric_family_name) && SAME_FIELD(help) &&
           SAME_FIELD(unit);
  }
  static bool of(const proto::remote_write_v1::TimeSeries& a, const prometheus::TimeSeries& b) {
    return SAME_FIELD(labels) && SAME_FIELD(samples) && SAME_FIELD(exemplars) &&
           SAME_FIELD(histograms);
  }
  static bool of(const proto::remote_write_v1::WriteRequest& a, const prometheus::WriteRequest& b) {
    return SAME_FIELD(timeseries) && SAME_FIELD(metadata);
  }
  /// Alike in 1.0 and 2.0.
  template <class Ours, class Theirs>
  static bool histogram(const Ours& a, const Theirs& b) {
    return SAME_CASE(count) && SAME_CHOSEN(count, count_int) && SAME_CHOSEN(count, count_float) &&
           SAME_FIELD(sum) && SAME_FIELD(schema) && SAME_FIELD(zero_threshold) &&
           SAME_CASE(zero_count) && SAME_CHOSEN(zero_count, zero_count_int) &&
           SAME_CHOSEN(zero_count, zero_count_float) && SAME_FIELD(negative_spans) &&
           SAME_FIELD(negative_deltas) && SAME_FIELD(negative_counts) &&
           SAME_FIELD(positive_spans) && SAME_FIELD(positive_deltas) &&
           SAME_FIELD(positive_counts) && SAME_FIELD(reset_hint) && SAME_FIELD(timestamp) &&
           SAME_FIELD(custom_values);
  }
  static bool of(const proto::remote_write_v1::BucketSpan& a, const prometheus::BucketSpan& b) {
    return SAME_FIELD(offset) && SAME_FIELD(length);
  }
  static bool of(const proto::remote_write_v1::Histogram& a, const prometheus::Histogram& b) {
    return histogram(a, b);
  }

  static bool of(const proto::remote_write_v2::BucketSpan& a,
                 const io::prometheus::write::v2::BucketSpan& b) {
    return SAME_FIELD(offset) && SAME_FIELD(length);
  }
  static bool of(const proto::remote_write_v2::Histogram& a,
                 const io::prometheus::write::v2::Histogram& b) {
    return histogram(a, b) && SAME_FIELD(start_timestamp);
  }
  static bool of(const proto::remote_write_v2::Sample& a,
                 const io::prometheus::write::v2::Sample& b) {
    return SAME_FIELD(value) && SAME_FIELD(timestamp) && SAME_FIELD(start_timestamp);
  }
  static bool of(const proto::remote_write_v2::Exemplar& a,
                 const io::prometheus::write::v2::Exemplar& b) {
    return SAME_FIELD(labels_refs) && SAME_FIELD(value) && SAME_FIELD(timestamp);
  }
  static bool of(const proto::remote_write_v2::Metadata& a,
                 const io::prometheus::write::v2::Metadata& b) {
    return SAME_FIELD(type) && SAME_FIELD(help_ref) && SAME_FIELD(unit_ref);
  }
  static bool of(const proto::remote_write_v2::TimeSeries& a,
                 const io::prometheus::write::v2::TimeSeries& b) {
    return SAME_FIELD(labels_refs) && SAME_FIELD(samples) && SAME_FIELD(histograms) &&
           SAME_FIELD(exemplars) && SAME_MESSAGE(metadata);
  }
  static bool of(const proto::remote_write_v2::Request& a,
                 const io::prometheus::write::v2::Request& b) {
    return SAME_FIELD(symbols) && SAME_FIELD(timeseries);
  }

  static bool of(const proto::metric_family::Timestamp& a,
                 const io::prometheus::client::Timestamp& b) {
    return SAME_FLAGGED(seconds) && SAME_FLAGGED(nanos);
  }
  static bool of(const proto::metric_family::LabelPair& a,
                 const io::prometheus::client::LabelPair& b) {
    return SAME_FLAGGED(name) && SAME_FLAGGED(value);
  }
  static bool of(const proto::metric_family::Exemplar& a,
                 const io::prometheus::client::Exemplar& b) {
    return SAME_FIELD(label) && SAME_FLAGGED(value) && SAME_MESSAGE(timestamp);
  }
  static bool of(const proto::metric_family::BucketSpan& a,
                 const io::prometheus::client::BucketSpan& b) {
    return SAME_FLAGGED(offset) && SAME_FLAGGED(length);
  }
  static bool of(const proto::metric_family::Bucket& a, const io::prometheus::client::Bucket& b) {
    return SAME_FLAGGED(cumulative_count) && SAME_FLAGGED(cumulative_count_float) &&
           SAME_FLAGGED(upper_bound) && SAME_MESSAGE(exemplar);
  }
  static bool of(const proto::metric_family::Quantile& a,
                 const io::prometheus::client::Quantile& b) {
    return SAME_FLAGGED(quantile) && SAME_FLAGGED(value);
  }
  static bool of(const proto::metric_family::Gauge& a, const io::prometheus::client::Gauge& b) {
    return SAME_FLAGGED(value);
  }
  static bool of(const proto::metric_family::Untyped& a, const io::prometheus::client::Untyped& b) {
    return SAME_FLAGGED(value);
  }
  static bool of(const proto::metric_family::Counter& a, const io::prometheus::client::Counter& b) {
    return SAME_FLAGGED(value) && SAME_MESSAGE(exemplar) && SAME_MESSAGE(created_timestamp);
  }
  static bool of(const proto::metric_family::Summary& a, const io::prometheus::client::Summary& b) {
    return SAME_FLAGGED(sample_count) && SAME_FLAGGED(sample_sum) && SAME_FIELD(quantile) &&
           SAME_MESSAGE(created_timestamp);
  }
  static bool of(const proto::metric_family::Histogram& a,
                 const io::prometheus::client::Histogram& b) {
    return SAME_FLAGGED(sample_count) && SAME_FLAGGED(sample_count_float) &&
           SAME_FLAGGED(sample_sum) && SAME_FIELD(bucket) && SAME_FLAGGED(schema) &&
           SAME_FLAGGED(zero_threshold) && SAME_FLAGGED(zero_count) &&
           SAME_FLAGGED(zero_count_float) && SAME_FIELD(negative_span) &&
           SAME_FIELD(negative_delta) && SAME_FIELD(negative_count) && SAME_FIELD(positive_span) &&
           SAME_FIELD(positive_delta) && SAME_FIELD(positive_count) &&
           SAME_MESSAGE(created_timestamp) && SAME_FIELD(exemplars);
  }
  static bool of(const proto::metric_family::Metric& a, const io::prometheus::client::Metric& b) {
    return SAME_FIELD(label) && SAME_MESSAGE(gauge) && SAME_MESSAGE(counter) &&
           SAME_MESSAGE(summary) && SAME_MESSAGE(untyped) && SAME_MESSAGE(histogram) &&
           SAME_FLAGGED(timestamp_ms);
  }
  static bool of(const proto::metric_family::MetricFamily& a,
                 const io::prometheus::client::MetricFamily& b) {
    return SAME_FLAGGED(name) && SAME_FLAGGED(help) && SAME_FLAGGED(type) && SAME_FIELD(metric) &&
           SAME_FLAGGED(unit);
  }
};

/// Whether a group lies anywhere in what libprotobuf parsed: no schema of ours has one.
inline bool holds_group(const google::protobuf::Message& message) {
  const auto* const reflection = message.GetReflection();
  const auto& unknown = reflection->GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i)
    if (unknown.field(i).type() == google::protobuf::UnknownField::TYPE_GROUP) return true;
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (holds_group(reflection->GetMessage(message, field))) return true;
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i)
      if (holds_group(reflection->GetRepeatedMessage(message, field, i))) return true;
  }
  return false;
}

/// What `bytes` are to us and to libprotobuf: empty when the same, else in what they differ. Groups
/// only libprotobuf takes, and field numbers over 29 bits, which it cuts.
template <class Ours, class Theirs>
std::string difference(std::string_view bytes) {
  wire::Arena arena;
  Ours ours;
  Theirs theirs;
  const wire::DecodeError error = wire::decode(bytes, ours, arena);
  const bool taken = oracle_parse(bytes, theirs);
  if (error == wire::DecodeError::field_number) return "";
  if (error == wire::DecodeError::group)
    return taken && !holds_group(theirs) ? "there is no group" : "";
  if ((error == wire::DecodeError::none) != taken)
    return "libprotobuf says " + std::string(taken ? "yes" : "no") +
           ", we: " + std::string(to_string(error));
  if (!taken) return "";
  if (!Same::of(ours, theirs)) return "other content";
  wire::Writer writer;
  Theirs again;
  if (!oracle_parse(wire::encode(ours, writer), again)) return "libprotobuf refuses what we write";
  if (oracle_bytes(again) != oracle_bytes(theirs)) return "other content after our encoder";
  return "";
}

}  // namespace collector
