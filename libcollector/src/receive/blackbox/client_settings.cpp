#include "receive/blackbox/client_settings.hpp"

#include "syntax/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace collector::receive::blackbox {
namespace {

constexpr std::size_t kLargestText = 1U << 20;

pipeline::TlsArguments arguments(const TlsConfig& t) {
  pipeline::TlsArguments out;
  out.ca_pem = t.ca;
  out.ca_file = t.ca_file;
  out.cert_pem = t.cert;
  out.cert_file = t.cert_file;
  out.key_pem = t.key;
  out.key_file = t.key_file;
  out.server_name = t.server_name;
  out.insecure_skip_verify = t.insecure_skip_verify;
  out.min_version = t.min_version;
  return out;
}

pipeline::HttpClientArguments arguments(const ClientConfig& c) {
  pipeline::HttpClientArguments out;
  if (c.basic_auth)
    out.basic_auth = {c.basic_auth->username, c.basic_auth->password, c.basic_auth->password_file};
  out.authorization = c.authorization;
  if (c.oauth2) {
    const OAuth2Config& o = *c.oauth2;
    out.oauth2 = {o.client_id,       o.client_secret, o.client_secret_file, o.scopes, o.token_url,
                  o.endpoint_params, o.proxy,         arguments(o.tls)};
  }
  out.bearer_token = c.bearer_token;
  out.bearer_token_file = c.bearer_token_file;
  out.proxy = c.proxy;
  out.tls = arguments(c.tls);
  out.follow_redirects = c.follow_redirects;
  out.enable_http2 = c.enable_http2;
  for (const auto& [name, sources] : c.http_headers) out.http_headers[name] = sources.texts;
  return out;
}

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  text.erase(0, text.find_first_not_of(" \t\r\n"));
  return text;
}

}  // namespace

Result<std::string> read_text(Files& files, const std::string& path) {
  auto text = files.read(path, kLargestText);
  if (!text) return Status(Code::failed_precondition, text.error().what());
  return text;
}

Status TlsConfig::validate() const {
  if (Status s = arguments(*this).validate(); !s.ok()) return s;
  if (!max_version.empty() && !net::is_tls_version(max_version))
    return {Code::invalid_argument, fmt::format("unknown TLS version: {}", max_version)};
  return {};
}

Status BasicAuthConfig::validate() const {
  if (!username.empty() && !username_file.empty())
    return {Code::invalid_argument,
            "at most one of basic_auth username & username_file must be configured"};
  return pipeline::BasicAuthArguments{username, password, password_file}.validate();
}

Status ClientConfig::check() const {
  const pipeline::HttpClientArguments all = arguments(*this);
  if (all.oauth2)
    if (Status s = all.oauth2->validate(); !s.ok()) return s;
  return all.validate();
}

Result<net::HttpClientSettings> ClientConfig::settings(Files& files) const {
  net::HttpClientSettings out = pipeline::client_settings(arguments(*this));
  out.tls.max_version = tls.max_version;
  if (oauth2) out.oauth2->tls.max_version = oauth2->tls.max_version;
  if (basic_auth && !basic_auth->username_file.empty()) {
    auto name = read_text(files, basic_auth->username_file);
    if (!name) return name.error();
    out.basic_auth->username = trimmed(std::move(*name));
  }
  for (const auto& [name, sources] : http_headers)
    for (const std::string& file : sources.files) {
      auto value = read_text(files, file);
      if (!value) return value.error();
      out.headers.emplace_back(name, trimmed(std::move(*value)));
    }
  return out;
}

Result<net::TlsSettings> tls_settings(Files& files, const TlsConfig& config) {
  net::TlsSettings out;
  out.ca_pem = config.ca;
  out.cert_pem = config.cert;
  out.key_pem = config.key.reveal();
  out.server_name = config.server_name;
  out.insecure_skip_verify = config.insecure_skip_verify;
  out.min_version = config.min_version;
  out.max_version = config.max_version;
  for (const auto& [file, into] :
       {std::pair(&config.ca_file, &out.ca_pem), std::pair(&config.cert_file, &out.cert_pem),
        std::pair(&config.key_file, &out.key_pem)}) {
    if (file->empty()) continue;
    auto text = read_text(files, *file);
    if (!text) return text.error();
    *into = std::move(*text);
  }
  return out;
}

}  // namespace collector::receive::blackbox

namespace collector::schema {
namespace {

struct HeaderSourcesCodec final : Codec {
  using HeaderSources = receive::blackbox::HeaderSources;
  std::string type() const override { return "map(list(string))"; }
  bool decode(const syntax::Value& value, void* into, Misfit& misfit) const override {
    auto& sources = *static_cast<HeaderSources*>(into);
    std::vector<std::string> values;
    std::vector<std::string> secrets;
    const std::pair<std::string_view, std::vector<std::string>*> kinds[] = {
        {"values", &values}, {"secrets", &secrets}, {"files", &sources.files}};
    for (const auto& [kind, list] : value.object()) {
      const auto* known = std::find_if(std::begin(kinds), std::end(kinds),
                                       [&name = kind](const auto& k) { return k.first == name; });
      if (known == std::end(kinds)) {
        misfit.what = fmt::format("has no field \"{}\"", kind);
        return false;
      }
      if (!codec_for<std::vector<std::string>>().decode(list, known->second, misfit)) return false;
    }
    for (const auto* texts : {&values, &secrets})
      for (const std::string& text : *texts) sources.texts.emplace_back(text);
    return true;
  }
  void encode(const void* from, syntax::Value& value) const override {
    syntax::Object out;
    codec_for<std::vector<SecretText>>().encode(&static_cast<const HeaderSources*>(from)->texts,
                                                out["secrets"]);
    codec_for<std::vector<std::string>>().encode(&static_cast<const HeaderSources*>(from)->files,
                                                 out["files"]);
    value = syntax::Value(std::move(out));
  }
};

}  // namespace

const Codec& CodecFor<receive::blackbox::HeaderSources>::get() {
  static const HeaderSourcesCodec codec;
  return codec;
}

}  // namespace collector::schema
