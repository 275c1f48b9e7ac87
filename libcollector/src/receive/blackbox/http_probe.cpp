// The http prober (facts: prometheus/blackbox_exporter, prober/http.go).
#include "net/http_trace.hpp"
#include "receive/blackbox/cookies.hpp"
#include "receive/blackbox/http_body.hpp"
#include "receive/blackbox/http_date.hpp"
#include "receive/blackbox/probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace collector::receive::blackbox {
namespace {

using net::HttpTrace;

constexpr int kMostRedirects = 10;

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

/// Sums over all redirects, in seconds.
struct Phases {
  double resolve = 0, connect = 0, tls = 0, processing = 0, transfer = 0;
  bool resolved = false, asked = false;  ///< which of them there are

  void add(const HttpTrace& t, bool secure, std::optional<Instant> end) {
    if (!t.ready) return;
    const Instant connected = secure && t.connected ? *t.connected : *t.ready;
    connect += seconds(connected - t.dialled.value_or(*t.ready));
    if (secure && t.connected && t.secured) tls += seconds(*t.secured - *t.connected);
    if (!t.answered) return;
    processing += seconds(*t.answered - *t.ready);
    if (end) transfer += seconds(*end - *t.answered);
  }
};

/// What Go's ContentLength is: -1 when the length is not declared.
double content_length(const net::Response& head, const std::string& version,
                      std::string_view method, std::uint64_t received) {
  const std::string_view text = head.headers.get("Content-Length");
  if (head.status == 204 || head.status == 304) return 0;
  if (!head.headers.get("Transfer-Encoding").empty()) return -1;
  std::int64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (!text.empty() && error == std::errc() && end == text.data() + text.size())
    return static_cast<double>(length);
  // A header that ends an HTTP/2 stream says that there is no body.
  return version == "HTTP/2.0" && received == 0 && method != "HEAD" ? 0 : -1;
}

class HttpRun {
 public:
  explicit HttpRun(Probe& probe) : probe_(probe), config_(probe.module.http) {}

  Task<bool> run() {
    if (!parse_target()) co_return false;
    if (!config_.skip_resolve_phase_with_proxy || !config_.client.has_proxy()) {
      ChosenAddress chosen = co_await choose_address(probe_, first_.host, config_.address);
      phases_.resolve += chosen.lookup_seconds;
      phases_.resolved = true;
      if (chosen.address.empty()) co_return false;
      address_ = std::move(chosen.address);
    }
    if (!prepare()) co_return false;
    phases_.asked = true;
    net::Url url = first_;
    for (;;) {
      const bool answered = co_await visit(url);
      if (!answered) co_return false;
      const std::string location(head().headers.get("Location"));
      if (!net::is_redirect(head().status) || location.empty()) break;
      ++redirects_;
      if (!follows()) {
        refused_redirect_ = true;
        probe_.notes.push_back(fmt::format("the redirect to {} is not followed", location));
        break;
      }
      phases_.add(*trace_, url.tls(), std::nullopt);
      auto next = net::redirect_target(url, location);
      const net::Response answer = std::move(trace_->head);
      trace_.reset();  // an answer that leads nowhere is none
      if (!next) co_return probe_.fails(next.error());
      turn(answer, url, *next);
      url = std::move(*next);
    }
    const bool success = judge();
    phases_.add(*trace_, url.tls(), end_);
    co_return success;
  }

  void write() {
    constexpr std::string_view kName = "probe_http_duration_seconds";
    constexpr std::string_view kHelp =
        "Duration of http request by phase, summed over all redirects";
    const auto phase = [&](std::string_view name, double value) {
      probe_.gauge(kName, kHelp, value, {{"phase", name}});
    };
    if (phases_.asked) {
      phase("connect", phases_.connect);
      phase("processing", phases_.processing);
    }
    if (phases_.resolved) phase("resolve", phases_.resolve);
    if (phases_.asked) {
      phase("tls", phases_.tls);
      phase("transfer", phases_.transfer);
    }
    const bool answered = trace_ && trace_->head.status != 0;
    double version = 0;
    if (answered) version = (trace_->version[5] - '0') + (trace_->version[7] - '0') / 10.0;
    const bool ssl = answered && trace_->tls;
    probe_.gauge(
        "probe_http_content_length", "Length of http content response",
        answered ? content_length(head(), trace_->version, request_.method, received_) : 0);
    probe_.gauge("probe_http_uncompressed_body_length", "Length of uncompressed response body",
                 body_bytes_);
    probe_.gauge("probe_http_redirects", "The number of redirects", redirects_);
    probe_.gauge("probe_http_ssl", "Indicates if SSL was used for the final redirect", ssl ? 1 : 0);
    probe_.gauge("probe_http_status_code", "Response HTTP status code",
                 answered ? head().status : 0);
    probe_.gauge("probe_http_version", "Returns the version of HTTP of the probe response",
                 version);
    probe_.gauge("probe_failed_due_to_regex", "Indicates if probe failed due to regex",
                 failed_by_regex_ ? 1 : 0);
    if (answered)
      if (const auto modified = http_date(head().headers.get("Last-Modified")))
        probe_.gauge("probe_http_last_modified_timestamp_seconds",
                     "Returns the Last-Modified HTTP response header in unixtime",
                     static_cast<double>(*modified));
    if (ssl) write_tls(probe_, *trace_->tls, true, true);
  }

 private:
  const net::Response& head() const { return trace_->head; }
  bool follows() const { return config_.follows_redirects() && redirects_ <= kMostRedirects; }

  bool parse_target() {
    std::string text = probe_.target;
    const std::string_view scheme = std::string_view(text).substr(0, text.find("://"));
    if (!net::equal_fold(scheme, "http") && !net::equal_fold(scheme, "https"))
      text = "http://" + text;
    auto url = net::Url::parse(text);
    if (!url) return probe_.fails(url.error());
    first_ = std::move(*url);
    return true;
  }

  bool prepare() {
    auto settings = config_.client.settings(probe_.seams.files);
    if (!settings) return probe_.fails(settings.error());
    settings_ = std::move(*settings);
    settings_.follow_redirects = false;
    request_.method = config_.method;
    for (const auto& [name, value] : config_.headers) request_.headers.set(name, value);
    if (!probe_.hostname.empty()) request_.headers.set("Host", probe_.hostname);
    if (!request_.headers.contains("User-Agent"))
      request_.headers.set("User-Agent", "Blackbox-Exporter/" COLLECTOR_VERSION);
    request_.headers.set("Connection", "close");
    // Certificates carry the name that a Host header asks for, not the address that is dialled.
    if (settings_.tls.server_name.empty())
      settings_.tls.server_name = std::string(request_.headers.get("Host"));
    if (settings_.tls.server_name.empty()) settings_.tls.server_name = first_.host;
    request_.body = config_.body;
    if (config_.body_file.empty()) return true;
    auto body = read_text(probe_.seams.files, config_.body_file);
    if (!body) return probe_.fails(body.error());
    request_.body = std::move(*body);
    return true;
  }

  bool at_home(const net::Url& url) const {
    return net::equal_fold(url.host, first_.host) && url.port == first_.port;
  }

  /// Asks `url`; false when no answer came, which is noted.
  Task<bool> visit(net::Url url) {
    std::vector<std::string> places{at_home(url) ? address_ : std::string()};
    if (!at_home(url) && !config_.client.has_proxy()) {
      const Instant begin = probe_.now();
      auto found = co_await addresses_of(probe_, url.host);
      phases_.resolve += probe_.seconds_since(begin);
      if (!found) co_return probe_.fails(found.error());
      places = std::move(*found);
    }
    Status failed(Code::not_found, url.host + " has no address");
    for (const std::string& place : places) {
      failed = co_await ask(url, place);
      if (trace_->connected) break;
    }
    if (head().status != 0) co_return true;
    phases_.add(*trace_, url.tls(), std::nullopt);
    co_return probe_.fails(failed);
  }

  Task<Status> ask(net::Url url, std::string place) {
    net::HttpClientSettings settings = settings_;
    if (!at_home(url)) settings.tls.server_name.clear();
    net::Request request = request_;
    if (!known_) {  // credentials are not for this place
      settings.basic_auth.reset();
      settings.authorization.reset();
      settings.oauth2.reset();
      settings.headers.clear();
      request.headers.remove("Authorization");
      request.headers.remove("Cookie");
    }
    request.url = url.to_text();
    if (at_home(url) && !url.user.empty()) {
      const auto part = [](const std::string& text) { return net::url_encode(text); };
      request.url = fmt::format("{}://{}:{}@{}{}", url.scheme, part(url.user), part(url.password),
                                url.authority(), url.target);
    }
    std::string cookies = cookies_.header(url);
    if (const std::string_view given = request.headers.get("Cookie");
        !cookies.empty() && !given.empty())
      cookies = fmt::format("{}; {}", given, cookies);
    if (!cookies.empty()) request.headers.set("Cookie", std::move(cookies));
    std::stop_source cut;
    const auto pass_on = [&cut] { cut.request_stop(); };
    const std::stop_callback on_stop(probe_.stop, pass_on);
    trace_.emplace(probe_.seams.loop);
    const std::uint64_t limit = decodes() ? 0 : static_cast<std::uint64_t>(config_.limit());
    body_.emplace(probe_.seams, decodes() || matches_body(), limit, cut);
    net::SendOptions options;
    options.timeout = Duration{};
    options.decode = false;
    options.address = std::move(place);
    options.trace = &*trace_;
    options.every_body = true;
    options.on_body = [this](std::string_view piece) {
      const bool turns = net::is_redirect(head().status) && head().headers.contains("Location");
      if (turns)
        body_->ignore();
      else
        body_->take(piece);
    };
    options.stop = cut.get_token();
    // One client for each request: no connection is used twice.
    net::ConfiguredClient client(probe_.seams, std::move(settings));
    const auto response = co_await client.send(std::move(request), std::move(options));
    end_ = probe_.now();
    read_ = response ? Status() : response.error();
    if (!response && probe_.stop.stop_requested() && trace_->head.status == 0)
      read_ = Status(Code::deadline_exceeded, "no answer within the probe's timeout");
    co_return read_;
  }

  void turn(const net::Response& answer, const net::Url& from, const net::Url& to) {
    const std::string_view location = answer.headers.get("Location");
    cookies_.take(from, answer.headers, probe_.seams.loop.wall());
    known_ = known_ && net::credentials_follow(first_, to);
    // A Host header of the module is for the host that it was written for.
    if (location.find("://") != std::string_view::npos || location.starts_with("//"))
      request_.headers.remove("Host");
    net::turn_request(answer.status, request_);
  }

  bool decodes() const {
    return !config_.compression.empty() && !net::equal_fold(config_.compression, "identity");
  }
  bool matches_body() const {
    return !config_.fail_if_body_matches.empty() || !config_.fail_if_body_not_matches.empty();
  }

  bool judge() {
    bool success = status_is_valid() && headers_are_valid();
    if (refused_redirect_) {
      // Its body is not read, so nothing can be said of it.
      if (success && matches_body()) {
        failed_by_regex_ = true;
        success = probe_.fails("the body of a redirect that is not followed is not matched");
      }
    } else {
      success = body_is_valid(success);
    }
    const auto& versions = config_.valid_http_versions;
    if (!versions.empty() &&
        std::find(versions.begin(), versions.end(), trace_->version) == versions.end())
      success = probe_.fails(fmt::format("{} is not among the valid versions", trace_->version));
    if (trace_->tls && config_.fail_if_ssl) success = probe_.fails("the last request was over TLS");
    if (!trace_->tls && config_.fail_if_not_ssl && success)
      success = probe_.fails("the last request was not over TLS");
    return success;
  }

  bool status_is_valid() {
    const auto& valid = config_.valid_status_codes;
    const int status = head().status;
    const bool good = valid.empty() ? status / 100 == 2
                                    : std::find(valid.begin(), valid.end(), status) != valid.end();
    return good || probe_.fails(fmt::format("status {} is not valid", status));
  }

  bool headers_are_valid() {
    for (const bool matching : {true, false})
      for (const HeaderMatch& rule :
           matching ? config_.fail_if_header_matches : config_.fail_if_header_not_matches) {
        bool there = false;
        bool matched = false;
        for (const auto& [name, value] : head().headers.all()) {
          if (!net::equal_fold(name, rule.header)) continue;
          there = true;
          matched = matched || rule.regexp.found_in(value);
        }
        if (!there && rule.allow_missing) continue;
        if (there && matched != matching) continue;
        failed_by_regex_ = true;
        return probe_.fails(fmt::format("header {} {}", rule.header,
                                        !there     ? "is missing"
                                        : matching ? "matches " + rule.regexp.text
                                                   : "does not match " + rule.regexp.text));
      }
    return true;
  }

  bool body_is_valid(bool success) {
    received_ = body_->bytes();
    Status read = body_->failure().ok() ? read_ : body_->failure();
    if (read.ok() && decodes())
      read = body_->decode(config_.compression, static_cast<std::uint64_t>(config_.limit()));
    body_bytes_ = static_cast<double>(body_->bytes());
    if (success && matches_body() && (!read.ok() || !body_matches())) {
      failed_by_regex_ = true;
      success = false;
    }
    if (!read.ok()) success = probe_.fails(read.in("body"));
    return success;
  }

  bool body_matches() {
    for (const Pattern& p : config_.fail_if_body_matches)
      if (p.found_in(body_->text())) return probe_.fails("the body matches " + p.text);
    for (const Pattern& p : config_.fail_if_body_not_matches)
      if (!p.found_in(body_->text())) return probe_.fails("the body does not match " + p.text);
    return true;
  }

  Probe& probe_;
  const HttpProbe& config_;
  net::Url first_;
  std::string address_;  ///< that stands for first_'s host
  net::HttpClientSettings settings_;
  net::Request request_;
  Cookies cookies_;
  bool known_ = true, refused_redirect_ = false, failed_by_regex_ = false;
  int redirects_ = 0;
  Phases phases_;
  std::optional<HttpTrace> trace_;  ///< of the last request
  std::optional<HttpBody> body_;
  std::optional<Instant> end_;
  Status read_;  ///< whether the last answer came whole
  std::uint64_t received_ = 0;
  double body_bytes_ = 0;
};

}  // namespace

Task<bool> probe_http(Probe& probe) {
  HttpRun run(probe);
  const bool success = co_await run.run();
  run.write();
  co_return success;
}

}  // namespace collector::receive::blackbox
