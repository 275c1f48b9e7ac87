#include "net/spread_network.hpp"

namespace collector::net {

Task<Result<std::unique_ptr<Stream>>> SpreadNetwork::connect(std::string host, std::uint16_t port,
                                                             std::stop_token stop) {
  auto addresses = co_await network_.addresses(host, stop);
  if (addresses && !addresses->empty())
    host = std::move((*addresses)[random_.next() % addresses->size()]);
  co_return co_await network_.connect(std::move(host), port, std::move(stop));
}

}  // namespace collector::net
