// Content-Encoding of whole bodies (RFC 9110, 8.4).
#pragma once

#include "net/http.hpp"

namespace collector::net {

/// What a client of ours can undo, as Accept-Encoding says it.
inline constexpr std::string_view kAcceptEncoding = "gzip, zstd";

/// Undoes gzip and zstd in `body` and takes them out of Content-Encoding; a coding that is neither,
/// such as snappy, stays with what is below it. `held` is what the body has of `budget`, before and
/// after. out_of_range: more than `max` bytes; resource_exhausted; data_loss: damaged. With a pool,
/// memory comes from there, and what held the encoded body goes there.
Status decode_body(Headers& headers, std::string& body, std::size_t max, const Budget& budget,
                   Reservation& held, BodyPool* pool = nullptr);

}  // namespace collector::net
