#include "send/remote_write_endpoint.hpp"

#include "base/hash.hpp"
#include "base/log.hpp"
#include "format/remote_write.hpp"
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

/// Bodies from here on are a request of their own and compressed when they are made.
constexpr std::size_t kOwnRequest = 64 << 10;
constexpr std::uint64_t kMostOnDisk = std::uint64_t{4} << 30;

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

/// Scheme, host, port and path: what of a URL says where data goes.
std::string origin_and_path(std::string_view url) {
  const std::string shown = redacted_url(url);
  return shown.substr(0, shown.find_first_of("?#"));
}

}  // namespace

RemoteWriteEndpoint::RemoteWriteEndpoint(Context& context, Function<void()> progressed)
    : context_(context),
      progressed_(std::move(progressed)),
      spread_(context.seams().network, context.seams().random),
      spread_seams_{context.seams().loop, spread_, context.seams().files, context.seams().random,
                    context.seams().budget} {}

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
  speech_ = {};
  auto settings = pipeline::client_settings(args_.client);
  settings.authorizer =
      cloud_authorizer(context_.seams(), args_.sigv4, args_.azuread, args_.google_iam);
  client_ = std::make_shared<net::ConfiguredClient>(
      args_.round_robin_dns ? spread_seams_ : context_.seams(), std::move(settings));
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
  std::string place;
  if (args_.name.empty()) {
    place = redacted_url(args_.url);
    if (args_.client.basic_auth) place += "\n" + args_.client.basic_auth->username;
  }
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
    place_ = folder;
    channel.log = std::move(*log);
  }
  channel.sender = std::make_shared<outbox::Sender>(context_.loop(), context_.seams().random,
                                                    *channel.log, *this);
  channel.sender->configure(limits());
  channels_.push_back(std::move(channel));
  return {};
}

/// Opens the logs of this destination in `folder` that nobody has.
void RemoteWriteEndpoint::adopt(const std::string& folder, const std::string& name,
                                const std::string& own) {
  const auto entries = context_.seams().files.list(folder);
  if (!entries) return;
  for (const DirectoryEntry& entry : *entries) {
    const std::string path = folder + "/" + entry.name;
    const bool ours = entry.name == name || entry.name.starts_with(name + ".");
    if (!ours || path == own) continue;
    if (Status s = open(path, false); !s.ok() && s.code() != Code::already_exists)
      context_.log().error("the outbox of an earlier run cannot be read",
                           {{"remote_name", name_}, {"err", s.what()}});
  }
}

Status RemoteWriteEndpoint::start(const OutboxPlace& place) {
  // The blocks at the root are in force by now; they were not when the first arguments came.
  outbox_ = args_.outbox.over(context_.node().env().outbox);
  const bool on_disk = !place.own.empty() && outbox_.level != "queued";
  const std::string name = destination().fingerprint;
  std::string own = on_disk ? place.own + "/" + name : "";
  Status opened = open(own, true);
  // An endpoint that left the configuration and came back: the log it had still drains.
  for (int n = 2; opened.code() == Code::already_exists; ++n)
    opened = open(own = fmt::format("{}/{}.{}", place.own, name, n), true);
  if (!opened.ok()) return opened;
  if (on_disk) adopt(place.own, name, own);
  for (const std::string& folder : place.abandoned) adopt(folder, name, own);
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
  if (n == 0 && batch.columns().exemplars.empty()) {
    ack.settle(Outcome::filtered());
    return {};
  }
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
    relabelled_.metadata = columns->metadata;
    columns = &relabelled_;
  }
  const format::WriteVersion version = spoken();
  format::CutOptions cut;
  cut.most = static_cast<std::size_t>(q.max_samples_per_send);
  cut.histograms = args_.send_native_histograms;
  cut.exemplars = args_.send_exemplars;
  cut.custom_buckets = version == format::WriteVersion::v2;
  // 2.0 wants a sample or a histogram in each series (specification, Protobuf Message).
  cut.lone_exemplars = version == format::WriteVersion::v1;
  std::size_t kept = 0;
  std::vector<outbox::StoredFrame> stored;
  std::uint64_t too_large = 0;
  std::int64_t newest = std::numeric_limits<std::int64_t>::min();
  for (const format::RequestPart& part : cutter_.cut(*columns, cut)) {
    outbox::Frame frame = frame_of(*columns, part, version);
    frame.order_key = static_cast<std::uint8_t>(batch.columns().order_key);
    newest = std::max(newest, frame.newest_ms);
    kept += frame.items;
    outbox::Log::begin(buffer_, {});
    if (append_body(*columns, part, version)) frame.encoding = kSnappy;
    for (;;) {
      auto appended = log.append(frame, buffer_);
      if (appended) {
        stored.push_back(*appended);
        break;
      }
      if (drop_oldest && appended.error().code() == Code::resource_exhausted) {
        const std::uint64_t before = log.waiting().frames;
        const std::uint64_t items = log.drop_oldest();
        if (items > 0) dropped(items, "outbox full", appended.error().what());
        if (log.waiting().frames < before) continue;  // also of exemplars, which are no items
      }
      if (appended.error().code() == Code::invalid_argument) {
        too_large += frame.items;
        dropped(frame.items, "too large", appended.error().what());
        break;
      }
      // All or nothing; what made room for its own successor was taken in and dropped.
      for (const auto& earlier : stored)
        if (!log.acknowledge(earlier)) accepted_ += earlier.items;
      accepted_ += too_large;
      return appended.error();
    }
  }
  accepted_ += n;
  delivered_ += n - kept;  // left out on purpose: nobody waits for it
  count_incoming(batch.columns(), *columns);
  if (args_.metadata.send) remember(batch.columns().metadata);
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
    const Duration patience = ack.patience();
    log.when_synced(stored, patience,
                    [weak = weak_from_this(), share = std::make_shared<Ack>(std::move(ack))](
                        const Status& status, std::uint64_t items) {
                      if (status.ok()) return share->settle(Outcome::delivered());
                      // They are no longer there, and are offered again.
                      if (auto self = weak.lock()) self->accepted_ -= items;
                      share->settle(Outcome::retry(status.what(), std::chrono::seconds(1)));
                    });
  } else {
    ack.settle(Outcome::delivered());
  }
  for (const auto& frame : stored) channels_.front().sender->appended(frame);
  report();
  return {};
}

/// A part's frame without body and order key.
outbox::Frame RemoteWriteEndpoint::frame_of(const MetricColumns& columns,
                                            const format::RequestPart& part,
                                            format::WriteVersion version) {
  outbox::Frame frame;
  frame.items = static_cast<std::uint32_t>(part.items());
  frame.protocol = static_cast<std::uint8_t>(version);
  if (!part.histograms.empty() || !part.exemplars.empty()) frame.protocol |= kMore;
  frame.oldest_ms = std::numeric_limits<std::int64_t>::max();
  frame.newest_ms = std::numeric_limits<std::int64_t>::min();
  const auto take = [&](std::int64_t ms) {
    frame.oldest_ms = std::min(frame.oldest_ms, ms);
    frame.newest_ms = std::max(frame.newest_ms, ms);
  };
  for (std::size_t i = part.begin; i < part.end; ++i) take(columns.timestamp[i]);
  for (const std::uint32_t row : part.histograms) take(columns.histograms[row].timestamp);
  if (part.items() == 0)
    for (const std::uint32_t row : part.exemplars) take(columns.exemplars[row].timestamp);
  return frame;
}

/// To the buffer; true when it is compressed.
bool RemoteWriteEndpoint::append_body(const MetricColumns& columns, const format::RequestPart& part,
                                      format::WriteVersion version) {
  if (version == format::WriteVersion::v1)
    return format::append_write_body(columns, part, context_.series(), kOwnRequest, plain_,
                                     buffer_);
  return format::append_body(encoder_.encode(columns, part, context_.series(), args_.metadata.send),
                             kOwnRequest, buffer_);
}

/// What a batch brought, what relabelling made of it, and what the last cut left out.
void RemoteWriteEndpoint::count_incoming(const MetricColumns& came,
                                         const MetricColumns& relabelled) {
  EndpointCounters& c = *counters_;
  const auto count = [&](pipeline::Counter& in, const char* kind, std::size_t n, std::size_t kept) {
    in.add(static_cast<double>(n));
    if (n > kept) c.dropped(kind, "dropped_series", n - kept);
  };
  count(c.in, kSamples, came.series.size(), relabelled.series.size());
  count(c.histograms_in, kHistograms, came.histograms.size(), relabelled.histograms.size());
  count(c.exemplars_in, kExemplars, came.exemplars.size(), relabelled.exemplars.size());
  if (const auto n = cutter_.histograms_off()) c.dropped(kHistograms, "not_enabled", n);
  if (const auto n = cutter_.exemplars_off()) c.dropped(kExemplars, "not_enabled", n);
  if (const auto n = cutter_.exemplars_alone()) c.dropped(kExemplars, "without_sample", n);
  if (const auto n = cutter_.custom_buckets_off()) {
    delivered_ -= n;
    uncarried(n);
  }
}

void RemoteWriteEndpoint::refused(const Metrics& batch, bool drop) {
  const std::uint64_t samples = batch.size();
  counters_->enqueue_retries.add();
  if (!drop) return;
  accepted_ += samples;
  dropped_["queue full"] += samples;
  counters_->dropped(kSamples, "queue_full", samples);
  if (const auto n = batch.columns().exemplars.size())
    counters_->dropped(kExemplars, "queue_full", n);
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

}  // namespace collector::send
