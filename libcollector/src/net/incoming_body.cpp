#include "net/incoming_body.hpp"

#include "net/body_pool.hpp"

#include <algorithm>
#include <utility>

namespace collector::net {
namespace {

constexpr std::size_t kLeastRoom = 16U << 10;

}  // namespace

void IncomingBody::fail(Status why) {
  failure_ = std::move(why);
  bytes_ = std::string();
  size_ = 0;
  charge_.release();
}

Status IncomingBody::declare(std::uint64_t length) {
  bytes_ = recycled();
  if (bytes_.capacity() < length) bytes_ = std::string();
  auto charge = budget_.reserve(std::max<std::uint64_t>(length, bytes_.capacity()), purpose_);
  if (!charge && bytes_.capacity() > length) {  // it may be far more than is needed
    bytes_ = std::string();
    charge = budget_.reserve(length, purpose_);
  }
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
  const std::size_t size = size_ + bytes.size();
  if (!charged_ || size > bytes_.capacity())
    if (Status s = grow(size); !s.ok()) return s;
  bytes_.replace(size_, bytes.size(), bytes);
  size_ = size;
  return {};
}

std::span<std::byte> IncomingBody::room(std::size_t most) {
  const std::size_t size = std::min(size_ + most, bytes_.capacity());
  if (bytes_.size() < size) bytes_.resize(size);
  return std::as_writable_bytes(std::span(bytes_)).subspan(size_, size - size_);
}

Status IncomingBody::grow(std::size_t size) {
  if (!std::exchange(charged_, true)) {
    charge_ = budget_.open(purpose_, [this] {
      fail(Status(Code::resource_exhausted,
                  "memory limit: the body was cut in favour of an older one"));
      cut_();
    });
    bytes_ = recycled();
    const bool fits = bytes_.capacity() >= size && budget_.left() >= bytes_.capacity();
    if (fits && charge_.grow(bytes_.capacity()).ok()) return {};
    if (!failure_.ok()) return failure_;
    bytes_ = std::string();
  }
  // Old and new are there together while one is copied to the other.
  const std::size_t room = std::max({size, size_ + size_ / 2, kLeastRoom});
  const Status grown = charge_.grow(room);
  if (!grown.ok() && failure_.ok()) fail(grown);
  if (!failure_.ok()) return failure_;
  std::string larger;
  larger.reserve(room);
  larger.append(bytes_, 0, size_);
  bytes_ = std::move(larger);
  charge_.shrink_to(room);
  return {};
}

std::string IncomingBody::recycled() { return pool_ ? pool_->take() : std::string(); }

std::string IncomingBody::take(Reservation& charge) {
  charge_.settle();
  charge = std::move(charge_);
  bytes_.resize(std::exchange(size_, 0));
  return std::move(bytes_);
}

}  // namespace collector::net
