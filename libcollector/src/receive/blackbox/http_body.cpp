#include "receive/blackbox/http_body.hpp"

#include "net/http.hpp"
#include "wire/compression.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace collector::receive::blackbox {
namespace {

Status too_long(std::uint64_t limit) {
  return {Code::out_of_range, fmt::format("the body is longer than {} bytes", limit)};
}

}  // namespace

HttpBody::HttpBody(Seams& seams, bool keep, std::uint64_t limit, std::stop_source cut)
    : seams_(seams),
      keep_(keep),
      limit_(limit == 0 && keep ? kLargestKeptBody : limit),
      charge_(seams.budget.charge(0, "probe_body")),
      cut_(std::move(cut)) {}

void HttpBody::fail(Status why) {
  if (!failure_.ok()) return;
  failure_ = std::move(why);
  seams_.loop.post([cut = cut_]() mutable { cut.request_stop(); });
}

void HttpBody::ignore() {
  ignored_ = true;
  seams_.loop.post([cut = cut_]() mutable { cut.request_stop(); });
}

void HttpBody::take(std::string_view piece) {
  if (ignored_ || !failure_.ok()) return;
  const bool over = limit_ > 0 && piece.size() > limit_ - bytes_;
  if (over) piece = piece.substr(0, limit_ - bytes_);
  if (keep_) {
    if (Status s = charge_.grow(piece.size()); !s.ok()) return fail(std::move(s));
    text_ += piece;
  }
  bytes_ += piece.size();
  if (over) fail(too_long(limit_));
}

Status HttpBody::decode(std::string_view compression, std::uint64_t limit) {
  const std::size_t most = limit == 0 ? kLargestKeptBody : limit;
  Reservation charge = seams_.budget.charge(0, "probe_body");
  auto plain = net::equal_fold(compression, "gzip") ? wire::gunzip(text_, most, charge)
                                                    : wire::undeflate(text_, most, charge);
  if (!plain) {
    bytes_ = plain.error().code() == Code::out_of_range ? most : 0;
    return plain.error();
  }
  text_ = std::move(*plain);
  charge_ = std::move(charge);
  bytes_ = text_.size();
  return {};
}

}  // namespace collector::receive::blackbox
