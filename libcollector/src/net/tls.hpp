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
  std::string max_version;        ///< empty: TLS13
  std::vector<std::string> alpn;  ///< protocols to offer, best first
  friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

/// What a server asks of its clients (Go's names for it: crypto/tls, ClientAuthType).
enum class ClientAuth : std::uint8_t {
  none,                ///< NoClientCert
  request,             ///< RequestClientCert: any or none
  require_any,         ///< RequireAnyClientCert: any
  verify_if_given,     ///< VerifyClientCertIfGiven: a valid one or none
  require_and_verify,  ///< RequireAndVerifyClientCert: a valid one
};

struct TlsServerSettings {
  std::string cert_pem, key_pem;
  std::string client_ca_pem;  ///< empty: the system's authorities
  ClientAuth client_auth = ClientAuth::none;
  /// IANA's names; empty: OpenSSL's choice. Of TLS 1.3's suites those that are named are used, all
  /// where none is.
  std::vector<std::string> cipher_suites;
  std::vector<std::string> curves;  ///< CurveP256, CurveP384, CurveP521, X25519; best first
  std::string min_version;          ///< as above; empty: TLS12
  std::string max_version;          ///< empty: TLS13
  std::vector<std::string> alpn;    ///< protocols to accept, best first
  friend bool operator==(const TlsServerSettings&, const TlsServerSettings&) = default;
};

/// Whether the names are among those that a server knows.
bool is_tls_cipher_suite(std::string_view name);
bool is_tls_curve(std::string_view name);
bool is_tls_version(std::string_view name);

/// Parsed keys and certificates, shared by connections.
class TlsContext {
 public:
  static Result<std::shared_ptr<TlsContext>> client(const TlsSettings& settings);
  static Result<std::shared_ptr<TlsContext>> server(const TlsServerSettings& settings);
  ~TlsContext();

  struct State;
  State& state() { return *state_; }

 private:
  explicit TlsContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// A connection and the certificates that its peer showed; times in seconds since 1970, texts as
/// Go's crypto packages write them.
struct TlsPeer {
  std::string version;                    ///< TLS 1.3
  std::string cipher;                     ///< IANA's name
  std::int64_t earliest_expiry = kNever;  ///< of the certificates that were sent
  std::int64_t chain_expiry = kNever;     ///< of the chain that was verified
  std::string fingerprint, serial;        ///< of its own certificate: SHA-256 and number, in hex
  std::string subject, issuer;            ///< RFC 2253
  std::string dns_names;                  ///< with commas between

  /// Go's zero time.
  static constexpr std::int64_t kNever = -62135596800;
};

class TlsStream : public Stream {
 public:
  /// The protocol that ALPN chose, or empty.
  virtual std::string protocol() const = 0;
  virtual TlsPeer peer_certificates() const = 0;
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
