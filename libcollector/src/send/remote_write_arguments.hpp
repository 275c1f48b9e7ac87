// The arguments of prometheus.remote_write, as its public page lists them.
#pragma once

#include <collector/engine/arguments.hpp>

#include "pipeline/http_client_arguments.hpp"
#include "pipeline/outbox_arguments.hpp"
#include "pipeline/relabel_arguments.hpp"
#include "send/cloud_arguments.hpp"

#include <optional>
#include <string>
#include <vector>

namespace collector::send {

struct QueueArguments {
  std::int64_t capacity = 10000;
  std::int64_t max_shards = 50;
  std::int64_t min_shards = 1;
  std::int64_t max_samples_per_send = 2000;
  Duration batch_send_deadline = std::chrono::seconds(5);
  Duration min_backoff = std::chrono::milliseconds(30);
  Duration max_backoff = std::chrono::seconds(5);
  bool retry_on_http_429 = true;
  Duration sample_age_limit{};

  Status validate() const;
  static constexpr auto fields() {
    using T = QueueArguments;
    return std::tuple{
        attr<&T::capacity>("capacity",
                           "Samples to buffer per shard: an outbox in memory holds capacity times "
                           "max_shards; one on disk is bounded by its size alone."),
        attr<&T::max_shards>("max_shards", "Most requests in flight at a time."),
        attr<&T::min_shards>("min_shards", "Requests in flight that need no backlog."),
        attr<&T::max_samples_per_send>("max_samples_per_send", "Most samples of one request."),
        attr<&T::batch_send_deadline>("batch_send_deadline",
                                      "Longest time that samples wait for a request to fill."),
        attr<&T::min_backoff>("min_backoff", "First delay before a retry; doubled each time."),
        attr<&T::max_backoff>("max_backoff", "Longest delay before a retry."),
        attr<&T::retry_on_http_429>("retry_on_http_429",
                                    "Retry, and obey Retry-After, when the answer is 429."),
        attr<&T::sample_age_limit>("sample_age_limit",
                                   "Drop samples that are older when they are sent; 0s: never.")};
  }
};

struct MetadataArguments {
  bool send = true;
  Duration send_interval = std::chrono::minutes(1);
  std::int64_t max_samples_per_send = 2000;

  Status validate() const;
  static constexpr auto fields() {
    using T = MetadataArguments;
    return std::tuple{
        attr<&T::send>("send", "Send type, help and unit of the metric families."),
        attr<&T::send_interval>("send_interval",
                                "How often metadata is sent; in remote write 2.0 each series has "
                                "its own."),
        attr<&T::max_samples_per_send>("max_samples_per_send",
                                       "Most families of one request of metadata.")};
  }
};

inline constexpr std::string_view kVersion1Message = "prometheus.WriteRequest";
inline constexpr std::string_view kVersion2Message = "io.prometheus.write.v2.Request";

struct EndpointArguments {
  std::string url, name;
  Duration remote_timeout = std::chrono::seconds(30);
  StringMap headers;
  bool send_exemplars = true;
  bool send_native_histograms = false;
  std::string protobuf_message = "prometheus.WriteRequest";
  bool round_robin_dns = false;
  pipeline::HttpClientArguments client = pipeline::HttpClientArguments::without_http2();
  QueueArguments queue;
  MetadataArguments metadata;
  pipeline::OutboxArguments outbox;
  std::vector<pipeline::RuleArguments> write_relabel;
  std::optional<SigV4Arguments> sigv4;
  std::optional<AzureAdArguments> azuread;
  std::optional<GoogleIamArguments> google_iam;

  Status validate() const;
  static constexpr auto fields() {
    using T = EndpointArguments;
    return std::tuple{
        attr<&T::url>("url", "Where to POST write requests.").required(),
        attr<&T::name>("name", "Name of the endpoint in metrics.")
            .default_is("a hash of the url and the headers"),
        attr<&T::remote_timeout>("remote_timeout", "Time limit for one request."),
        attr<&T::headers>("headers", "More headers of the request."),
        attr<&T::send_exemplars>("send_exemplars", "Send exemplars."),
        attr<&T::send_native_histograms>("send_native_histograms", "Send native histograms."),
        attr<&T::protobuf_message>("protobuf_message",
                                   "Message format of the requests: \"prometheus.WriteRequest\" "
                                   "(remote write 1.0) or \"io.prometheus.write.v2.Request\" "
                                   "(2.0; a server that only takes 1.0 gets that)."),
        attr<&T::round_robin_dns>("round_robin_dns",
                                  "Each connection goes to one of the addresses of the name, by "
                                  "chance."),
        squash<&T::client>(),
        block<&T::queue>("queue_config", "How samples are batched before sending."),
        block<&T::metadata>("metadata_config", "How metadata is sent."),
        block<&T::outbox>("outbox",
                          "How samples are kept until they are delivered; what is not set "
                          "is as the block `outbox` at the root says."),
        block<&T::write_relabel>("write_relabel_config", "A relabelling rule for this endpoint."),
        block<&T::sigv4>("sigv4", "AWS Signature Version 4."),
        block<&T::azuread>("azuread", "Tokens of Microsoft Entra ID."),
        block<&T::google_iam>("google_iam", "Tokens of Google Cloud.")};
  }
};

}  // namespace collector::send
