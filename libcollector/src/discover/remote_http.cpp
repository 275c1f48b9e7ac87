// remote.http: the body of an HTTP response as a value, polled.
#include "base/log.hpp"
#include "discover/components.hpp"
#include "discover/exports.hpp"
#include "discover/pause.hpp"
#include "net/http_client_config.hpp"
#include "pipeline/http_client_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace collector::discover {
namespace {

struct RemoteHttpArgs {
  std::string url;
  Duration poll_frequency = std::chrono::minutes(1);
  Duration poll_timeout = std::chrono::seconds(10);
  bool is_secret = false;
  std::string method = "GET";
  StringMap headers;
  std::string body;
  pipeline::HttpClientArguments client;

  Status validate() const {
    const auto invalid = [](std::string what) {
      return Status(Code::invalid_argument, std::move(what));
    };
    if (poll_frequency.count() <= 0) return invalid("poll_frequency must be greater than 0");
    if (poll_timeout.count() <= 0) return invalid("poll_timeout must be greater than 0");
    if (poll_timeout >= poll_frequency)
      return invalid("poll_timeout must be less than poll_frequency");
    if (auto parsed = net::Url::parse(url); !parsed) return parsed.error().in("url");
    const bool token = !method.empty() && std::all_of(method.begin(), method.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
    });
    if (!token) return invalid("\"" + method + "\" is not an HTTP method");
    return client.validate();
  }
  static constexpr auto fields() {
    return std::tuple{
        attr<&RemoteHttpArgs::url>("url", "URL to poll.").required(),
        attr<&RemoteHttpArgs::poll_frequency>("poll_frequency", "How often to poll."),
        attr<&RemoteHttpArgs::poll_timeout>("poll_timeout", "Time limit for one poll."),
        attr<&RemoteHttpArgs::is_secret>("is_secret", "The response is a secret."),
        attr<&RemoteHttpArgs::method>("method", "HTTP method of the request."),
        attr<&RemoteHttpArgs::headers>("headers", "Headers of the request."),
        attr<&RemoteHttpArgs::body>("body", "Body of the request."),
        block<&RemoteHttpArgs::client>("client", "How to reach the server.")};
  }
};

std::string trimmed(const std::string& text) {
  constexpr const char* kBlanks = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

class RemoteHttp final : public Component<RemoteHttpArgs, ContentExports> {
 public:
  using Component::Component;

  Task<Status> run() override {
    while (!context().stop().stop_requested()) {
      pause_.forget();
      const auto client = client_;
      auto polled = co_await poll(*client);
      if (context().stop().stop_requested()) break;
      if (client != client_) continue;  // the arguments changed meanwhile
      if (polled) {
        context().work_completed();
        set_exports({{std::move(*polled), args_.is_secret}});
      } else {
        context().work_waiting(1, "poll_failed: " + polled.error().what());
        context().log().error("polling failed",
                              {{"url", args_.url}, {"err", polled.error().what()}});
      }
      co_await pause_.wait(context().loop(), args_.poll_frequency, context().stop());
    }
    co_return Status();
  }

 protected:
  Status update(RemoteHttpArgs args) override {
    client_ = std::make_shared<net::ConfiguredClient>(context().seams(),
                                                      pipeline::client_settings(args.client));
    args_ = std::move(args);
    context().expect_progress_every(args_.poll_frequency);
    pause_.wake();
    return {};
  }

 private:
  Task<Result<std::string>> poll(net::ConfiguredClient& client) {
    net::Request request;
    request.method = args_.method;
    request.url = args_.url;
    request.headers.set("User-Agent", "libcollector/" COLLECTOR_VERSION);
    for (const auto& [name, value] : args_.headers) request.headers.set(name, value);
    request.body = args_.body;
    net::SendOptions options;
    options.timeout = args_.poll_timeout;
    options.stop = context().stop();
    auto response = co_await client.send(std::move(request), options);
    if (!response) co_return response.error();
    if (response->status != 200)
      co_return Status(Code::unavailable,
                       fmt::format("unexpected status code {} {}", response->status,
                                   net::reason_phrase(response->status)));
    co_return trimmed(response->body);
  }

  RemoteHttpArgs args_;
  std::shared_ptr<net::ConfiguredClient> client_;
  Pause pause_;
};

}  // namespace

Definition remote_http() {
  return define<RemoteHttp>("remote.http", "Polls a URL and exports what it answers.");
}

}  // namespace collector::discover
