#include "net/tls.hpp"

#include "net/tls_peer.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace collector::net {
namespace {

template <auto F>
struct Freer {
  template <class T>
  void operator()(T* p) const {
    F(p);
  }
};
using ContextPtr = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Freer<SSL_free>>;
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free>>;
using CertPtr = std::unique_ptr<X509, Freer<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

std::string openssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unexpected end of the connection";
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : fmt::format("error {:#x}", code);
}

BioPtr bio_of(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Status add_authorities(SSL_CTX* context, const std::string& pem) {
  const BioPtr bio = bio_of(pem);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  int found = 0;
  while (CertPtr cert{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    X509_STORE_add_cert(store, cert.get());
    ++found;
  }
  ERR_clear_error();
  if (found == 0) return Status(Code::invalid_argument, "the CA holds no certificate in PEM form");
  return {};
}

Status use_certificate(SSL_CTX* context, const std::string& cert_pem, const std::string& key_pem) {
  const BioPtr certs = bio_of(cert_pem);
  const CertPtr leaf{PEM_read_bio_X509(certs.get(), nullptr, nullptr, nullptr)};
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1)
    return Status(Code::invalid_argument, "the certificate cannot be used: " + openssl_error());
  while (X509* chain = PEM_read_bio_X509(certs.get(), nullptr, nullptr, nullptr))
    SSL_CTX_add0_chain_cert(context, chain);
  ERR_clear_error();
  const BioPtr keys = bio_of(key_pem);
  const KeyPtr key{PEM_read_bio_PrivateKey(keys.get(), nullptr, nullptr, nullptr)};
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return Status(Code::invalid_argument, "the key cannot be used: " + openssl_error());
  return {};
}

constexpr std::array<std::pair<std::string_view, int>, 4> kVersions{{{"TLS10", TLS1_VERSION},
                                                                     {"TLS11", TLS1_1_VERSION},
                                                                     {"TLS12", TLS1_2_VERSION},
                                                                     {"TLS13", TLS1_3_VERSION}}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kCurves{
    {{"CurveP256", "P-256"}, {"CurveP384", "P-384"}, {"CurveP521", "P-521"}, {"X25519", "X25519"}}};
/// IANA's names and OpenSSL's (openssl-ciphers(1)).
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kCipherSuites{
    {{"TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"},
     {"TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"},
     {"TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"},
     {"TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"},
     {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
     {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
     {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
     {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
     {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
     {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
     {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
     {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
     {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
     {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"}}};
/// TLS 1.3's have one name everywhere (RFC 8446, B.4).
constexpr std::array<std::string_view, 3> kTls13Suites{
    "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"};

template <class Table>
auto find_in(const Table& table, std::string_view name) {
  return std::find_if(table.begin(), table.end(),
                      [&](const auto& row) { return row.first == name; });
}

int version_of(const std::string& name, int otherwise) {
  const auto at = find_in(kVersions, name);
  return at == kVersions.end() ? otherwise : at->second;
}

void set_versions(SSL_CTX* context, const std::string& least, const std::string& most) {
  const int min = version_of(least, TLS1_2_VERSION);
  // OpenSSL's level 1 and up rule out what TLS 1.1 and before sign with.
  if (min < TLS1_2_VERSION) SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_min_proto_version(context, min);
  SSL_CTX_set_max_proto_version(context, version_of(most, TLS1_3_VERSION));
}

bool is_tls13_suite(std::string_view name) {
  return std::find(kTls13Suites.begin(), kTls13Suites.end(), name) != kTls13Suites.end();
}

Status set_ciphers(SSL_CTX* context, const TlsServerSettings& settings) {
  std::string before, since;  // TLS 1.2 and before, 1.3
  const auto add = [](std::string& list, std::string_view name) {
    if (!list.empty()) list += ':';
    list += name;
  };
  for (const std::string& name : settings.cipher_suites) {
    const auto at = find_in(kCipherSuites, name);
    if (at != kCipherSuites.end())
      add(before, at->second);
    else if (is_tls13_suite(name))
      add(since, name);
    else
      return Status(Code::invalid_argument, fmt::format("unknown cipher suite \"{}\"", name));
  }
  if (settings.cipher_suites.empty()) return {};
  if (before.empty())  // nothing is left for TLS 1.2
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  else if (SSL_CTX_set_cipher_list(context, before.c_str()) != 1)
    return Status(Code::invalid_argument, "cipher suites: " + openssl_error());
  if (!since.empty() && SSL_CTX_set_ciphersuites(context, since.c_str()) != 1)
    return Status(Code::invalid_argument, "cipher suites: " + openssl_error());
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  return {};
}

Status set_curves(SSL_CTX* context, const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) {
    const auto at = find_in(kCurves, name);
    if (at == kCurves.end())
      return Status(Code::invalid_argument, fmt::format("unknown curve \"{}\"", name));
    if (!list.empty()) list += ':';
    list += at->second;
  }
  if (list.empty() || SSL_CTX_set1_groups_list(context, list.c_str()) == 1) return {};
  return Status(Code::invalid_argument, "curves: " + openssl_error());
}

bool verifies(ClientAuth auth) {
  return auth == ClientAuth::verify_if_given || auth == ClientAuth::require_and_verify;
}

Status set_client_auth(SSL_CTX* context, const TlsServerSettings& settings) {
  const ClientAuth auth = settings.client_auth;
  if (auth == ClientAuth::none) return {};
  int mode = SSL_VERIFY_PEER;
  if (auth == ClientAuth::require_any || auth == ClientAuth::require_and_verify)
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  const auto take_any = [](int, X509_STORE_CTX*) { return 1; };
  SSL_CTX_set_verify(context, mode, verifies(auth) ? nullptr : +take_any);
  // A resumed session would carry the certificate of the one before.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
  if (settings.client_ca_pem.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  if (Status s = add_authorities(context, settings.client_ca_pem); !s.ok()) return s;
  const BioPtr bio = bio_of(settings.client_ca_pem);
  while (CertPtr cert{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
    SSL_CTX_add_client_CA(context, cert.get());
  ERR_clear_error();
  return {};
}

std::string alpn_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& p : protocols) wire.append(1, static_cast<char>(p.size())).append(p);
  return wire;
}

}  // namespace

bool is_tls_cipher_suite(std::string_view name) {
  return find_in(kCipherSuites, name) != kCipherSuites.end() || is_tls13_suite(name);
}
bool is_tls_curve(std::string_view name) { return find_in(kCurves, name) != kCurves.end(); }
bool is_tls_version(std::string_view name) { return find_in(kVersions, name) != kVersions.end(); }

struct TlsContext::State {
  ContextPtr context;
  std::string server_name;  ///< of clients
  bool takes_any = false;   ///< certificates of the peer are not verified
  std::string alpn;
};

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::client(const TlsSettings& settings) {
  auto state = std::make_unique<State>();
  state->server_name = settings.server_name;
  state->takes_any = settings.insecure_skip_verify;
  state->alpn = alpn_wire(settings.alpn);
  state->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = state->context.get();
  set_versions(context, settings.min_version, settings.max_version);
  SSL_CTX_set_verify(context, settings.insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                     nullptr);
  if (settings.ca_pem.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else if (Status s = add_authorities(context, settings.ca_pem); !s.ok()) {
    return s;
  }
  if (!settings.cert_pem.empty())
    if (Status s = use_certificate(context, settings.cert_pem, settings.key_pem); !s.ok()) return s;
  if (!state->alpn.empty())
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(state->alpn.data()),
                            static_cast<unsigned>(state->alpn.size()));
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(state)));
}

Result<std::shared_ptr<TlsContext>> TlsContext::server(const TlsServerSettings& settings) {
  auto state = std::make_unique<State>();
  state->takes_any = !verifies(settings.client_auth);
  state->alpn = alpn_wire(settings.alpn);
  state->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = state->context.get();
  set_versions(context, settings.min_version, settings.max_version);
  if (Status s = use_certificate(context, settings.cert_pem, settings.key_pem); !s.ok()) return s;
  if (Status s = set_ciphers(context, settings); !s.ok()) return s;
  if (Status s = set_curves(context, settings.curves); !s.ok()) return s;
  if (Status s = set_client_auth(context, settings); !s.ok()) return s.in("client CA");
  if (!state->alpn.empty())
    SSL_CTX_set_alpn_select_cb(
        context,
        [](SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
           unsigned in_size, void* self) {
          const std::string& mine = static_cast<State*>(self)->alpn;
          return SSL_select_next_proto(const_cast<unsigned char**>(out), out_size,
                                       reinterpret_cast<const unsigned char*>(mine.data()),
                                       static_cast<unsigned>(mine.size()), in,
                                       in_size) == OPENSSL_NPN_NEGOTIATED
                     ? SSL_TLSEXT_ERR_OK
                     : SSL_TLSEXT_ERR_NOACK;
        },
        state.get());
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(state)));
}

namespace {

/// OpenSSL reads from and writes to memory; this carries those bytes over the inner stream.
class OpenSslStream final : public TlsStream {
 public:
  OpenSslStream(std::shared_ptr<TlsContext> context, std::unique_ptr<Stream> inner)
      : context_(std::move(context)), inner_(std::move(inner)) {
    ssl_.reset(SSL_new(context_->state().context.get()));
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    SSL_set_bio(ssl_.get(), in_, out_);
  }

  void expect_host(const std::string& host) {
    const std::string& given = context_->state().server_name;
    const std::string& name = given.empty() ? host : given;
    in6_addr numeric{};
    const bool address = inet_pton(AF_INET, name.c_str(), &numeric) == 1 ||
                         inet_pton(AF_INET6, name.c_str(), &numeric) == 1;
    X509_VERIFY_PARAM* verify = SSL_get0_param(ssl_.get());
    if (address) {
      X509_VERIFY_PARAM_set1_ip_asc(verify, name.c_str());
    } else {
      SSL_set_tlsext_host_name(ssl_.get(), name.c_str());
      X509_VERIFY_PARAM_set1_host(verify, name.data(), name.size());
    }
    SSL_set_connect_state(ssl_.get());
  }
  void expect_client() { SSL_set_accept_state(ssl_.get()); }

  Task<Status> handshake(std::stop_token stop) {
    for (;;) {
      ERR_clear_error();
      const int n = SSL_do_handshake(ssl_.get());
      const int want = n == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), n);
      const Status sent = co_await flush(stop);
      if (n == 1) co_return sent;
      if (!sent.ok()) co_return sent;
      if (want != SSL_ERROR_WANT_READ) co_return failure("TLS handshake");
      const Result<bool> more = co_await fill(stop);
      if (!more) co_return more.error();
      if (!*more) co_return Status(Code::unavailable, "TLS handshake: the connection was closed");
    }
  }

  Task<Result<std::size_t>> read(std::span<std::byte> into, std::stop_token stop) override {
    for (;;) {
      ERR_clear_error();
      const int n = SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size()));
      if (n > 0) co_return static_cast<std::size_t>(n);
      const int want = SSL_get_error(ssl_.get(), n);
      if (want == SSL_ERROR_ZERO_RETURN) co_return std::size_t{0};
      if (want != SSL_ERROR_WANT_READ) co_return failure("TLS");
      const Status sent = co_await flush(stop);
      if (!sent.ok()) co_return sent;
      const Result<bool> more = co_await fill(stop);
      if (!more) co_return more.error();
      if (!*more) co_return std::size_t{0};
    }
  }

  Task<Status> write(std::span<const std::byte> bytes, std::stop_token stop) override {
    while (!bytes.empty()) {
      ERR_clear_error();
      const std::size_t part = std::min<std::size_t>(bytes.size(), 1U << 20);
      const int n = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(part));
      if (n <= 0) co_return failure("TLS");
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      const Status sent = co_await flush(stop);
      if (!sent.ok()) co_return sent;
    }
    co_return Status();
  }

  void close() override {
    if (!std::exchange(closed_, true)) inner_->close();
  }
  std::string peer() const override { return inner_->peer(); }
  std::string protocol() const override {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return std::string(reinterpret_cast<const char*>(name), size);
  }
  TlsPeer peer_certificates() const override {
    return describe_peer(ssl_.get(), context_->state().takes_any);
  }

 private:
  Status failure(std::string_view where) {
    const long verify = SSL_get_verify_result(ssl_.get());
    if (verify != X509_V_OK && !context_->state().takes_any) {
      ERR_clear_error();
      return Status(Code::unauthenticated, fmt::format("{}: certificate refused: {}", where,
                                                       X509_verify_cert_error_string(verify)));
    }
    return Status(Code::unavailable, fmt::format("{}: {}", where, openssl_error()));
  }

  Task<Status> flush(std::stop_token stop) {
    char* data = nullptr;
    const long n = BIO_get_mem_data(out_, &data);
    if (n <= 0) co_return Status();
    const std::string bytes(data, static_cast<std::size_t>(n));
    BIO_reset(out_);
    const Status sent = co_await inner_->write(std::as_bytes(std::span(bytes)), stop);
    co_return sent;
  }

  Task<Result<bool>> fill(std::stop_token stop) {
    std::byte buffer[16 << 10];
    const Result<std::size_t> n = co_await inner_->read(buffer, stop);
    if (!n) co_return Result<bool>(n.error());
    if (*n == 0) co_return Result<bool>(false);
    BIO_write(in_, buffer, static_cast<int>(*n));
    co_return Result<bool>(true);
  }

  std::shared_ptr<TlsContext> context_;
  std::unique_ptr<Stream> inner_;
  SslPtr ssl_;
  BIO* in_;   // owned by ssl_
  BIO* out_;  // owned by ssl_
  bool closed_ = false;
};

Task<Result<std::unique_ptr<TlsStream>>> shake(std::unique_ptr<OpenSslStream> stream,
                                               std::stop_token stop) {
  const Status status = co_await stream->handshake(std::move(stop));
  if (!status.ok()) co_return Result<std::unique_ptr<TlsStream>>(status);
  co_return Result<std::unique_ptr<TlsStream>>(std::unique_ptr<TlsStream>(std::move(stream)));
}

}  // namespace

Task<Result<std::unique_ptr<TlsStream>>> tls_connect(std::shared_ptr<TlsContext> context,
                                                     std::unique_ptr<Stream> inner,
                                                     std::string host, std::stop_token stop) {
  auto stream = std::make_unique<OpenSslStream>(std::move(context), std::move(inner));
  stream->expect_host(host);
  return shake(std::move(stream), std::move(stop));
}

Task<Result<std::unique_ptr<TlsStream>>> tls_accept(std::shared_ptr<TlsContext> context,
                                                    std::unique_ptr<Stream> inner,
                                                    std::stop_token stop) {
  auto stream = std::make_unique<OpenSslStream>(std::move(context), std::move(inner));
  stream->expect_client();
  return shake(std::move(stream), std::move(stop));
}

}  // namespace collector::net
