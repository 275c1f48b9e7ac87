#include "net/incoming_body.hpp"

#include <algorithm>

namespace collector::net {
namespace {

constexpr std::size_t kLeastRoom = 16U << 10;

}  // namespace

void IncomingBody::fail(Status why) {
  failure_ = std::move(why);
  bytes_ = std::string();
  charge_.release();
}

Status IncomingBody::declare(std::uint64_t length) {
  auto charge = budget_.reserve(length, purpose_);
  if (!charge) {
    fail(charge.error());
    return failure_;
  }
  charge_ = std::move(*charge);
  charged_ = true;
  bytes_.reserve(static_cast<std::size_t>(length));
  return {};
}

Status IncomingBody::append(std::string_view bytes) {
  if (!failure_.ok()) return failure_;
  const std::size_t size = bytes_.size() + bytes.size();
  if (!charged_ || size > bytes_.capacity())
    if (Status s = grow(size); !s.ok()) return s;
  bytes_.append(bytes);
  return {};
}

Status IncomingBody::grow(std::size_t size) {
  if (!std::exchange(charged_, true))
    charge_ = budget_.open(purpose_, [this] {
      fail(Status(Code::resource_exhausted,
                  "memory limit: the body was cut in favour of an older one"));
      cut_();
    });
  // Old and new are there together while one is copied to the other.
  const std::size_t room = std::max({size, bytes_.size() + bytes_.size() / 2, kLeastRoom});
  const Status grown = charge_.grow(room);
  if (!grown.ok() && failure_.ok()) fail(grown);
  if (!failure_.ok()) return failure_;
  std::string larger;
  larger.reserve(room);
  larger.append(bytes_);
  bytes_ = std::move(larger);
  charge_.shrink_to(room);
  return {};
}

std::string IncomingBody::take(Reservation& charge) {
  charge_.settle();
  charge = std::move(charge_);
  return std::move(bytes_);
}

}  // namespace collector::net
