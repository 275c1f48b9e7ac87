#include "outbox/sender.hpp"

#include <algorithm>
#include <cmath>

namespace collector::outbox {
namespace {

// What a reader looks ahead: enough to keep every lane busy, little enough to hold in memory.
constexpr std::uint64_t kWindowBytes = 8 << 20;
constexpr std::size_t kWindowFrames = 4096;
/// With out_of_order: what waits longer is a backlog, and newer frames go beside it.
constexpr Duration kFresh = std::chrono::seconds(30);
constexpr Duration kAdaptEvery = std::chrono::seconds(10);
constexpr double kCatchUp = 0.05;  // share of the backlog to work off per second
constexpr Duration kParkedBackoff = std::chrono::minutes(1);
// A disk that cannot be read: when a reader comes again, and how often a request that stays
// unreadable is tried.
constexpr Duration kReadAgain = std::chrono::seconds(1);
constexpr int kReadTries = 8;

bool has_room(const FrameWindow& window) {
  return window.bytes() < kWindowBytes && window.frames() < kWindowFrames;
}

std::uint64_t items_of(const std::vector<Parcel>& parcels) {
  std::uint64_t n = 0;
  for (const Parcel& p : parcels) n += p.items;
  return n;
}

}  // namespace

Sender::Sender(Loop& loop, Random& random, Log& log, Courier& courier)
    : loop_(loop),
      random_(random),
      log_(log),
      courier_(courier),
      main_(std::make_unique<Reader>()) {}

void Sender::configure(const SenderLimits& limits) {
  limits_ = limits;
  most_lanes_ = std::clamp(most_lanes_, limits.min_lanes, limits.max_lanes);
  parked_.reset();
  std::exchange(waiting_, std::stop_source()).request_stop();
  pump();
}

void Sender::start() {
  running_ = true;
  log_.watch({[weak = weak_from_this()](const StoredFrame& frame) {
                if (auto self = weak.lock()) {
                  self->follow(frame);
                  self->pump();
                }
              },
              [weak = weak_from_this()](std::uint64_t items) {
                if (auto self = weak.lock())
                  self->courier_.dropped(items, "damaged", "requests are missing");
              }});
  ++tasks_;
  spawn(adapt(shared_from_this()), [self = shared_from_this()] {
    --self->tasks_;
    if (self->changed_) self->changed_();
  });
  pump();
}

void Sender::flush() {
  flushing_ = true;
  pump();
}

// --- what to send next -------------------------------------------------------------------------

void Sender::appended(const StoredFrame& frame) {
  in_since_ += frame.items;
  follow(frame);
  pump();
}

void Sender::follow(const StoredFrame& frame) {
  const Instant now = loop_.now();
  const auto take = [&](Reader& reader) {
    reader.window.add(frame, now);
    reader.position = Position::behind(frame);
    reader.at_end = true;
  };
  Reader& last = live_ ? *live_ : *main_;
  if (frame.sequence <= last.position.sequence) return;  // the reader came by it already
  const auto oldest = last.window.oldest();
  const bool behind = limits_.out_of_order && oldest && now - *oldest > kFresh;
  if (last.at_end && has_room(last.window) && !behind) return take(last);
  last.at_end = false;
  if (!limits_.out_of_order) return;
  // The newest from here on go beside the backlog. A live reader that fell behind leaves what it
  // did not send to the backlog, and begins again.
  if (live_)
    live_->window.clear();
  else
    live_ = std::make_unique<Reader>();
  live_from_ = frame.sequence;
  take(*live_);
}

bool Sender::in_live_load(std::uint64_t sequence) const {
  return std::find(live_loads_.begin(), live_loads_.end(), sequence) != live_loads_.end();
}

void Sender::fill() {
  Reader& reader = *main_;
  bool caught_up = false;
  while (!reader.at_end && has_room(reader.window)) {
    const Position before = reader.position;
    const auto frame = log_.next(reader.position);
    if (!frame) {
      reader.at_end = reader.position.sequence + 1 >= log_.next_sequence();
      if (reader.at_end) break;
      arm_pump(kReadAgain);
      return;
    } else if (live_ && frame->sequence >= live_from_) {
      reader.position = before;
      caught_up = true;
      break;
    } else if (!in_live_load(frame->sequence)) {
      reader.window.add(*frame, loop_.now());
    }
  }
  if (live_ && reader.window.empty() && (caught_up || reader.at_end)) {
    main_ = std::move(live_);
    live_from_ = 0;
  }
}

bool Sender::due(const FrameWindow& window) const {
  if (window.ready_items() == 0 && window.ready_bytes() == 0) return false;
  return flushing_ || window.ready_encoded() || window.ready_items() >= limits_.items ||
         window.ready_bytes() >= limits_.bytes ||
         loop_.now() - *window.oldest_ready() >= limits_.linger;
}

Sender::Reader* Sender::ready_reader() {
  live_turn_ = !live_turn_;
  Reader* first = live_turn_ ? live_.get() : main_.get();
  Reader* second = live_turn_ ? main_.get() : live_.get();
  for (Reader* reader : {first, second})
    if (reader && due(reader->window)) return reader;
  return nullptr;
}

void Sender::pump() {
  if (!running_ || stop_.stop_requested()) return;
  fill();
  while (lanes_ < most_lanes_ && !parked_) {
    Reader* reader = ready_reader();
    if (!reader) break;
    auto load = reader->window.take(limits_.items, limits_.bytes);
    if (reader == live_.get())
      for (const StoredFrame& frame : load.frames) live_loads_.push_back(frame.sequence);
    ++lanes_;
    ++tasks_;
    spawn(serve(shared_from_this(), reader, std::move(load)),
          [self = shared_from_this()](bool) { self->lane_ended(); });
    fill();
  }
  for (const Reader* reader : {main_.get(), live_.get()})
    if (reader && reader->window.oldest_ready() && !due(reader->window))
      arm_pump(limits_.linger - (loop_.now() - *reader->window.oldest_ready()));
  if (flushing_ && idle()) flushing_ = false;
}

void Sender::arm_pump(Duration delay) {
  if (timer_ != TimerId::none) return;
  timer_ = loop_.arm(delay, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->timer_ = TimerId::none;
    self->pump();
  });
}

void Sender::lane_ended() {
  --lanes_;
  --tasks_;
  courier_.changed();
  if (changed_) changed_();
  // By post: a lane that ended without a request would start the next one within itself.
  loop_.post([weak = weak_from_this()] {
    if (auto self = weak.lock()) self->pump();
  });
}

bool Sender::idle() {
  fill();
  return lanes_ == 0 && main_->window.empty() && !live_ && main_->at_end;
}

// --- one load ----------------------------------------------------------------------------------

Task<bool> Sender::serve(Self self, Reader* reader, FrameWindow::Load load) {
  std::vector<std::vector<StoredFrame>> todo{load.frames};  // the next one last
  Next next = Next::done;
  while (!todo.empty() && next != Next::stopped) {
    const std::vector<StoredFrame> frames = std::move(todo.back());
    todo.pop_back();
    next = co_await self->deliver(frames);
    if (next != Next::halve) continue;
    const auto middle = frames.begin() + static_cast<std::ptrdiff_t>(frames.size() / 2);
    todo.emplace_back(middle, frames.end());
    todo.emplace_back(frames.begin(), middle);
  }
  reader->window.done(load);
  for (const StoredFrame& frame : load.frames) std::erase(self->live_loads_, frame.sequence);
  co_return next != Next::stopped;
}

std::int64_t Sender::cutoff_ms() const {
  return limits_.age_limit.count() > 0
             ? loop_.wall().unix_ms() - limits_.age_limit.count() / 1'000'000
             : std::numeric_limits<std::int64_t>::min();
}

/// Takes out what is too old; false when nothing is left.
bool Sender::leave_out_old(Parcel& parcel) {
  const std::int64_t cutoff = cutoff_ms();
  if (parcel.frame.oldest_ms >= cutoff) return true;
  if (parcel.frame.newest_ms < cutoff) return false;
  const bool exemplars_only = parcel.items == 0;
  parcel.items -= std::min(courier_.drop_older(parcel, cutoff), parcel.items);
  return parcel.items > 0 || exemplars_only;
}

/// Reads what of the frames is still to be sent. `mixed`: they have more than one context.
Result<std::vector<Parcel>> Sender::parcels_of(const std::vector<StoredFrame>& frames, int number,
                                               bool& mixed) {
  std::vector<Parcel> parcels;
  for (const StoredFrame& frame : frames) {
    if (log_.acknowledged(frame.sequence)) continue;
    auto payload = log_.read(frame);
    if (!payload) {
      const Code code = payload.error().code();
      const bool hopeless = code == Code::data_loss || code == Code::not_found ||
                            (code == Code::unavailable && number >= kReadTries);
      if (!hopeless) return payload.error();
      drop(frame, "damaged", payload.error().what());
      continue;
    }
    Parcel parcel{frame, payload->substr(0, frame.context_size), {}, frame.items};
    payload->erase(0, frame.context_size);
    parcel.body = std::move(*payload);
    if (!leave_out_old(parcel)) {
      drop(frame, "too old", {});
      continue;
    }
    if (!parcels.empty() && parcel.context != parcels.front().context) mixed = true;
    parcels.push_back(std::move(parcel));
  }
  return parcels;
}

Task<Sender::Next> Sender::deliver(const std::vector<StoredFrame>& frames) {
  Duration delay{};
  for (int number = 0;; ++number) {
    bool mixed = false;
    auto parcels = parcels_of(frames, number, mixed);
    Answer answer;
    std::uint64_t items = 0;
    if (!parcels) {
      answer.error = to_string(parcels.error());
    } else {
      if (mixed) co_return Next::halve;
      if (parcels->empty()) co_return Next::done;
      items = items_of(*parcels);
      const Instant begin = loop_.now();
      answer = co_await courier_.attempt(*parcels, number, stop_.get_token());
      busy_since_ += loop_.now() - begin;
    }
    const bool alone = frames.size() == 1;
    switch (answer.verdict) {
      case Answer::Verdict::stopped:
        co_return Next::stopped;
      case Answer::Verdict::delivered:
        settle(*parcels);
        co_return Next::done;
      case Answer::Verdict::unsupported:
        if (courier_.fall_back()) continue;
        [[fallthrough]];
      case Answer::Verdict::rejected:
        if (!answer.of_data) {
          give_up(*parcels, answer);
          co_return Next::done;
        }
        [[fallthrough]];
      case Answer::Verdict::too_large:
        if (!alone) co_return Next::halve;
        co_return co_await deliver_parts(frames.front(), std::move(answer));
      case Answer::Verdict::unauthorized:
        if (limits_.drop_unauthorized) {
          give_up(*parcels, answer);
          co_return Next::done;
        }
        if (!parked_) parked_ = loop_.now();
        break;
      case Answer::Verdict::retry:
        break;
    }
    courier_.will_retry(items, answer);
    const bool again = co_await back_off(delay, answer);
    if (!again) co_return Next::stopped;
  }
}

/// A lone frame was too large: its two halves, once. Or it was rejected: halves of halves, until a
/// source is by itself, so that one that is refused costs no other. A part that cannot be made
/// smaller is given up.
Task<Sender::Next> Sender::deliver_parts(StoredFrame frame, Answer why) {
  Duration delay{};
  std::vector<Parcel> todo;  // the next one last
  const auto take_apart = [&](const Parcel& parcel, Answer::Verdict verdict) {
    auto parts =
        verdict == Answer::Verdict::too_large ? courier_.split(parcel) : courier_.divide(parcel);
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) todo.push_back(std::move(*part));
    return !parts.empty();
  };
  {
    bool mixed = false;
    auto whole = parcels_of({frame}, kReadTries, mixed);
    if (whole && whole->empty()) co_return Next::done;
    if (!whole || !take_apart(whole->front(), why.verdict)) {
      give_up({Parcel{frame, {}, {}, frame.items}}, why);
      co_return Next::done;
    }
  }
  std::uint64_t sent = 0, refused = 0;
  Answer refusal;
  while (!todo.empty()) {
    Parcel part = std::move(todo.back());
    todo.pop_back();
    for (int number = 0;; ++number) {
      if (!leave_out_old(part)) break;
      std::vector<Parcel> one{part};
      Answer answer = co_await courier_.attempt(one, number, stop_.get_token());
      if (answer.verdict == Answer::Verdict::stopped) co_return Next::stopped;
      if (answer.verdict == Answer::Verdict::delivered) {
        sent += part.items;
        delay = {};
        if (std::exchange(parked_, std::nullopt))
          std::exchange(waiting_, std::stop_source()).request_stop();
        break;
      }
      if (answer.verdict == Answer::Verdict::unsupported && courier_.fall_back()) continue;
      const bool parks =
          answer.verdict == Answer::Verdict::unauthorized && !limits_.drop_unauthorized;
      if (answer.verdict != Answer::Verdict::retry && !parks) {
        const bool may_be_smaller =
            answer.verdict != Answer::Verdict::unauthorized && answer.of_data;
        if (may_be_smaller && take_apart(part, answer.verdict)) break;
        refused += part.items;
        refusal = std::move(answer);
        break;
      }
      if (parks && !parked_) parked_ = loop_.now();
      courier_.will_retry(part.items, answer);
      const bool again = co_await back_off(delay, answer);
      if (!again) co_return Next::stopped;
    }
  }
  out_since_ += frame.items;
  if (refused > 0) (void)log_.quarantine(frame, refusal.error);
  if (!log_.acknowledge(frame)) co_return Next::done;
  if (refused > 0) courier_.dropped(refused, "refused by the endpoint", refusal.error);
  if (sent + refused < frame.items) courier_.dropped(frame.items - sent - refused, "too old", {});
  if (sent > 0) courier_.delivered(sent, frame.newest_ms);
  co_return Next::done;
}

/// Gives a frame up, unless somebody else did.
void Sender::drop(const StoredFrame& frame, std::string_view reason, const std::string& error) {
  if (log_.acknowledge(frame)) courier_.dropped(frame.items, reason, error);
}

void Sender::settle(const std::vector<Parcel>& parcels) {
  const bool was_parked = parked_.has_value();
  parked_.reset();
  std::uint64_t items = 0;
  std::int64_t newest = std::numeric_limits<std::int64_t>::min();
  for (const Parcel& p : parcels) {
    if (!log_.acknowledge(p.frame)) continue;  // given up while it was on its way: counted there
    if (p.items < p.frame.items) courier_.dropped(p.frame.items - p.items, "too old", {});
    items += p.items;
    newest = std::max(newest, p.frame.newest_ms);
  }
  out_since_ += items;
  courier_.delivered(items, newest);
  if (was_parked) std::exchange(waiting_, std::stop_source()).request_stop();
}

void Sender::give_up(const std::vector<Parcel>& parcels, const Answer& answer) {
  for (const Parcel& p : parcels) {
    // What cannot be kept either is counted all the same.
    (void)log_.quarantine(p.frame, answer.error);
    out_since_ += p.frame.items;
    drop(p.frame, "refused by the endpoint", answer.error);
  }
}

Task<bool> Sender::back_off(Duration& delay, const Answer& answer) {
  const Duration most =
      parked_ ? std::max(kParkedBackoff, limits_.max_backoff) : limits_.max_backoff;
  delay = delay.count() == 0 ? limits_.min_backoff : std::min(delay * 2, most);
  // A fifth of it is chance, so that lanes which failed together do not return together, and no
  // wait is much shorter than the one before it (prometheus/compliance, exponential backoff).
  const double share = 0.8 + 0.2 * random_.unit();
  const Duration wait =
      answer.after
          ? *answer.after
          : Duration(static_cast<Duration::rep>(static_cast<double>(delay.count()) * share));
  if (stop_.stop_requested()) co_return false;
  const bool slept = co_await sleep_for(loop_, wait, waiting_.get_token());
  (void)slept;  // or woken, to try at once
  co_return !stop_.stop_requested();
}

// --- lanes -------------------------------------------------------------------------------------

Task<void> Sender::adapt(Self self) {
  const auto stop = self->periodic_.get_token();
  for (;;) {
    const bool slept = co_await sleep_for(self->loop_, kAdaptEvery, stop);
    if (!slept) co_return;
    self->adapt_lanes(kAdaptEvery);
  }
}

/// As many lanes as the time that items take to send, the rate at which they come and a share of
/// the backlog ask for; small differences are left alone.
void Sender::adapt_lanes(Duration since) {
  const double seconds = std::chrono::duration<double>(since).count();
  const auto in = static_cast<double>(std::exchange(in_since_, 0)) / seconds;
  const auto out = static_cast<double>(std::exchange(out_since_, 0));
  const double busy = std::chrono::duration<double>(std::exchange(busy_since_, Duration{})).count();
  if (out == 0) return;  // nothing got through: more lanes would not help
  const double backlog = static_cast<double>(log_.waiting().items);
  desired_lanes_ = busy / out * (in + kCatchUp * backlog);
  const auto now = static_cast<double>(most_lanes_);
  if (desired_lanes_ > now * 0.7 && desired_lanes_ < now * 1.3) return;
  const double least = static_cast<double>(limits_.min_lanes);
  const double most = static_cast<double>(limits_.max_lanes);
  most_lanes_ = static_cast<std::size_t>(std::clamp(std::ceil(desired_lanes_), least, most));
  courier_.changed();
  pump();
}

Task<void> Sender::drain(Self self, Instant deadline) {
  Loop& loop = self->loop_;
  self->periodic_.request_stop();
  if (self->running_) {
    // What waits for a retry tries once more now and then; the deadline ends it.
    self->flush();
    const TimerId limit = loop.arm(std::max(deadline - loop.now(), Duration{}), [self] {
      self->stop_.request_stop();
      self->waiting_.request_stop();
      if (self->changed_) self->changed_();
    });
    while (self->tasks_ > 0 || (!self->stop_.stop_requested() && !self->idle())) {
      auto until_changed = [raw = self.get()](Function<void(bool)> done) {
        raw->changed_ = [&loop = raw->loop_,
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
}

}  // namespace collector::outbox
