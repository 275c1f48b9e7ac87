// The arguments of prometheus.scrape, as its public page lists them.
#pragma once

#include <collector/engine/component.hpp>

#include "pipeline/byte_size.hpp"
#include "pipeline/http_client_arguments.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace collector::receive {

struct ClusteringArguments {
  bool enabled = false;
  static constexpr auto fields() {
    return std::tuple{
        attr<&ClusteringArguments::enabled>(
            "enabled", "Whether the nodes of the cluster share the targets, each scraped by one.")
            .required()};
  }
};

struct ScrapeArguments {
  std::vector<StringMap> targets;
  std::vector<MetricsReceiver> forward_to;
  std::string job_name;
  bool extra_metrics = false;
  bool honor_labels = false;
  bool honor_timestamps = true;
  bool honor_metadata = false;
  bool track_timestamps_staleness = false;
  std::map<std::string, std::vector<std::string>> params;
  Duration scrape_interval = std::chrono::seconds(60);
  Duration scrape_timeout = std::chrono::seconds(10);
  std::string metrics_path = "/metrics";
  std::string scheme = "http";
  pipeline::ByteSize body_size_limit;
  std::uint64_t sample_limit = 0;
  std::uint64_t target_limit = 0;
  std::uint64_t label_limit = 0;
  std::uint64_t label_name_length_limit = 0;
  std::uint64_t label_value_length_limit = 0;
  std::vector<std::string> scrape_protocols = default_protocols();
  std::string scrape_fallback_protocol = "PrometheusText0.0.4";
  std::string scrape_failure_log_file;
  bool enable_compression = true;
  std::string metric_name_validation_scheme = "legacy";
  std::string metric_name_escaping_scheme;
  bool enable_type_and_unit_labels = false;
  bool start_timestamp_zero_ingestion = false;
  bool scrape_classic_histograms = false;
  bool scrape_native_histograms = false;
  bool convert_classic_histograms_to_nhcb = false;
  bool enable_protobuf_negotiation = false;
  std::uint64_t native_histogram_bucket_limit = 0;
  double native_histogram_min_bucket_factor = 0;
  pipeline::HttpClientArguments client;
  ClusteringArguments clustering;

  static std::vector<std::string> default_protocols();
  /// scrape_protocols, or what takes their place where native histograms are asked for.
  std::vector<std::string> protocols() const;
  bool native_histograms() const { return scrape_native_histograms || enable_protobuf_negotiation; }
  /// What metric_name_escaping_scheme means when it is not set.
  const std::string& escaping_scheme() const;
  Status validate() const;

  static constexpr auto fields();
};

constexpr auto ScrapeArguments::fields() {
  using T = ScrapeArguments;
  return std::tuple{
      attr<&T::targets>("targets", "Targets to scrape.").required(),
      attr<&T::forward_to>("forward_to", "Where the samples go.").required(),
      attr<&T::job_name>("job_name", "The job label of targets that have none.")
          .default_is("component name"),
      attr<&T::extra_metrics>("extra_metrics",
                              "Also report scrape_timeout_seconds, scrape_sample_limit and "
                              "scrape_body_size_bytes."),
      attr<&T::honor_labels>("honor_labels", "Exposed labels win over the target's."),
      attr<&T::honor_timestamps>("honor_timestamps", "Keep the timestamps of the exposition."),
      attr<&T::honor_metadata>("honor_metadata",
                               "Pass type, help and unit of the families downstream."),
      attr<&T::track_timestamps_staleness>(
          "track_timestamps_staleness",
          "Write stale markers also for series that carry timestamps."),
      attr<&T::params>("params", "Query parameters of the scrape."),
      attr<&T::scrape_interval>("scrape_interval", "How often targets are scraped."),
      attr<&T::scrape_timeout>("scrape_timeout", "Time limit for one scrape."),
      attr<&T::metrics_path>("metrics_path", "Path of the scrape."),
      attr<&T::scheme>("scheme", "http or https.").default_is("\"http\""),
      attr<&T::body_size_limit>("body_size_limit",
                                "A longer decompressed body fails the scrape; 0: no limit."),
      attr<&T::sample_limit>("sample_limit", "More samples fail the scrape; 0: no limit."),
      attr<&T::target_limit>("target_limit", "More targets fail all scrapes; 0: no limit."),
      attr<&T::label_limit>("label_limit", "More labels on a sample fail the scrape."),
      attr<&T::label_name_length_limit>("label_name_length_limit",
                                        "A longer label name fails the scrape."),
      attr<&T::label_value_length_limit>("label_value_length_limit",
                                         "A longer label value fails the scrape."),
      attr<&T::scrape_protocols>("scrape_protocols", "Formats to ask for, in order of preference."),
      attr<&T::scrape_fallback_protocol>("scrape_fallback_protocol",
                                         "Format of answers without a known Content-Type."),
      attr<&T::scrape_failure_log_file>("scrape_failure_log_file",
                                        "File that failed scrapes are appended to, as JSON."),
      attr<&T::enable_compression>("enable_compression", "Accept gzip and zstd."),
      attr<&T::metric_name_validation_scheme>("metric_name_validation_scheme", "legacy or utf8."),
      attr<&T::metric_name_escaping_scheme>(
          "metric_name_escaping_scheme",
          "Escaping of names that targets are asked for: allow-utf-8, underscores, dots or values.")
          .default_is("\"underscores\""),
      attr<&T::enable_type_and_unit_labels>(
          "enable_type_and_unit_labels",
          "Add the family's type and unit as the labels __type__ and __unit__."),
      attr<&T::start_timestamp_zero_ingestion>(
          "start_timestamp_zero_ingestion",
          "Read when counting began (`_created` of OpenMetrics, or protobuf), pass it on, and "
          "insert "
          "a zero sample there when that was after the scrape before."),
      attr<&T::scrape_classic_histograms>(
          "scrape_classic_histograms",
          "Keep the classic form of histograms that have, or get, a native one."),
      attr<&T::scrape_native_histograms>(
          "scrape_native_histograms",
          "Scrape native histograms: asks for protobuf first, unless scrape_protocols says "
          "otherwise."),
      attr<&T::convert_classic_histograms_to_nhcb>(
          "convert_classic_histograms_to_nhcb",
          "Make native histograms with custom buckets of classic ones."),
      attr<&T::enable_protobuf_negotiation>(
          "enable_protobuf_negotiation",
          "Deprecated: the same as scrape_native_histograms without scrape_protocols."),
      attr<&T::native_histogram_bucket_limit>(
          "native_histogram_bucket_limit",
          "Native histograms with more buckets are reduced in resolution; if that is not enough "
          "the scrape fails. 0: no limit."),
      attr<&T::native_histogram_min_bucket_factor>(
          "native_histogram_min_bucket_factor",
          "Native histograms whose buckets grow by less are reduced in resolution. 0: none is."),
      squash<&T::client>(),
      block<&T::clustering>("clustering", "Sharing of targets between nodes.")};
}

}  // namespace collector::receive
