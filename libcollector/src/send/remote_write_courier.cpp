// How an endpoint of prometheus.remote_write brings its requests to the server, in 1.0 or 2.0, and
// what it makes of the answers.
#include "base/log.hpp"
#include "format/remote_write_edit.hpp"
#include "net/http.hpp"
#include "send/remote_write_endpoint.hpp"
#include "wire/compression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace collector::send {
namespace {

using format::WriteVersion;
using Verdict = outbox::Answer::Verdict;

constexpr std::size_t kErrorText = 1024;  // bytes of an answer's body that are logged
constexpr std::size_t kMaxBody = 64 << 20;
/// A server that only took 1.0 may have been replaced: when 2.0 is tried again.
constexpr Duration kAskAgain = std::chrono::hours(1);
// Reasons in the ledger; the first is the sender's.
constexpr std::string_view kRefused = "refused by the endpoint";
constexpr const char* kCustomBuckets = "custom buckets in remote write 1.0";

std::string first_line(std::string_view text) {
  text = text.substr(0, kErrorText);
  return std::string(text.substr(0, text.find_first_of("\r\n")));
}

WriteVersion version_of(const outbox::Frame& frame) {
  return (frame.protocol & kVersionMask) == static_cast<std::uint8_t>(WriteVersion::v2)
             ? WriteVersion::v2
             : WriteVersion::v1;
}

/// Headers of the 2.0 specification. Nothing when there is none of them: then it is no 2.0 server.
std::optional<format::RequestCounts> written(const net::Headers& headers) {
  format::RequestCounts counts;
  bool any = false;
  const auto read = [&](std::string_view name, std::uint32_t& n) {
    const std::string_view text = headers.get(name);
    std::uint64_t number = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) return;
    n = static_cast<std::uint32_t>(std::min<std::uint64_t>(number, UINT32_MAX));
    any = true;
  };
  read("X-Prometheus-Remote-Write-Samples-Written", counts.samples);
  read("X-Prometheus-Remote-Write-Histograms-Written", counts.histograms);
  read("X-Prometheus-Remote-Write-Exemplars-Written", counts.exemplars);
  return any ? std::optional(counts) : std::nullopt;
}

std::uint64_t take(std::uint64_t& from, std::uint64_t most) {
  const std::uint64_t n = std::min(from, most);
  from -= n;
  return n;
}

}  // namespace

/// In what what comes now is written, and what waits is sent.
WriteVersion RemoteWriteEndpoint::spoken() {
  if (args_.protobuf_message != kVersion2Message) return WriteVersion::v1;
  if (speech_.now == Speech::Now::as_configured) return WriteVersion::v2;
  if (context_.loop().now() < speech_.ask_again) return WriteVersion::v1;
  speech_ = {};
  return WriteVersion::v2;
}

void RemoteWriteEndpoint::falls_back(Speech::Now now, const std::string& why) {
  if (speech_.now == Speech::Now::as_configured)
    context_.log().warn("the endpoint does not speak remote write 2.0, 1.0 is sent",
                        {{"remote_name", name_}, {"url", redacted_url(args_.url)}, {"err", why}});
  if (speech_.now != Speech::Now::v1) speech_.now = now;
  speech_.ask_again = context_.loop().now() + kAskAgain;
}

Result<RemoteWriteEndpoint::Outgoing> RemoteWriteEndpoint::outgoing(
    std::vector<outbox::Parcel>& parcels) {
  const outbox::Frame& first = parcels.front().frame;
  const bool encoded = first.encoding == kSnappy;
  Outgoing out;
  out.version = version_of(first);
  const bool older = out.version == WriteVersion::v2 && spoken() == WriteVersion::v1;
  const bool more = (first.protocol & kMore) != 0;
  for (const outbox::Parcel& parcel : parcels) out.counts.samples += parcel.items;
  if (encoded && !older && !more) {
    out.body = std::move(parcels.front().body);
    return out;
  }
  std::string plain;
  if (encoded) {
    Reservation held = context_.seams().budget.charge(0, "outbox");
    auto uncompressed = wire::snappy_uncompress(parcels.front().body, kMaxBody, held);
    if (!uncompressed) return uncompressed.error();
    plain = std::move(*uncompressed);
  } else if (parcels.size() == 1) {
    plain = std::move(parcels.front().body);
  } else if (out.version == WriteVersion::v2) {
    std::vector<std::string_view> bodies;
    for (const outbox::Parcel& parcel : parcels) bodies.emplace_back(parcel.body);
    auto joined = joiner_.join(bodies);
    if (!joined) return joined.error();
    plain = std::move(*joined);
  } else {
    for (outbox::Parcel& parcel : parcels) {  // one behind the other they are one request
      plain += parcel.body;
      parcel.body = {};
    }
  }
  if (older) {
    auto downgraded = format::to_version_1(plain);
    if (!downgraded) return downgraded.error();
    out.version = WriteVersion::v1;
    out.counts = downgraded->counts;
    out.uncarried = downgraded->custom_buckets;
    out.lost_exemplars = downgraded->lost_exemplars;
    plain = std::move(downgraded->body);
  } else if (more) {
    auto counts = format::count_request(out.version, plain);
    if (!counts) return counts.error();
    out.counts = *counts;
  }
  if (encoded && !older)
    out.body = std::move(parcels.front().body);
  else
    wire::snappy_compress(plain, out.body);
  return out;
}

Task<outbox::Answer> RemoteWriteEndpoint::attempt(std::vector<outbox::Parcel>& parcels, int number,
                                                  std::stop_token stop) {
  const bool half = (parcels.front().frame.protocol & kHalf) != 0;
  auto out = outgoing(parcels);
  if (!out) co_return outbox::Answer{Verdict::rejected, out.error().what(), {}};
  Reply reply;
  if (out->counts.items() + out->counts.exemplars == 0) {
    reply.answer.verdict = Verdict::delivered;  // all that there was has no place in 1.0
  } else {
    const auto size = static_cast<double>(out->body.size());
    reply = co_await request(std::move(out->body), out->version, number, std::move(stop));
    if (out->version == WriteVersion::v2)
      judge_v2(reply);
    else
      judge_v1(reply);
    if (reply.answer.verdict == Verdict::delivered) counters_->bytes.add(size);
  }
  const bool dropped_for_good =
      (reply.answer.verdict == Verdict::rejected && !reply.answer.of_data) ||
      (reply.answer.verdict == Verdict::too_large && half) ||
      (reply.answer.verdict == Verdict::unauthorized && outbox_.on_auth_error == "drop");
  account(reply, *out, dropped_for_good);
  co_return std::move(reply.answer);
}

void RemoteWriteEndpoint::judge_v1(Reply& reply) {
  Verdict& verdict = reply.answer.verdict;
  reply.written.reset();  // 1.0 does not know these headers
  if (verdict == Verdict::unsupported) verdict = Verdict::rejected;
  if (speech_.now != Speech::Now::perhaps_v1) return;
  if (verdict == Verdict::delivered) {
    speech_.now = Speech::Now::v1;
  } else if (verdict == Verdict::rejected) {  // it was the data after all
    speech_ = {};
    speech_.tried_v1 = true;
  }
}

void RemoteWriteEndpoint::judge_v2(Reply& reply) {
  outbox::Answer& answer = reply.answer;
  if (reply.written) speech_.confirmed = true;
  if (answer.verdict == Verdict::delivered && !reply.written) {
    // It took the request for one of 1.0, which is empty then (specification, Required Written
    // Response Headers).
    answer.error = fmt::format(
        "server returned HTTP status {} and none of the headers "
        "X-Prometheus-Remote-Write-*-Written",
        reply.status);
    answer.verdict = Verdict::unsupported;
  }
  if (answer.verdict == Verdict::unsupported) return falls_back(Speech::Now::v1, answer.error);
  if (answer.verdict != Verdict::rejected) return;
  if (reply.written && reply.written->items() > 0) {
    answer.verdict = Verdict::delivered;  // in part: it must not be sent again
  } else if (reply.status == 400 && !speech_.confirmed && !speech_.tried_v1) {
    // So 1.0 servers say that they do not know the message (specification, Unsupported Request
    // Content); or that the data is bad.
    answer.verdict = Verdict::unsupported;
    falls_back(Speech::Now::perhaps_v1, answer.error);
  }
}

/// Histograms and exemplars are counted here, where the request is known; what remains for the
/// sender's report goes into rest_. `final`: the request is given up.
void RemoteWriteEndpoint::account(const Reply& reply, const Outgoing& out, bool final) {
  const format::RequestCounts& sent = out.counts;
  EndpointCounters& c = *counters_;
  switch (reply.answer.verdict) {
    case Verdict::delivered: {
      const format::RequestCounts& got = reply.written ? *reply.written : sent;
      const auto histograms = std::min(got.histograms, sent.histograms);
      const auto exemplars = std::min(got.exemplars, sent.exemplars);
      const auto samples = std::min(got.samples, sent.samples);
      c.histograms_sent.add(histograms);
      c.exemplars_sent.add(exemplars);
      c.exemplars_failed.add(sent.exemplars - exemplars);
      c.histograms_failed.add(sent.histograms - histograms);
      rest_.histograms_sent += histograms;
      rest_.histograms_failed += sent.histograms - histograms;
      rest_.refused += sent.items() - histograms - samples;
      rest_.uncarried += out.uncarried;
      if (sent.items() > histograms + samples)
        rest_.error =
            reply.answer.error.empty()
                ? fmt::format("server returned HTTP status {} and wrote less than was sent",
                              reply.status)
                : reply.answer.error;
      if (out.lost_exemplars > 0) c.dropped(kExemplars, "without_sample", out.lost_exemplars);
      if (exemplars < sent.exemplars && rest_.refused == 0)
        context_.log().warn("exemplars were not written",
                            {{"remote_name", name_},
                             {"exemplars", std::to_string(sent.exemplars - exemplars)},
                             {"err", reply.answer.error}});
      return;
    }
    case Verdict::retry:
      c.histograms_retried.add(sent.histograms);
      c.exemplars_retried.add(sent.exemplars);
      rest_.histograms_retried = sent.histograms;
      return;
    default:
      if (!final) return;
      c.histograms_failed.add(sent.histograms);
      c.exemplars_failed.add(sent.exemplars);
      rest_.histograms_failed += sent.histograms;
  }
}

Task<RemoteWriteEndpoint::Reply> RemoteWriteEndpoint::request(std::string body,
                                                              WriteVersion version, int number,
                                                              std::stop_token stop) {
  const bool v2 = version == WriteVersion::v2;
  net::Request request;
  request.method = "POST";
  request.url = args_.url;
  for (const auto& [name, value] : args_.headers) request.headers.set(name, value);
  request.headers.set("Content-Encoding", "snappy");
  request.headers.set("Content-Type",
                      v2 ? "application/x-protobuf;proto=io.prometheus.write.v2.Request"
                         : "application/x-protobuf");
  request.headers.set("X-Prometheus-Remote-Write-Version", v2 ? "2.0.0" : "0.1.0");
  if (!request.headers.contains("User-Agent"))
    request.headers.set("User-Agent", "libcollector/" COLLECTOR_VERSION);
  if (number > 0) request.headers.set("Retry-Attempt", std::to_string(number));
  request.body = std::move(body);
  net::SendOptions options;
  options.timeout = args_.remote_timeout;
  options.max_body = options.max_decoded = 1U << 20;
  options.stop = stop;
  const bool on_429 = args_.queue.retry_on_http_429;
  const auto client = client_;  // an update may replace it meanwhile
  const Instant begin = context_.loop().now();
  auto response = co_await client->send(std::move(request), options);
  counters_->duration.observe(std::chrono::duration<double>(context_.loop().now() - begin).count());
  Reply reply;
  outbox::Answer& answer = reply.answer;
  if (!response) {
    answer.verdict = stop.stop_requested() ? Verdict::stopped : Verdict::retry;
    answer.error = to_string(response.error());
    co_return reply;
  }
  const int status = reply.status = response->status;
  answer.of_data = status == 400 || status == 409 || status == 413 || status == 422;
  reply.written = written(response->headers);
  if (status / 100 == 2) {
    answer.verdict = Verdict::delivered;
    co_return reply;
  }
  answer.error = fmt::format("server returned HTTP status {} {}: {}", status,
                             net::reason_phrase(status), first_line(response->body));
  if (status / 100 == 5 || status == 408 || (status == 429 && on_429)) {
    answer.verdict = Verdict::retry;
    answer.after = retry_after(response->headers.get("Retry-After"), context_.loop().wall());
  } else if (status == 401 || status == 403) {
    answer.verdict = Verdict::unauthorized;
  } else if (status == 413) {
    answer.verdict = Verdict::too_large;
  } else if (status == 415) {
    answer.verdict = Verdict::unsupported;
  } else {
    answer.verdict = Verdict::rejected;
  }
  co_return reply;
}

std::uint32_t RemoteWriteEndpoint::drop_older(outbox::Parcel& parcel, std::int64_t cutoff_ms) {
  if (parcel.frame.encoding == kSnappy) {
    Reservation held = context_.seams().budget.charge(0, "outbox");
    auto plain = wire::snappy_uncompress(parcel.body, kMaxBody, held);
    if (!plain) return 0;
    parcel.body = std::move(*plain);
    parcel.frame.encoding = kPlain;
  }
  const auto gone = format::drop_older(version_of(parcel.frame), parcel.body, cutoff_ms);
  return gone ? gone->items() : 0;
}

std::vector<outbox::Parcel> RemoteWriteEndpoint::split(const outbox::Parcel& parcel) {
  if ((parcel.frame.protocol & kHalf) != 0) return {};
  auto halves = halves_of(parcel, format::CutAt::series);
  for (outbox::Parcel& half : halves) half.frame.protocol |= kHalf;
  return halves;
}

std::vector<outbox::Parcel> RemoteWriteEndpoint::divide(const outbox::Parcel& parcel) {
  return halves_of(parcel, format::CutAt::source);
}

/// Two parts, or none: then it is given up, which is counted here, where the request is known.
std::vector<outbox::Parcel> RemoteWriteEndpoint::halves_of(const outbox::Parcel& parcel,
                                                           format::CutAt at) {
  std::string plain = parcel.body;
  if (parcel.frame.encoding == kSnappy) {
    Reservation held = context_.seams().budget.charge(0, "outbox");
    auto uncompressed = wire::snappy_uncompress(parcel.body, kMaxBody, held);
    if (!uncompressed) return {};
    plain = std::move(*uncompressed);
  }
  auto halves = format::halve_request(version_of(parcel.frame), plain, at);
  if (!halves) return {};
  const format::RequestCounts& rest = halves->second.counts;
  if (rest.items() + rest.exemplars == 0) {
    const format::RequestCounts& all = halves->first.counts;
    counters_->exemplars_failed.add(all.exemplars);
    counters_->histograms_failed.add(all.histograms);
    rest_.histograms_failed += all.histograms;
    return {};
  }
  std::vector<outbox::Parcel> out;
  for (format::RequestHalf* half : {&halves->first, &halves->second}) {
    out.push_back({parcel.frame, parcel.context, std::move(half->body), half->counts.items()});
    out.back().frame.encoding = kPlain;
  }
  return out;
}

void RemoteWriteEndpoint::uncarried(std::uint64_t histograms) {
  dropped_[kCustomBuckets] += histograms;
  counters_->dropped(kHistograms, kCustomBucketsReason, histograms);
  context_.log().warn("histograms dropped: remote write 1.0 has no custom buckets",
                      {{"remote_name", name_}, {"histograms", std::to_string(histograms)}});
}

void RemoteWriteEndpoint::delivered(std::uint64_t items, std::int64_t newest_ms) {
  const std::uint64_t refused = take(rest_.refused, items);
  items -= refused;
  const std::uint64_t lost = take(rest_.uncarried, items);
  items -= lost;
  delivered_ += items;
  completed_ = true;
  last_error_.clear();
  counters_->sent.add(static_cast<double>(items - take(rest_.histograms_sent, items)));
  counters_->highest_sent.set(
      std::max(counters_->highest_sent.value, static_cast<double>(newest_ms) / 1000));
  if (lost > 0) uncarried(lost);
  if (refused > 0) dropped(refused, kRefused, std::exchange(rest_.error, {}));
  report();
}

void RemoteWriteEndpoint::dropped(std::uint64_t items, std::string_view reason,
                                  const std::string& error) {
  completed_ = true;
  dropped_[std::string(reason)] += items;
  std::string label(reason);
  std::replace(label.begin(), label.end(), ' ', '_');
  if (reason == kRefused) {
    last_error_ = error;
    counters_->failed.add(static_cast<double>(items - take(rest_.histograms_failed, items)));
    context_.log().error("non-recoverable error, samples dropped",
                         {{"remote_name", name_},
                          {"url", redacted_url(args_.url)},
                          {"samples", std::to_string(items)},
                          {"err", error}});
    return;
  }
  if (reason == "damaged") counters_->damaged_frames.add();
  counters_->dropped(kSamples, std::move(label), items);
  context_.log().warn("samples dropped", {{"remote_name", name_},
                                          {"reason", std::string(reason)},
                                          {"samples", std::to_string(items)},
                                          {"err", error}});
}

void RemoteWriteEndpoint::will_retry(std::uint64_t items, const outbox::Answer& answer) {
  last_error_ = answer.error;
  const std::uint64_t histograms = std::exchange(rest_.histograms_retried, 0);
  counters_->retried.add(static_cast<double>(items - std::min(histograms, items)));
  context_.log().warn("sending failed, will retry", {{"remote_name", name_},
                                                     {"url", redacted_url(args_.url)},
                                                     {"samples", std::to_string(items)},
                                                     {"err", answer.error}});
  report();
}

}  // namespace collector::send
