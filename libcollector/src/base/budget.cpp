#include <collector/engine/budget.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

namespace collector {

/// One reservation; at a place of its own, so that its handle may move.
struct Reservation::Entry {
  std::shared_ptr<Budget::State> account;
  std::string purpose;
  std::uint64_t bytes = 0;
  std::uint64_t age = 0;  ///< rises with every open(); 0 for what is not cut
  Function<void()> cut;
};

struct Budget::State {
  using Entry = Reservation::Entry;

  mutable std::mutex mutex;
  Usage usage;
  std::uint64_t calls_to_refusal = 0;
  std::uint64_t last_age = 0;
  std::map<std::uint64_t, Entry*> growing;  ///< by age

  std::uint64_t left() const { return usage.used < usage.limit ? usage.limit - usage.used : 0; }
  void take(Entry& entry, std::uint64_t more) {
    entry.bytes += more;
    usage.used += more;
    usage.peak = std::max(usage.peak, usage.used);
  }
  Status refuse(const Entry& entry, std::uint64_t more) {
    const bool never = more > usage.limit;
    ++usage.refused[{entry.purpose, never ? Refusal::over_limit : Refusal::no_room}];
    return Status(Code::resource_exhausted,
                  fmt::format("memory limit: {} needs {} bytes, {} of {} are left", entry.purpose,
                              more, left(), usage.limit),
                  !never);
  }
  /// Whether a test wants this question refused.
  bool told_to_refuse() { return calls_to_refusal > 0 && --calls_to_refusal == 0; }

  /// Of those that grow and hold something, and of `entry`.
  Entry* youngest_or(Entry& entry) {
    for (auto at = growing.rbegin(); at != growing.rend(); ++at)
      if (at->second == &entry || at->second->bytes > 0) return at->second;
    return nullptr;
  }

  Status grow(Entry& entry, std::uint64_t more) {
    std::unique_lock lock(mutex);
    if (told_to_refuse()) return refuse(entry, more);
    while (more > left()) {
      Entry* youngest = entry.age == 0 || more > usage.limit ? nullptr : youngest_or(entry);
      if (!youngest || youngest == &entry) return refuse(entry, more);
      ++usage.refused[{youngest->purpose, Refusal::cut}];
      growing.erase(youngest->age);
      youngest->age = 0;
      // The callback may well lead to other questions, and to its own destruction.
      Function<void()> cut = std::move(youngest->cut);
      lock.unlock();
      cut();
      lock.lock();
    }
    take(entry, more);
    return {};
  }
  void settle(Entry& entry) {
    const std::lock_guard lock(mutex);
    growing.erase(entry.age);
    entry.age = 0;
  }
};

Budget::Budget(std::uint64_t limit) : state_(std::make_shared<State>()) {
  state_->usage.limit = limit;
}

Result<Reservation> Budget::reserve(std::uint64_t bytes, std::string_view purpose) const {
  Reservation reservation = charge(0, purpose);
  if (Status s = reservation.grow(bytes); !s.ok()) return s;
  return reservation;
}

Reservation Budget::charge(std::uint64_t bytes, std::string_view purpose) const {
  auto entry = std::make_unique<Reservation::Entry>();
  entry->account = state_;
  entry->purpose = purpose;
  const std::lock_guard lock(state_->mutex);
  state_->take(*entry, bytes);
  return Reservation(std::move(entry));
}

Reservation Budget::open(std::string_view purpose, Function<void()> cut) const {
  Reservation reservation = charge(0, purpose);
  reservation.entry_->cut = std::move(cut);
  const std::lock_guard lock(state_->mutex);
  reservation.entry_->age = ++state_->last_age;
  state_->growing.emplace(state_->last_age, reservation.entry_.get());
  return reservation;
}

void Budget::set_limit(std::uint64_t bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->usage.limit = bytes;
}

std::uint64_t Budget::left() const {
  const std::lock_guard lock(state_->mutex);
  return state_->left();
}

Budget::Usage Budget::usage() const {
  const std::lock_guard lock(state_->mutex);
  return state_->usage;
}

void Budget::refuse_call(std::uint64_t n) {
  const std::lock_guard lock(state_->mutex);
  state_->calls_to_refusal = n;
}

std::string_view to_string(Budget::Refusal reason) {
  switch (reason) {
    case Budget::Refusal::no_room:
      return "no_room";
    case Budget::Refusal::over_limit:
      return "over_limit";
    case Budget::Refusal::cut:
      return "cut";
  }
  return "unknown";
}

Reservation::Reservation() = default;
Reservation::Reservation(std::unique_ptr<Entry> entry) : entry_(std::move(entry)) {}
Reservation::Reservation(Reservation&&) noexcept = default;
Reservation& Reservation::operator=(Reservation&& other) noexcept {
  Reservation old = std::move(*this);
  entry_ = std::move(other.entry_);
  return *this;
}
Reservation::~Reservation() {
  if (!entry_) return;
  release();
  entry_->account->settle(*entry_);
}

Status Reservation::grow(std::uint64_t more) {
  if (!entry_) return Status(Code::internal, "this reservation has no budget");
  return entry_->account->grow(*entry_, more);
}

void Reservation::shrink_to(std::uint64_t bytes) {
  if (!entry_) return;
  const std::lock_guard lock(entry_->account->mutex);
  if (bytes >= entry_->bytes) return;
  entry_->account->usage.used -= entry_->bytes - bytes;
  entry_->bytes = bytes;
}

void Reservation::settle() {
  if (entry_) entry_->account->settle(*entry_);
}

std::uint64_t Reservation::bytes() const { return entry_ ? entry_->bytes : 0; }

}  // namespace collector
