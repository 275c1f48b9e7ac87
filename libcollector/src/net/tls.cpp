#include "net/tls.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

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

Status use_certificate(SSL_CTX* context, const TlsSettings& settings) {
  const BioPtr certs = bio_of(settings.cert_pem);
  const CertPtr leaf{PEM_read_bio_X509(certs.get(), nullptr, nullptr, nullptr)};
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1)
    return Status(Code::invalid_argument, "the certificate cannot be used: " + openssl_error());
  while (X509* chain = PEM_read_bio_X509(certs.get(), nullptr, nullptr, nullptr))
    SSL_CTX_add0_chain_cert(context, chain);
  ERR_clear_error();
  const BioPtr keys = bio_of(settings.key_pem);
  const KeyPtr key{PEM_read_bio_PrivateKey(keys.get(), nullptr, nullptr, nullptr)};
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return Status(Code::invalid_argument, "the key cannot be used: " + openssl_error());
  return {};
}

int version_of(const std::string& name) {
  if (name == "TLS10") return TLS1_VERSION;
  if (name == "TLS11") return TLS1_1_VERSION;
  if (name == "TLS13") return TLS1_3_VERSION;
  return TLS1_2_VERSION;
}

/// TLS 1.0 and 1.1 sign with SHA-1, which OpenSSL's level 1 and above refuse: who asks for them
/// gets them.
void set_version(SSL_CTX* context, const std::string& name) {
  const int version = version_of(name);
  SSL_CTX_set_min_proto_version(context, version);
  if (version < TLS1_2_VERSION) SSL_CTX_set_security_level(context, 0);
}

std::string alpn_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& p : protocols) wire.append(1, static_cast<char>(p.size())).append(p);
  return wire;
}

}  // namespace

struct TlsContext::State {
  ContextPtr context;
  TlsSettings settings;
  std::string alpn;
};

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::client(const TlsSettings& settings) {
  auto state = std::make_unique<State>();
  state->settings = settings;
  state->alpn = alpn_wire(settings.alpn);
  state->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = state->context.get();
  set_version(context, settings.min_version);
  SSL_CTX_set_verify(context, settings.insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                     nullptr);
  if (settings.ca_pem.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else if (Status s = add_authorities(context, settings.ca_pem); !s.ok()) {
    return s;
  }
  if (!settings.cert_pem.empty())
    if (Status s = use_certificate(context, settings); !s.ok()) return s;
  if (!state->alpn.empty())
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(state->alpn.data()),
                            static_cast<unsigned>(state->alpn.size()));
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(state)));
}

Result<std::shared_ptr<TlsContext>> TlsContext::server(const TlsSettings& settings) {
  auto state = std::make_unique<State>();
  state->settings = settings;
  state->alpn = alpn_wire(settings.alpn);
  state->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = state->context.get();
  SSL_CTX_set_min_proto_version(context, version_of(settings.min_version));
  if (Status s = use_certificate(context, settings); !s.ok()) return s;
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
    const TlsSettings& settings = context_->state().settings;
    const std::string& name = settings.server_name.empty() ? host : settings.server_name;
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

 private:
  Status failure(std::string_view where) {
    const long verify = SSL_get_verify_result(ssl_.get());
    if (verify != X509_V_OK && !context_->state().settings.insecure_skip_verify) {
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
