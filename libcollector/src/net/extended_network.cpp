#include "net/extended_network.hpp"

namespace collector::net {
namespace {

class Plain final : public ExtendedNetwork {
 public:
  Task<Result<std::unique_ptr<Stream>>> connect_from(std::string, std::string, std::uint16_t,
                                                     std::stop_token) override {
    co_return Result<std::unique_ptr<Stream>>(
        Status(Code::unimplemented, "this network has no choice of source addresses"));
  }
  Result<std::unique_ptr<Datagrams>> datagrams(const std::string&, std::uint16_t,
                                               const DatagramOptions&) override {
    return Status(Code::unimplemented, "this network has no datagrams");
  }
};

}  // namespace

ExtendedNetwork& extended(Network& network) {
  static Plain plain;  // it has no state
  auto* more = dynamic_cast<ExtendedNetwork*>(&network);
  return more ? *more : plain;
}

}  // namespace collector::net
