// What a finished handshake tells of the peer, read out of OpenSSL. For tls.cpp.
#pragma once

#include "net/tls.hpp"

#include <openssl/ssl.h>

namespace collector::net {

/// `unverified`: certificates were not checked, so that there is no chain of them.
TlsPeer describe_peer(SSL* ssl, bool unverified);

/// A name as Go's crypto/x509/pkix writes it.
std::string distinguished_name(const X509_NAME* name);

}  // namespace collector::net
