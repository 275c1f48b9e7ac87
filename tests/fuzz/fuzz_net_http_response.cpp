// A server that answers anything, in pieces: the client's reader ends, within its caps, with an
// answer or an error.
#include "net/http_message.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

using namespace collector;

namespace {

/// Gives the input in pieces whose sizes follow from it; never waits.
class InputStream final : public Stream {
 public:
  explicit InputStream(std::string_view bytes) : bytes_(bytes) {}
  Task<Result<std::size_t>> read(std::span<std::byte> into, std::stop_token) override {
    const std::size_t piece = bytes_.empty() ? 0 : 1 + static_cast<unsigned char>(bytes_[0]) % 61;
    const std::size_t n = std::min({piece, into.size(), bytes_.size()});
    std::memcpy(into.data(), bytes_.data(), n);
    bytes_.remove_prefix(n);
    co_return n;
  }
  Task<Status> write(std::span<const std::byte>, std::stop_token) override { co_return Status(); }
  void close() override {}
  std::string peer() const override { return "fuzzer"; }

 private:
  std::string_view bytes_;
};

constexpr std::size_t kMost = 4096;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const bool head : {false, true}) {
    InputStream stream(bytes);
    net::ReadBuffer buffer(stream);
    net::ReadOptions options;
    options.max_body = kMost;
    options.head = head;
    bool any = false, done = false;
    spawn(net::read_response(buffer, options, &any), [&](auto result) {
      done = true;
      if (result && result->message.body.size() > kMost) std::abort();
      if (result && result->message.headers.all().size() > net::kMaxHeaderFields) std::abort();
    });
    if (!done) std::abort();
  }
  InputStream stream(bytes);
  net::ReadBuffer buffer(stream);
  net::ReadOptions options;
  options.max_body = kMost;
  bool done = false;
  spawn(net::read_request(buffer, options), [&](auto) { done = true; });
  if (!done) std::abort();
  return 0;
}
