#include "net/content_encoding.hpp"

#include "wire/compression.hpp"

namespace collector::net {

Status decode_body(Headers& headers, std::string& body, std::size_t max, const Budget& budget,
                   Reservation& held) {
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
    auto plain = gzip ? wire::gunzip(body, max, charge) : wire::unzstd(body, max, charge);
    if (!plain) return plain.error();
    body = std::move(*plain);
    held = std::move(charge);
    left.resize(comma == std::string::npos ? 0 : comma);
    undone = true;
  }
  if (undone && left.empty()) headers.remove("Content-Encoding");
  if (undone && !left.empty()) headers.set("Content-Encoding", left);
  return {};
}

}  // namespace collector::net
