// What an endpoint does beside its outbox: metadata from time to time, and the end.
#include "send/remote_write_endpoint.hpp"

#include "base/log.hpp"
#include "format/remote_write.hpp"

#include <algorithm>
#include <functional>

namespace collector::send {
namespace {

/// What is on disk need not be waited for longer at a stop: the next run sends it.
constexpr Duration kDurableDrain = std::chrono::seconds(5);

}  // namespace

/// Until it is sent the next time. A list that nobody else has any more was followed by another.
void RemoteWriteEndpoint::remember(const std::shared_ptr<const std::vector<Metadata>>& metadata) {
  if (!metadata) return;
  metadata_[metadata] = ++metadata_turn_;
  if (metadata_.size() < clean_metadata_at_) return;
  std::erase_if(metadata_, [](const auto& entry) { return entry.first.use_count() == 1; });
  clean_metadata_at_ = std::max(kFewLists, 2 * metadata_.size());
}

Task<void> RemoteWriteEndpoint::send_metadata(Self self) {
  using Verdict = outbox::Answer::Verdict;
  const auto stop = self->stop_.get_token();
  Random& random = self->context_.seams().random;
  while (!stop.stop_requested()) {
    const bool slept =
        co_await sleep_for(self->context_.loop(), self->args_.metadata.send_interval, stop);
    if (!slept) break;
    std::map<std::string, const Metadata*> families;
    const auto lists = std::exchange(self->metadata_, {});
    self->clean_metadata_at_ = kFewLists;
    if (self->spoken() == format::WriteVersion::v2) continue;  // each series has its own there
    // Of what was said of a family the last counts.
    std::vector<std::pair<std::uint64_t, const std::vector<Metadata>*>> seen;
    for (const auto& [list, turn] : lists) seen.emplace_back(turn, list.get());
    std::sort(seen.begin(), seen.end(), std::greater<>());
    for (const auto& [turn, list] : seen)
      for (const Metadata& m : *list) families.try_emplace(m.family, &m);
    const auto most = static_cast<std::size_t>(self->args_.metadata.max_samples_per_send);
    auto next = families.begin();
    while (next != families.end() && self->args_.metadata.send) {
      std::vector<Metadata> part;
      while (next != families.end() && part.size() < most) part.push_back(*next++->second);
      const std::string body = format::encode_remote_write_metadata(part);
      const auto n = static_cast<double>(part.size());
      Duration delay = self->args_.queue.min_backoff;
      for (int number = 0;; ++number) {
        Reply reply = co_await self->request(body, format::WriteVersion::v1, number, stop);
        const outbox::Answer& answer = reply.answer;
        if (answer.verdict == Verdict::stopped) co_return;
        if (answer.verdict == Verdict::delivered) {
          self->counters_->metadata_sent.add(n);
          self->counters_->metadata_bytes.add(static_cast<double>(body.size()));
          break;
        }
        // It is sent again in a minute anyway: only what may pass is tried again before.
        if (answer.verdict != Verdict::retry) {
          self->counters_->metadata_failed.add(n);
          self->context_.log().warn("metadata was refused",
                                    {{"remote_name", self->name_}, {"err", answer.error}});
          break;
        }
        self->counters_->metadata_retried.add(n);
        const double share = 0.5 + 0.5 * random.unit();
        const Duration wait = answer.after.value_or(
            Duration(static_cast<Duration::rep>(static_cast<double>(delay.count()) * share)));
        delay = std::min(delay * 2, self->args_.queue.max_backoff);
        const bool again = co_await sleep_for(self->context_.loop(), wait, stop);
        if (!again) co_return;
      }
    }
  }
}

Task<void> RemoteWriteEndpoint::drain(Self self, Instant deadline) {
  self->stop_.request_stop();
  Loop& loop = self->context_.loop();
  if (!self->memory()) deadline = std::min(deadline, loop.now() + kDurableDrain);
  if (self->files_log_) self->files_log_->hurry();
  for (const Channel& channel : self->channels_)
    co_await outbox::Sender::drain(channel.sender, deadline);
  while (self->tasks_ > 0) {
    auto until_changed = [raw = self.get(), &loop](Function<void(bool)> done) {
      raw->changed_ = [&loop, done = std::make_shared<Function<void(bool)>>(std::move(done))] {
        loop.post([done] {
          if (auto wake = std::exchange(*done, nullptr)) wake(true);
        });
      };
    };
    const bool woken = co_await await_callback<bool>(until_changed);
    (void)woken;
    self->changed_ = nullptr;
  }
  self->running_ = false;
  const bool queued = self->memory() && !self->channels_.empty();
  const std::uint64_t lost = queued ? self->channels_.front().log->waiting().items : 0;
  const std::uint64_t kept = self->waiting() - lost;
  if (lost > 0) {
    self->counters_->dropped(kSamples, "not_delivered_at_stop", lost);
    self->context_.log().error("samples were not delivered before the stop",
                               {{"remote_name", self->name_},
                                {"samples", std::to_string(lost)},
                                {"err", self->last_error_}});
  }
  if (kept > 0)
    self->context_.log().warn("samples wait in the outbox for the next run",
                              {{"remote_name", self->name_},
                               {"samples", std::to_string(kept)},
                               {"err", self->last_error_}});
}

}  // namespace collector::send
