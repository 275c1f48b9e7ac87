#include "net/memory_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace collector::net {
namespace {

/// One direction. A write is there at once; the reader is resumed by post.
struct Channel {
  Loop& loop;
  std::string bytes;
  std::size_t at = 0;
  bool closed = false;
  Function<void(bool)> waiting;  ///< true: look again; false: stopped

  explicit Channel(Loop& l) : loop(l) {}
  void wake(bool look) {
    if (auto w = std::exchange(waiting, nullptr))
      loop.post([w = std::move(w), look]() mutable { w(look); });
  }
};

class MemoryStream final : public Stream {
 public:
  MemoryStream(std::shared_ptr<Channel> in, std::shared_ptr<Channel> out, std::string peer)
      : in_(std::move(in)), out_(std::move(out)), peer_(std::move(peer)) {}
  ~MemoryStream() override { close(); }

  Task<Result<std::size_t>> read(std::span<std::byte> into, std::stop_token stop) override {
    auto in = in_;
    auto cancel = [in] { in->wake(false); };
    std::stop_callback on_stop(stop, cancel);
    while (in->at == in->bytes.size() && !in->closed) {
      if (stop.stop_requested()) co_return Status(Code::cancelled, "read: stopped");
      auto initiate = [&](Function<void(bool)> done) { in->waiting = std::move(done); };
      const bool look = co_await await_callback<bool>(initiate);
      if (!look) co_return Status(Code::cancelled, "read: stopped");
    }
    const std::size_t n = std::min(into.size(), in->bytes.size() - in->at);
    std::memcpy(into.data(), in->bytes.data() + in->at, n);
    in->at += n;
    if (in->at == in->bytes.size()) {
      in->bytes.clear();
      in->at = 0;
    }
    co_return n;
  }

  Task<Status> write(std::span<const std::byte> bytes, std::stop_token) override {
    if (out_->closed) co_return Status(Code::unavailable, "write: the other end is closed");
    out_->bytes.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    out_->wake(true);
    co_return Status();
  }

  void close() override {
    in_->closed = true;
    out_->closed = true;
    in_->wake(true);
    out_->wake(true);
  }
  std::string peer() const override { return peer_; }

 private:
  std::shared_ptr<Channel> in_, out_;
  std::string peer_;
};

}  // namespace

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> memory_pipe(Loop& loop,
                                                                        std::string first_peer,
                                                                        std::string second_peer) {
  auto there = std::make_shared<Channel>(loop);
  auto back = std::make_shared<Channel>(loop);
  return {std::make_unique<MemoryStream>(back, there, std::move(second_peer)),
          std::make_unique<MemoryStream>(there, back, std::move(first_peer))};
}

void MemoryRoutes::add(std::string host_and_port, HttpHandler handler) {
  HttpServer::Options options;
  options.budget = budget_;
  routes_[std::move(host_and_port)] =
      std::make_unique<HttpServer>(loop_, std::move(handler), std::move(options));
}

Task<Result<std::unique_ptr<Stream>>> MemoryRoutes::connect(std::string host, std::uint16_t port,
                                                            std::stop_token stop) {
  const std::string name = fmt::format("{}:{}", host, port);
  const auto it = routes_.find(name);
  if (it == routes_.end()) {
    auto stream = co_await outside_.connect(std::move(host), port, std::move(stop));
    co_return stream;
  }
  auto [ours, theirs] = memory_pipe(loop_, "in-memory", name);
  it->second->serve(std::move(theirs));
  co_return Result<std::unique_ptr<Stream>>(std::move(ours));
}

}  // namespace collector::net
