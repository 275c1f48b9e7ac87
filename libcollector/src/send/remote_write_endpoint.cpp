#include "send/remote_write_endpoint.hpp"

#include "base/hash.hpp"
#include "base/log.hpp"
#include "format/remote_write.hpp"
#include "format/remote_write_edit.hpp"
#include "model/rewrite_series.hpp"
#include "model/series_table.hpp"
#include "net/http.hpp"
#include "outbox/memory_log.hpp"
#include "pipeline/http_client_arguments.hpp"
#include "pipeline/node.hpp"
#include "pipeline/relabel_arguments.hpp"
#include "wire/compression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace collector::send {
namespace {

constexpr std::size_t kErrorText = 1024;  // bytes of an answer's body that are logged
/// Bodies from here on are a request of their own and compressed when they are made.
constexpr std::size_t kOwnRequest = 64 << 10;
constexpr std::size_t kMaxBody = 64 << 20;
constexpr std::uint64_t kMostOnDisk = std::uint64_t{4} << 30;
constexpr std::uint8_t kVersion1 = 1;            // Frame::protocol
constexpr std::uint8_t kPlain = 0, kSnappy = 1;  // Frame::encoding

/// External labels as relabelling: a label of the series wins, `$` stands for itself.
std::vector<pipeline::RuleArguments> all_rules(const StringMap& external,
                                               const std::vector<pipeline::RuleArguments>& more) {
  std::vector<pipeline::RuleArguments> rules;
  for (const auto& [name, value] : external) {
    pipeline::RuleArguments rule;
    rule.source_labels = {name};
    rule.regex = "";
    rule.target_label = name;
    rule.replacement.clear();
    for (char c : value) rule.replacement += c == '$' ? std::string("$$") : std::string(1, c);
    rules.push_back(std::move(rule));
  }
  rules.insert(rules.end(), more.begin(), more.end());
  return rules;
}

std::string first_line(std::string_view text) {
  text = text.substr(0, kErrorText);
  return std::string(text.substr(0, text.find_first_of("\r\n")));
}

/// Scheme, host, port and path: what of a URL says where data goes.
std::string origin_and_path(std::string_view url) {
  const std::string shown = redacted_url(url);
  return shown.substr(0, shown.find_first_of("?#"));
}

}  // namespace

RemoteWriteEndpoint::RemoteWriteEndpoint(Context& context, Function<void()> progressed)
    : context_(context), progressed_(std::move(progressed)) {}

void RemoteWriteEndpoint::configure(EndpointArguments arguments, const StringMap& external_labels) {
  const std::string name = endpoint_name(arguments);
  const std::string url = redacted_url(arguments.url);
  if (!counters_ || name != name_ || url != redacted_url(args_.url))
    counters_ = std::make_unique<EndpointCounters>(
        context_.metrics().root(),
        StringMap{{"component_id", context_.id()}, {"remote_name", name}, {"url", url}});
  name_ = name;
  args_ = std::move(arguments);
  outbox_ = args_.outbox.over(context_.node().env().outbox);
  auto settings = pipeline::client_settings(args_.client);
  settings.authorizer =
      cloud_authorizer(context_.seams(), args_.sigv4, args_.azuread, args_.google_iam);
  client_ = std::make_shared<net::ConfiguredClient>(context_.seams(), std::move(settings));
  const auto rules = all_rules(external_labels, args_.write_relabel);
  relabel_.reset();
  if (!rules.empty())
    relabel_ =
        std::make_unique<model::RelabelCache>(context_.series(), pipeline::compile_rules(rules));
  const QueueArguments& q = args_.queue;
  counters_->shards_max.set(static_cast<double>(q.max_shards));
  counters_->shards_min.set(static_cast<double>(q.min_shards));
  counters_->shard_capacity.set(static_cast<double>(q.capacity));
  counters_->max_samples_per_send.set(static_cast<double>(q.max_samples_per_send));
  for (const Channel& channel : channels_) channel.sender->configure(limits());
  report();
}

outbox::SenderLimits RemoteWriteEndpoint::limits() const {
  const QueueArguments& q = args_.queue;
  outbox::SenderLimits limits;
  limits.min_lanes = static_cast<std::size_t>(q.min_shards);
  limits.max_lanes = static_cast<std::size_t>(q.max_shards);
  limits.items = static_cast<std::uint64_t>(q.max_samples_per_send);
  limits.linger = q.batch_send_deadline;
  limits.min_backoff = q.min_backoff;
  limits.max_backoff = q.max_backoff;
  limits.age_limit = q.sample_age_limit;
  limits.out_of_order = outbox_.out_of_order.value_or(false);
  limits.drop_unauthorized = outbox_.on_auth_error == "drop";
  return limits;
}

outbox::Destination RemoteWriteEndpoint::destination() const {
  outbox::Destination d;
  d.component = context_.id();
  d.name = name_;
  d.url = origin_and_path(args_.url);
  for (const auto& [header, value] : args_.headers)
    if (net::equal_fold(header, "X-Scope-OrgID")) d.tenant = value;
  // A named endpoint keeps its data when it moves; the tenant that data is for never changes.
  const std::string place = args_.name.empty() ? d.url : "";
  const std::string identity =
      fmt::format("{}\n{}\n{}\n{}", d.component, args_.name, place, d.tenant);
  d.fingerprint = fmt::format("{:016x}", base::hash64(identity, 0));
  return d;
}

Status RemoteWriteEndpoint::open(const std::string& folder, bool own) {
  Channel channel;
  if (folder.empty()) {
    channel.log = std::make_unique<outbox::MemoryLog>(context_.loop(),
                                                      context_.seams().budget.charge(0, "outbox"));
  } else {
    outbox::FileLog::Options options;
    options.destination = destination();
    options.most = kMostOnDisk;
    if (outbox_.size)
      options.most = static_cast<std::uint64_t>(outbox_.size->bytes);
    else if (const auto usage = context_.seams().files.usage(folder.substr(0, folder.rfind('/'))))
      options.most = std::clamp<std::uint64_t>(usage->size / 10, 8 << 20, kMostOnDisk);
    auto log = outbox::FileLog::open(context_.loop(), context_.seams().files,
                                     context_.seams().random, folder, std::move(options));
    if (!log) return log.error();
    const auto& found = (*log)->waiting();
    const auto& damage = (*log)->damage();
    accepted_ += found.items + damage.items;
    if (found.items > 0)
      context_.log().info("undelivered samples of an earlier run are sent",
                          {{"remote_name", name_}, {"samples", std::to_string(found.items)}});
    if (damage.frames > 0) {
      counters_->damaged_frames.add(static_cast<double>(damage.frames));
      dropped(damage.items, "damaged", fmt::format("{} requests are missing", damage.frames));
    }
    if (own) files_log_ = log->get();
    channel.log = std::move(*log);
  }
  channel.sender = std::make_shared<outbox::Sender>(context_.loop(), context_.seams().random,
                                                    *channel.log, *this);
  channel.sender->configure(limits());
  channels_.push_back(std::move(channel));
  return {};
}

Status RemoteWriteEndpoint::start(const OutboxPlace& place) {
  // The blocks at the root are in force by now; they were not when the first arguments came.
  outbox_ = args_.outbox.over(context_.node().env().outbox);
  const bool on_disk = !place.own.empty() && outbox_.level != "queued";
  const std::string name = "/" + destination().fingerprint;
  if (Status s = open(on_disk ? place.own + name : "", true); !s.ok()) return s;
  for (const std::string& folder : place.abandoned) {
    if (!context_.seams().files.info(folder + name)) continue;
    if (Status s = open(folder + name, false); !s.ok())
      context_.log().error("the outbox of an earlier run cannot be read",
                           {{"remote_name", name_}, {"err", s.what()}});
  }
  running_ = true;
  ++tasks_;
  Self self = shared_from_this();
  spawn(send_metadata(self), [self] {
    --self->tasks_;
    if (self->changed_) self->changed_();
  });
  for (const Channel& channel : channels_) channel.sender->start();
  report();
  return {};
}

// --- taking samples in -------------------------------------------------------------------------

Status RemoteWriteEndpoint::push(const Metrics& batch, Ack& ack) {
  const std::uint64_t n = batch.size();
  if (n == 0) return {};
  if (!running_) return {Code::unavailable, "the endpoint has not started"};
  outbox::Log& log = *channels_.front().log;
  const QueueArguments& q = args_.queue;
  const auto capacity = static_cast<std::uint64_t>(q.capacity * q.max_shards);
  const bool drop_oldest = outbox_.full == "drop_oldest";
  if (memory() && !drop_oldest && log.waiting().items > 0 && log.waiting().items + n > capacity)
    return {Code::resource_exhausted, "queue full"};

  const MetricColumns* columns = &batch.columns();
  if (relabel_) {
    model::rewrite_series(*columns, *relabel_, relabelled_);
    columns = &relabelled_;
  }
  const std::size_t kept = columns->series.size();
  std::vector<outbox::StoredFrame> stored;
  std::int64_t newest = std::numeric_limits<std::int64_t>::min();
  const auto most = static_cast<std::size_t>(q.max_samples_per_send);
  for (std::size_t begin = 0; begin < kept; begin += most) {
    const std::size_t end = std::min(kept, begin + most);
    outbox::Frame frame;
    frame.items = static_cast<std::uint32_t>(end - begin);
    frame.order_key = static_cast<std::uint8_t>(batch.columns().order_key);
    frame.protocol = kVersion1;
    const auto times =
        std::minmax_element(columns->timestamp.begin() + static_cast<std::ptrdiff_t>(begin),
                            columns->timestamp.begin() + static_cast<std::ptrdiff_t>(end));
    frame.oldest_ms = *times.first;
    frame.newest_ms = *times.second;
    newest = std::max(newest, frame.newest_ms);
    outbox::Log::begin(buffer_, {});
    plain_.clear();
    format::append_write_request(*columns, begin, end, context_.series(), plain_);
    if (plain_.size() >= kOwnRequest) {
      frame.encoding = kSnappy;
      wire::snappy_compress(plain_, buffer_);
    } else {
      buffer_ += plain_;
    }
    for (;;) {
      auto appended = log.append(frame, buffer_);
      if (appended) {
        stored.push_back(*appended);
        break;
      }
      if (drop_oldest && appended.error().code() == Code::resource_exhausted)
        if (const std::uint64_t items = log.drop_oldest(); items > 0) {
          dropped(items, "outbox full", appended.error().what());
          continue;
        }
      for (const auto& earlier : stored) log.acknowledge(earlier);  // all or nothing
      return appended.error();
    }
  }
  accepted_ += n;
  delivered_ += n - kept;  // left out on purpose: nobody waits for it
  counters_->in.add(static_cast<double>(n));
  if (n > kept) counters_->dropped("dropped_series", n - kept);
  if (args_.metadata.send && batch.columns().metadata)
    metadata_[batch.columns().order_key] = batch.columns().metadata;
  if (!stored.empty())
    counters_->highest_in.set(
        std::max(counters_->highest_in.value, static_cast<double>(newest) / 1000));
  const std::string level = memory() ? "queued" : outbox_.level.value_or("synced");
  if (!stored.empty() && level == "delivered") {
    auto shared = std::make_shared<Ack>(std::move(ack));
    for (const auto& frame : stored)
      log.when_acknowledged(frame.sequence, [share = std::make_shared<Ack>(shared->share())] {
        share->settle(Outcome::delivered());
      });
    shared->settle(Outcome::delivered());
  } else if (!stored.empty() && level == "synced") {
    log.when_synced(stored.back().sequence,
                    [weak = weak_from_this(), kept,
                     share = std::make_shared<Ack>(std::move(ack))](const Status& status) {
                      if (status.ok()) return share->settle(Outcome::delivered());
                      // It is no longer there, and is offered again.
                      if (auto self = weak.lock()) self->accepted_ -= kept;
                      share->settle(Outcome::retry(status.what(), std::chrono::seconds(1)));
                    });
  } else {
    ack.settle(Outcome::delivered());
  }
  for (const auto& frame : stored) channels_.front().sender->appended(frame);
  report();
  return {};
}

void RemoteWriteEndpoint::refused(std::uint64_t samples, bool drop) {
  counters_->enqueue_retries.add();
  if (!drop) return;
  accepted_ += samples;
  dropped_["queue full"] += samples;
  counters_->dropped("queue_full", samples);
  context_.log().warn("the outbox is full, samples dropped",
                      {{"remote_name", name_}, {"samples", std::to_string(samples)}});
}

// --- state -------------------------------------------------------------------------------------

void RemoteWriteEndpoint::flush() {
  for (const Channel& channel : channels_) channel.sender->flush();
}

std::uint64_t RemoteWriteEndpoint::waiting() const {
  std::uint64_t n = 0;
  for (const Channel& channel : channels_) n += channel.log->waiting().items;
  return n;
}

std::size_t RemoteWriteEndpoint::shards() const {
  return channels_.empty() ? static_cast<std::size_t>(args_.queue.min_shards)
                           : channels_.front().sender->lanes();
}

Ledger RemoteWriteEndpoint::ledger() const {
  return {accepted_, delivered_, waiting(), dropped_, !memory()};
}

void RemoteWriteEndpoint::report() {
  if (!counters_) return;
  counters_->pending.set(static_cast<double>(waiting()));
  counters_->shards.set(static_cast<double>(shards()));
  std::uint64_t bytes = 0;
  for (const Channel& channel : channels_) bytes += channel.log->size();
  counters_->outbox_bytes.set(static_cast<double>(bytes));
  if (!channels_.empty()) {
    const outbox::Sender& sender = *channels_.front().sender;
    counters_->shards_desired.set(sender.desired_lanes());
    const auto since = sender.parked();
    counters_->parked.set(
        since ? std::chrono::duration<double>(context_.loop().now() - *since).count() : 0);
  }
  if (files_log_) {
    const auto syncs = static_cast<double>(files_log_->damage().syncs);
    counters_->failed_syncs.add(syncs - counters_->failed_syncs.value);
  }
  progressed_();
}

// --- outbox::Courier ---------------------------------------------------------------------------

Task<outbox::Answer> RemoteWriteEndpoint::attempt(std::vector<outbox::Parcel>& parcels, int number,
                                                  std::stop_token stop) {
  std::string body;
  if (parcels.front().frame.encoding == kSnappy) {
    body = std::move(parcels.front().body);
  } else if (parcels.size() == 1) {
    wire::snappy_compress(parcels.front().body, body);
  } else {
    std::string joined;  // requests one behind the other are one request
    for (outbox::Parcel& parcel : parcels) {
      joined += parcel.body;
      parcel.body = {};
    }
    wire::snappy_compress(joined, body);
  }
  const auto size = static_cast<double>(body.size());
  outbox::Answer answer = co_await request(std::move(body), number, std::move(stop));
  if (answer.verdict == outbox::Answer::Verdict::delivered) counters_->bytes.add(size);
  co_return answer;
}

Task<outbox::Answer> RemoteWriteEndpoint::request(std::string body, int number,
                                                  std::stop_token stop) {
  using Verdict = outbox::Answer::Verdict;
  net::Request request;
  request.method = "POST";
  request.url = args_.url;
  for (const auto& [name, value] : args_.headers) request.headers.set(name, value);
  request.headers.set("Content-Encoding", "snappy");
  request.headers.set("Content-Type", "application/x-protobuf");
  request.headers.set("X-Prometheus-Remote-Write-Version", "0.1.0");
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
  outbox::Answer answer;
  if (!response) {
    answer.verdict = stop.stop_requested() ? Verdict::stopped : Verdict::retry;
    answer.error = to_string(response.error());
    co_return answer;
  }
  const int status = response->status;
  if (status / 100 == 2) {
    answer.verdict = Verdict::delivered;
    co_return answer;
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
  co_return answer;
}

std::uint32_t RemoteWriteEndpoint::drop_older(outbox::Parcel& parcel, std::int64_t cutoff_ms) {
  if (parcel.frame.encoding == kSnappy) {
    Reservation held = context_.seams().budget.charge(0, "outbox");
    auto plain = wire::snappy_uncompress(parcel.body, kMaxBody, held);
    if (!plain) return 0;
    parcel.body = std::move(*plain);
    parcel.frame.encoding = kPlain;
  }
  const auto gone = format::drop_older_samples(parcel.body, cutoff_ms);
  return gone ? *gone : 0;
}

std::vector<outbox::Parcel> RemoteWriteEndpoint::split(const outbox::Parcel& parcel) {
  std::string plain = parcel.body;
  if (parcel.frame.encoding == kSnappy) {
    Reservation held = context_.seams().budget.charge(0, "outbox");
    auto uncompressed = wire::snappy_uncompress(parcel.body, kMaxBody, held);
    if (!uncompressed) return {};
    plain = std::move(*uncompressed);
  }
  auto halves = format::halve_write_request(plain);
  if (!halves || halves->second.samples == 0) return {};
  std::vector<outbox::Parcel> out;
  for (format::WriteRequestPart* half : {&halves->first, &halves->second}) {
    outbox::Parcel part{parcel.frame, parcel.context, std::move(half->body), half->samples};
    part.frame.encoding = kPlain;
    out.push_back(std::move(part));
  }
  return out;
}

void RemoteWriteEndpoint::delivered(std::uint64_t items, std::int64_t newest_ms) {
  delivered_ += items;
  completed_ = true;
  last_error_.clear();
  counters_->sent.add(static_cast<double>(items));
  counters_->highest_sent.set(
      std::max(counters_->highest_sent.value, static_cast<double>(newest_ms) / 1000));
  report();
}

void RemoteWriteEndpoint::dropped(std::uint64_t items, std::string_view reason,
                                  const std::string& error) {
  completed_ = true;
  dropped_[std::string(reason)] += items;
  std::string label(reason);
  std::replace(label.begin(), label.end(), ' ', '_');
  if (reason == "refused by the endpoint") {
    last_error_ = error;
    counters_->failed.add(static_cast<double>(items));
    context_.log().error("non-recoverable error, samples dropped",
                         {{"remote_name", name_},
                          {"url", redacted_url(args_.url)},
                          {"samples", std::to_string(items)},
                          {"err", error}});
    return;
  }
  if (reason == "damaged") counters_->damaged_frames.add();
  counters_->dropped(std::move(label), items);
  context_.log().warn("samples dropped", {{"remote_name", name_},
                                          {"reason", std::string(reason)},
                                          {"samples", std::to_string(items)},
                                          {"err", error}});
}

void RemoteWriteEndpoint::will_retry(std::uint64_t items, const outbox::Answer& answer) {
  last_error_ = answer.error;
  counters_->retried.add(static_cast<double>(items));
  context_.log().warn("sending failed, will retry", {{"remote_name", name_},
                                                     {"url", redacted_url(args_.url)},
                                                     {"samples", std::to_string(items)},
                                                     {"err", answer.error}});
  report();
}

}  // namespace collector::send
