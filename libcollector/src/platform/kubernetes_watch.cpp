#include "platform/kubernetes_watch.hpp"

#include "platform/json_fields.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace collector::platform {
namespace {

using nlohmann::json;

constexpr int kPage = 250;  ///< objects of one answer to a list
/// etcd takes objects of 1.5 MiB at most.
constexpr std::size_t kLongestEvent = 8U << 20;
constexpr std::size_t kLargestPage = 256U << 20;
constexpr Duration kListTimeout = std::chrono::minutes(1);
/// A watch is renewed after 5 to 10 minutes, so that a dead connection is noticed.
constexpr std::uint64_t kWatchSeconds = 300;
constexpr Duration kWatchGrace = std::chrono::seconds(30);
constexpr Duration kFirstPause = std::chrono::milliseconds(800);
constexpr Duration kLongestPause = std::chrono::seconds(30);

/// What the API says in a Status object, or the HTTP status by itself.
Status answered(int status, const std::string& body) {
  const json answer = json::parse(body, nullptr, false);
  const std::string message = answer.is_discarded() ? std::string() : text(answer, "message");
  return Status(
      status == 410 ? Code::out_of_range : from_http(status),
      fmt::format("the API answered {}{}{}", status, message.empty() ? "" : ": ", message));
}

}  // namespace

KubernetesWatch::KubernetesWatch(Loop& loop, Random& random, net::ConfiguredClient& client,
                                 KubernetesCollection collection, KubernetesSink& sink)
    : loop_(loop),
      random_(random),
      client_(client),
      collection_(std::move(collection)),
      sink_(sink) {}

std::string KubernetesWatch::target(std::string_view more) const {
  std::string url = fmt::format("{}?{}", collection_.url, more);
  if (!collection_.label_selector.empty())
    url += "&labelSelector=" + net::url_encode(collection_.label_selector);
  if (!collection_.field_selector.empty())
    url += "&fieldSelector=" + net::url_encode(collection_.field_selector);
  return url;
}

Task<void> KubernetesWatch::run(std::stop_token stop) {
  Duration pause = kFirstPause;
  while (!stop.stop_requested()) {
    const Instant begin = loop_.now();
    Status status;
    if (version_.empty()) status = co_await list(stop);
    if (status.ok()) {
      sink_.report(status);
      status = co_await watch(stop);
    }
    if (stop.stop_requested()) co_return;
    // Code::out_of_range is 410 Gone here: the version is too old.
    const bool gone = status.code() == Code::out_of_range;
    if (gone) version_.clear();
    if (!status.ok() && !gone) sink_.report(status);
    // What held for a while is renewed at once; what fails again and again waits longer.
    if (loop_.now() - begin >= kLongestPause) pause = kFirstPause;
    const double jitter = 0.5 + random_.unit();
    const auto wait =
        Duration(static_cast<std::int64_t>(static_cast<double>(pause.count()) * jitter));
    const bool slept = co_await sleep_for(loop_, wait, stop);
    if (!slept) co_return;
    pause = status.ok() ? kFirstPause : std::min(pause * 2, kLongestPause);
  }
}

Task<Status> KubernetesWatch::list(std::stop_token stop) {
  std::string next;
  std::string version;
  bool begun = false;
  do {
    net::Request request;
    request.url = target(fmt::format("limit={}", kPage) +
                         (next.empty() ? "" : "&continue=" + net::url_encode(next)));
    request.headers.set("Accept", "application/json");
    net::SendOptions options;
    options.timeout = kListTimeout;
    options.max_body = options.max_decoded = kLargestPage;
    options.stop = stop;
    auto response = co_await client_.send(std::move(request), options);
    if (!response) co_return response.error();
    if (response->status != 200) co_return answered(response->status, response->body);
    const json page = json::parse(response->body, nullptr, false);
    response->body = std::string();
    const json& meta = member(page, "metadata");
    version = text(meta, "resourceVersion");
    if (version.empty() || !member(page, "items").is_array())
      co_return Status(Code::data_loss, "the API's answer is no list");
    // The first page may have failed: what was known stays in force until one arrives.
    if (!std::exchange(begun, true)) sink_.begin_list();
    for (const json& item : elements(member(page, "items"))) sink_.put(item);
    next = text(meta, "continue");
  } while (!next.empty());
  version_ = std::move(version);
  sink_.end_list();
  co_return Status();
}

Task<Status> KubernetesWatch::watch(std::stop_token stop) {
  net::Request request;
  const std::uint64_t seconds = kWatchSeconds + random_.below(kWatchSeconds);
  request.url = target(fmt::format(
      "watch=1&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={}", version_, seconds));
  request.headers.set("Accept", "application/json");
  std::stop_source own;
  auto pass_on = [&own] { own.request_stop(); };
  const std::stop_callback on_stop(stop, pass_on);
  std::string buffer;
  Status bad;
  net::SendOptions options;
  options.timeout = std::chrono::seconds(seconds) + kWatchGrace;
  options.stop = own.get_token();
  options.on_body = [&](std::string_view piece) {
    if (!bad.ok()) return;
    buffer += piece;
    std::size_t at = 0;
    for (std::size_t end; bad.ok() && (end = buffer.find('\n', at)) != std::string::npos;
         at = end + 1)
      if (end > at) bad = event(std::string_view(buffer).substr(at, end - at));
    buffer.erase(0, at);
    if (bad.ok() && buffer.size() > kLongestEvent)
      bad = Status(Code::data_loss, "an event of the API is too long");
    // The exchange must not be stopped from within its own callback.
    if (!bad.ok()) loop_.post([own]() mutable { own.request_stop(); });
  };
  auto response = co_await client_.send(std::move(request), options);
  // An event that was cut off in its middle comes again: the version stands before it.
  if (!bad.ok()) co_return bad;
  if (!response) co_return response.error();
  if (response->status != 200) co_return answered(response->status, response->body);
  co_return Status();
}

Status KubernetesWatch::event(std::string_view line) {
  const json event = json::parse(line, nullptr, false);
  const json& object = member(event, "object");
  const std::string type = text(event, "type");
  if (!object.is_object()) return {Code::data_loss, "an event of the API has no object"};
  if (type == "ERROR") {
    const std::int64_t code = number(object, "code");
    return Status(code == 410 ? Code::out_of_range : Code::unavailable,
                  fmt::format("the watch ended: {} {}", code, text(object, "message")));
  }
  const std::string version = text(member(object, "metadata"), "resourceVersion");
  if (version.empty()) return {Code::data_loss, "an object of the API has no version"};
  if (type == "ADDED" || type == "MODIFIED")
    sink_.put(object);
  else if (type == "DELETED")
    sink_.remove(object);
  else if (type != "BOOKMARK")
    return {Code::data_loss, fmt::format("the API sent an event of type \"{}\"", type)};
  version_ = version;
  sink_.report(Status());
  return {};
}

}  // namespace collector::platform
