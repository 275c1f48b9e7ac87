// A response's body while it arrives: counted, kept where it is matched or decoded, cut off where
// it is longer than it may be. One loop.
#pragma once

#include <collector/engine/seams.hpp>

#include <stop_token>
#include <string>
#include <string_view>

namespace collector::receive::blackbox {

/// What a body may take when the module sets no limit and its text is needed, in bytes.
inline constexpr std::size_t kLargestKeptBody = 64U << 20;

class HttpBody {
 public:
  /// `cut` is requested, by post, when the rest is not wanted. A `limit` of 0 is none.
  HttpBody(Seams& seams, bool keep, std::uint64_t limit, std::stop_source cut);

  void take(std::string_view piece);
  /// Nothing more is wanted, and what came does not count.
  void ignore();
  /// Undoes `compression` in what was kept: bytes and text are the plain ones from then on. With a
  /// limit, a longer text is cut there.
  Status decode(std::string_view compression, std::uint64_t limit);

  std::uint64_t bytes() const { return bytes_; }
  const std::string& text() const { return text_; }
  /// Why it is not whole; ok when nothing was cut off.
  const Status& failure() const { return failure_; }

 private:
  void fail(Status why);

  Seams& seams_;
  bool keep_, ignored_ = false;
  std::uint64_t limit_, bytes_ = 0;
  std::string text_;
  Reservation charge_;
  std::stop_source cut_;
  Status failure_;
};

}  // namespace collector::receive::blackbox
