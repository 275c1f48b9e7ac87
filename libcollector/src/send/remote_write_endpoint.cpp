#include "send/remote_write_endpoint.hpp"

#include "base/duration.hpp"
#include "base/log.hpp"
#include "format/remote_write.hpp"
#include "model/series_table.hpp"
#include "net/http.hpp"
#include "pipeline/http_client_arguments.hpp"
#include "pipeline/relabel_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace collector::send {
namespace {

constexpr Duration kReshardEvery = std::chrono::seconds(10);
constexpr std::size_t kErrorText = 1024;  // bytes of an answer's body that are logged
constexpr double kCatchUp = 0.05;         // share of the backlog to work off per second

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
  client_ = std::make_shared<net::ConfiguredClient>(context_.seams(),
                                                    pipeline::client_settings(args_.client));
  const auto rules = all_rules(external_labels, args_.write_relabel);
  relabel_.reset();
  if (!rules.empty())
    relabel_ =
        std::make_unique<model::RelabelCache>(context_.series(), pipeline::compile_rules(rules));
  ++epoch_;
  const QueueArguments& q = args_.queue;
  shards_ = std::clamp(shards_, static_cast<std::size_t>(q.min_shards),
                       static_cast<std::size_t>(q.max_shards));
  counters_->shards_max.set(static_cast<double>(q.max_shards));
  counters_->shards_min.set(static_cast<double>(q.min_shards));
  counters_->shard_capacity.set(static_cast<double>(q.capacity));
  counters_->max_samples_per_send.set(static_cast<double>(q.max_samples_per_send));
  report();
  pump();
}

void RemoteWriteEndpoint::start() {
  running_ = true;
  Self self = shared_from_this();
  tasks_ += 2;
  spawn(reshard(self), [self] { self->ended(false); });
  spawn(send_metadata(self), [self] { self->ended(false); });
  pump();
}

bool RemoteWriteEndpoint::has_room(std::size_t samples) const {
  const QueueArguments& q = args_.queue;
  const auto most = static_cast<std::size_t>(q.capacity) * static_cast<std::size_t>(q.max_shards);
  return queue_.empty() || queue_.samples() + samples <= most;
}

void RemoteWriteEndpoint::push(const Metrics& batch) {
  const std::size_t n = batch.size();
  if (n == 0) return;
  const MetricColumns& columns = batch.columns();
  if (args_.metadata.send && columns.metadata) metadata_[columns.order_key] = columns.metadata;
  queue_.push(batch, context_.loop().now());
  accepted_ += n;
  in_since_ += n;
  counters_->in.add(static_cast<double>(n));
  const auto newest = *std::max_element(columns.timestamp.begin(), columns.timestamp.end());
  counters_->highest_in.set(
      std::max(counters_->highest_in.value, static_cast<double>(newest) / 1000));
  report();
  pump();
}

void RemoteWriteEndpoint::refused(std::size_t samples, bool dropped) {
  counters_->enqueue_retries.add();
  if (!dropped) return;
  accepted_ += samples;
  dropped_["queue full"] += samples;
  counters_->dropped("queue_full", samples);
  context_.log().warn("queue is full, samples dropped",
                      {{"remote_name", name_}, {"samples", std::to_string(samples)}});
}

void RemoteWriteEndpoint::flush() {
  flushing_ = true;
  pump();
}

Ledger RemoteWriteEndpoint::ledger() const {
  return {accepted_, delivered_, queue_.samples(), dropped_};
}

bool RemoteWriteEndpoint::due() const {
  return flushing_ ||
         queue_.ready() >= static_cast<std::size_t>(args_.queue.max_samples_per_send) ||
         context_.loop().now() - *queue_.oldest_ready() >= args_.queue.batch_send_deadline;
}

void RemoteWriteEndpoint::pump() {
  if (!running_ || stop_.stop_requested()) return;
  while (lanes_ < shards_ && queue_.ready() > 0) {
    if (!due()) {
      arm_pump(args_.queue.batch_send_deadline - (context_.loop().now() - *queue_.oldest_ready()));
      return;
    }
    ++lanes_;
    ++tasks_;
    Self self = shared_from_this();
    spawn(deliver(self, queue_.take(static_cast<std::size_t>(args_.queue.max_samples_per_send))),
          [self](bool) { self->ended(true); });
  }
  if (queue_.empty()) flushing_ = false;
}

void RemoteWriteEndpoint::arm_pump(Duration delay) {
  if (timer_ != TimerId::none) return;
  timer_ = context_.loop().arm(delay, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->timer_ = TimerId::none;
    self->pump();
  });
}

void RemoteWriteEndpoint::ended(bool lane) {
  --tasks_;
  if (lane) --lanes_;
  report();
  if (changed_) changed_();
  if (!lane) return;
  // By post: a lane that ended without a request would start the next one within itself.
  context_.loop().post([weak = weak_from_this()] {
    if (auto self = weak.lock()) self->pump();
  });
}

void RemoteWriteEndpoint::report() {
  if (!counters_) return;
  counters_->pending.set(static_cast<double>(queue_.samples()));
  counters_->shards.set(static_cast<double>(shards_));
  progressed_();
}

RemoteWriteEndpoint::Body RemoteWriteEndpoint::encode(const SampleQueue::Load& load) {
  Body body;
  body.epoch = epoch_;
  body.oldest = std::numeric_limits<std::int64_t>::max();
  const std::int64_t now = context_.loop().wall().unix_ms();
  const std::int64_t limit = args_.queue.sample_age_limit.count() / 1'000'000;
  const std::int64_t cutoff = limit > 0 ? now - limit : std::numeric_limits<std::int64_t>::min();
  MetricColumns columns;
  columns.series.reserve(load.samples);
  columns.timestamp.reserve(load.samples);
  columns.value.reserve(load.samples);
  for (const SampleQueue::Slice& slice : load.slices) {
    const MetricColumns& from = slice.batch.columns();
    for (std::size_t i = slice.begin; i < slice.end; ++i) {
      if (from.timestamp[i] < cutoff) {
        ++body.too_old;
        continue;
      }
      SeriesId id = from.series[i];
      if (relabel_) {
        const auto mapped = relabel_->map(id);
        if (!mapped) {
          ++body.filtered;
          continue;
        }
        id = *mapped;
      }
      columns.series.push_back(id);
      columns.timestamp.push_back(from.timestamp[i]);
      columns.value.push_back(from.value[i]);
      body.oldest = std::min(body.oldest, from.timestamp[i]);
      body.newest = std::max(body.newest, from.timestamp[i]);
    }
  }
  body.samples = columns.series.size();
  if (body.samples > 0) body.bytes = format::encode_remote_write(columns, context_.series());
  return body;
}

Task<RemoteWriteEndpoint::Answer> RemoteWriteEndpoint::attempt(std::string body, int number) {
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
  options.stop = stop_.get_token();
  const bool on_429 = args_.queue.retry_on_http_429;
  const auto client = client_;  // an update may replace it meanwhile
  const Instant begin = context_.loop().now();
  auto response = co_await client->send(std::move(request), options);
  const Duration took = context_.loop().now() - begin;
  counters_->duration.observe(std::chrono::duration<double>(took).count());
  busy_since_ += took;
  Answer answer;
  if (!response) {
    answer.verdict = stop_.stop_requested() ? Verdict::stopped : Verdict::retry;
    answer.error = to_string(response.error());
    co_return answer;
  }
  if (response->status / 100 == 2) {
    answer.verdict = Verdict::delivered;
    co_return answer;
  }
  answer.error = fmt::format("server returned HTTP status {} {}: {}", response->status,
                             net::reason_phrase(response->status), first_line(response->body));
  const bool again = response->status / 100 == 5 || (response->status == 429 && on_429);
  answer.verdict = again ? Verdict::retry : Verdict::refused;
  if (again)
    answer.after = retry_after(response->headers.get("Retry-After"), context_.loop().wall());
  co_return answer;
}

Duration RemoteWriteEndpoint::backoff(Duration& delay, const Answer& answer) {
  const QueueArguments& q = args_.queue;
  delay = delay.count() == 0 ? q.min_backoff : std::min(delay * 2, q.max_backoff);
  if (answer.after) return *answer.after;
  // Half of it is chance, so that lanes which failed together do not return together.
  const double share = 0.5 + 0.5 * context_.seams().random.unit();
  return Duration(static_cast<Duration::rep>(static_cast<double>(delay.count()) * share));
}

Task<bool> RemoteWriteEndpoint::deliver(Self self, SampleQueue::Load load) {
  Body body = self->encode(load);
  Duration delay{};
  for (int number = 0; body.samples > 0; ++number) {
    Answer answer = co_await self->attempt(body.bytes, number);
    if (answer.verdict == Verdict::stopped) co_return false;  // stays `waiting`
    if (answer.verdict != Verdict::retry) {
      self->settle(load, body, answer);
      co_return true;
    }
    self->last_error_ = answer.error;
    self->counters_->retried.add(static_cast<double>(body.samples));
    self->context_.log().warn("sending failed, will retry",
                              {{"remote_name", self->name_},
                               {"url", redacted_url(self->args_.url)},
                               {"samples", std::to_string(body.samples)},
                               {"err", answer.error}});
    self->report();
    const Duration wait = self->backoff(delay, answer);
    const bool slept = co_await sleep_for(self->context_.loop(), wait, self->stop_.get_token());
    if (!slept) co_return false;
    const auto limit = self->args_.queue.sample_age_limit.count() / 1'000'000;
    const bool aged = limit > 0 && body.oldest < self->context_.loop().wall().unix_ms() - limit;
    if (body.epoch != self->epoch_ || aged) body = self->encode(load);
  }
  Answer nothing_left;
  nothing_left.verdict = Verdict::delivered;
  self->settle(load, body, nothing_left);
  co_return true;
}

void RemoteWriteEndpoint::settle(const SampleQueue::Load& load, const Body& body,
                                 const Answer& answer) {
  queue_.done(load);
  completed_ = true;
  out_since_ += load.samples;
  delivered_ += body.filtered;  // left out on purpose: nobody waits for it
  if (body.filtered > 0) counters_->dropped("dropped_series", body.filtered);
  if (body.too_old > 0) {
    dropped_["too old"] += body.too_old;
    counters_->dropped("too_old", body.too_old);
    context_.log().warn("samples older than sample_age_limit dropped",
                        {{"remote_name", name_}, {"samples", std::to_string(body.too_old)}});
  }
  if (answer.verdict == Verdict::delivered) {
    delivered_ += body.samples;
    if (body.samples > 0) {
      last_error_.clear();
      counters_->sent.add(static_cast<double>(body.samples));
      counters_->bytes.add(static_cast<double>(body.bytes.size()));
      counters_->highest_sent.set(
          std::max(counters_->highest_sent.value, static_cast<double>(body.newest) / 1000));
    }
    return;
  }
  last_error_ = answer.error;
  dropped_["refused by the endpoint"] += body.samples;
  counters_->failed.add(static_cast<double>(body.samples));
  context_.log().error("non-recoverable error, samples dropped",
                       {{"remote_name", name_},
                        {"url", redacted_url(args_.url)},
                        {"samples", std::to_string(body.samples)},
                        {"err", answer.error}});
}

Task<void> RemoteWriteEndpoint::send_metadata(Self self) {
  const auto stop = self->periodic_.get_token();
  while (!stop.stop_requested()) {
    const bool slept =
        co_await sleep_for(self->context_.loop(), self->args_.metadata.send_interval, stop);
    if (!slept) break;
    std::map<std::string, const Metadata*> families;
    const auto seen = std::exchange(self->metadata_, {});
    for (const auto& [key, list] : seen)
      for (const Metadata& m : *list) families.try_emplace(m.family, &m);
    const auto most = static_cast<std::size_t>(self->args_.metadata.max_samples_per_send);
    auto next = families.begin();
    while (next != families.end() && self->args_.metadata.send) {
      std::vector<Metadata> part;
      while (next != families.end() && part.size() < most) part.push_back(*next++->second);
      const std::string body = format::encode_remote_write_metadata(part);
      const auto n = static_cast<double>(part.size());
      Duration delay{};
      for (int number = 0;; ++number) {
        Answer answer = co_await self->attempt(body, number);
        if (answer.verdict == Verdict::delivered) {
          self->counters_->metadata_sent.add(n);
          self->counters_->metadata_bytes.add(static_cast<double>(body.size()));
        }
        if (answer.verdict == Verdict::refused) {
          self->counters_->metadata_failed.add(n);
          self->context_.log().warn("metadata was refused",
                                    {{"remote_name", self->name_}, {"err", answer.error}});
        }
        if (answer.verdict != Verdict::retry) break;
        self->counters_->metadata_retried.add(n);
        const Duration wait = self->backoff(delay, answer);
        const bool again = co_await sleep_for(self->context_.loop(), wait, stop);
        if (!again) co_return;
      }
    }
  }
}

Task<void> RemoteWriteEndpoint::reshard(Self self) {
  const auto stop = self->periodic_.get_token();
  for (;;) {
    const bool slept = co_await sleep_for(self->context_.loop(), kReshardEvery, stop);
    if (!slept) co_return;
    self->update_shards(kReshardEvery);
  }
}

/// As many lanes as the time that samples take to send, the rate at which they come and a share of
/// the backlog ask for; small differences are left alone.
void RemoteWriteEndpoint::update_shards(Duration since) {
  const double seconds = std::chrono::duration<double>(since).count();
  const auto in = static_cast<double>(std::exchange(in_since_, 0)) / seconds;
  const auto out = static_cast<double>(std::exchange(out_since_, 0));
  const double busy = std::chrono::duration<double>(std::exchange(busy_since_, Duration{})).count();
  if (out == 0) return;  // nothing got through: more lanes would not help
  const double backlog = static_cast<double>(queue_.samples());
  const double desired = busy / out * (in + kCatchUp * backlog);
  counters_->shards_desired.set(desired);
  const auto now = static_cast<double>(shards_);
  if (desired > now * 0.7 && desired < now * 1.3) return;
  const double least = static_cast<double>(args_.queue.min_shards);
  const double most = static_cast<double>(args_.queue.max_shards);
  shards_ = static_cast<std::size_t>(std::clamp(std::ceil(desired), least, most));
  report();
  pump();
}

Task<void> RemoteWriteEndpoint::drain(Self self, Instant deadline) {
  Loop& loop = self->context_.loop();
  self->periodic_.request_stop();
  if (self->running_) {
    // What waits for a retry tries once more now and then; the deadline ends it.
    self->flush();
    const TimerId limit = loop.arm(std::max(deadline - loop.now(), Duration{}), [self] {
      self->stop_.request_stop();
      if (self->changed_) self->changed_();
    });
    while (self->tasks_ > 0 || (!self->queue_.empty() && !self->stop_.stop_requested())) {
      auto until_changed = [raw = self.get()](Function<void(bool)> done) {
        raw->changed_ = [&loop = raw->context_.loop(),
                         done = std::make_shared<Function<void(bool)>>(std::move(done))] {
          loop.post([done] {
            if (auto wake = std::exchange(*done, nullptr)) wake(true);
          });
        };
      };
      const bool woken = co_await await_callback<bool>(until_changed);
      (void)woken;
      self->changed_ = nullptr;
    }
    loop.disarm(limit);
    loop.disarm(self->timer_);
  }
  self->running_ = false;
  if (const std::size_t left = self->queue_.samples(); left > 0) {
    self->counters_->dropped("not_delivered_at_stop", left);
    self->context_.log().error("samples were not delivered before the stop",
                               {{"remote_name", self->name_},
                                {"samples", std::to_string(left)},
                                {"err", self->last_error_}});
  }
}

}  // namespace collector::send
