// A network in which a test connects to whoever listens. Nothing else answers.
#pragma once

#include <collector/engine/seams.hpp>

#include "net/memory_network.hpp"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace collector {

class ListeningNetwork : public Network {
 public:
  explicit ListeningNetwork(Loop& loop) : loop_(loop) {}

  /// A connection of `peer` to the listener at `port`; null when nobody listens there.
  std::unique_ptr<Stream> dial(std::uint16_t port, std::string peer) {
    const auto it = ports_.find(port);
    if (it == ports_.end()) return nullptr;
    auto [ours, theirs] =
        net::memory_pipe(loop_, std::move(peer), "server:" + std::to_string(port));
    it->second->waiting.push_back(std::move(theirs));
    it->second->wake();
    return std::move(ours);
  }
  bool listens(std::uint16_t port) const { return ports_.contains(port); }

  Task<Result<std::unique_ptr<Stream>>> connect(std::string host, std::uint16_t,
                                                std::stop_token) override {
    co_return Result<std::unique_ptr<Stream>>(
        Status(Code::unavailable, host + ": connection refused"));
  }
  Result<std::unique_ptr<Listener>> listen(const std::string& address,
                                           std::uint16_t port) override {
    if (address == "localhost") return Status(Code::invalid_argument, "no numeric address");
    if (port == 0) port = 40'000;
    if (ports_.contains(port)) return Status(Code::unavailable, "address already in use");
    ports_[port] = std::make_shared<Queue>(loop_);
    return std::unique_ptr<Listener>(std::make_unique<Door>(*this, ports_[port], port));
  }
  Task<Result<std::vector<DnsRecord>>> resolve(std::string name, RecordType type,
                                               std::stop_token) override {
    if (name == "localhost" && type == RecordType::a)
      co_return std::vector<DnsRecord>{{"127.0.0.1", 0}};
    co_return Result<std::vector<DnsRecord>>(Status(Code::not_found, "no such name"));
  }
  Result<std::shared_ptr<void>> watch(const std::string&, Function<void()>) override {
    return Status(Code::unimplemented, "no watches");
  }

 private:
  struct Queue {
    explicit Queue(Loop& l) : loop(l) {}
    void wake() {
      if (auto f = std::exchange(accepting, nullptr))
        loop.post([f = std::make_shared<Function<void(bool)>>(std::move(f))] { (*f)(true); });
    }
    Loop& loop;
    std::deque<std::unique_ptr<Stream>> waiting;
    bool closed = false;
    Function<void(bool)> accepting;
  };
  class Door final : public Listener {
   public:
    Door(ListeningNetwork& network, std::shared_ptr<Queue> queue, std::uint16_t port)
        : network_(network), queue_(std::move(queue)), port_(port) {}
    ~Door() override { close(); }
    Task<Result<std::unique_ptr<Stream>>> accept(std::stop_token stop) override {
      auto queue = queue_;
      auto cancel = [queue] { queue->wake(); };
      const std::stop_callback on_stop(stop, cancel);
      while (queue->waiting.empty()) {
        if (queue->closed || stop.stop_requested())
          co_return Result<std::unique_ptr<Stream>>(Status(Code::cancelled, "closed"));
        auto initiate = [&](Function<void(bool)> done) { queue->accepting = std::move(done); };
        const bool woken = co_await await_callback<bool>(initiate);
        (void)woken;
      }
      auto stream = std::move(queue->waiting.front());
      queue->waiting.pop_front();
      co_return std::move(stream);
    }
    std::uint16_t port() const override { return port_; }
    void close() override {
      if (std::exchange(queue_->closed, true)) return;
      network_.ports_.erase(port_);
      queue_->wake();
    }

   private:
    ListeningNetwork& network_;
    std::shared_ptr<Queue> queue_;
    std::uint16_t port_;
  };

  Loop& loop_;
  std::map<std::uint16_t, std::shared_ptr<Queue>> ports_;
};

}  // namespace collector
