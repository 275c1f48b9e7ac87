// Whole-body compression. Every decoder has a cap on what comes out, and a reservation that grows
// before memory is taken: it holds what the result takes, and nothing after a failure, which is
// out_of_range (over the cap), resource_exhausted (no room in the budget) or data_loss.
#pragma once

#include <collector/engine/budget.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace collector::wire {

/// What a decoder puts out per byte in; more is a bomb (DESIGN.md, 7).
inline constexpr std::size_t kMaxRatio = 200;

/// Snappy block format (google/snappy, format_description.txt). Appends to `out`.
void snappy_compress(std::string_view in, std::string& out);
/// The same of `size` bytes that are never all there: each call of `next` gives the next
/// kSnappyBlock of them, the last one the rest. What it gave may be gone then.
inline constexpr std::size_t kSnappyBlock = std::size_t{64} << 10;
void snappy_compress(std::size_t size, const std::function<std::string_view()>& next,
                     std::string& out);
Result<std::string> snappy_uncompress(std::string_view in, std::size_t max_out,
                                      Reservation& charge);

/// gzip (RFC 1952), one member or several. `room` is memory that the result may use.
std::string gzip(std::string_view in, int level = 6);
Result<std::string> gunzip(std::string_view in, std::size_t max_out, Reservation& charge,
                           std::string room = {});
/// One bare deflate stream (RFC 1951); what stands behind it is ignored.
Result<std::string> undeflate(std::string_view in, std::size_t max_out, Reservation& charge);

/// Zstandard (RFC 8878), one frame or several; those to skip are skipped.
std::string zstd(std::string_view in, int level = 3);
Result<std::string> unzstd(std::string_view in, std::size_t max_out, Reservation& charge,
                           std::string room = {});

}  // namespace collector::wire
