// TLS over any Stream, by OpenSSL with memory BIOs. One loop.
#pragma once

#include <collector/engine/seams.hpp>

#include <memory>
#include <string>
#include <vector>

namespace collector::net {

struct TlsSettings {
  std::string ca_pem;             ///< empty: the system's authorities
  std::string cert_pem, key_pem;  ///< our own certificate; for clients optional
  std::string server_name;        ///< empty: the host that is connected to
  bool insecure_skip_verify = false;
  std::string min_version;        ///< TLS10, TLS11, TLS12, TLS13; empty: TLS12
  std::vector<std::string> alpn;  ///< protocols to offer (client) or accept (server), best first
  friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

/// Parsed keys and certificates, shared by connections.
class TlsContext {
 public:
  static Result<std::shared_ptr<TlsContext>> client(const TlsSettings& settings);
  static Result<std::shared_ptr<TlsContext>> server(const TlsSettings& settings);
  ~TlsContext();

  struct State;
  State& state() { return *state_; }

 private:
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class TlsStream : public Stream {
 public:
  /// The protocol that ALPN chose, or empty.
  virtual std::string protocol() const = 0;
};

/// Shakes hands over `inner`; `host` is for SNI and the certificate's name where settings name
/// none.
Task<Result<std::unique_ptr<TlsStream>>> tls_connect(std::shared_ptr<TlsContext> context,
                                                     std::unique_ptr<Stream> inner,
                                                     std::string host, std::stop_token stop);
Task<Result<std::unique_ptr<TlsStream>>> tls_accept(std::shared_ptr<TlsContext> context,
                                                    std::unique_ptr<Stream> inner,
                                                    std::stop_token stop);

}  // namespace collector::net
