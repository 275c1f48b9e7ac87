#include "net/content_encoding.hpp"

#include "net/body_pool.hpp"
#include "wire/compression.hpp"

#include <utility>

namespace collector::net {

Status decode_body(Headers& headers, std::string& body, std::size_t max, const Budget& budget,
                   Reservation& held, BodyPool* pool) {
  std::string left(headers.get("Content-Encoding"));
  bool undone = false;
  while (!left.empty()) {
    // The last of a list was applied last.
    const std::size_t comma = left.rfind(',');
    std::string_view coding(left);
    if (comma != std::string::npos) coding.remove_prefix(comma + 1);
    while (!coding.empty() && (coding.front() == ' ' || coding.front() == '\t'))
      coding.remove_prefix(1);
    while (!coding.empty() && (coding.back() == ' ' || coding.back() == '\t'))
      coding.remove_suffix(1);
    const bool gzip = equal_fold(coding, "gzip") || equal_fold(coding, "x-gzip");
    if (!gzip && !equal_fold(coding, "zstd")) break;
    Reservation charge = budget.charge(0, "decoded_body");
    std::string room = pool ? pool->take() : std::string();
    auto plain = gzip ? wire::gunzip(body, max, charge, std::move(room))
                      : wire::unzstd(body, max, charge, std::move(room));
    if (!plain) return plain.error();
    std::swap(body, *plain);
    held = std::move(charge);
    if (pool) pool->give(std::move(*plain));
    left.resize(comma == std::string::npos ? 0 : comma);
    undone = true;
  }
  if (undone && left.empty()) headers.remove("Content-Encoding");
  if (undone && !left.empty()) headers.set("Content-Encoding", left);
  return {};
}

}  // namespace collector::net
