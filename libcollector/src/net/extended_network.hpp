// What probes need of a network besides Network: datagrams, and a choice of the source address.
// A network offers it by deriving from both; a simulated one need not.
#pragma once

#include <collector/engine/seams.hpp>

#include <memory>
#include <string>

namespace collector::net {

/// What a socket for datagrams speaks and how.
struct DatagramOptions {
  /// `icmp_echo`: datagrams are ICMP messages from their type on (RFC 792, RFC 4443), without IP
  /// header.
  enum class Protocol : std::uint8_t { udp, icmp_echo };
  Protocol protocol = Protocol::udp;
  std::string source;          ///< numeric address of this machine to send from; empty: any
  int hop_limit = 0;           ///< of what is sent; 0: the system's
  bool dont_fragment = false;  ///< IPv4
};

/// A socket for datagrams to and from one peer. One send and one receive may be outstanding.
class Datagrams {
 public:
  struct Received {
    std::size_t size = 0;  ///< what the caller has no room for is gone
    int hop_limit = -1;    ///< that it came with; -1: unknown
  };
  virtual ~Datagrams() = default;
  virtual Task<Status> send(std::span<const std::byte> bytes, std::stop_token stop) = 0;
  virtual Task<Result<Received>> receive(std::span<std::byte> into, std::stop_token stop) = 0;
  /// The system puts an identifier of its own into ICMP echoes and hands over only its replies.
  virtual bool system_sets_echo_id() const { return false; }
};

class ExtendedNetwork {
 public:
  virtual ~ExtendedNetwork() = default;
  /// As Network::connect, from `source`, a numeric address of this machine.
  virtual Task<Result<std::unique_ptr<Stream>>> connect_from(std::string source, std::string host,
                                                             std::uint16_t port,
                                                             std::stop_token stop) = 0;
  /// A socket whose peer is the numeric `address`; the port is UDP's. permission_denied where this
  /// process may not send echoes.
  virtual Result<std::unique_ptr<Datagrams>> datagrams(const std::string& address,
                                                       std::uint16_t port,
                                                       const DatagramOptions& options) = 0;
};

/// The network's other side, or one that answers `unimplemented`.
ExtendedNetwork& extended(Network& network);

}  // namespace collector::net
