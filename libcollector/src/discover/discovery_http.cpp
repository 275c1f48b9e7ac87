// discovery.http: targets from an HTTP endpoint that answers in JSON.
#include "base/log.hpp"
#include "discover/components.hpp"
#include "discover/exports.hpp"
#include "discover/pause.hpp"
#include "discover/target_groups.hpp"
#include "net/http_client_config.hpp"
#include "pipeline/http_client_arguments.hpp"
#include "pipeline/own_metrics.hpp"

#include <fmt/format.h>

namespace collector::discover {
namespace {

struct HttpDiscoveryArgs {
  std::string url;
  Duration refresh_interval = std::chrono::seconds(60);
  pipeline::HttpClientArguments client;

  Status validate() const {
    if (auto parsed = net::Url::parse(url); !parsed) return parsed.error().in("url");
    if (refresh_interval.count() <= 0)
      return {Code::invalid_argument, "refresh_interval must be greater than 0"};
    return client.validate();
  }
  static constexpr auto fields() {
    return std::tuple{attr<&HttpDiscoveryArgs::url>("url", "Where to GET the targets.").required(),
                      attr<&HttpDiscoveryArgs::refresh_interval>(
                          "refresh_interval", "How often to ask; also the time limit."),
                      squash<&HttpDiscoveryArgs::client>()};
  }
};

/// `application/json`, with a charset of UTF-8 at most.
bool is_json(std::string_view type) {
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  const auto semicolon = type.find(';');
  std::string_view media = type.substr(0, semicolon);
  while (!media.empty() && media.back() == ' ') media.remove_suffix(1);
  if (!net::equal_fold(media, "application/json")) return false;
  if (semicolon == std::string_view::npos) return true;
  std::string_view rest = type.substr(semicolon + 1);
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  return net::equal_fold(rest, "charset=utf-8") || net::equal_fold(rest, "charset=\"utf-8\"");
}

class HttpDiscovery final : public Component<HttpDiscoveryArgs, TargetExports> {
 public:
  explicit HttpDiscovery(Context& context)
      : Component(context),
        failures_(context.metrics().counter("prometheus_sd_http_failures_total",
                                            "Number of HTTP service discovery refresh failures.")) {
  }

  Task<Status> run() override {
    while (!context().stop().stop_requested()) {
      pause_.forget();
      const std::shared_ptr<net::ConfiguredClient> client = client_;
      auto targets = co_await fetch(*client);
      if (client != client_) continue;  // the arguments changed meanwhile
      if (targets) {
        known_ = std::move(*targets);
        context().work_completed();
        set_exports({known_});
      } else if (!context().stop().stop_requested()) {
        failures_.add();
        context().work_waiting(1, "refresh_failed: " + targets.error().what());
        context().log().error("targets cannot be refreshed",
                              {{"url", args_.url}, {"err", targets.error().what()}});
      }
      co_await pause_.wait(context().loop(), args_.refresh_interval, context().stop());
    }
    co_return Status();
  }

 protected:
  Status update(HttpDiscoveryArgs args) override {
    if (args.url != args_.url) known_.clear();
    client_ = std::make_shared<net::ConfiguredClient>(context().seams(),
                                                      pipeline::client_settings(args.client));
    args_ = std::move(args);
    context().expect_progress_every(args_.refresh_interval);
    set_exports({known_});
    pause_.wake();
    return {};
  }

 private:
  Task<Result<std::vector<StringMap>>> fetch(net::ConfiguredClient& client) {
    net::Request request;
    request.url = args_.url;
    const std::string url = args_.url;
    request.headers.set("Accept", "application/json");
    request.headers.set("User-Agent", "libcollector/" COLLECTOR_VERSION);
    request.headers.set(
        "X-Prometheus-Refresh-Interval-Seconds",
        fmt::format("{}", std::chrono::duration<double>(args_.refresh_interval).count()));
    net::SendOptions options;
    options.timeout = args_.refresh_interval;
    options.stop = context().stop();
    auto response = co_await client.send(std::move(request), options);
    if (!response) co_return response.error();
    if (response->status != 200)
      co_return Status(Code::unavailable,
                       fmt::format("server returned HTTP status {} {}", response->status,
                                   net::reason_phrase(response->status)));
    if (!is_json(response->headers.get("Content-Type")))
      co_return Status(Code::invalid_argument, fmt::format("unsupported content type \"{}\"",
                                                           response->headers.get("Content-Type")));
    co_return parse_target_groups(response->body, GroupFormat::json, {{"__meta_url", url}});
  }

  pipeline::Counter& failures_;
  HttpDiscoveryArgs args_;
  std::shared_ptr<net::ConfiguredClient> client_;
  std::vector<StringMap> known_;
  Pause pause_;
};

}  // namespace

Definition discovery_http() {
  return define<HttpDiscovery>("discovery.http", "Fetches targets from an HTTP endpoint.");
}

}  // namespace collector::discover
