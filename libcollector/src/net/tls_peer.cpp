#include "net/tls_peer.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <vector>

namespace collector::net {
namespace {

std::string hex(const unsigned char* bytes, std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i) out += fmt::format("{:02x}", bytes[i]);
  return out;
}

std::optional<std::int64_t> expiry(const X509* certificate) {
  std::tm t{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &t) != 1) return std::nullopt;
  return std::int64_t{::timegm(&t)};
}

std::int64_t earliest_expiry(const STACK_OF(X509) * certificates) {
  std::optional<std::int64_t> earliest;
  for (int i = 0; i < sk_X509_num(certificates); ++i)
    if (const auto one = expiry(sk_X509_value(certificates, i)))
      earliest = std::min(*one, earliest.value_or(*one));
  return earliest.value_or(TlsPeer::kNever);
}

std::string version_name(int version) {
  switch (version) {
    case TLS1_VERSION:
      return "TLS 1.0";
    case TLS1_1_VERSION:
      return "TLS 1.1";
    case TLS1_2_VERSION:
      return "TLS 1.2";
    case TLS1_3_VERSION:
      return "TLS 1.3";
    default:
      return "unknown";
  }
}

std::string serial_number(const X509* certificate) {
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
  if (!number) return {};
  std::vector<unsigned char> bytes(static_cast<std::size_t>(BN_num_bytes(number)));
  BN_bn2bin(number, bytes.data());
  BN_free(number);
  return hex(bytes.data(), bytes.size());
}

std::string dns_names(const X509* certificate) {
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::string out;
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_DNS) continue;
    if (!out.empty()) out += ',';
    out.append(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
               static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
  }
  GENERAL_NAMES_free(names);
  return out;
}

struct NamePart {
  int nid;
  std::string_view label;
};
/// Attributes that pkix.Name has fields for, in the order of Name.ToRDNSequence, last first.
constexpr std::array<NamePart, 9> kNameParts{{{NID_serialNumber, "SERIALNUMBER"},
                                              {NID_commonName, "CN"},
                                              {NID_organizationalUnitName, "OU"},
                                              {NID_organizationName, "O"},
                                              {NID_postalCode, "POSTALCODE"},
                                              {NID_streetAddress, "STREET"},
                                              {NID_localityName, "L"},
                                              {NID_stateOrProvinceName, "ST"},
                                              {NID_countryName, "C"}}};

std::string value_text(const X509_NAME_ENTRY* entry) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
  if (size < 0) return {};
  std::string out(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return out;
}

std::string escaped(std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool special = std::string_view(",+\"\\<>;").find(c) != std::string_view::npos;
    const bool edge = c == ' ' && (i == 0 || i + 1 == value.size());
    if (special || edge || (c == '#' && i == 0)) out += '\\';
    out += c;
  }
  return out;
}

/// The text as Go's asn1.Marshal encodes it: a PrintableString where it is one, else UTF-8.
std::string marshalled(std::string_view value) {
  const bool printable = std::all_of(value.begin(), value.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(" '()+,-./:=?").find(c) != std::string_view::npos;
  });
  std::string der(1, static_cast<char>(printable ? V_ASN1_PRINTABLESTRING : V_ASN1_UTF8STRING));
  std::string length;
  for (std::size_t n = value.size(); n > 0; n >>= 8) length.insert(0, 1, static_cast<char>(n));
  if (value.size() < 0x80)
    der += static_cast<char>(value.size());
  else
    der.append(1, static_cast<char>(0x80 + length.size())).append(length);
  der += value;
  return hex(reinterpret_cast<const unsigned char*>(der.data()), der.size());
}

}  // namespace

std::string distinguished_name(const X509_NAME* name) {
  std::string out;
  const auto comma = [&out] {
    if (!out.empty()) out += ',';
  };
  const auto entries = X509_NAME_entry_count(name);
  const auto nid = [&](int i) {
    return OBJ_obj2nid(X509_NAME_ENTRY_get_object(X509_NAME_get_entry(name, i)));
  };
  for (const NamePart& part : kNameParts) {
    // Go keeps one name and one serial number, the last, and lists of the others.
    const bool single = part.nid == NID_commonName || part.nid == NID_serialNumber;
    std::string values;
    for (int i = 0; i < entries; ++i) {
      if (nid(i) != part.nid) continue;
      const std::string value = value_text(X509_NAME_get_entry(name, i));
      if (single) values.clear();
      if (single && value.empty()) continue;
      if (!values.empty()) values += '+';
      values.append(part.label).append("=").append(escaped(value));
    }
    if (values.empty()) continue;
    comma();
    out += values;
  }
  for (int i = entries - 1; i >= 0; --i) {
    if (std::any_of(kNameParts.begin(), kNameParts.end(),
                    [&](const NamePart& part) { return part.nid == nid(i); }))
      continue;
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    char oid[128];
    OBJ_obj2txt(oid, sizeof oid, X509_NAME_ENTRY_get_object(entry), 1);
    comma();
    out += fmt::format("{}=#{}", oid, marshalled(value_text(entry)));
  }
  return out;
}

TlsPeer describe_peer(SSL* ssl, bool unverified) {
  TlsPeer peer;
  peer.version = version_name(SSL_version(ssl));
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl))
    peer.cipher = SSL_CIPHER_standard_name(cipher);
  peer.earliest_expiry = earliest_expiry(SSL_get_peer_cert_chain(ssl));
  if (!unverified && SSL_get_verify_result(ssl) == X509_V_OK)
    peer.chain_expiry = earliest_expiry(SSL_get0_verified_chain(ssl));
  const X509* leaf = SSL_get0_peer_certificate(ssl);
  if (!leaf) return peer;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(leaf, EVP_sha256(), digest.data(), &size) == 1)
    peer.fingerprint = hex(digest.data(), size);
  peer.serial = serial_number(leaf);
  peer.subject = distinguished_name(X509_get_subject_name(leaf));
  peer.issuer = distinguished_name(X509_get_issuer_name(leaf));
  peer.dns_names = dns_names(leaf);
  return peer;
}

}  // namespace collector::net
